//! The blocks of a rich message: how large and how deep each is, and how one
//! beyond the limits is taken apart.
//!
//! Counts are upper bounds: an item of a list counts as item and paragraph,
//! every kind of markup as a level.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::super::fence::{self, at_margin, closes};
use super::math;
use super::{Limits, cut, flat, render};

/// Most levels of nested blocks and markup, but for two folds around them.
const LEVELS_MAX: usize = 14;

/// Most columns of a table.
const COLUMNS_MAX: usize = 20;

/// A piece of Markdown that can stand at the end of a message or at the start
/// of the next one.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) blocks: usize,
}

/// What a block of the top level is, as far as that decides how it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Fence,
    Indented,
    List { first: Option<u64> },
    Table { columns: usize },
    Other,
}

/// A stretch of the source and its measures.
#[derive(Debug, Clone)]
struct Block {
    kind: Kind,
    range: Range<usize>,
    blocks: usize,
    levels: usize,
}

/// The answer in pieces; put together they are the answer.
pub(super) fn pieces(text: &str, limits: Limits) -> Vec<Piece> {
    let found = blocks(text);
    let mut pieces = Vec::new();
    let mut at = 0;
    for (block, items) in &found {
        let start = line_start(text, block.range.start, at);
        between(&text[at..start], limits, &mut pieces);
        let end = block.range.end.max(start);
        take(text, (block, items), start..end, limits, &mut pieces);
        at = end;
    }
    between(&text[at..], limits, &mut pieces);
    pieces
}

/// What stands between two blocks: white space, and definitions of links.
fn between(text: &str, limits: Limits, pieces: &mut Vec<Piece>) {
    let blocks = usize::from(!text.trim().is_empty());
    if !text.is_empty() {
        piece_or_flat(text, (blocks, 1), limits, pieces);
    }
}

fn piece_or_flat(
    text: &str,
    (blocks, levels): (usize, usize),
    limits: Limits,
    pieces: &mut Vec<Piece>,
) {
    if levels <= LEVELS_MAX && blocks <= limits.blocks && cut::units(text) <= limits.piece() {
        pieces.push(Piece {
            text: text.to_owned(),
            blocks,
        });
    } else {
        pieces.extend(flat(text, limits));
    }
}

/// Adds a block, taken apart where it must be.
fn take(
    text: &str,
    (block, items): (&Block, &[Block]),
    range: Range<usize>,
    limits: Limits,
    pieces: &mut Vec<Piece>,
) {
    let source = &text[range.clone()];
    let fits = block.levels <= LEVELS_MAX
        && block.blocks <= limits.blocks
        && cut::units(source) <= limits.piece();
    match &block.kind {
        Kind::Fence => fence(source, limits, pieces),
        Kind::Indented => {
            let code = render::render(source);
            fence(&fenced(code.text()), limits, pieces);
        }
        Kind::Table { columns } if *columns > COLUMNS_MAX => {
            pieces.extend(flat(source, limits));
        }
        _ if fits => {
            let mut source = source.to_owned();
            close_nested_fence(&mut source);
            pieces.push(Piece {
                text: source,
                blocks: block.blocks,
            });
        }
        Kind::List { first } if items.len() > 1 => {
            for (number, item) in items.iter().enumerate() {
                let start = if number == 0 {
                    range.start
                } else {
                    line_start(text, item.range.start, range.start)
                };
                let end = items.get(number + 1).map_or(range.end, |next| {
                    line_start(text, next.range.start, range.start)
                });
                let source = &text[start..end.max(start)];
                let place = u64::try_from(number).unwrap_or(0);
                let source = match first {
                    Some(first) => numbered(source, first.saturating_add(place)),
                    None => source.to_owned(),
                };
                piece_or_flat(&source, (item.blocks, item.levels), limits, pieces);
            }
        }
        Kind::Table { .. } => rows(source, limits, pieces),
        _ => pieces.extend(flat(source, limits)),
    }
}

