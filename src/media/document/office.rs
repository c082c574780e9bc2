//! Office documents: the words in the XML in the ZIP.
//!
//! Word, Excel, PowerPoint and OpenDocument. What is unpacked is counted, so
//! that a small file cannot become a large one. Pure.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::super::prepare::Unprepared;
use super::Limits;

/// All that is unpacked of one document, in bytes.
const UNPACKED: u64 = 64 << 20;

/// The longest list of files that is looked through.
const ENTRIES: usize = 10_000;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

struct Package<'a> {
    archive: Archive<'a>,
    /// Bytes that may still be unpacked.
    left: u64,
}

/// The words of an office document.
pub(super) fn text(file: &[u8], limits: Limits) -> Result<String, Unprepared> {
    let archive = ZipArchive::new(Cursor::new(file)).map_err(Unprepared::damaged)?;
    if archive.len() > ENTRIES {
        return Err(Unprepared::damaged("too many files in it"));
    }
    let mut package = Package {
        archive,
        left: UNPACKED,
    };
    let names: Vec<String> = package
        .archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("word/document.xml") {
        return package.words("word/document.xml", limits);
    }
    if has("xl/workbook.xml") {
        return package.sheets(&names, limits);
    }
    if has("content.xml") {
        return package.words("content.xml", limits);
    }
    let slides = numbered(&names, "ppt/slides/slide");
    if slides.is_empty() {
        return Err(Unprepared::Unknown);
    }
    let mut text = String::new();
    for (number, slide) in slides.iter().enumerate().take(limits.pages) {
        text.push_str(&format!("[slide {}]\n", number + 1));
        text.push_str(&package.words(slide, limits)?);
        text.push_str("\n\n");
    }
    Ok(text)
}

/// The files `{stem}N.xml` in the order of their numbers.
fn numbered<'n>(names: &'n [String], stem: &str) -> Vec<&'n str> {
    let number = |name: &str| -> Option<u32> {
        let rest = name.strip_prefix(stem)?.strip_suffix(".xml")?;
        rest.parse().ok()
    };
    let mut found: Vec<(u32, &str)> = names
        .iter()
        .filter_map(|name| Some((number(name)?, name.as_str())))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

impl Package<'_> {
    /// One file of the package, unpacked.
    fn unpacked(&mut self, name: &str) -> Result<Vec<u8>, Unprepared> {
        let file = self.archive.by_name(name).map_err(Unprepared::damaged)?;
        let mut bytes = Vec::new();
        // The size it claims to have is the sender's word; this is counted.
        let read = file
            .take(self.left + 1)
            .read_to_end(&mut bytes)
            .map_err(Unprepared::damaged)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(Unprepared::damaged("larger inside than allowed")),
        }
        Ok(bytes)
    }

    /// The words of one file: a line for each paragraph, a tab for each cell.
    fn words(&mut self, name: &str, limits: Limits) -> Result<String, Unprepared> {
        let xml = self.unpacked(name)?;
        // OpenDocument's words stand in the paragraph, Office's in their own
        // elements.
        let anywhere = name == "content.xml";
        let mut text = String::new();
        let mut inside = 0_usize;
        walk(&xml, |seen| {
            match seen {
                Seen::Begin("t" | "delText") => inside += 1,
                Seen::End("t" | "delText") => inside = inside.saturating_sub(1),
                Seen::Begin("p" | "h") if anywhere => inside += 1,
                Seen::End(name @ ("p" | "h")) => {
                    if anywhere {
                        inside = inside.saturating_sub(1);
                    }
                    // A heading is nothing of its own in Office.
                    if name == "p" || anywhere {
                        text.push('\n');
                    }
                }
                Seen::Begin("tab") => text.push('\t'),
                Seen::Begin("br" | "cr" | "line-break") => text.push('\n'),
                Seen::Begin("s") if anywhere => text.push(' '),
                Seen::End("tc" | "table-cell") => {
                    while text.ends_with('\n') {
                        text.pop();
                    }
                    text.push('\t');
                }
                Seen::End("tr" | "table-row") => text.push('\n'),
                Seen::Words(words) if inside > 0 => text.push_str(words),
                _ => {}
            }
            text.len() <= limits.chars.saturating_mul(8)
        })?;
        Ok(text)
    }

    fn sheets(&mut self, names: &[String], limits: Limits) -> Result<String, Unprepared> {
        let shared = match names.iter().any(|name| name == "xl/sharedStrings.xml") {
            true => self.shared()?,
            false => Vec::new(),
        };
        let mut text = String::new();
        let sheets = numbered(names, "xl/worksheets/sheet");
        for (number, sheet) in sheets.iter().enumerate().take(limits.pages) {
            text.push_str(&format!("[sheet {}]\n", number + 1));
            self.sheet(sheet, &shared, limits, &mut text)?;
            text.push('\n');
        }
        Ok(text)
    }

    /// The texts that the cells of all sheets share.
    fn shared(&mut self) -> Result<Vec<String>, Unprepared> {
        let xml = self.unpacked("xl/sharedStrings.xml")?;
        let mut shared = Vec::new();
        let mut text = String::new();
        let mut inside = false;
        walk(&xml, |seen| {
            match seen {
                Seen::Begin("t") => inside = true,
                Seen::End("t") => inside = false,
                Seen::End("si") => shared.push(std::mem::take(&mut text)),
                Seen::Words(words) if inside => text.push_str(words),
                _ => {}
            }
            true
        })?;
        Ok(shared)
    }

    fn sheet(
        &mut self,
        name: &str,
        shared: &[String],
        limits: Limits,
        text: &mut String,
    ) -> Result<(), Unprepared> {
        let xml = self.unpacked(name)?;
        let mut is_shared = false;
        let mut inside = false;
        let mut value = String::new();
        walk(&xml, |seen| {
            match seen {
                Seen::Cell { shared } => {
                    is_shared = shared;
                    value.clear();
                }
                Seen::Begin("v" | "t") => inside = true,
                Seen::End("v" | "t") => inside = false,
                Seen::Words(words) if inside => value.push_str(words),
                Seen::End("c") => {
                    let index = value.parse::<usize>().ok().filter(|_| is_shared);
                    let words = index.and_then(|index| shared.get(index));
                    text.push_str(words.unwrap_or(&value));
                    text.push('\t');
                }
                Seen::End("row") => text.push('\n'),
                _ => {}
            }
            text.len() <= limits.chars.saturating_mul(8)
        })
    }
}

