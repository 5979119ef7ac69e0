//! The formatter on random input: the emitter on documents, the comments on places, the forms on sentences.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::doc::{Block, Comment, Doc, File, Item, Note, Style};
use super::*;

/// Texts that a YAML reader of one version or another takes for something else.
const TRAPS: [&str; 44] = [
    "",
    " ",
    "no",
    "yes",
    "on",
    "y",
    "true",
    "null",
    "Null",
    "~",
    "1.10",
    "1e3",
    "0x1f",
    "22:22",
    "1_000",
    "2026-11-25",
    "-",
    "- a",
    "-a",
    "--- a",
    "...",
    "?",
    "? a",
    "?a",
    ":",
    ": a",
    ":a",
    "a: b",
    "a:",
    "a #b",
    "#a",
    "a#b",
    "[a",
    "a]",
    "{a}",
    "a, b",
    "$$x",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "<<",
    "=",
];

const MORE_TRAPS: [&str; 20] = [
    "%a",
    "@a",
    "`a",
    "'a'",
    "\"a\"",
    "a\\b",
    "it's",
    "say \"hi\"",
    "ä€😀",
    "a\tb",
    "\ta",
    " a",
    "a ",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\na",
    "  a\nb",
    "a\u{2028}b\u{85}\u{feff}",
    "\u{7}\r\n",
];

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[a-z0-9 :#,\\-\\[\\]{}'\"+$>|&*!%@?~\\\\]{0,12}",
        "[ -~äöß€😀\u{a0}\u{3000}]{0,12}",
        "([a-z#:-]{1,12} ){0,20}[a-z]{1,9}",
        Just(String::new()),
    ];
    prop_oneof![
        proptest::sample::select(TRAPS.as_slice()).prop_map(str::to_owned),
        proptest::sample::select(MORE_TRAPS.as_slice()).prop_map(str::to_owned),
        line.clone(),
        (proptest::collection::vec(line, 1..4), "\n{0,2}").prop_map(|(l, end)| l.join("\n") + &end),
        any::<String>(),
    ]
}

fn comment() -> impl Strategy<Value = Comment> {
    let words = "#( [a-z:#'\"{]{1,6}){0,3}";
    (words, any::<bool>()).prop_map(|(text, blank)| Comment { text, blank })
}

fn note() -> impl Strategy<Value = Option<Note>> {
    let note =
        ("#( [a-z\\]}:]{1,6})?", 0..120_usize, any::<bool>()).prop_map(|(text, column, padded)| {
            Note {
                text,
                column,
                padded,
            }
        });
    proptest::option::weighted(0.2, note)
}

fn items(values: impl Strategy<Value = Doc>) -> impl Strategy<Value = Vec<Item>> {
    let comments =
        prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(comment(), 1..3)];
    let key = prop_oneof![
        4 => "[a-z]{1,6}(-[a-z0-9]{1,4})?",
        1 => "[!-~ä€]{1,8}",
    ];
    let item = (
        key,
        comments,
        note(),
        any::<(bool, bool)>(),
        0..30_usize,
        values,
    )
        .prop_map(|(key, lead, note, (blank, padded), offset, value)| Item {
            lead,
            blank,
            key: Some(key),
            offset: Some(offset),
            padded,
            note,
            value,
        });
    proptest::collection::vec(item, 0..5)
}

fn block() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        9 => (text(), any::<bool>()).prop_map(|(text, folded)| Doc::Text { text, folded }),
        1 => Just(Doc::Null),
    ];
    let nested = leaf.prop_recursive(4, 40, 5, |inner| {
        (items(inner), any::<[bool; 2]>()).prop_map(of)
    });
    (items(nested), any::<bool>()).prop_map(|(items, list)| of((items, [list, true])))
}

/// A map or a list of the items; in brackets only what has no comments.
fn of((mut items, [list, lines]): (Vec<Item>, [bool; 2])) -> Doc {
    let mut keys = BTreeSet::new();
    items.retain(|item| keys.insert(item.key.clone()));
    let mut block = Block {
        items,
        ..Block::default()
    };
    if !lines && block.comments() == 0 {
        block.style = Style::Flow;
    }
    if list {
        for item in &mut block.items {
            item.key = None;
            item.lift_comments();
        }
        Doc::List(block)
    } else {
        Doc::Map(block)
    }
}

pub(super) fn parsed(text: &str) -> File {
    let source = Source::new("random.yaml", text);
    read(&source).unwrap_or_else(|error| match error {
        FormatError::Findings(found) => {
            panic!("{}\n{text}", crate::spec::render(&found, &source, false))
        }
        error => panic!("{error}"),
    })
}