/// An item of a list with its own number: models write "1." before each, and
/// a list that goes on in the next part must not begin anew.
fn numbered(item: &str, number: u64) -> String {
    let words = item.trim_start_matches(' ');
    let indent = &item[..item.len() - words.len()];
    let rest = words.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = words.len() - rest.len();
    let number = number.to_string();
    if digits == 0 || words.starts_with(&number) && number.len() == digits {
        return item.to_owned();
    }
    // What stands in the item stays in it, though its number grows.
    let wider = " ".repeat(number.len().saturating_sub(digits));
    let mut out = format!("{indent}{number}");
    for (at, line) in rest.split_inclusive('\n').enumerate() {
        if at > 0 && !line.trim().is_empty() {
            out.push_str(&wider);
        }
        out.push_str(line);
    }
    out
}

/// Text as a block of code, its fence longer than any run of backticks in it.
fn fenced(text: &str) -> String {
    let mut longest = 2;
    for run in text.split(|c| c != '`') {
        longest = longest.max(run.len());
    }
    let mark = "`".repeat(longest + 1);
    format!("{mark}\n{text}\n{mark}\n")
}

/// A block of code: closed if the model did not, and in several when large.
fn fence(source: &str, limits: Limits, pieces: &mut Vec<Piece>) {
    let (first, rest) = source.split_once('\n').unwrap_or((source, ""));
    let mark = fence::mark(first);
    let inside = rest.trim_end();
    let body = match inside.rsplit_once('\n') {
        Some((code, last)) if at_margin(last) && closes(last, mark) => code,
        None if at_margin(inside) && closes(inside, mark) => "",
        _ => rest.trim_end_matches('\n'),
    };
    let is_closed = body.len() < inside.len();
    let room = limits
        .piece()
        .saturating_sub(cut::units(first) + 2 * mark.len());
    if mark.is_empty() || room < limits.piece() / 2 || body.trim().is_empty() {
        pieces.extend(flat(source, limits));
        return;
    }
    if is_closed && cut::units(source) <= limits.piece() {
        pieces.push(Piece {
            text: source.to_owned(),
            blocks: 1,
        });
        return;
    }
    let mut at = 0;
    loop {
        let limit = cut::reach(body, at, room);
        let end = cut::border(body, at, limit);
        let code = body[at..end].trim_end_matches('\n');
        pieces.push(Piece {
            text: format!("{}\n{code}\n{mark}\n\n", first.trim_end()),
            blocks: 1,
        });
        at = end + usize::from(body[end..].starts_with('\n'));
        if at >= body.len() {
            return;
        }
    }
}

/// Closes a fence in a list or a quotation that the answer's end left open.
fn close_nested_fence(source: &mut String) {
    let mut open: Option<(Range<usize>, usize)> = None;
    let mut last_end = 0;
    for (event, range) in Parser::new_ext(source, math::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                open = Some((range.clone(), range.start));
                last_end = range.end;
            }
            Event::End(TagEnd::CodeBlock) => {}
            _ => last_end = last_end.max(range.end),
        }
    }
    let Some((range, start)) = open else { return };
    let kept = source.trim_end().len();
    if range.end < kept {
        return;
    }
    let code = &source[start..kept];
    let mark = fence::mark(code).to_owned();
    let last = code.rsplit_once('\n').map(|(_, line)| line);
    let closed = last.is_some_and(|line| {
        closes(
            line.trim_start_matches(|c: char| c == '>' || c.is_whitespace()),
            &mark,
        )
    });
    if closed || mark.is_empty() {
        return;
    }
    let from = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let prefix: String = source[from..start]
        .chars()
        .map(|c| {
            if c == '>' || c.is_whitespace() {
                c
            } else {
                ' '
            }
        })
        .collect();
    source.truncate(kept);
    source.push('\n');
    source.push_str(&prefix);
    source.push_str(&mark);
    source.push_str("\n\n");
}

