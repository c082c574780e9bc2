//! What was measured: rows with a baseline and a target, as a table or JSON.

use serde_json::{Value, json};

use crate::Length;

/// Which side of a target is good.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Only for information.
    None,
}

/// One measured thing.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// What was measured.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is compared with, in the same unit, and what that is.
    pub baseline: Option<(f64, &'static str)>,
    /// What the value should be.
    pub target: Target,
    /// What the ratio value / baseline should be.
    pub ratio_target: Target,
}

impl Row {
    /// A row without baseline or targets.
    pub fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            name,
            value,
            unit,
            baseline: None,
            target: Target::None,
            ratio_target: Target::None,
        }
    }

    /// Compared with this.
    pub fn against(self, baseline: f64, what: &'static str) -> Self {
        Self {
            baseline: Some((baseline, what)),
            ..self
        }
    }

    /// The value should be so.
    pub fn target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// The ratio should be so.
    pub fn ratio_target(self, ratio_target: Target) -> Self {
        Self {
            ratio_target,
            ..self
        }
    }

    fn ratio(&self) -> Option<f64> {
        self.baseline.map(|(baseline, _)| self.value / baseline)
    }

    fn is_met(&self) -> Option<bool> {
        let met = |target, value: Option<f64>| match (target, value) {
            (Target::AtLeast(limit), Some(value)) => Some(value >= limit),
            (Target::AtMost(limit), Some(value)) => Some(value <= limit),
            _ => None,
        };
        match (
            met(self.target, Some(self.value)),
            met(self.ratio_target, self.ratio()),
        ) {
            (None, other) | (other, None) => other,
            (Some(a), Some(b)) => Some(a && b),
        }
    }

    fn wanted(&self) -> String {
        let one = |target, unit: &str| match target {
            Target::AtLeast(limit) => Some(format!(">= {}{unit}", number(limit))),
            Target::AtMost(limit) => Some(format!("<= {}{unit}", number(limit))),
            Target::None => None,
        };
        let unit = format!(" {}", self.unit);
        [one(self.target, &unit), one(self.ratio_target, "x")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Everything measured in one run.
#[derive(Debug)]
pub struct Report {
    length: Length,
    rows: Vec<Row>,
    notes: Vec<String>,
    broken: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(length: Length) -> Self {
        Self {
            length,
            rows: Vec::new(),
            notes: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Something does not work.
    pub fn broken(&mut self, measure: &str, error: &anyhow::Error) {
        self.broken.push(format!("{measure}: {error:#}"));
    }

    /// Whether something does not work.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut lines = vec![
            [
                "measure",
                "value",
                "baseline",
                "ratio",
                "target",
                "met",
                "baseline is",
            ]
            .map(str::to_owned),
        ];
        for row in &self.rows {
            let (baseline, what) = match row.baseline {
                Some((value, what)) => (format!("{} {}", number(value), row.unit), what),
                None => (String::new(), ""),
            };
            lines.push([
                row.name.to_owned(),
                format!("{} {}", number(row.value), row.unit),
                baseline,
                row.ratio().map(|r| format!("{r:.2}x")).unwrap_or_default(),
                row.wanted(),
                match row.is_met() {
                    Some(true) => "yes".to_owned(),
                    Some(false) => "NO".to_owned(),
                    None => String::new(),
                },
                what.to_owned(),
            ]);
        }
        let widths: Vec<usize> = (0..7)
            .map(|column| lines.iter().map(|l| l[column].len()).max().unwrap_or(0))
            .collect();
        let mut out: Vec<String> = lines
            .iter()
            .map(|line| {
                let cells = line.iter().zip(&widths).enumerate();
                let padded = cells.map(|(column, (cell, width))| match column {
                    1..=3 => format!("{cell:>width$}"),
                    _ => format!("{cell:<width$}"),
                });
                padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            })
            .collect();
        out.insert(1, "-".repeat(widths.iter().sum::<usize>() + 12));
        out.extend(self.notes.iter().map(|note| format!("* {note}")));
        if self.length == Length::Short {
            out.push("* a short run: it proves that things work, not how fast they are".to_owned());
        }
        out.extend(self.broken.iter().map(|what| format!("BROKEN {what}")));
        out.join("\n")
    }

    /// For programs.
    pub fn json(&self) -> String {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name, "value": row.value, "unit": row.unit,
                    "baseline": row.baseline.map(|(value, _)| value),
                    "baseline_is": row.baseline.map(|(_, what)| what),
                    "ratio": row.ratio(), "target": row.wanted(), "met": row.is_met(),
                })
            })
            .collect();
        json!({
            "short": self.length == Length::Short,
            "rows": rows, "notes": self.notes, "broken": self.broken,
        })
        .to_string()
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The value below which this share of the samples lies; 0 without samples.
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a list that fits into memory"
    )]
    let at = ((samples.len() - 1) as f64 * share).round() as usize;
    samples[at]
}
