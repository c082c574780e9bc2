//! The signs behind LaTeX's names.

/// What a command without arguments shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// A letter or a sign that touches its neighbours.
    Plain(&'static str),
    /// A relation or an operator, with space on both sides.
    Apart(&'static str),
    /// A sign that takes limits: sums, integrals.
    Large(&'static str),
    /// A function's name: "sin", "log".
    Name(&'static str),
}

/// The sign of a command.
pub(super) fn sign(name: &str) -> Option<Sign> {
    use Sign::{Apart, Large, Name, Plain};
    Some(match name {
        "alpha" => Plain("α"),
        "beta" => Plain("β"),
        "gamma" => Plain("γ"),
        "delta" => Plain("δ"),
        "epsilon" | "varepsilon" => Plain("ε"),
        "zeta" => Plain("ζ"),
        "eta" => Plain("η"),
        "theta" => Plain("θ"),
        "vartheta" => Plain("ϑ"),
        "iota" => Plain("ι"),
        "kappa" => Plain("κ"),
        "lambda" => Plain("λ"),
        "mu" => Plain("μ"),
        "nu" => Plain("ν"),
        "xi" => Plain("ξ"),
        "omicron" => Plain("ο"),
        "pi" => Plain("π"),
        "varpi" => Plain("ϖ"),
        "rho" | "varrho" => Plain("ρ"),
        "sigma" => Plain("σ"),
        "varsigma" => Plain("ς"),
        "tau" => Plain("τ"),
        "upsilon" => Plain("υ"),
        "phi" | "varphi" => Plain("φ"),
        "chi" => Plain("χ"),
        "psi" => Plain("ψ"),
        "omega" => Plain("ω"),
        "Gamma" => Plain("Γ"),
        "Delta" => Plain("Δ"),
        "Theta" => Plain("Θ"),
        "Lambda" => Plain("Λ"),
        "Xi" => Plain("Ξ"),
        "Pi" => Plain("Π"),
        "Sigma" => Plain("Σ"),
        "Upsilon" => Plain("Υ"),
        "Phi" => Plain("Φ"),
        "Psi" => Plain("Ψ"),
        "Omega" => Plain("Ω"),
        "infty" => Plain("∞"),
        "partial" => Plain("∂"),
        "nabla" => Plain("∇"),
        "hbar" => Plain("ℏ"),
        "ell" => Plain("ℓ"),
        "Re" => Plain("ℜ"),
        "Im" => Plain("ℑ"),
        "aleph" => Plain("ℵ"),
        "emptyset" | "varnothing" => Plain("∅"),
        "forall" => Plain("∀"),
        "exists" => Plain("∃"),
        "nexists" => Plain("∄"),
        "neg" | "lnot" => Plain("¬"),
        "angle" => Plain("∠"),
        "triangle" => Plain("△"),
        "degree" | "circ" => Plain("∘"),
        "prime" => Plain("′"),
        "dagger" => Plain("†"),
        "star" | "ast" => Plain("*"),
        "bullet" => Plain("•"),
        "square" | "Box" | "blacksquare" | "qed" => Plain("∎"),
        "ldots" | "dots" | "dotsc" | "dotsb" => Plain("…"),
        "cdots" => Plain("⋯"),
        "vdots" => Plain("⋮"),
        "ddots" => Plain("⋱"),
        "langle" => Plain("⟨"),
        "rangle" => Plain("⟩"),
        "lfloor" => Plain("⌊"),
        "rfloor" => Plain("⌋"),
        "lceil" => Plain("⌈"),
        "rceil" => Plain("⌉"),
        "lvert" | "rvert" | "vert" => Plain("|"),
        "lVert" | "rVert" | "Vert" => Plain("‖"),
        "lbrace" => Plain("{"),
        "rbrace" => Plain("}"),
        "backslash" => Plain("\\"),
        "top" => Plain("⊤"),
        "bot" => Plain("⊥"),
        "checkmark" => Plain("✓"),
        "pounds" => Plain("£"),
        "euro" => Plain("€"),
        "S" => Plain("§"),
        "cdot" => Apart("·"),
        "times" => Apart("×"),
        "div" => Apart("÷"),
        "pm" => Apart("±"),
        "mp" => Apart("∓"),
        "oplus" => Apart("⊕"),
        "otimes" => Apart("⊗"),
        "setminus" => Apart("∖"),
        "cup" => Apart("∪"),
        "cap" => Apart("∩"),
        "land" | "wedge" => Apart("∧"),
        "lor" | "vee" => Apart("∨"),
        "le" | "leq" | "leqslant" => Apart("≤"),
        "ge" | "geq" | "geqslant" => Apart("≥"),
        "lt" => Apart("<"),
        "gt" => Apart(">"),
        "ll" => Apart("≪"),
        "gg" => Apart("≫"),
        "ne" | "neq" => Apart("≠"),
        "approx" => Apart("≈"),
        "sim" => Apart("∼"),
        "simeq" => Apart("≃"),
        "cong" => Apart("≅"),
        "equiv" => Apart("≡"),
        "propto" => Apart("∝"),
        "in" => Apart("∈"),
        "notin" => Apart("∉"),
        "ni" => Apart("∋"),
        "subset" => Apart("⊂"),
        "subseteq" => Apart("⊆"),
        "supset" => Apart("⊃"),
        "supseteq" => Apart("⊇"),
        "perp" => Apart("⊥"),
        "parallel" => Apart("∥"),
        "mid" => Apart("|"),
        "nmid" => Apart("∤"),
        "vdash" => Apart("⊢"),
        "models" => Apart("⊨"),
        "colon" => Plain(": "),
        "coloneqq" => Apart("≔"),
        "to" | "rightarrow" => Apart("→"),
        "longrightarrow" => Apart("⟶"),
        "leftarrow" | "gets" => Apart("←"),
        "leftrightarrow" => Apart("↔"),
        "Rightarrow" | "implies" | "Longrightarrow" => Apart("⇒"),
        "Leftarrow" | "impliedby" => Apart("⇐"),
        "Leftrightarrow" | "iff" | "Longleftrightarrow" => Apart("⇔"),
        "mapsto" => Apart("↦"),
        "uparrow" => Apart("↑"),
        "downarrow" => Apart("↓"),
        "rightleftharpoons" => Apart("⇌"),
        "therefore" => Apart("∴"),
        "because" => Apart("∵"),
        "bmod" => Apart("mod"),
        "sum" => Large("∑"),
        "prod" => Large("∏"),
        "coprod" => Large("∐"),
        "int" => Large("∫"),
        "iint" => Large("∬"),
        "iiint" => Large("∭"),
        "oint" => Large("∮"),
        "bigcup" => Large("⋃"),
        "bigcap" => Large("⋂"),
        "bigoplus" => Large("⨁"),
        "lim" => Name("lim"),
        "limsup" => Name("lim sup"),
        "liminf" => Name("lim inf"),
        "max" => Name("max"),
        "min" => Name("min"),
        "sup" => Name("sup"),
        "inf" => Name("inf"),
        "arg" => Name("arg"),
        "argmax" => Name("arg max"),
        "argmin" => Name("arg min"),
        "sin" => Name("sin"),
        "cos" => Name("cos"),
        "tan" => Name("tan"),
        "cot" => Name("cot"),
        "sec" => Name("sec"),
        "csc" => Name("csc"),
        "arcsin" => Name("arcsin"),
        "arccos" => Name("arccos"),
        "arctan" => Name("arctan"),
        "sinh" => Name("sinh"),
        "cosh" => Name("cosh"),
        "tanh" => Name("tanh"),
        "log" => Name("log"),
        "ln" => Name("ln"),
        "lg" => Name("lg"),
        "exp" => Name("exp"),
        "det" => Name("det"),
        "dim" => Name("dim"),
        "ker" => Name("ker"),
        "deg" => Name("deg"),
        "gcd" => Name("gcd"),
        "Pr" => Name("Pr"),
        "mod" => Name("mod"),
        _ => return None,
    })
}

/// The mark above a letter that an accent is.
pub(super) fn accent(name: &str) -> Option<char> {
    Some(match name {
        "hat" | "widehat" => '\u{302}',
        "bar" | "overline" => '\u{304}',
        "vec" | "overrightarrow" => '\u{20d7}',
        "dot" => '\u{307}',
        "ddot" => '\u{308}',
        "tilde" | "widetilde" => '\u{303}',
        "check" => '\u{30c}',
        "breve" => '\u{306}',
        "acute" => '\u{301}',
        "grave" => '\u{300}',
        "underline" => '\u{332}',
        _ => return None,
    })
}

/// A letter with a double stroke, where it is a common one.
pub(super) fn blackboard(letter: char) -> char {
    match letter {
        'R' => 'ℝ',
        'N' => 'ℕ',
        'Z' => 'ℤ',
        'Q' => 'ℚ',
        'C' => 'ℂ',
        'P' => 'ℙ',
        'H' => 'ℍ',
        'E' => '𝔼',
        'F' => '𝔽',
        '1' => '𝟙',
        other => other,
    }
}

/// A letter in script, where it is a common one.
pub(super) fn calligraphic(letter: char) -> char {
    match letter {
        'L' => 'ℒ',
        'F' => 'ℱ',
        'H' => 'ℋ',
        'B' => 'ℬ',
        'E' => 'ℰ',
        'M' => 'ℳ',
        'R' => 'ℛ',
        'I' => 'ℐ',
        other => other,
    }
}

/// A fraction that has a sign of its own.
pub(super) fn vulgar(above: &str, below: &str) -> Option<&'static str> {
    Some(match (above, below) {
        ("1", "2") => "½",
        ("1", "3") => "⅓",
        ("2", "3") => "⅔",
        ("1", "4") => "¼",
        ("3", "4") => "¾",
        ("1", "5") => "⅕",
        ("2", "5") => "⅖",
        ("3", "5") => "⅗",
        ("4", "5") => "⅘",
        ("1", "6") => "⅙",
        ("5", "6") => "⅚",
        ("1", "8") => "⅛",
        ("3", "8") => "⅜",
        ("5", "8") => "⅝",
        ("7", "8") => "⅞",
        _ => return None,
    })
}

/// A sign as an exponent.
pub(super) fn raised(c: char) -> Option<char> {
    const FROM: &str = "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ′*° ,.⊤";
    const TO: &str =
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ′*°\u{2009}᾽·ᵀ";
    look_up(c, FROM, TO).filter(|_| !matches!(c, ',' | '.'))
}

/// A sign as an index.
pub(super) fn lowered(c: char) -> Option<char> {
    const FROM: &str = "0123456789+−-=()aehijklmnoprstuvxβγρφχ ,∞";
    const TO: &str = "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ\u{2009},∞";
    look_up(c, FROM, TO)
}

fn look_up(c: char, from: &str, to: &str) -> Option<char> {
    let at = from.chars().position(|other| other == c)?;
    to.chars().nth(at)
}