/// A table in several, each with the head.
fn rows(source: &str, limits: Limits, pieces: &mut Vec<Piece>) {
    let lines: Vec<&str> = source.trim_end().lines().collect();
    let Some((head, body)) = lines.split_at_checked(2) else {
        pieces.extend(flat(source, limits));
        return;
    };
    let head = format!("{}\n{}\n", head[0], head[1]);
    let head_units = cut::units(&head);
    let largest = body.iter().map(|line| cut::units(line)).max().unwrap_or(0);
    if head_units + largest + 3 > limits.piece() {
        pieces.extend(flat(source, limits));
        return;
    }
    let (mut text, mut units, mut count) = (head.clone(), head_units, 2);
    for line in body {
        let size = cut::units(line) + 1;
        if units + size + 1 > limits.piece() || count + 1 > limits.blocks {
            text.push('\n');
            pieces.push(Piece {
                text: std::mem::replace(&mut text, head.clone()),
                blocks: count,
            });
            (units, count) = (head_units, 2);
        }
        text.push_str(line);
        text.push('\n');
        units += size;
        count += 1;
    }
    text.push('\n');
    pieces.push(Piece {
        text,
        blocks: count,
    });
}

/// The start of the line in which a block begins, but not before `floor`.
fn line_start(text: &str, at: usize, floor: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1).max(floor)
}

/// The blocks of the top level, each with its items if it is a list.
fn blocks(text: &str) -> Vec<(Block, Vec<Block>)> {
    let mut found: Vec<(Block, Vec<Block>)> = Vec::new();
    let mut depth = 0;
    for (event, range) in Parser::new_ext(text, math::options()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    found.push((block(kind(&tag), range.clone()), Vec::new()));
                }
                depth += 1;
                if let Some((top, items)) = found.last_mut() {
                    let is_item = matches!(tag, Tag::Item);
                    if depth == 2 && is_item && matches!(top.kind, Kind::List { .. }) {
                        items.push(block(Kind::Other, range));
                    }
                    let added = weight(&tag);
                    measure(top, added, depth);
                    if let Some(item) = items.last_mut() {
                        measure(item, added, depth);
                    }
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            other => {
                if depth == 0 {
                    found.push((block(Kind::Other, range), Vec::new()));
                }
                if let (Event::Rule, Some((top, items))) = (other, found.last_mut()) {
                    measure(top, 1, depth);
                    if let Some(item) = items.last_mut() {
                        measure(item, 1, depth);
                    }
                }
            }
        }
    }
    found
}

fn block(kind: Kind, range: Range<usize>) -> Block {
    Block {
        kind,
        range,
        blocks: 1,
        levels: 1,
    }
}

fn measure(block: &mut Block, blocks: usize, level: usize) {
    block.blocks += blocks;
    block.levels = block.levels.max(level);
}

fn kind(tag: &Tag<'_>) -> Kind {
    match tag {
        Tag::CodeBlock(CodeBlockKind::Fenced(_)) => Kind::Fence,
        Tag::CodeBlock(CodeBlockKind::Indented) => Kind::Indented,
        Tag::List(first) => Kind::List { first: *first },
        Tag::Table(alignments) => Kind::Table {
            columns: alignments.len(),
        },
        _ => Kind::Other,
    }
}

/// How many of Telegram's blocks an element is.
fn weight(tag: &Tag<'_>) -> usize {
    match tag {
        Tag::Item => 2,
        Tag::Paragraph
        | Tag::Heading { .. }
        | Tag::BlockQuote(_)
        | Tag::CodeBlock(_)
        | Tag::List(_)
        | Tag::HtmlBlock
        | Tag::FootnoteDefinition(_)
        | Tag::Table(_)
        | Tag::TableHead
        | Tag::TableRow => 1,
        _ => 0,
    }
}
