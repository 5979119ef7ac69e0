//! The table of `docs/semantics.md`, held against the rules and the source of the tests.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/semantics.md");

/// The rules that there are on what one flow meets and shows.
fn rules() -> impl Iterator<Item = u32> {
    (1..=44).chain(50..=77).chain(80..=82)
}

/// Rule, status, and the cell with tests or a reason.
fn rows() -> Vec<(u32, &'static str, &'static str)> {
    let rows = PAGE.lines().filter_map(|line| {
        let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
        let number = cells.get(1)?.strip_prefix('R')?.parse().ok()?;
        Some((number, cells[3], cells[4]))
    });
    rows.collect()
}

/// The tests that a cell names, as file and function.
fn tests(cell: &str) -> Vec<(&str, &str)> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| !text.starts_with("arm::"))
        .map(|text| text.split_once("::").unwrap_or_else(|| panic!("`{text}`")))
        .collect()
}

#[test]
fn every_rule_is_in_the_table_once_and_in_order() {
    let listed = rows().iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(listed, rules().collect::<Vec<_>>());
}

#[test]
fn what_is_implemented_or_undetermined_names_its_tests_and_the_rest_a_reason() {
    for (rule, status, cell) in rows() {
        let words = ["implemented", "undetermined", "elsewhere", "out of scope"];
        let word = words.iter().find(|word| status.starts_with(**word));
        let word = word.unwrap_or_else(|| panic!("R{rule}: `{status}`"));
        if ["implemented", "undetermined"].contains(word) {
            assert!(!tests(cell).is_empty(), "R{rule} names no test");
        }
        assert!(!cell.is_empty(), "R{rule} gives no reason");
    }
}

#[test]
fn every_test_that_the_table_names_exists() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/predict_concrete");
    let mut missing = BTreeSet::new();
    for (rule, _, cell) in rows() {
        for (file, function) in tests(cell) {
            let source = std::fs::read_to_string(directory.join(format!("{file}.rs")));
            let header = format!("#[test]\nfn {function}()");
            if !source.is_ok_and(|source| source.contains(&header)) {
                missing.insert(format!("R{rule}: {file}::{function}"));
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_cause_of_the_analysis_is_on_the_page() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/predict");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        for start in ["cause(\"", "Err(\""] {
            for rest in source.split(start).skip(1) {
                found.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    assert!(
        found.contains("no-egress"),
        "the reader sees causes: {found:?}"
    );
    let absent = found
        .iter()
        .filter(|cause| !PAGE.contains(&format!("`{cause}`")));
    assert_eq!(absent.collect::<Vec<_>>(), Vec::<&String>::new());
}
