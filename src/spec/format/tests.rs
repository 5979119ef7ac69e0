//! The formatter on chosen input.

use std::collections::BTreeSet;

use super::doc::{Doc, Plain};
use super::random::parsed;
use super::*;

fn formatted(text: &str) -> String {
    format(&Source::new("test.yaml", text)).expect("the text is YAML")
}

#[test]
fn quotes_stand_only_where_they_are_needed() {
    for (text, yaml) in [
        ("no", "no"),
        ("1.10", "1.10"),
        ("22:22", "22:22"),
        ("$$x", "$$x"),
        ("-a", "-a"),
        ("http://web/?q=[1]", "http://web/?q=[1]"),
        ("null", "\"null\""),
        ("~", "\"~\""),
        ("a: b", "\"a: b\""),
        ("a #b", "\"a #b\""),
        ("[a", "\"[a\""),
        ("say \"hi\": it's", "'say \"hi\": it''s'"),
    ] {
        assert_eq!(scalar::inline(text, scalar::Place::Block), yaml);
    }
    assert_eq!(scalar::inline("a, b", scalar::Place::Block), "a, b");
    assert_eq!(scalar::inline("a, b", scalar::Place::Flow), "\"a, b\"");
}

#[test]
fn long_forms_become_short_ones() {
    for (long, short) in [
        (
            "{ from: a, to: b, scheme: http, port: 80, path: /, method: GET, timeout: 1s }",
            "a -> http://b/",
        ),
        (
            "{ from: a, to: b, scheme: http, port: 8080 }",
            "a -> http://b:8080",
        ),
        (
            "{ from: a, to: b, scheme: tcp, port: 80 }",
            "a -> tcp://b:80",
        ),
        (
            "{ from: a, to: b, scheme: http, timeout: 5s }",
            "{ call: a -> http://b, timeout: 5s }",
        ),
        (
            "{ timeout: 5s, call: a  ->  http://b }",
            "{ call: a -> http://b, timeout: 5s }",
        ),
        // What `with` brings may be what a sentence would say by default.
        (
            "{ from: a, to: b, scheme: http, with: $more }",
            "{ from: a, to: b, scheme: http, with: $more }",
        ),
        // Not a sentence: without a scheme there is none, and a host is one word.
        ("{ from: a, to: b }", "{ from: a, to: b }"),
        (
            "{ from: a, to: b/c:d, scheme: tcp }",
            "{ from: a, to: b/c:d, scheme: tcp }",
        ),
    ] {
        let spec = |probe: &str| format!("probes:\n  p: {probe}\n");
        assert_eq!(formatted(&spec(long)), spec(short));
    }
}

#[test]
fn what_has_comments_or_loses_a_key_later_stays_long() {
    let commented = "nsgs:\n  n:\n    inbound:\n      r:\n        priority: 100  # first\n        access: deny\n";
    assert_eq!(formatted(commented), commented);
    let removed = "nsgs:\n  n:\n    inbound:\n      r: { priority: 100, access: deny, from-ports: any }\n\
                   steps:\n  - change: { nsgs.n.inbound.r.from-ports: null }\n";
    assert_eq!(formatted(removed), removed);
}

#[test]
fn the_lines_of_a_text_stay_as_they_are_meant() {
    let words = "word ".repeat(30);
    let words = words.trim_end();
    let text = format!("about: >\n  {words}\n\n  {words}\nname: a\n");
    let Doc::Map(block) = parsed(&formatted(&text)).root else {
        panic!("a map");
    };
    let about = block.get("about").map(|item| item.value.plain());
    assert_eq!(about, Some(Plain::Text(format!("{words}\n{words}\n"))));
    assert!(
        formatted(&text)
            .lines()
            .all(|line| line.len() <= print::WIDTH)
    );
    // On one line it is the author's line, however long.
    let long = format!("name: a\nabout: {words}\n");
    assert_eq!(formatted(&long), long);
}

#[test]
fn every_key_of_the_language_has_its_place() {
    for (place, order) in table::ORDER {
        let unique: BTreeSet<&str> = order.split_whitespace().collect();
        assert_eq!(unique.len(), order.split_whitespace().count(), "{place}");
    }
    let ordered = |place: &str, key: &str| {
        table::ORDER
            .iter()
            .any(|(at, order)| *at == place && order.split_whitespace().any(|word| word == key))
    };
    for (place, key, ..) in table::DEFAULTS {
        assert!(ordered(place, key), "{place}.{key}");
    }
    for (place, _) in table::ORDER {
        let first = |key: &'static str| key.split('|').next().unwrap_or(key);
        let path: Vec<&str> = place
            .split('.')
            .map(first)
            .filter(|key| !key.is_empty())
            .collect();
        let keys = crate::spec::language::shape_at(&path).map(|shape| shape.keys);
        for key in keys.unwrap_or_default() {
            let name = key.name;
            assert!(
                ordered(place, name),
                "{place}.{name} has no place in `ORDER`"
            );
        }
    }
}
