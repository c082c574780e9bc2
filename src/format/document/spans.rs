//! Entities out of runs: a stack of layers, walked once per message.
//!
//! A layer that ends closes those above it, which open again behind it. So
//! entities contain each other or do not meet, whatever began and ended where.

use super::super::cut;
use super::super::entity::{Entity, EntityKind};
use super::{Attrs, Document, STYLES, Style, place};

/// A quotation of this many lines, or this long, folds.
const QUOTE_LINES: usize = 14;
const QUOTE_BYTES: usize = 1600;

/// A layer of the stack from which entities are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Quote(u32),
    Link(u32),
    Style(Style),
    Mono(u32),
}

/// A stretch of text with one layer, in bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    layer: Layer,
    start: usize,
    end: usize,
}

impl Document {
    /// The entities of `text[start..end]`, or the place of the first one too
    /// many.
    pub(super) fn entities(
        &self,
        start: usize,
        end: usize,
        max: usize,
    ) -> Result<Vec<Entity>, usize> {
        let mut spans = self.spans(start, end);
        // Stable: of spans of equal extent the outer one was opened first.
        spans.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        if let Some(extra) = spans.get(max) {
            return Err(extra.start);
        }
        let mut at = start;
        let mut offset = 0;
        let mut offset_of = |to: usize| {
            // Starts grow, so the walk never goes back.
            offset += cut::units(&self.text[at..to]);
            at = to;
            offset
        };
        Ok(spans
            .iter()
            .map(|span| Entity {
                kind: self.kind(*span),
                offset: number(offset_of(span.start)),
                length: number(cut::units(&self.text[span.start..span.end])),
            })
            .collect())
    }

    /// The spans of a range, trimmed, without empty ones, each opened before
    /// those it contains.
    fn spans(&self, start: usize, end: usize) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        // Places in `spans` that are still open, outermost first.
        let mut open: Vec<usize> = Vec::new();
        let mut at = start;
        let first = self.runs.partition_point(|(end, _)| *end <= start);
        for (run_end, attrs) in &self.runs[first..] {
            if at >= end {
                break;
            }
            let wanted = layers(*attrs);
            let keep = open
                .iter()
                .take_while(|i| wanted.contains(&spans[**i].layer))
                .count();
            for i in open.drain(keep..) {
                spans[i].end = at;
            }
            for layer in wanted {
                if !open.iter().any(|i| spans[*i].layer == layer) {
                    open.push(spans.len());
                    spans.push(Span {
                        layer,
                        start: at,
                        end,
                    });
                }
            }
            at = (*run_end).min(end);
        }
        spans.retain_mut(|span| self.trim(span));
        spans
    }

    /// Takes white space off the ends of a span; whether anything is left.
    ///
    /// Trimming never moves a border past one it contained before, so nested
    /// spans stay nested: both kinds keep the same right end, and what keeps
    /// its indentation (blocks) only ever contains what does not.
    fn trim(&self, span: &mut Span) -> bool {
        let text = &self.text[span.start..span.end];
        let kept = text.trim_end().len();
        span.end = span.start + kept;
        let blank = kept - text[..kept].trim_start().len();
        let indented = match span.layer {
            Layer::Quote(_) => true,
            Layer::Mono(mono) => self.is_pre(mono),
            Layer::Link(_) | Layer::Style(_) => false,
        };
        span.start += if indented {
            text[..blank].rfind('\n').map_or(0, |at| at + 1)
        } else {
            blank
        };
        cut::is_visible(&self.text[span.start..span.end])
    }

    fn kind(&self, span: Span) -> EntityKind {
        match span.layer {
            Layer::Quote(quote) => {
                let text = &self.text[span.start..span.end];
                let folds = place(quote).and_then(|at| self.quotes.get(at)) == Some(&true);
                let long = text.len() > QUOTE_BYTES || text.matches('\n').count() >= QUOTE_LINES;
                if folds || long {
                    EntityKind::ExpandableBlockquote
                } else {
                    EntityKind::Blockquote
                }
            }
            Layer::Link(link) => EntityKind::TextLink {
                url: place(link)
                    .and_then(|at| self.links.get(at))
                    .cloned()
                    .unwrap_or_default(),
            },
            Layer::Style(Style::Bold) => EntityKind::Bold,
            Layer::Style(Style::Italic) => EntityKind::Italic,
            Layer::Style(Style::Underline) => EntityKind::Underline,
            Layer::Style(Style::Strikethrough) => EntityKind::Strikethrough,
            Layer::Style(Style::Spoiler) => EntityKind::Spoiler,
            Layer::Mono(mono) => match place(mono).and_then(|at| self.monos.get(at)) {
                Some(Some(language)) => EntityKind::Pre {
                    language: language.clone(),
                },
                _ => EntityKind::Code,
            },
        }
    }
}

/// The layers of a run, outermost first. Monospace stands alone but for a
/// quotation: Telegram drops it beside anything else.
fn layers(attrs: Attrs) -> Vec<Layer> {
    let mut layers = Vec::with_capacity(6);
    if attrs.quote != 0 {
        layers.push(Layer::Quote(attrs.quote));
    }
    if attrs.mono != 0 {
        layers.push(Layer::Mono(attrs.mono));
        return layers;
    }
    if attrs.link != 0 {
        layers.push(Layer::Link(attrs.link));
    }
    layers.extend(
        STYLES
            .into_iter()
            .filter(|s| attrs.has(*s))
            .map(Layer::Style),
    );
    layers
}

/// An offset within a message, which is at most 4096.
fn number(units: usize) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}
