//! How the pieces of a formula stand beside each other.

use super::{script, symbols};

/// Where an operand stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Above,
    Below,
    Script,
}

/// An operand, in brackets unless it reads as one thing without.
pub(super) fn wrapped(text: &str, place: Place) -> String {
    let simple = |c: char| {
        c.is_alphanumeric() || ".,∞∂∇′†*°".contains(c) || ('\u{300}'..'\u{370}').contains(&c)
    };
    let one_thing = match place {
        Place::Above => text
            .chars()
            .all(|c| simple(c) || "()²³⁴ⁿ·√!|⟨⟩".contains(c) || script_sign(c)),
        Place::Script => {
            text.chars().all(simple) && text.chars().filter(|c| c.is_alphabetic()).count() <= 1
                || text.chars().all(|c| c.is_ascii_alphabetic())
        }
        Place::Below => {
            // "dx" and "∂x" are one thing, and so is a word; "2a" is not.
            let operand = text.trim_start_matches(['d', '∂', 'Δ']);
            let operand = if operand.is_empty() { text } else { operand };
            let plain = |c: &char| c.is_alphabetic() && !script_sign(*c);
            let letters = operand.chars().filter(plain).count();
            let digits = operand.chars().filter(char::is_ascii_digit).count();
            let clean = operand
                .chars()
                .all(|c| simple(c) || script_sign(c) || c == '!');
            let word = letters > 2 && operand.chars().all(char::is_alphabetic);
            clean && (letters == 0 || (letters == 1 && digits == 0) || word)
        }
    };
    let text_of_root = text.strip_prefix('√').unwrap_or(text);
    let bracketed = text_of_root.starts_with('(') && text.ends_with(')') && {
        // The first bracket closes at the very end.
        let mut level = 0;
        let mut early = false;
        for (at, c) in text_of_root.char_indices() {
            level += i32::from(c == '(') - i32::from(c == ')');
            early |= level == 0 && at + 1 < text_of_root.len();
        }
        !early
    };
    if one_thing || bracketed {
        text.to_owned()
    } else {
        format!("({text})")
    }
}

/// Whether a sign is an exponent or an index already.
fn script_sign(c: char) -> bool {
    matches!(c, '⁰'..='ₜ' | '¹' | '²' | '³' | 'ᵃ'..='ᶿ' | 'ᴬ'..='ᵪ' | 'ʰ'..='ˣ' | 'ⱼ' | 'ⱽ')
}

/// Adds a text that touches what stands before it.
pub(super) fn touch(out: &mut String, text: &str) {
    let ends_a_function = out.ends_with(|c: char| c.is_ascii_alphabetic())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && FUNCTIONS.iter().any(|name| out.ends_with(name));
    if ends_a_function {
        out.push(' ');
    }
    out.push_str(text);
}

/// Names that must not melt into the next letter.
const FUNCTIONS: [&str; 9] = [
    "sin", "cos", "tan", "log", "exp", "max", "min", "lim", "det",
];

/// Adds a sign with space on both sides.
pub(super) fn apart(out: &mut String, text: &str) {
    if !out.is_empty() && !out.ends_with([' ', '(', '[', '{']) {
        out.push(' ');
    }
    out.push_str(text);
    out.push(' ');
}

/// The text without its first character.
pub(super) fn skip_char(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

/// `\ce{2H2 + O2 -> 2H2O}` with its numbers lowered.
pub(super) fn chemistry(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        for (mark, sign) in [("<=>", "⇌"), ("->", "→"), ("<-", "←")] {
            if let Some(after) = rest.strip_prefix(mark) {
                out.push_str(sign);
                rest = after;
            }
        }
        let Some(next) = rest.chars().next() else {
            break;
        };
        if next != c {
            continue;
        }
        rest = skip_char(rest);
        let after_atom = out.ends_with(|c: char| c.is_alphabetic() || ")]₀₁₂₃₄₅₆₇₈₉".contains(c));
        match c {
            '0'..='9' if after_atom => out.extend(symbols::lowered(c)),
            '^' => {
                let charge = rest.trim_start_matches('{');
                let end = charge.find(['}', ' ']).unwrap_or(charge.len());
                let (sign, after) = charge.split_at(end);
                out.push_str(&script(sign, true).unwrap_or_else(|| sign.to_owned()));
                rest = after.strip_prefix('}').unwrap_or(after);
            }
            '{' | '}' | '_' | '$' => {}
            '+' if after_atom
                && (rest.is_empty() || rest.starts_with(' '))
                && !out.ends_with(' ') =>
            {
                out.push('⁺');
            }
            c => out.push(c),
        }
    }
    out
}
