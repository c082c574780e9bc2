//! Formulas as they are shown.

use super::{display, inline};

#[test]
fn a_formula_reads_as_a_person_would_type_it() {
    for (source, shown) in [
        ("x^2 + y^2 = z^2", "x² + y² = z²"),
        ("E = mc^2", "E = mc²"),
        ("a_1, a_2, \\ldots, a_n", "a₁, a₂, …, aₙ"),
        ("\\frac{1}{2}mv^2", "½mv²"),
        ("\\frac{a+b}{c}", "(a+b)/c"),
        (
            "x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}",
            "x = (−b ± √(b² − 4ac))/(2a)",
        ),
        ("\\sum_{i=1}^{n} i^2", "∑ᵢ₌₁ⁿ i²"),
        (
            "\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}",
            "∫₀^∞ e^(−x²) dx = √π/2",
        ),
        (
            "\\lim_{x \\to 0} \\frac{\\sin x}{x} = 1",
            "lim(x → 0) (sin x)/x = 1",
        ),
        ("\\sin^2\\theta + \\cos^2\\theta = 1", "sin²θ + cos²θ = 1"),
        ("2\\pi r", "2πr"),
        ("e^{i\\pi} + 1 = 0", "e^(iπ) + 1 = 0"),
        ("\\alpha \\leq \\beta", "α ≤ β"),
        ("\\forall x \\in \\mathbb{R}", "∀x ∈ ℝ"),
        ("\\vec{F} = m\\vec{a}", "F⃗ = ma⃗"),
        ("90^\\circ", "90°"),
        (
            "\\text{speed} = \\frac{\\text{distance}}{\\text{time}}",
            "speed = distance/time",
        ),
        ("\\binom{n}{k}", "C(n, k)"),
        ("\\left( \\frac{a}{b} \\right)^2", "( a/b )²"),
        (
            "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
            "(1, 2; 3, 4)",
        ),
        ("\\foo{x} + \\baz", "\\foo{x} + \\baz"),
        ("\\ce{2H2 + O2 -> 2H2O}", "2H₂ + O₂ → 2H₂O"),
        ("O(n \\log n)", "O(n log n)"),
        ("a \\neq b \\implies c", "a ≠ b ⇒ c"),
        ("\\sqrt[3]{8} = 2", "∛8 = 2"),
        ("v_{\\text{max}}", "vₘₐₓ"),
        ("\\hat{y} = X\\beta", "y\u{302} = Xβ"),
        ("P(A \\mid B)", "P(A | B)"),
        ("\\boxed{42}", "42"),
        ("A^T A", "Aᵀ A"),
        ("10\\%", "10%"),
        ("x_{k+1}", "xₖ₊₁"),
        ("\\frac{\\partial f}{\\partial x}", "∂f/∂x"),
        ("\\frac{dy}{dx} = 2x", "dy/dx = 2x"),
        ("\\int_{a}^{b} f(x)\\,dx", "∫ₐᵇ f(x) dx"),
        ("\\max_{x \\in S} f(x)", "max(x ∈ S) f(x)"),
        (
            "\\nabla \\cdot \\mathbf{E} = \\frac{\\rho}{\\varepsilon_0}",
            "∇ · E = ρ/ε₀",
        ),
        ("\\log_2 n", "log₂ n"),
        ("f''(x)", "f″(x)"),
        ("x_{1,2}", "x₁,₂"),
        ("\\frac{1}{\\sqrt{ab}}", "1/√(ab)"),
        ("\\underbrace{a + b}_{c}", "a + b[c]"),
        ("\\prod p_i", "∏ pᵢ"),
        ("|x| < 1", "|x| < 1"),
        ("f: A \\to B", "f: A → B"),
        ("\\mathcal{O}(n^2)", "O(n²)"),
        ("a \\equiv b \\pmod{n}", "a ≡ b (mod n)"),
        ("\\Delta x \\Delta p \\ge \\frac{\\hbar}{2}", "Δx Δp ≥ ℏ/2"),
        ("a := b", "a := b"),
        ("n!", "n!"),
        ("\\frac{n!}{k!(n-k)!}", "n!/(k!(n−k)!)"),
    ] {
        assert_eq!(inline(source), shown, "{source}");
    }
}

#[test]
fn rows_of_a_formula_stand_below_each_other() {
    for (source, shown) in [
        (
            "A = \\begin{pmatrix} 1 & 20 \\\\ 3 & 4 \\end{pmatrix}",
            "A = ⎛ 1  20 ⎞\n    ⎝ 3  4  ⎠",
        ),
        (
            "\\begin{aligned} a &= b + c \\\\ &= d \\end{aligned}",
            "a = b + c\n= d",
        ),
        (
            "f(x) = \\begin{cases} 1 & \\text{if } x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}",
            "f(x) = ⎧ 1  if x > 0\n       ⎩ 0  otherwise",
        ),
        ("x = 1 \\\\[4pt] y = 2", "x = 1\ny = 2"),
    ] {
        assert_eq!(display(source).join("\n"), shown, "{source}");
    }
}

#[test]
fn what_is_no_formula_is_left_readable() {
    for source in [
        "",
        "{",
        "}",
        "\\",
        "\\\\",
        "^",
        "_",
        "x^",
        "\\frac",
        "\\frac{a",
        "\\begin{",
        "\\begin{pmatrix}",
        "\\sqrt[",
        "\\end{x}",
        "&&&",
        "\\left",
        "{{{{",
        "\\text{",
        "^^^^",
        "\\ce{->",
        "\\not",
    ] {
        let _ = (inline(source), display(source));
    }
    let deep = "\\frac{".repeat(500) + "x";
    assert!(inline(&deep).contains('x'));
    let wide = "\\begin{matrix}a&".repeat(200);
    assert!(!display(&wide).is_empty());
}
