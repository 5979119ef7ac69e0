//! The reference of keys as Markdown, from the table of keys.

use std::fmt::Write;

use super::Kind;
use super::language::{Form, Given, Key, SPEC, Shape, Short};

/// Every key of the language with its value, its default and an example.
#[must_use]
pub fn key_reference() -> String {
    let mut text = String::from(
        "# Keys\n\nEvery key of the spec language, version 1. `!` marks a key that must be given. \
         This page is made from the table that the reader of specs uses (`vnetlab schema --keys`).\n",
    );
    let mut shapes = Vec::new();
    collect(&SPEC, "", &mut shapes);
    for (shape, path) in shapes {
        section(&mut text, shape, &path);
    }
    text
}

/// Every shape once, in the order in which the language names it, with the path that leads to it.
fn collect(shape: &'static Shape, path: &str, shapes: &mut Vec<(&'static Shape, String)>) {
    if shapes.iter().any(|(seen, _)| std::ptr::eq(*seen, shape)) {
        return;
    }
    shapes.push((shape, path.to_owned()));
    for key in shape.keys {
        let below = match path {
            "" => key.name.to_owned(),
            path => format!("{path}.{}", key.name),
        };
        inner(key.form, below, shapes);
    }
}

fn inner(form: Form, path: String, shapes: &mut Vec<(&'static Shape, String)>) {
    match form {
        Form::Thing(shape) => collect(shape, &path, shapes),
        Form::Things(shape) => collect(shape, &format!("{path}.NAME"), shapes),
        Form::Sequence(shape) => collect(shape, &format!("{path}[]"), shapes),
        Form::Map(form) => inner(*form, format!("{path}.NAME"), shapes),
        Form::OneOrMany(form) | Form::List(form) => inner(*form, path, shapes),
        _ => {}
    }
}

fn section(text: &mut String, shape: &Shape, path: &str) {
    let title = match path {
        "" => "The spec".to_owned(),
        path => format!("`{path}`: {}", shape.what.replace('`', "")),
    };
    let short = match shape.short {
        Short::None => String::new(),
        Short::Value(key) => format!("A text in its place is its `{key}`.\n\n"),
        Short::Sentence(key) => format!(
            "A text in its place is a sentence, which may also stand under the key `{key}` beside others.\n\n"
        ),
        Short::Words(words) => format!("A text in its place is one of {}.\n\n", words_of(words)),
        Short::Answers => "An outcome, an HTTP status, or a list of them in its place is one of these answers.\n\n".to_owned(),
    };
    let open = if shape.is_open() {
        "Its other keys are axes: a list of values, or a map of rows.\n\n"
    } else {
        ""
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n## {title}\n\n{short}{open}| Key | Value | Default | Example | |\n|---|---|---|---|---|\n"
    );
    for key in shape.keys {
        row(text, key);
    }
}

fn row(text: &mut String, key: &Key) {
    let (mark, default) = match key.given {
        Given::Required => ("!", String::new()),
        Given::Default(default) => ("", default.to_owned()),
        Given::Later => ("", "not supported yet".to_owned()),
    };
    let _ = writeln!(
        text,
        "| `{}`{mark} | {} | {default} | `{}` | {} |",
        key.name,
        value(key.form),
        key.example,
        key.about
    );
}

/// What a value is, in words.
fn value(form: Form) -> String {
    match form {
        Form::Text | Form::Scalar => "text".to_owned(),
        Form::SecretText => "text, in which `$secrets.NAME` may stand".to_owned(),
        Form::Match => "text, or `/re/`".to_owned(),
        Form::Word => "word".to_owned(),
        Form::Name => "name".to_owned(),
        Form::Boolean => "`true` or `false`".to_owned(),
        Form::Nat => "`true`, `false` or a name".to_owned(),
        Form::Number(least, u32::MAX) => format!("number from {least}"),
        Form::Number(least, most) => format!("number, {least} to {most}"),
        Form::Duration => "duration".to_owned(),
        Form::Cores => "number of cores".to_owned(),
        Form::Memory => "size".to_owned(),
        Form::Money => "money".to_owned(),
        Form::Prefix => "address prefix".to_owned(),
        Form::Address => "address".to_owned(),
        Form::Port => "port".to_owned(),
        Form::Ports => "ports".to_owned(),
        Form::Set => "set of addresses".to_owned(),
        Form::Protocol => "protocol".to_owned(),
        Form::RoutePrefix => "address prefix, `any` or a service tag".to_owned(),
        Form::Hop => "next hop".to_owned(),
        Form::Listen => "listener".to_owned(),
        Form::Host => "name, address or host name".to_owned(),
        Form::Reference(kinds) => {
            let kinds: Vec<&str> = Kind::ALL
                .iter()
                .filter(|(_, kind)| kinds.contains(kind))
                .map(|(word, _)| *word)
                .collect();
            format!("a {}", kinds.join(" or a "))
        }
        Form::Pair => "`VNET <-> VNET`".to_owned(),
        Form::Claim => "claim".to_owned(),
        Form::Source => "`node`, `pod`, `self`, a name or an address".to_owned(),
        Form::By => "rule, route, peering or `listener`".to_owned(),
        Form::OneOf(words) => words_of(words),
        Form::OneOrMany(inner) => format!("{}, or a list", value(*inner)),
        Form::List(inner) => format!("list: {}", value(*inner)),
        Form::Map(inner) => format!("map to {}", value(*inner)),
        Form::Things(shape) => format!("map of names to {}", shape.what.replace('`', "")),
        Form::Sequence(shape) => format!("list: {}", shape.what),
        Form::Thing(_) | Form::Anything => "map".to_owned(),
        Form::Changes => "map of paths to values".to_owned(),
        Form::Axis => "list or map".to_owned(),
        Form::Combinations => "list of maps from axes to rows".to_owned(),
        Form::With => "map, or a substitution".to_owned(),
    }
}

fn words_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(" ")
}
