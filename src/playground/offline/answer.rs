//! What the offline model says: honest about what it is, and about what the
//! person wrote. Pure; the same request gets the same words.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::media::picture;

/// What matters of a request.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The last message of a person.
    pub(super) text: String,
    /// What it carries besides words.
    media: Media,
    /// What people wrote before, oldest first.
    earlier: Vec<String>,
    /// What the model said last.
    said: String,
}

impl Asked {
    pub(super) fn read(body: &Value) -> Self {
        let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let mut said: Vec<(String, Media)> = messages
            .iter()
            .filter(|message| message["role"] == "user")
            .map(|message| content(&message["content"]))
            .collect();
        let (text, media) = said.pop().unwrap_or_default();
        let mut answers = messages
            .iter()
            .filter(|message| message["role"] == "assistant");
        Self {
            said: answers
                .next_back()
                .map(|message| content(&message["content"]).0)
                .unwrap_or_default(),
            text,
            media,
            earlier: said.into_iter().map(|(text, _)| text).collect(),
        }
    }

    fn mentions(&self, words: &[&str]) -> bool {
        let text = self.text.to_lowercase();
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| words.contains(&word))
    }
}

/// What a message carries besides words.
#[derive(Debug, Default)]
struct Media {
    /// The size of each picture, as far as it can be told.
    pictures: Vec<Option<(u32, u32)>>,
    recordings: usize,
    /// The names of documents.
    documents: Vec<String>,
}

/// Text and media of a message's `content`.
fn content(content: &Value) -> (String, Media) {
    let mut media = Media::default();
    if let Some(text) = content.as_str() {
        return (text.to_owned(), media);
    }
    let mut texts = Vec::new();
    for part in content.as_array().into_iter().flatten() {
        match part["type"].as_str() {
            Some("image_url") => {
                let url = part["image_url"]["url"].as_str().unwrap_or_default();
                media.pictures.push(size_of(url));
            }
            Some("input_audio") => media.recordings += 1,
            Some("file") => {
                let name = part["file"]["filename"].as_str().unwrap_or("a document");
                media.documents.push(name.to_owned());
            }
            _ => texts.extend(part["text"].as_str()),
        }
    }
    (texts.join("\n\n"), media)
}

fn size_of(data_url: &str) -> Option<(u32, u32)> {
    let (_, encoded) = data_url.split_once(";base64,")?;
    picture::size(&STANDARD.decode(encoded).ok()?)
}

fn received(media: &Media) -> Option<String> {
    let mut things: Vec<String> = media
        .pictures
        .iter()
        .map(|size| match size {
            Some((width, height)) => format!("a picture ({width} × {height} pixels)"),
            None => "a picture".to_owned(),
        })
        .collect();
    if media.recordings > 0 {
        things.push("something to listen to".to_owned());
    }
    things.extend(
        media
            .documents
            .iter()
            .map(|name| format!("“{}”", quoted(name))),
    );
    let last = things.pop()?;
    let all = match things.as_slice() {
        [] => last,
        first => format!("{} and {last}", first.join(", ")),
    };
    Some(format!(
        "I received {all} from you, but I have no eyes and no ears: a real model would take a close look now."
    ))
}

/// The answer, in Markdown.
pub(super) fn write(asked: &Asked) -> String {
    if let Some(again) = varied(asked) {
        return again;
    }
    let mut blocks = vec![opening(asked)];
    blocks.extend(received(&asked.media));
    if asked.mentions(&[
        "remember", "memory", "recall", "earlier", "before", "history",
    ]) {
        blocks.push(recall(asked));
    }
    if asked.mentions(&["list", "steps", "todo", "ideas", "plan"]) {
        blocks.push(LIST.to_owned());
    }
    if asked.mentions(&["table", "compare", "comparison"]) {
        blocks.push(TABLE.to_owned());
    }
    if asked.mentions(&["code", "rust", "python", "program", "function"]) {
        blocks.push(CODE.to_owned());
    }
    if asked.mentions(&["long", "story", "essay"]) {
        let chapters = if asked.mentions(&["very"]) { 60 } else { 9 };
        blocks.push(story(chapters));
    }
    if blocks.len() == 1 {
        blocks.push(HINT.to_owned());
    }
    blocks.push(closing(asked));
    blocks.join("\n\n")
}

