//! The report of a run as text for a person, and one line for each event while it goes on.

use std::collections::BTreeMap;

use crate::verdict::Verdict;
use crate::verdict::event::{
    CombinationRecord, Event, FabricName, ProbeRecord, Report, StepRecord, TargetName,
};

use super::facts::{self, Fact};
use super::layout::{count, duration, padded, wrap};
use super::style::Style;
use super::truth_table;

/// Renders the report of a run.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut text = Text {
        style,
        out: String::new(),
    };
    text.header(report);
    text.steps(&report.steps);
    for combination in &report.combinations {
        text.blank();
        text.combination(combination);
    }
    for line in truth_table::lines(report, style) {
        text.line(&line);
    }
    text.blank();
    text.summary(report);
    text.out
}

/// One line for an event, to be shown while the run goes on; `None` where there is nothing to say.
#[must_use]
pub fn progress(event: &Event) -> Option<String> {
    let line = match event {
        Event::RunStarted {
            name,
            target,
            fabric,
            ..
        } => format!(
            "{name} on {}, {}",
            target_words(*target),
            fabric_words(*fabric)
        ),
        Event::StepStarted {
            index,
            of,
            name,
            kind,
        } => format!(
            "step {} of {of}: {}",
            index + 1,
            step_title(name, kind.word())
        ),
        Event::Progress { message } => format!("  {message}"),
        Event::ProbeFinished { record, .. } => {
            let ProbeRecord { name, verdict, .. } = record.as_ref();
            format!(
                "  {name}: {} ({}, {})",
                verdict.word(),
                call(record),
                record.observed.outcome
            )
        }
        Event::StepFinished { index, record } => format!(
            "step {}: {} in {}",
            index + 1,
            record.verdict.word(),
            duration(record.duration_ms)
        ),
        Event::Cleanup { message, .. } => format!("cleanup: {message}"),
        Event::CombinationStarted { index, of, name } => {
            format!("combination {} of {of}: {name}", index + 1)
        }
        Event::Within { combination, event } => {
            format!("{combination}: {}", progress(event)?.trim())
        }
        Event::CombinationFinished { index, record } => format!(
            "combination {}: {} in {}",
            index + 1,
            record.verdict.word(),
            duration(record.duration_ms)
        ),
        Event::RunFinished { .. } => return None,
    };
    // One line, whatever the message holds.
    let indent = line.len() - line.trim_start().len();
    Some(format!(
        "{}{}",
        " ".repeat(indent),
        wrap(&line, usize::MAX).concat()
    ))
}

fn target_words(target: TargetName) -> &'static str {
    match target {
        TargetName::Local => "the local Azure",
        TargetName::Azure => "Azure",
    }
}

fn fabric_words(fabric: FabricName) -> &'static str {
    match fabric {
        FabricName::Lab => "real packets between Linux namespaces",
        FabricName::Model => "simulated, no packets",
        FabricName::Azure => "real packets",
    }
}

fn step_title(name: &str, kind: &str) -> String {
    if name == kind {
        name.to_owned()
    } else {
        format!("{name} ({kind})")
    }
}

/// Who calls whom: the first URL without its query, which the list of URLs as sent has.
fn call(probe: &ProbeRecord) -> String {
    let to = probe.observed.urls.first().unwrap_or(&probe.to);
    let to = to.split_once('?').map_or(to.as_str(), |(url, _)| url);
    format!("{} -> {to}", probe.from)
}

/// The report as far as it is written.
struct Text {
    style: Style,
    out: String,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn blank(&mut self) {
        self.out.push('\n');
    }

    /// `text` behind `label`, its further lines under the first.
    fn labelled(
        &mut self,
        indent: usize,
        label: &str,
        text: &str,
        paint: fn(Style, &str) -> String,
    ) {
        let start = indent + label.chars().count() + 2;
        let style = self.style;
        for (index, line) in wrap(text, style.width.saturating_sub(start))
            .iter()
            .enumerate()
        {
            let before = if index == 0 {
                padded(label, start - indent)
            } else {
                " ".repeat(start - indent)
            };
            self.line(&format!(
                "{}{}{}",
                " ".repeat(indent),
                style.faint(&before),
                paint(style, line)
            ));
        }
    }

