//! The files of the languages, read once, and formatting a message of them.
//!
//! What a language lacks is said in English; that nothing lacks is a test's
//! matter. Knows nothing of what the words are for.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::domain::language::Language;

/// The messages of a language.
type Bundle = FluentBundle<FluentResource>;

/// All of them, by number of the language.
static ALL: LazyLock<[Bundle; Language::ALL.len()]> = LazyLock::new(|| Language::ALL.map(read));

/// What a language's file holds.
pub(super) const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("en.ftl"),
        Language::Russian => include_str!("ru.ftl"),
        Language::Ukrainian => include_str!("uk.ftl"),
        Language::Spanish => include_str!("es.ftl"),
        Language::German => include_str!("de.ftl"),
        Language::French => include_str!("fr.ftl"),
        Language::Portuguese => include_str!("pt.ftl"),
        Language::Italian => include_str!("it.ftl"),
        Language::Turkish => include_str!("tr.ftl"),
        Language::Persian => include_str!("fa.ftl"),
        Language::Arabic => include_str!("ar.ftl"),
        Language::Hindi => include_str!("hi.ftl"),
        Language::Indonesian => include_str!("id.ftl"),
        Language::ChineseSimplified => include_str!("zh-hans.ftl"),
        Language::ChineseTraditional => include_str!("zh-hant.ftl"),
        Language::Japanese => include_str!("ja.ftl"),
        Language::Korean => include_str!("ko.ftl"),
    }
}

fn read(language: Language) -> Bundle {
    // A message that cannot be read is missing; the others are there.
    let resource = FluentResource::try_new(source(language).to_owned())
        .unwrap_or_else(|(readable, _)| readable);
    let tag: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Marks round what is filled in would break the mentions and commands that
    // Telegram makes of it; where text runs from right to left, the files hold
    // the few marks it takes.
    bundle.set_use_isolating(false);
    // Refuses only what the file says twice: the first one stays.
    let _ = bundle.add_resource(resource);
    bundle
}

/// A message with what it takes filled in.
pub(super) fn format(language: Language, name: &str, given: &[(&str, FluentValue<'_>)]) -> String {
    let given: FluentArgs<'_> = given.iter().cloned().collect();
    [language, Language::English]
        .into_iter()
        .find_map(|language| {
            let bundle = &ALL[language as usize];
            let pattern = bundle.get_message(name)?.value()?;
            // A variable that nobody gave shows by its name: better than nothing.
            let mut unknown = Vec::new();
            let said = bundle.format_pattern(pattern, Some(&given), &mut unknown);
            Some(said.into_owned())
        })
        .unwrap_or_else(|| name.to_owned())
}