/// The answer before, as it is wanted now; `None` where nothing of the kind is.
fn varied(asked: &Asked) -> Option<String> {
    let rest = asked.text.strip_prefix("Give me this answer again, ")?;
    let mut blocks = asked.said.split("\n\n");
    Some(match rest.starts_with("much shorter") {
        true => {
            let first = blocks.next().unwrap_or_default();
            format!("In short:\n\n{first}")
        }
        false => format!(
            "{}\n\nAnd once more at length: a real model would explain all of this \
             in its own words, with examples. I can only say that I was asked to.",
            asked.said
        ),
    })
}

fn opening(asked: &Asked) -> String {
    if asked.mentions(&["hello", "hi", "hey", "hallo", "start"]) && asked.text.chars().count() < 40
    {
        return "Hello! I am the **offline stand-in** for a language model: no account, no network, and \
                no knowledge of the world. I am here so that you can see how this bot treats you."
            .to_owned();
    }
    if asked.text.trim().is_empty() {
        return "You sent something without words. I am only the **offline stand-in** for a language model, \
                so that leaves me guessing."
            .to_owned();
    }
    let remark = match asked.text.split_whitespace().count() {
        1 => "One word, and it reached me safely".to_owned(),
        words @ 2..40 => format!("Your {words} words reached me safely"),
        words => format!("That was a good deal to read, {words} words"),
    };
    let answer = if asked.text.contains('?') {
        "A real model would *answer* that question; I am its **offline stand-in** and can only admire it."
    } else {
        "I am only the **offline stand-in** for a real model, so I will not pretend to understand it."
    };
    format!("{remark}:\n\n> {}\n\n{answer}", quoted(&asked.text))
}

/// The beginning of a text, on one line, without its marks.
fn quoted(text: &str) -> String {
    let mut quote = String::new();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for c in words.chars().take(160) {
        if c.is_ascii_punctuation()
            && !matches!(c, '.' | ',' | '\'' | '"' | '?' | '!' | ':' | ';' | '/')
        {
            quote.push('\\');
        }
        quote.push(c);
    }
    if words.chars().count() > 160 {
        quote.push('…');
    }
    quote
}

fn recall(asked: &Asked) -> String {
    if asked.earlier.is_empty() {
        return "As far as I was told, this is the beginning of our conversation.".to_owned();
    }
    let mut text = "This is what you wrote before:\n".to_owned();
    let shown = asked.earlier.len().min(5);
    let skipped = asked.earlier.len() - shown;
    for (number, said) in asked.earlier.iter().enumerate().skip(skipped) {
        let _ = write!(text, "\n{}. {}", number + 1, quoted(said));
    }
    text
}

fn closing(asked: &Asked) -> String {
    match asked.earlier.as_slice() {
        [] => "*This is the first message of yours that I was shown.*".to_owned(),
        [.., last] => {
            let count = asked.earlier.len();
            let noun = if count == 1 { "message" } else { "messages" };
            format!(
                "*I was also shown {count} earlier {noun}; the last began: “{}”*",
                beginning(last)
            )
        }
    }
}

fn beginning(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(6).collect();
    quoted(&words.join(" "))
}

const HINT: &str = "Try a message with one of these words, and press the buttons while I write:\n\n\
    - **list**, **table** or `code`, to see how answers are formatted\n\
    - **long**, for an answer that takes its time (*very long* for one that must be split)\n\
    - **remember**, to see what I am told of our conversation";

const LIST: &str = "## A list\n\n\
    1. **Write** to the bot, several messages in a row if you like.\n\
    2. **Wait** two seconds: what belongs together is answered together.\n\
    3. **Press** *Kill* while I write:\n   - the answer begins anew,\n   - and you see it exactly once.\n\
    4. ~~Worry~~ about lost messages: there are none.";