    /// `title` on the left, the verdict and the time on the right.
    fn titled(&mut self, indent: usize, title: &str, verdict: Verdict, ms: u64) {
        let time = format!("{:>12}", duration(ms));
        let right = format!("{}{time}", padded(verdict.word(), 12));
        let room = self
            .style
            .width
            .saturating_sub(indent + right.chars().count() + 2);
        let lines = wrap(title, room);
        let painted = format!(
            "{}{time}",
            self.style.of_verdict(verdict, &padded(verdict.word(), 12))
        );
        for (index, line) in lines.iter().enumerate() {
            let left = format!("{}{}", " ".repeat(indent), padded(line, room + 2));
            let right = if index == 0 { painted.as_str() } else { "" };
            self.line(&format!("{left}{right}"));
        }
    }

    fn header(&mut self, report: &Report) {
        let style = self.style;
        let name = &report.spec.name;
        self.line(&format!(
            "{}  {}",
            style.strong(name),
            style.faint(&report.spec.file.display().to_string())
        ));
        self.line(&format!(
            "on {}, {}",
            target_words(report.target),
            fabric_words(report.fabric)
        ));
        if is_simulated(report) {
            self.blank();
            self.line(&style.warning(
                "*** simulated, no packets: a model answered, so nothing here was observed ***",
            ));
        }
        if !report.notes.is_empty() {
            self.blank();
        }
        for note in &report.notes {
            self.labelled(0, "note:", note, plain);
        }
    }

    fn steps(&mut self, steps: &[StepRecord]) {
        for (index, step) in steps.iter().enumerate() {
            self.blank();
            self.step(index, step);
        }
    }

    fn combination(&mut self, combination: &CombinationRecord) {
        let CombinationRecord {
            verdict,
            duration_ms,
            ..
        } = combination;
        let title = format!("=== {}", combination.name());
        self.titled(0, &title, *verdict, *duration_ms);
        if let Some(error) = &combination.error {
            self.labelled(2, "error", error, Style::error);
        }
        self.steps(&combination.steps);
    }

    fn step(&mut self, index: usize, step: &StepRecord) {
        let title = format!(
            "step {}: {}",
            index + 1,
            step_title(&step.name, step.kind.word())
        );
        self.titled(0, &title, step.verdict, step.duration_ms);
        if let Some(deployment) = &step.deployment {
            let deleted = match deployment.deleted.len() {
                0 => String::new(),
                number => format!(", {number} deleted"),
            };
            let written = count(deployment.resources.len(), "resource");
            let words = format!("`{}`, {written} written{deleted}", deployment.name);
            self.labelled(2, "deployment", &words, plain);
        }
        if let Some(error) = &step.error {
            self.labelled(2, "error", error, Style::error);
        }
        for probe in &step.probes {
            self.blank();
            self.probe(probe);
        }
    }

    fn probe(&mut self, probe: &ProbeRecord) {
        let title = format!("{}: {}", probe.name, call(probe));
        self.titled(2, &title, probe.verdict, probe.observed.duration_ms);
        self.table(&facts::facts(probe), probe.observed.simulated);
        if let Some(prediction) = &probe.predicted {
            for reading in facts::readings(prediction) {
                self.labelled(4, "reading  ", &reading, plain);
            }
        }
        let urls = &probe.observed.urls;
        if urls.len() > 1 || urls.iter().any(|url| url.contains('?')) {
            for url in urls {
                self.labelled(4, "asked    ", url, plain);
            }
        }
        if let Some(evidence) = &probe.observed.evidence {
            self.labelled(4, "evidence ", &facts::evidence(evidence), plain);
        }
        let label = match probe.verdict {
            Verdict::Inconclusive | Verdict::Skipped => "because  ",
            _ => "differs  ",
        };
        for difference in &probe.differs {
            self.labelled(4, label, difference, Style::error);
        }
    }

