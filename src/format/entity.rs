//! The entities of a classic message, as the Bot API writes them.
//!
//! Offsets and lengths are UTF-16 code units. Serialised exactly like
//! `MessageEntity`; the kinds are those a model's Markdown can give.

use serde::{Deserialize, Serialize};

/// The text of one message with its entities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatted {
    /// What is shown: 1–4096 UTF-16 code units, nothing to trim at its ends
    /// (but the indentation of code that starts it).
    pub text: String,
    /// Sorted by offset, the outer before the inner; properly nested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
}

/// One formatted stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    #[serde(flatten)]
    pub kind: EntityKind,
    /// Where it begins, in UTF-16 code units.
    pub offset: u32,
    /// How long it is, in UTF-16 code units; never 0.
    pub length: u32,
}

/// The type of an entity and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EntityKind {
    /// Bold text, and headings.
    Bold,
    /// Italic text.
    Italic,
    /// Underlined text.
    Underline,
    /// Text struck through.
    Strikethrough,
    /// Text hidden until tapped.
    Spoiler,
    /// A monospaced word or two in a line.
    Code,
    /// A monospaced block.
    Pre {
        /// Its programming language, for highlighting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// A text that opens an address.
    TextLink {
        /// The address: http, https, tg or mailto.
        url: String,
    },
    /// A quotation.
    Blockquote,
    /// A long quotation, or one that folds: shown in part until tapped.
    ExpandableBlockquote,
}
