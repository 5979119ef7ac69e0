//! The combinations of a matrix beside their probes: what each saw, in one table.

use crate::verdict::Verdict;
use crate::verdict::event::{CombinationRecord, ObservedRecord, ProbeRecord, Report};

use super::layout::{padded, wrap};
use super::style::Style;

/// Between two columns.
const GAP: usize = 2;
/// The narrowest column of a probe.
const NARROWEST: usize = 14;
/// The widest column of a probe: an outcome, a status, an address.
const WIDEST: usize = 34;

/// The table, a row for each combination and a column for each probe; nothing without a matrix. Where the
/// columns do not stand side by side there are several tables, one below the other.
pub(super) fn lines(report: &Report, style: Style) -> Vec<String> {
    let rows = &report.combinations;
    let mut probes: Vec<&str> = Vec::new();
    for probe in report.all_steps().flat_map(|step| &step.probes) {
        if !probes.contains(&probe.name.as_str()) {
            probes.push(&probe.name);
        }
    }
    if rows.is_empty() || probes.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = rows.iter().map(CombinationRecord::name).collect();
    let longest = names.iter().map(|name| name.chars().count()).max();
    let first = longest.unwrap_or(0).min(style.width / 3).max(1);
    let room = style.width.saturating_sub(first);
    let side_by_side = (room / (NARROWEST + GAP)).max(1);
    let width = (room / side_by_side.min(probes.len()))
        .saturating_sub(GAP)
        .clamp(1, WIDEST);

    let mut lines = Vec::new();
    for probes in probes.chunks(side_by_side) {
        lines.push(String::new());
        let heads = probes.iter().map(|probe| (*probe).to_owned()).collect();
        let heads = Cells {
            cells: heads,
            paint: vec![None; probes.len()],
        };
        lines.extend(row("", first, &heads, width, style));
        for (name, combination) in names.iter().zip(rows) {
            let cells = probes.iter().map(|probe| cell(combination, probe));
            let (cells, paint) = cells.unzip();
            lines.extend(row(name, first, &Cells { cells, paint }, width, style));
        }
    }
    lines
}

struct Cells {
    cells: Vec<String>,
    paint: Vec<Option<Verdict>>,
}

/// A row of the table, as many lines high as its highest cell.
fn row(name: &str, first: usize, cells: &Cells, width: usize, style: Style) -> Vec<String> {
    let name = wrap(name, first);
    let wrapped: Vec<Vec<String>> = cells.cells.iter().map(|cell| wrap(cell, width)).collect();
    let heights = wrapped.iter().map(Vec::len);
    let height = heights.chain([name.len()]).max().unwrap_or(1);
    let line = |at: usize| {
        let mut line = padded(name.get(at).map_or("", String::as_str), first);
        for (cell, paint) in wrapped.iter().zip(&cells.paint) {
            let text = cell.get(at).map_or("", String::as_str);
            line.push_str(&" ".repeat(GAP));
            let painted = match paint {
                Some(verdict) => style.of_verdict(*verdict, text),
                None => style.strong(text),
            };
            // Colour takes no room.
            let missing = width.saturating_sub(text.chars().count());
            line.push_str(&painted);
            line.push_str(&" ".repeat(missing));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// What a probe saw in a combination, step after step, and the worst that was made of it.
fn cell(combination: &CombinationRecord, name: &str) -> (String, Option<Verdict>) {
    let steps = combination.steps.iter().flat_map(|step| &step.probes);
    let records: Vec<&ProbeRecord> = steps.filter(|probe| probe.name == name).collect();
    let verdict = crate::verdict::combine(records.iter().map(|record| record.verdict));
    let mut seen: Vec<String> = records.iter().map(|record| seen(record)).collect();
    // What stays as it was need not be said again.
    seen.dedup();
    match seen.is_empty() {
        true => ("-".to_owned(), Some(Verdict::Skipped)),
        false => (seen.join("; "), Some(verdict)),
    }
}

fn seen(record: &ProbeRecord) -> String {
    let ObservedRecord {
        outcome,
        status,
        source,
        ..
    } = &record.observed;
    let mut text = match (status, record.verdict) {
        (Some(status), _) => status.to_string(),
        (None, Verdict::Skipped) => record.verdict.word().to_owned(),
        (None, _) => outcome.clone(),
    };
    if let Some(source) = source {
        text = format!("{text} from {source}");
    }
    match record.verdict {
        Verdict::Pass | Verdict::Skipped => text,
        verdict => format!("{text} ({})", verdict.word()),
    }
}
