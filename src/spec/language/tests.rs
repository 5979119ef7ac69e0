use super::*;
use crate::spec::{Source, parse};

#[test]
fn a_path_leads_to_the_map_at_it() {
    let what = |path: &[&str]| shape_at(path).map(|shape| shape.what);
    for (path, shape) in [
        (&[][..], "a spec"),
        (&["vnets", "v", "subnets", "s"], "a subnet"),
        (&["nsgs", "n", "outbound", "r"], "a security rule"),
        (&["routes", "t", "r"], "a route"),
        (&["steps", "-", "probe", "p"], "an expectation"),
        (&["workloads", "w", "registry"], "a registry"),
    ] {
        assert_eq!(what(path), Some(shape), "{path:?}");
    }
    for path in [&["vnets"][..], &["routes", "t"], &["nope"], &["name", "x"]] {
        assert_eq!(what(path), None, "{path:?}");
    }
}

#[test]
fn a_short_form_stands_for_keys_that_exist() {
    fn walk(form: Form, seen: &mut Vec<&'static str>) {
        match form {
            Form::Thing(shape) | Form::Things(shape) | Form::Sequence(shape) => {
                if seen.contains(&shape.what) {
                    return;
                }
                seen.push(shape.what);
                match shape.short {
                    Short::Value(key) => assert!(shape.key(key).is_some(), "{key}"),
                    Short::Words(words) => {
                        assert!(words.iter().all(|word| shape.key(word).is_some()));
                    }
                    Short::None | Short::Sentence(_) | Short::Answers => {}
                }
                for key in shape.keys {
                    assert!(
                        !key.about.is_empty() && !key.example.is_empty(),
                        "{}",
                        key.name
                    );
                    walk(key.form, seen);
                }
            }
            Form::Map(inner) | Form::List(inner) | Form::OneOrMany(inner) => walk(*inner, seen),
            _ => {}
        }
    }
    let mut seen = Vec::new();
    walk(Form::Thing(&SPEC), &mut seen);
    assert!(seen.len() >= 17, "{seen:?}");
}

/// Every map of the language with the path that leads to it; `-` is an item of a list.
fn shapes() -> Vec<(&'static Shape, Vec<&'static str>)> {
    fn walk(
        form: Form,
        path: &[&'static str],
        shapes: &mut Vec<(&'static Shape, Vec<&'static str>)>,
    ) {
        let below = |segment: &'static str| [path, &[segment]].concat();
        match form {
            Form::Thing(shape) => {
                if shapes.iter().any(|(seen, _)| std::ptr::eq(*seen, shape)) {
                    return;
                }
                shapes.push((shape, path.to_vec()));
                for key in shape.keys {
                    walk(key.form, &below(key.name), shapes);
                }
            }
            Form::Things(shape) => walk(Form::Thing(shape), &below("thing"), shapes),
            Form::Sequence(shape) => walk(Form::Thing(shape), &below("-"), shapes),
            Form::Map(inner) => walk(*inner, &below("thing"), shapes),
            Form::List(inner) | Form::OneOrMany(inner) => walk(*inner, path, shapes),
            _ => {}
        }
    }
    let mut shapes = Vec::new();
    walk(Form::Thing(&SPEC), &[], &mut shapes);
    shapes
}

/// No value of any key is a list of lists of lists, so whoever reads a key says so.
#[test]
fn every_key_is_read() {
    const NOTHING: &str = "[[[]]]";
    let mut keys = 0;
    for (shape, path) in shapes() {
        for key in shape.keys.iter().filter(|key| key.given != Given::Later) {
            // An order is one of a change.
            let beside = match key.name {
                "order" => "change: { nsgs.a.inbound: null }, ",
                _ => "",
            };
            let mut value = format!("{{ {beside}{}: {NOTHING} }}", key.name);
            for segment in path.iter().rev() {
                value = match *segment {
                    "-" => format!("[{value}]"),
                    name => format!("{{ {name}: {value} }}"),
                };
            }
            let text = match path.first() {
                // Beside the keys that every spec has, but for the one that is asked for.
                None => {
                    let others = [("vnetlab", "vnetlab: 1, "), ("name", "name: x, ")];
                    let others = others.iter().filter(|(name, _)| *name != key.name);
                    let others: String = others.map(|(_, text)| *text).collect();
                    format!("{{ {others}{}", &value[2..])
                }
                Some(_) => format!("{{ vnetlab: 1, name: x, {}", &value[2..]),
            };
            let start = text.find(NOTHING).expect("the value is there");
            let end = start + NOTHING.len();
            let found = parse(&Source::new("x.yaml", text.as_str()))
                .err()
                .unwrap_or_default();
            let said = found.iter().any(|finding| {
                let span = finding.primary.span;
                (start <= span.start && span.end <= end)
                    || finding
                        .related
                        .iter()
                        .any(|label| start <= label.span.start && label.span.end <= end)
            });
            assert!(
                said,
                "nobody reads `{}` of {}: {text}",
                key.name, shape.what
            );
            keys += 1;
        }
    }
    assert!(keys > 120, "{keys} keys");
}
