//! The languages the bot speaks, and which of them a person reads.
//!
//! Plain data: the words themselves are in `texts`. Whoever speaks none of
//! these reads English.

/// A language of the bot's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// `en`, and whatever has no words of its own.
    #[default]
    English,
    /// `ru`.
    Russian,
    /// `uk`.
    Ukrainian,
    /// `es`.
    Spanish,
    /// `de`.
    German,
    /// `fr`.
    French,
    /// `pt`, as in Brazil.
    Portuguese,
    /// `it`.
    Italian,
    /// `tr`.
    Turkish,
    /// `fa`.
    Persian,
    /// `ar`.
    Arabic,
    /// `hi`.
    Hindi,
    /// `id`.
    Indonesian,
    /// `zh-hans`, and every other Chinese.
    ChineseSimplified,
    /// `zh-hant`, as in Taiwan, Hong Kong and Macao.
    ChineseTraditional,
    /// `ja`.
    Japanese,
    /// `ko`.
    Korean,
}

impl Language {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::English,
        Self::Russian,
        Self::Ukrainian,
        Self::Spanish,
        Self::German,
        Self::French,
        Self::Portuguese,
        Self::Italian,
        Self::Turkish,
        Self::Persian,
        Self::Arabic,
        Self::Hindi,
        Self::Indonesian,
        Self::ChineseSimplified,
        Self::ChineseTraditional,
        Self::Japanese,
        Self::Korean,
    ];

    /// The IETF tag it goes by here.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Ukrainian => "uk",
            Self::Spanish => "es",
            Self::German => "de",
            Self::French => "fr",
            Self::Portuguese => "pt",
            Self::Italian => "it",
            Self::Turkish => "tr",
            Self::Persian => "fa",
            Self::Arabic => "ar",
            Self::Hindi => "hi",
            Self::Indonesian => "id",
            Self::ChineseSimplified => "zh-hans",
            Self::ChineseTraditional => "zh-hant",
            Self::Japanese => "ja",
            Self::Korean => "ko",
        }
    }

    /// The language that a person with this IETF tag reads, as Telegram tells
    /// it (`pt-br`, `zh-hans-raw`, `en`): the exact one, else the one without
    /// region and script, else English.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        let tag = tag.trim().replace('_', "-").to_ascii_lowercase();
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default();
        let has = |wanted: &[&str]| tag.split('-').skip(1).any(|s| wanted.contains(&s));
        match primary {
            "zh" | "cmn" if has(&["hans"]) => Self::ChineseSimplified,
            "zh" | "cmn" if has(&["hant", "tw", "hk", "mo"]) => Self::ChineseTraditional,
            "zh" | "cmn" => Self::ChineseSimplified,
            "yue" => Self::ChineseTraditional,
            // The code of Indonesian until 1989; some phones still tell it.
            "in" => Self::Indonesian,
            // Dari.
            "prs" => Self::Persian,
            other => Self::ALL
                .into_iter()
                .find(|language| language.tag() == other)
                .unwrap_or_default(),
        }
    }

    /// The language of somebody who may not have told any.
    #[must_use]
    pub fn told(tag: Option<&str>) -> Self {
        tag.map_or_else(Self::default, Self::of)
    }

    /// Whether it is written from right to left.
    #[must_use]
    pub const fn is_right_to_left(self) -> bool {
        matches!(self, Self::Persian | Self::Arabic)
    }

    /// Its two letters, by which Telegram keeps commands; `None` for the
    /// second of two languages that share them.
    /// Source: core.telegram.org/bots/api#setmycommands.
    #[must_use]
    pub fn letters(self) -> Option<&'static str> {
        match self {
            Self::ChineseTraditional => None,
            other => other.tag().get(..2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_finds_its_language_then_the_one_without_region_then_english() {
        use Language::*;
        for (tag, language) in [
            ("en", English),
            ("en-GB", English),
            ("ru", Russian),
            ("uk-UA", Ukrainian),
            ("es-419", Spanish),
            ("de_AT", German),
            ("pt-br", Portuguese),
            ("pt-PT", Portuguese),
            ("fa", Persian),
            ("fa-IR", Persian),
            ("prs", Persian),
            ("ar-EG", Arabic),
            ("id", Indonesian),
            ("in", Indonesian),
            ("zh", ChineseSimplified),
            ("zh-CN", ChineseSimplified),
            ("zh-hans", ChineseSimplified),
            ("zh-hans-raw", ChineseSimplified),
            ("zh-Hans-HK", ChineseSimplified),
            ("zh-hant", ChineseTraditional),
            ("zh-hant-raw", ChineseTraditional),
            ("zh-TW", ChineseTraditional),
            ("zh-HK", ChineseTraditional),
            ("zh_MO", ChineseTraditional),
            ("yue", ChineseTraditional),
            ("JA", Japanese),
            ("ko-KR", Korean),
            ("nb", English),
            ("tlh", English),
            ("e", English),
            ("", English),
            ("-", English),
        ] {
            assert_eq!(Language::of(tag), language, "{tag}");
        }
        assert_eq!(Language::told(None), English);
    }

    #[test]
    fn every_language_is_found_by_its_own_tag_and_stands_at_its_number() {
        for (number, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, number);
            assert_eq!(Language::of(language.tag()), language);
        }
    }

    #[test]
    fn no_two_languages_share_letters_of_a_menu() {
        let letters: Vec<_> = Language::ALL.iter().filter_map(|l| l.letters()).collect();
        let distinct: std::collections::BTreeSet<_> = letters.iter().collect();
        assert_eq!(letters.len(), 16);
        assert_eq!(distinct.len(), 16);
        assert!(letters.iter().all(|two| two.len() == 2));
    }
}