    /// One row for each fact, one column for each witness; `!` marks a fact on which they differ.
    fn table(&mut self, facts: &[Fact], simulated: bool) {
        let last = if simulated { "simulated" } else { "observed" };
        let heads = ["expected", "predicted", last];
        const NAME: usize = 9;
        const INDENT: usize = 4;
        let cells = |fact: &Fact| {
            [&fact.expected, &fact.predicted, &fact.observed].map(|cell| cell.clone())
        };
        let room = self.style.width.saturating_sub(INDENT + NAME + 2 + 4) / 3;
        let widths = [0, 1, 2].map(|column| {
            let longest = facts
                .iter()
                .map(|fact| cells(fact)[column].chars().count())
                .max();
            longest
                .unwrap_or(0)
                .max(heads[column].len())
                .min(room.max(10))
        });
        let indent = " ".repeat(INDENT);
        let head = [0, 1, 2].map(|column| padded(heads[column], widths[column]));
        let head = format!("{indent}{}{}", " ".repeat(NAME + 2), head.join("  "));
        self.line(&self.style.faint(head.trim_end()));
        for fact in facts {
            let cells = cells(fact);
            let cells = [0, 1, 2].map(|column| wrap(&cells[column], widths[column]));
            let height = cells.iter().map(Vec::len).max().unwrap_or(1);
            for row in 0..height {
                let columns = [0, 1, 2].map(|column| {
                    let line = cells[column].get(row).map_or("", String::as_str);
                    padded(line, widths[column])
                });
                let name = if row == 0 { fact.name } else { "" };
                let mark = if row == 0 && fact.differs { "! " } else { "  " };
                let line = format!("{mark}{}", columns.join("  "));
                let line = line.trim_end();
                let painted = if fact.differs {
                    self.style.error(line)
                } else {
                    line.to_owned()
                };
                self.line(&format!(
                    "{indent}{}{painted}",
                    self.style.faint(&padded(name, NAME))
                ));
            }
        }
    }

    fn summary(&mut self, report: &Report) {
        let probes = report.all_steps().flat_map(|step| &step.probes);
        let mut counts = BTreeMap::<Verdict, usize>::new();
        for probe in probes {
            *counts.entry(probe.verdict).or_default() += 1;
        }
        let total = count(counts.values().sum(), "probe");
        let by_verdict = counts
            .iter()
            .map(|(verdict, number)| format!("{number} {}", verdict.word()))
            .collect::<Vec<_>>();
        let split = if by_verdict.is_empty() {
            String::new()
        } else {
            format!(" ({})", by_verdict.join(", "))
        };
        let simulated = if is_simulated(report) {
            ", simulated"
        } else {
            ""
        };
        let mut steps = count(report.all_steps().count(), "step");
        if !report.combinations.is_empty() {
            let combinations = count(report.combinations.len(), "combination");
            steps = format!("{steps} of {combinations}");
        }
        self.line(&format!(
            "{}{simulated}: {total}{split} in {}, {}, {} of it waiting for answers; exit code {}",
            self.style.verdict(report.verdict),
            steps,
            duration(report.duration_ms),
            duration(report.probes_waited_ms),
            report.exit_code,
        ));
        if let Some(advice) = advice(report) {
            self.labelled(0, "note:", advice, plain);
        }
        // A command stands on a line of its own, however long, so that it can be copied.
        for command in commands(report) {
            self.line(&format!("{}  {command}", self.style.faint("next:")));
        }
    }
}

fn plain(_style: Style, text: &str) -> String {
    text.to_owned()
}

fn is_simulated(report: &Report) -> bool {
    let mut probes = report.all_steps().flat_map(|step| &step.probes);
    report.fabric == FabricName::Model || probes.any(|probe| probe.observed.simulated)
}

/// What to do now, in words.
fn advice(report: &Report) -> Option<&'static str> {
    match report.verdict {
        Verdict::Fail => Some(
            "the rows marked `!` are not as expected: change the spec where it is wrong, or the expectation",
        ),
        Verdict::Inconclusive => {
            Some("the lines above say what was missing; nothing is proven until it is there")
        }
        Verdict::Diverged => {
            Some("the analysis and the packets disagree, so one of them is wrong about Azure")
        }
        Verdict::Pass | Verdict::Flaky | Verdict::Skipped => None,
    }
}

/// What to type now: how to see more, and how to get real packets.
fn commands(report: &Report) -> Vec<String> {
    let file = report.spec.file.display();
    let mut commands = vec![format!("vnetlab run {file} --report json=report.json")];
    if is_simulated(report) {
        commands.insert(0, "vnetlab doctor".to_owned());
    }
    commands
}
