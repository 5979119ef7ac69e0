//! The report for a person, as it is seen.
#![allow(clippy::unwrap_used)]

mod report_samples;

use vnetlab::report::Style;
use vnetlab::report::human::{progress, render};
use vnetlab::verdict::event::{Event, FabricName, StepKind, TargetName};

#[test]
fn a_run_that_passes() {
    insta::assert_snapshot!(render(&report_samples::pass(), Style::default()));
}

#[test]
fn a_run_that_fails_because_the_source_differs() {
    insta::assert_snapshot!(render(&report_samples::fail(), Style::default()));
}

#[test]
fn a_run_that_is_inconclusive() {
    insta::assert_snapshot!(render(&report_samples::inconclusive(), Style::default()));
}

#[test]
fn a_run_that_is_simulated() {
    insta::assert_snapshot!(render(&report_samples::simulated(), Style::default()));
}

#[test]
fn a_run_that_diverges() {
    insta::assert_snapshot!(render(&report_samples::diverged(), Style::default()));
}

#[test]
fn a_run_of_several_combinations_ends_with_a_table_of_them() {
    insta::assert_snapshot!(render(&report_samples::combinations(), Style::default()));
}

#[test]
fn no_line_is_wider_than_asked_and_none_ends_in_a_space() {
    for (name, report) in report_samples::all() {
        for width in [72, 80, 100, 140] {
            let text = render(
                &report,
                Style {
                    color: false,
                    width,
                },
            );
            for line in text.lines() {
                // The summary, the loud line and commands to copy are sentences of their own length.
                let free = ["***", "next:"].iter().any(|start| line.starts_with(start))
                    || line.contains("exit code");
                assert!(
                    free || line.chars().count() <= width,
                    "{name} {width}: {line}"
                );
                assert_eq!(line, line.trim_end(), "{name} {width}");
                assert!(line.is_ascii(), "{name}: {line}");
            }
        }
    }
}

#[test]
fn colour_adds_codes_and_no_words() {
    let without_codes = |text: &str| {
        let mut plain = String::new();
        for (index, part) in text.split("\x1b[").enumerate() {
            plain.push_str(if index == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            });
        }
        plain
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (name, report) in report_samples::all() {
        let plain = render(&report, Style::default());
        let color = Style {
            color: true,
            ..Style::default()
        };
        let painted = render(&report, color);
        assert!(painted.contains("\x1b["), "{name}");
        assert_eq!(without_codes(&painted), plain.trim_end(), "{name}");
    }
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let mut report = report_samples::pass();
    report.steps[1].probes[0].observed.body = Some("\x1b[2J\r\n".to_owned());
    report.steps[1].error = Some("\x1b]0;title\x07".to_owned());
    let text = render(&report, Style::default());
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
}

#[test]
fn each_event_is_one_line_and_the_end_is_the_reports() {
    let report = report_samples::pass();
    let probe = report.steps[1].probes[0].clone();
    let events = [
        Event::RunStarted {
            name: "kubenet-outbound".to_owned(),
            file: "specs/kubenet-outbound.yaml".into(),
            target: TargetName::Local,
            fabric: FabricName::Model,
            notes: Vec::new(),
        },
        Event::StepStarted {
            index: 0,
            of: 3,
            name: "deploy".to_owned(),
            kind: StepKind::Deploy,
        },
        Event::Progress {
            message: "virtualNetworks/v: Succeeded\nafter 3 s".to_owned(),
        },
        Event::ProbeFinished {
            step: 1,
            record: Box::new(probe),
        },
        Event::StepFinished {
            index: 2,
            record: Box::new(report.steps[2].clone()),
        },
        Event::Cleanup {
            message: "resource group removed".to_owned(),
            residue: false,
        },
        Event::CombinationStarted {
            index: 1,
            of: 4,
            name: "cni=overlay".to_owned(),
        },
        Event::Within {
            combination: "cni=overlay".to_owned(),
            event: Box::new(Event::StepStarted {
                index: 0,
                of: 1,
                name: "deploy".to_owned(),
                kind: StepKind::Deploy,
            }),
        },
        Event::CombinationFinished {
            index: 1,
            record: Box::new(report_samples::combinations().combinations.remove(1)),
        },
        Event::RunFinished {
            report: Box::new(report),
        },
    ];
    let lines = events.iter().map(progress).collect::<Vec<_>>();
    insta::assert_debug_snapshot!(lines);
}

#[test]
fn the_last_lines_are_the_verdict_and_the_next_command() {
    for (name, report) in report_samples::all() {
        let text = render(&report, Style::default());
        let (_, end) = text.rsplit_once("\n\n").unwrap();
        assert!(end.starts_with(report.verdict.word()), "{name}: {end}");
        let last = end.lines().last().unwrap_or_default();
        assert!(last.starts_with("next:  vnetlab run"), "{name}: {last}");
    }
}