fn without_comments(doc: &Doc) -> Doc {
    let mut file = File {
        head: Vec::new(),
        root: doc.clone(),
    };
    file.drop_comments();
    file.root
}

/// A counterexample becomes a line of a test here, not a file beside the source.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn what_is_printed_reads_back_as_the_same_tree(doc in block()) {
        let file = File { head: Vec::new(), root: without_comments(&doc) };
        let text = print::print(&file);
        prop_assert_eq!(parsed(&text).root.plain(), file.root.plain(), "{}", text);
    }

    #[test]
    fn comments_are_kept_and_printing_again_changes_nothing(doc in block()) {
        let file = File { head: Vec::new(), root: doc };
        let text = print::print(&file);
        let again = parsed(&text);
        prop_assert_eq!(again.root.plain(), file.root.plain(), "{}", &text);
        prop_assert_eq!(again.comments(), file.comments(), "{}", &text);
        prop_assert_eq!(print::print(&again), text);
    }
}

/// The specs that ship, and one with what they do not have.
const SPECS: [&str; 3] = [
    include_str!("../../../specs/kubenet-outbound.yaml"),
    include_str!("../../../specs/kubenet-outbound-control.yaml"),
    include_str!("../../../tests/fmt/every-place.yaml"),
];

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn a_comment_may_stand_anywhere(
        spec in 0..SPECS.len(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0..5_u8, 0..14_usize), 1..12),
    ) {
        let mut lines: Vec<String> = SPECS[spec].lines().map(str::to_owned).collect();
        for (at, edit, column) in edits {
            let at = at.index(lines.len());
            match edit {
                0 => lines.insert(at, String::new()),
                1 => lines[at].push_str(" # right"),
                2 => lines[at] = lines[at].replacen(", ", ", # in brackets\n        ", 1),
                3 => lines[at] = lines[at].replacen(": ", ":  # header\n        ", 1),
                _ => lines.insert(at, format!("{}# own", " ".repeat(column))),
            }
        }
        let text = lines.join("\n");
        let source = Source::new("edited.yaml", text.clone());
        // Where an edit is no comment but a part of a text, it may break the YAML.
        if read(&source).is_ok() {
            let once = format(&source);
            prop_assert!(once.is_ok(), "{:?}\n{}", once, text);
            let once = once.unwrap_or_default();
            let twice = format(&Source::new("edited.yaml", once.clone()));
            prop_assert_eq!(twice.unwrap_or_default(), once, "{}", text);
            let long = lengthen(&source);
            prop_assert!(long.is_ok(), "{:?}\n{}", long, text);
        }
    }

    #[test]
    fn a_rule_has_one_short_form(
        priority in 100..4097_u32,
        protocol in proptest::option::of("any|tcp|udp"),
        sides in proptest::array::uniform2(proptest::option::of("any|aks|10\\.0\\.0\\.0/8|aks \\+ Internet")),
        ports in proptest::array::uniform2(proptest::option::of("any|80|443 \\+ 8000-8999")),
    ) {
        let [from, to] = &sides;
        let [from_ports, to_ports] = &ports;
        let mut long = format!("priority: {priority}, access: deny");
        let keys = [("protocol", &protocol), ("from", from), ("from-ports", from_ports), ("to", to), ("to-ports", to_ports)];
        for (key, value) in keys.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            long.push_str(&format!(", {key}: {value}"));
        }
        let side = |set: &Option<String>, ports: &Option<String>| {
            let ports = ports.as_deref().filter(|ports| *ports != "any");
            let set = set.as_deref().unwrap_or("any");
            ports.map_or(set.to_owned(), |ports| format!("{set}:{ports}"))
        };
        let protocol = protocol.as_deref().unwrap_or("any");
        let short = format!(
            "{priority} deny {protocol} {} -> {}", side(from, from_ports), side(to, to_ports),
        );
        let spec = |rule: &str| format!("nsgs:\n  n:\n    inbound:\n      r: {rule}\n");
        let source = Source::new("rule.yaml", spec(&format!("{{ {long} }}")));
        prop_assert_eq!(format(&source).unwrap_or_default(), spec(&short));
        let lengthened = lengthen(&source).unwrap_or_default();
        let again = format(&Source::new("long.yaml", lengthened)).unwrap_or_default();
        prop_assert_eq!(again, spec(&short));
    }
}
