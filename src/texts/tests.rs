//! Every language says everything, with the same things filled in, as briefly
//! as Telegram asks for.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement,
};

use super::*;

/// The messages of a language's file, each with the variables it names.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let file = fluent_syntax::parser::parse(bundle::source(language))
        .unwrap_or_else(|(_, errors)| panic!("{}.ftl: {errors:?}", language.tag()));
    let mut found = BTreeMap::new();
    for entry in file.body {
        match entry {
            Entry::Message(message) => {
                let mut variables = BTreeSet::new();
                let text = message.value.expect("a message has a text");
                pattern(&text, &mut variables);
                assert!(message.attributes.is_empty(), "{}", message.id.name);
                let before = found.insert(message.id.name.to_owned(), variables);
                assert!(before.is_none(), "{} twice", message.id.name);
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            other => panic!("{}.ftl: {other:?}", language.tag()),
        }
    }
    found
}

fn pattern(text: &Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &text.elements {
        if let PatternElement::Placeable { expression } = element {
            look(expression, variables);
        }
    }
}

fn look(expression: &Expression<&str>, variables: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => look_inline(inline, variables),
        Expression::Select { selector, variants } => {
            look_inline(selector, variables);
            for variant in variants {
                pattern(&variant.value, variables);
            }
        }
    }
}

fn look_inline(inline: &InlineExpression<&str>, variables: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => look(expression, variables),
        InlineExpression::FunctionReference { arguments, .. } => {
            let CallArguments { positional, .. } = arguments;
            for argument in positional {
                look_inline(argument, variables);
            }
        }
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        other => panic!("{other:?}"),
    }
}

/// What the code asks for: each message with its variables.
fn wanted() -> BTreeMap<String, BTreeSet<String>> {
    let plain = PLAIN
        .iter()
        .map(|name| ((*name).to_owned(), BTreeSet::new()));
    let phrases = PHRASES.iter().map(|(name, variables)| {
        let variables = variables.iter().map(|v| (*v).to_owned()).collect();
        ((*name).to_owned(), variables)
    });
    plain.chain(phrases).collect()
}

/// Every text of a language with its name; phrases with a long thing in each
/// place, and with each number that may change the wording.
fn said(language: Language) -> Vec<(String, String)> {
    let numbers = [0, 1, 2, 3, 5, 11, 21, 22, 25, 101, 1_000_000];
    let mut said = Vec::new();
    for name in PLAIN {
        said.push(((*name).to_owned(), bundle::format(language, name, &[])));
    }
    for (name, variables) in PHRASES {
        for number in numbers {
            let given: Vec<_> = variables
                .iter()
                .map(|variable| match NUMBERS.contains(variable) {
                    true => (*variable, FluentValue::from(number)),
                    false => (*variable, FluentValue::from("a_bot_with_a_long_name_bot")),
                })
                .collect();
            said.push((
                format!("{name} {number}"),
                bundle::format(language, name, &given),
            ));
        }
    }
    said
}

/// Variables that are numbers.
const NUMBERS: &[&str] = &["place"];

#[test]
fn every_language_says_everything_with_the_same_things_filled_in() {
    let wanted = wanted();
    let mut faults = Vec::new();
    for language in Language::ALL {
        let (tag, found) = (language.tag(), messages(language));
        for (name, variables) in &wanted {
            match found.get(name) {
                None => faults.push(format!("{tag}.ftl lacks {name}")),
                Some(others) if others != variables => faults.push(format!(
                    "{tag}.ftl: {name} takes {others:?}, not {variables:?}"
                )),
                Some(_) => {}
            }
        }
        let unknown = found.keys().filter(|name| !wanted.contains_key(*name));
        faults.extend(unknown.map(|name| format!("{tag}.ftl: nobody says {name}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_text_is_empty_or_longer_than_telegram_takes() {
    for language in Language::ALL {
        for (name, text) in said(language) {
            let units = text.encode_utf16().count();
            let tag = language.tag();
            assert!((1..=200).contains(&units), "{tag} {name}: {units}: {text}");
            assert!(
                !text.trim().is_empty() && !text.contains("  "),
                "{tag} {name}: {text:?}"
            );
            assert!(!text.contains(['{', '}', '$']), "{tag} {name}: {text:?}");
        }
    }
}

#[test]
fn button_labels_fit_on_a_narrow_screen() {
    for language in Language::ALL {
        let labels = said(language)
            .into_iter()
            .filter(|(name, _)| name.ends_with("_button") || name.starts_with("forget_yes"))
            .chain([(
                "forget_no".to_owned(),
                Texts::of(language).forget_no.to_owned(),
            )])
            .chain([(
                "thinking".to_owned(),
                Texts::of(language).thinking.to_owned(),
            )]);
        for (name, label) in labels {
            let wide = unicode_width::UnicodeWidthStr::width(label.as_str());
            assert!(wide <= 20, "{} {name}: {label}", language.tag());
        }
    }
}

#[test]
fn telegram_accepts_the_commands() {
    for language in Language::ALL {
        for (command, description) in Texts::of(language).commands {
            assert!(command.len() <= 32 && command.bytes().all(|b| b.is_ascii_lowercase()));
            let chars = description.chars().count();
            assert!((3..=256).contains(&chars), "{description}");
        }
    }
}

#[test]
fn help_names_the_commands_that_do_something() {
    for language in Language::ALL {
        let texts = Texts::of(language);
        for command in ["/new", "/stop", "/retry", "/forget"] {
            assert!(texts.help.contains(command), "{} {command}", language.tag());
        }
        let help = texts.help_group("lastword_bot");
        assert!(help.contains("@lastword_bot"), "{help}");
    }
}

/// The mark that keeps `/new` from being shown as `new/`.
const LEFT_TO_RIGHT: char = '\u{200E}';

#[test]
fn commands_and_names_stay_clickable_and_in_order_whichever_way_the_text_runs() {
    for language in Language::ALL {
        for (name, text) in said(language) {
            let tag = language.tag();
            // Isolates would stand between the @ and the name.
            let marks = ['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'];
            assert!(!text.contains(marks), "{tag} {name}: {text:?}");
            if !language.is_right_to_left() {
                assert!(!text.contains(LEFT_TO_RIGHT), "{tag} {name}: {text:?}");
                continue;
            }
            for (at, _) in text.match_indices(['/', '@']) {
                assert!(
                    text[..at].ends_with(LEFT_TO_RIGHT),
                    "{tag} {name} shows it turned round: {text:?}"
                );
            }
            // A line takes its direction from its first letter.
            for line in text.lines() {
                let first = line.chars().find(|c| c.is_alphabetic());
                let latin = first.is_some_and(|c| c.is_ascii());
                assert!(!latin, "{tag} {name} begins from the left: {line:?}");
            }
        }
    }
}