const TABLE: &str = "## A table\n\n\
    | What happens | What you see | Lost | Doubled |\n\
    |:-------------|:-------------|-----:|--------:|\n\
    | a restart | an answer, a little later | 0 | 0 |\n\
    | `kill -9` | an answer, a little later | 0 | 0 |\n\
    | no network | an answer, when it is back | 0 | 0 |";

const CODE: &str = "## Some code\n\n\
    ```rust\n\
    /// Greets whoever is still there.\n\
    fn last_word(name: &str) -> String {\n    \
        format!(\"Goodbye, {name} <and> thank you & yours.\")\n\
    }\n\
    ```\n\n\
    It takes a `&str` and returns a `String`; [the book](https://doc.rust-lang.org/book/) explains why.";

/// Chapters of a calm story, for answers that take their time.
fn story(chapters: usize) -> String {
    const PLACES: [&str; 5] = [
        "the harbour",
        "the old station",
        "the hill",
        "the archive",
        "the ferry",
    ];
    const WEATHER: [&str; 4] = [
        "Rain fell softly",
        "The fog lay low",
        "A warm wind blew",
        "Snow had come early",
    ];
    const NEWS: [&str; 3] = [
        "a letter that nobody had answered",
        "a telegram with one word",
        "an envelope without a stamp",
    ];
    let mut text = "## A long story".to_owned();
    for chapter in 0..chapters {
        let place = PLACES[chapter % PLACES.len()];
        let weather = WEATHER[chapter % WEATHER.len()];
        let news = NEWS[chapter % NEWS.len()];
        let _ = write!(
            text,
            "\n\n### Chapter {}\n\n{weather} over {place} when the messenger set out again. In the bag lay {news}, \
             and on the list stood every name to which one was owed. Whoever kept that list had written it down \
             *before* promising anything, for a promise that is only remembered dies with the one who made it.\n\n\
             At {place} the lamp went out, as lamps do. The messenger sat down, waited for the next one to come along, \
             and handed over the bag, the list and the pencil. **Nothing was said twice, and nothing was left unsaid.** \
             The new messenger read the last line, crossed it out only when the door had opened, and walked on.",
            chapter + 1,
        );
    }
    text
}

/// The text in pieces of `words` words, white space kept.
pub(super) fn pieces(text: &str, words: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut count = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        piece.push_str(word);
        count += 1;
        if count >= words {
            pieces.push(std::mem::take(&mut piece));
            count = 0;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(texts: &[&str]) -> String {
        let messages: Vec<Value> = texts
            .iter()
            .map(|text| json!({"role": "user", "content": text}))
            .collect();
        write(&Asked::read(&json!({"messages": messages})))
    }

    #[test]
    fn it_speaks_of_what_was_said_and_of_what_it_is() {
        let text = answer(&["My cat is called Ada", "What *is* a monad?"]);
        assert!(text.contains("What \\*is\\* a monad?"), "{text}");
        assert!(text.contains("offline stand-in"), "{text}");
        assert!(
            text.contains("1 earlier message;") && text.contains("My cat is called Ada"),
            "{text}"
        );
    }

    #[test]
    fn words_choose_what_is_shown() {
        for (ask, shown) in [
            ("a table please", "|:---"),
            ("some code?", "```rust"),
            ("a list!", "1. **Write**"),
            ("do you remember me", "beginning of our conversation"),
            ("hello", "Hello!"),
            ("", "without words"),
        ] {
            assert!(answer(&[ask]).contains(shown), "{ask}: {}", answer(&[ask]));
        }
        let long = answer(&["a long story"]).chars().count();
        assert!(long > 4096 && long < 32_768, "{long}");
        assert!(answer(&["a very long story"]).chars().count() > 32_768);
    }

    #[test]
    fn pictures_are_noticed() {
        let body = json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:,"}}]}]});
        assert!(write(&Asked::read(&body)).contains("a picture"));
    }

    #[test]
    fn pieces_lose_nothing() {
        let text = answer(&["long code table list remember"]);
        for words in [1, 2, 7, 10_000] {
            assert_eq!(pieces(&text, words).concat(), text);
        }
        assert!(pieces("", 1).is_empty());
    }
}
