//! PDF: its text, page by page.
//!
//! The library panics on what it does not expect: a page that does is left out.

use std::panic::AssertUnwindSafe;

use pdf_extract::{Document, PlainTextOutput, output_doc_page};

use super::super::prepare::Unprepared;
use super::Limits;

/// The text of a PDF.
pub(super) fn text(file: &[u8], limits: Limits) -> Result<String, Unprepared> {
    let mut document = Document::load_mem(file).map_err(Unprepared::damaged)?;
    if document.is_encrypted() {
        // Most of them may be read by everybody, and only forbid printing.
        document.decrypt("").map_err(Unprepared::damaged)?;
    }
    let pages = document.get_pages();
    let mut text = String::new();
    for number in pages.keys().take(limits.pages) {
        let page = std::panic::catch_unwind(AssertUnwindSafe(|| page(&document, *number)));
        text.push_str(page.ok().flatten().unwrap_or_default().trim_end());
        text.push_str("\n\n");
        // More would be cut off; the note about it needs a little more.
        if text.len() > limits.chars.saturating_mul(8) {
            break;
        }
    }
    if pages.len() > limits.pages && !text.trim().is_empty() {
        text.push_str(&format!(
            "[only the first {} of {} pages]",
            limits.pages,
            pages.len()
        ));
    }
    Ok(text)
}

fn page(document: &Document, number: u32) -> Option<String> {
    let mut text = String::new();
    output_doc_page(document, &mut PlainTextOutput::new(&mut text), number).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PDF with one line on each page.
    fn sample(lines: &[&str]) -> Vec<u8> {
        let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
        let kids: Vec<String> = (0..lines.len())
            .map(|n| format!("{} 0 R", 4 + 2 * n))
            .collect();
        objects.push(format!(
            "<< /Type /Pages /Kids [{}] /Count {} /MediaBox [0 0 600 800] >>",
            kids.join(" "),
            lines.len()
        ));
        objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned());
        for (n, line) in lines.iter().enumerate() {
            objects.push(format!(
                "<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 3 0 R >> >> /Contents {} 0 R >>",
                5 + 2 * n
            ));
            let stream = format!("BT /F 12 Tf 50 700 Td ({line}) Tj ET");
            objects.push(format!(
                "<< /Length {} >>\nstream\n{stream}\nendstream",
                stream.len()
            ));
        }
        let mut pdf = "%PDF-1.4\n".to_owned();
        let mut offsets = Vec::new();
        for (n, object) in objects.iter().enumerate() {
            offsets.push(pdf.len());
            pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", n + 1));
        }
        let table = pdf.len();
        pdf.push_str(&format!(
            "xref\n0 {}\n0000000000 65535 f \n",
            objects.len() + 1
        ));
        for offset in offsets {
            pdf.push_str(&format!("{offset:010} 00000 n \n"));
        }
        pdf.push_str(&format!(
            "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
            objects.len() + 1
        ));
        pdf.into_bytes()
    }

    const LIMITS: Limits = Limits {
        chars: 1_000,
        pages: 2,
    };

    #[test]
    fn the_pages_are_read_up_to_their_limit() {
        let text = text(
            &sample(&["First page", "Second page", "Third page"]),
            LIMITS,
        )
        .unwrap();
        assert!(
            text.contains("First page") && text.contains("Second page"),
            "{text}"
        );
        assert!(!text.contains("Third page"), "{text}");
        assert!(text.ends_with("[only the first 2 of 3 pages]"), "{text}");
    }

    #[test]
    fn a_damaged_one_is_refused() {
        assert!(text(b"%PDF-1.4\nnothing", LIMITS).is_err());
    }
}
