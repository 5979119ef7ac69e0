//! The dependency table of the architecture, held against every `crate::` path in the source.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules a module may use, besides `net` and `verdict`, which all may use (`net` uses nothing).
fn table() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("net", [].as_slice()),
        ("verdict", &[]),
        ("arm", &[]),
        ("spec", &[]),
        ("probe", &[]),
        ("topology", &["spec", "probe"]),
        ("compile", &["topology", "probe", "arm"]),
        ("predict", &["arm"]),
        ("client", &["arm"]),
        (
            "runner",
            &["topology", "compile", "arm", "predict", "client", "probe"],
        ),
        ("report", &[]),
        ("emulator", &["arm", "probe"]),
        ("lab", &["emulator", "arm"]),
    ])
}

/// The one file of the emulator that may ask the analysis: the model fabric.
const MODEL: &str = "emulator/model.rs";

#[test]
fn every_module_uses_only_what_the_table_allows() {
    let table = table();
    let source = support::checkout().join("src");
    let mut wrong = Vec::new();
    for file in files(&source) {
        let inside = file
            .strip_prefix(&source)
            .expect("the file lies in src")
            .to_string_lossy()
            .into_owned();
        let module = inside
            .split(['/', '.'])
            .next()
            .expect("a path has a first part");
        if ["lib", "main", "cli"].contains(&module) {
            continue;
        }
        let allowed = table
            .get(module)
            .unwrap_or_else(|| panic!("`{module}` is not in the dependency table"));
        for used in uses(&fs::read_to_string(&file).expect("the source can be read")) {
            let common = module != "net" && (used == "net" || used == "verdict");
            let model = inside == MODEL && used == "predict";
            if used != module && !common && !model && !allowed.contains(&used.as_str()) {
                wrong.push(format!("src/{inside} uses crate::{used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_path_reader_sees_every_form_of_use() {
    let text = "use crate::arm::{self, X};\nuse crate::{client, lab::Lab};\nlet x = crate::spec::y();\n// crate::comment\n";
    assert_eq!(
        uses(text).into_iter().collect::<Vec<_>>(),
        ["arm", "client", "lab", "spec"]
    );
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the source can be listed") {
        let path = entry.expect("a readable directory entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The first part of every `crate::` path; comments do not count.
fn uses(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => {
                found.insert(word(rest));
            }
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && depth == 0 && !c.is_whitespace() => {
                            found.insert(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}
