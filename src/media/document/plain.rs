//! Text files in whatever encoding, and web pages. Pure.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::super::prepare::Unprepared;

/// Endings of names whose files are text although they may not be UTF-8.
const TEXTS: [&str; 24] = [
    "txt", "md", "csv", "tsv", "json", "xml", "html", "htm", "log", "ini", "cfg", "conf", "yaml",
    "yml", "toml", "sql", "srt", "vtt", "tex", "py", "js", "java", "c", "cpp",
];

/// The text of a file that is text.
pub(super) fn text(file: &[u8], name: &str, mime: &str) -> Result<String, Unprepared> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = ending.to_lowercase();
    let text = decoded(file, mime, &ending)?;
    if mime == "text/html" || matches!(ending.as_str(), "html" | "htm") {
        return Ok(without_tags(&text));
    }
    Ok(text)
}

fn decoded(file: &[u8], mime: &str, ending: &str) -> Result<String, Unprepared> {
    for (mark, encoding) in [
        (&b"\xEF\xBB\xBF"[..], UTF_8),
        (b"\xFF\xFE", UTF_16LE),
        (b"\xFE\xFF", UTF_16BE),
    ] {
        if let Some(rest) = file.strip_prefix(mark) {
            return Ok(encoding.decode_without_bom_handling(rest).0.into_owned());
        }
    }
    if let Ok(text) = std::str::from_utf8(file)
        && !has_binary(text.chars())
    {
        return Ok(text.to_owned());
    }
    let says_text = mime.starts_with("text/") || TEXTS.contains(&ending);
    let text = WINDOWS_1252.decode_without_bom_handling(file).0;
    if says_text && !has_binary(text.chars()) {
        return Ok(text.into_owned());
    }
    Err(Unprepared::Unknown)
}

/// Characters that are in programs and pictures, and in no text.
fn has_binary(chars: impl Iterator<Item = char>) -> bool {
    chars
        .take(64 * 1024)
        .any(|c| matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1a}'))
}

/// What a page shows, roughly: no markup, no scripts, blocks on lines of their
/// own.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        push_words(&mut text, &rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, after)) = rest[1..].split_once('>') else {
            return text;
        };
        rest = after;
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        match name.as_str() {
            "script" | "style" | "noscript" | "svg" if !tag.starts_with('/') => {
                let end = format!("</{name}");
                let lower = rest.to_ascii_lowercase();
                let to = lower.find(&end).unwrap_or(rest.len());
                rest = &rest[to..];
            }
            "p" | "div" | "br" | "li" | "tr" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
            | "table" | "ul" | "ol" | "section" | "article" | "pre" | "blockquote" | "title"
                if !text.ends_with('\n') =>
            {
                text.push('\n');
            }
            "td" | "th" => text.push('\t'),
            _ => {}
        }
    }
    push_words(&mut text, rest);
    text
}

fn push_words(text: &mut String, piece: &str) {
    let piece = entities(piece);
    if piece.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace) {
        text.push(' ');
    }
    let words: Vec<&str> = piece.split_whitespace().collect();
    text.push_str(&words.join(" "));
    if !words.is_empty() && piece.ends_with(char::is_whitespace) {
        text.push(' ');
    }
}

fn entities(piece: &str) -> String {
    let mut text = String::with_capacity(piece.len());
    let mut rest = piece;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name: Option<&str> = rest
            .split_once(';')
            .map(|(name, _)| name)
            .filter(|name| name.len() <= 10);
        match name.and_then(character) {
            Some((c, name)) => {
                text.push(c);
                rest = &rest[name + 1..];
            }
            None => text.push('&'),
        }
    }
    text.push_str(rest);
    text
}

/// The character of an entity, and the length of its name.
fn character(name: &str) -> Option<(char, usize)> {
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_encoding_is_read() {
        for (bytes, name) in [
            (&"grün €"[..].as_bytes().to_vec(), "a"),
            (&b"\xEF\xBB\xBFgr\xC3\xBCn \xE2\x82\xAC".to_vec(), "a"),
            (&b"\xFF\xFEg\0r\0\xFC\0n\0 \0\xAC\x20".to_vec(), "a"),
            (&b"\xFE\xFF\0g\0r\0\xFC\0n\0 \x20\xAC".to_vec(), "a"),
            (&b"gr\xFCn \x80".to_vec(), "a.TXT"),
        ] {
            assert_eq!(text(bytes, name, "").unwrap(), "grün €", "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_not_read_as_one() {
        for bytes in [&b"\x7fELF\x02\x01\x01\0\0"[..], b"gr\xFCn", b"\x00\x01\x02"] {
            assert_eq!(text(bytes, "a.bin", ""), Err(Unprepared::Unknown));
        }
    }

    #[test]
    fn a_page_is_read_as_it_is_seen() {
        let page = "<html><head><title>T</title><style>p{}</style><script>if(a<b){}</script></head>\
                    <body><p>One <b>two</b> &amp; three&#33;</p><!-- no --><ul><li>four</ul> 5 &lt 6</body>";
        let seen = text(page.as_bytes(), "page.html", "").unwrap();
        assert_eq!(seen.trim(), "T\nOne two & three!\nfour\n5 &lt 6");
    }
}