/// What is met on the way through an XML file; names without their prefix.
enum Seen<'a> {
    Begin(&'a str),
    /// A cell of a sheet, and whether its value is the number of a text.
    Cell {
        shared: bool,
    },
    End(&'a str),
    Words(&'a str),
}

/// Walks through XML until the end, or until `look` has seen enough.
fn walk(xml: &[u8], mut look: impl FnMut(Seen<'_>) -> bool) -> Result<(), Unprepared> {
    let mut reader = Reader::from_reader(xml);
    loop {
        let event = reader.read_event().map_err(Unprepared::damaged)?;
        let goes_on = match &event {
            Event::Eof => return Ok(()),
            Event::Start(element) => look(begun(element)),
            Event::Empty(element) => {
                let name = element.local_name();
                look(begun(element)) && look(Seen::End(name.as_ref()))
            }
            Event::End(element) => look(Seen::End(element.local_name().as_ref())),
            Event::Text(words) => look(Seen::Words(words)),
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    _ => match &**name {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        // Entities that a file defines for itself are how XML
                        // bombs are made: none is ever resolved.
                        _ => ' ',
                    },
                };
                look(Seen::Words(c.encode_utf8(&mut [0; 4])))
            }
            _ => true,
        };
        if !goes_on {
            return Ok(());
        }
    }
}

fn begun<'a>(element: &'a BytesStart<'_>) -> Seen<'a> {
    let name = element.local_name().into_inner();
    if name == "c" {
        let kind = element.try_get_attribute("t").ok().flatten();
        let shared = kind.is_some_and(|kind| &*kind.value == "s");
        return Seen::Cell { shared };
    }
    Seen::Begin(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const LIMITS: Limits = Limits {
        chars: 1_000,
        pages: 10,
    };

    fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_letter_is_read_by_its_paragraphs_and_cells() {
        let letter = r#"<w:document xmlns:w="w"><w:body>
            <w:p><w:r><w:t>Dear </w:t><w:tab/><w:t>Ann &amp; Ben,</w:t></w:r></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>
            <w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
            <w:p><w:r><w:t>Bye&#33;</w:t></w:r></w:p></w:body></w:document>"#;
        let file = package(&[("word/document.xml", letter.as_bytes())]);
        let read = text(&file, LIMITS).unwrap();
        assert_eq!(read, "Dear \tAnn & Ben,\na\tb\t\nBye!\n");
    }

    #[test]
    fn a_sheet_is_read_by_its_rows() {
        let shared = "<sst><si><t>Name</t></si><si><r><t>Va</t></r><r><t>lue</t></r></si></sst>";
        let sheet = r#"<worksheet><sheetData>
            <row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>
            <row><c><v>3.5</v></c><c t="inlineStr"><is><t>x</t></is></c></row>
            </sheetData></worksheet>"#;
        let file = package(&[
            ("xl/workbook.xml", b"<workbook/>"),
            ("xl/sharedStrings.xml", shared.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ]);
        let read = text(&file, LIMITS).unwrap();
        assert_eq!(read, "[sheet 1]\nName\tValue\t\n3.5\tx\t\n\n");
    }

    #[test]
    fn slides_and_open_documents_are_read() {
        let slide =
            |words: &str| format!("<p:sld><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:sld>");
        let file = package(&[
            ("ppt/slides/slide10.xml", slide("last").as_bytes()),
            ("ppt/slides/slide2.xml", slide("first").as_bytes()),
        ]);
        assert_eq!(
            text(&file, LIMITS).unwrap(),
            "[slide 1]\nfirst\n\n\n[slide 2]\nlast\n\n\n"
        );
        let content = "<office:text><text:h>Head</text:h><text:p>One<text:s/>two \
                       <text:span>three</text:span></text:p></office:text>";
        let file = package(&[("content.xml", content.as_bytes())]);
        assert_eq!(text(&file, LIMITS).unwrap(), "Head\nOne two three\n");
    }

    #[test]
    fn a_small_file_that_unpacks_to_a_large_one_is_refused() {
        let much = vec![b' '; usize::try_from(UNPACKED).unwrap() + 1];
        let file = package(&[("word/document.xml", &much)]);
        assert!(file.len() < 1 << 20);
        assert!(matches!(
            text(&file, LIMITS),
            Err(Unprepared::Damaged { .. })
        ));
    }

    #[test]
    fn an_archive_that_is_no_document_is_unknown() {
        let file = package(&[("photo.jpg", b"x")]);
        assert_eq!(text(&file, LIMITS), Err(Unprepared::Unknown));
    }
}
