//! Alerts, as GitHub writes them: a quotation that begins with `[!NOTE]`. No
//! chat knows them, so the mark becomes a first line in bold.
//!
//! Source: docs.github.com, "Basic writing and formatting syntax", Alerts.

use std::borrow::Cow;

use super::math;

/// The kinds, and what stands in the place of their mark.
const KINDS: [(&str, &str); 5] = [
    ("[!NOTE]", "**ℹ️ Note**"),
    ("[!TIP]", "**💡 Tip**"),
    ("[!IMPORTANT]", "**❗ Important**"),
    ("[!WARNING]", "**⚠️ Warning**"),
    ("[!CAUTION]", "**🛑 Caution**"),
];

/// Writes the mark of every alert outside code as a line of its own.
pub(super) fn spell(markdown: &str) -> Cow<'_, str> {
    if !markdown.contains("[!") {
        return Cow::Borrowed(markdown);
    }
    let code = math::code_ranges(markdown);
    let mut code = code.iter().peekable();
    let mut out = String::with_capacity(markdown.len() + 32);
    let (mut at, mut above) = (0, 0);
    for line in markdown.split_inclusive('\n') {
        let words = line.trim_start_matches([' ', '>']);
        let prefix = &line[..line.len() - words.len()];
        let level = prefix.matches('>').count();
        let place = at + prefix.len();
        while code.next_if(|range| range.end <= place).is_some() {}
        let in_code = code.peek().is_some_and(|range| range.start <= place);
        // In the middle of a quotation it is what somebody wrote.
        let begins = level > above && !in_code;
        match read(words).filter(|_| begins) {
            Some((title, more)) => {
                out.push_str(prefix);
                out.push_str(title);
                if !more.trim().is_empty() {
                    out.push('\n');
                    out.push_str(prefix);
                }
                out.push_str(more.trim_start_matches([' ', '\t']));
            }
            None => out.push_str(line),
        }
        above = level;
        at += line.len();
    }
    Cow::Owned(out)
}

/// The title of an alert and what stands behind its mark.
fn read(words: &str) -> Option<(&'static str, &str)> {
    KINDS.iter().find_map(|(mark, title)| {
        let head = words.get(..mark.len())?;
        head.eq_ignore_ascii_case(mark)
            .then(|| (*title, &words[mark.len()..]))
    })
}
