//! The language as data: which keys stand where, what their values are, what they stand for.
//!
//! One table for everything that has to know it: the decoder (which keys exist), `change` (which paths
//! exist and which places have a short form), the JSON Schema and the reference of keys. A key that is
//! not in here cannot be read, and a key in here that the decoder never reads fails a test.

mod document;
mod experiment;
mod network;
mod workload;

pub(crate) use document::{BUDGET, LIFECYCLE, MATRIX, PARAMETER, SECRET, SPEC};
pub(crate) use experiment::{EXPECTATION, INVARIANT, PROBE, STEP};
pub(crate) use network::{NSG, PEERING, ROUTE, RULE, SUBNET, VNET};
pub(crate) use workload::{CLUSTER, REGISTRY, WORKLOAD};

use super::Kind;

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What the map is, for messages.
    pub(crate) what: &'static str,
    /// What a text in its place stands for.
    pub(crate) short: Short,
    /// Its keys, in the order in which they are written.
    pub(crate) keys: &'static [Key],
}

/// What a text, or another value that is not the map, means in the place of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short {
    /// Nothing: there is only the map.
    None,
    /// The value of this key.
    Value(&'static str),
    /// A sentence, which is split into several keys; it may also stand under this key, beside others.
    Sentence(&'static str),
    /// One of these words, each of which is a key.
    Words(&'static [&'static str]),
    /// An outcome, a status, or a list of them.
    Answers,
}

/// A key of a map.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key.
    pub(crate) name: &'static str,
    /// What its value is.
    pub(crate) form: Form,
    /// Whether it must be given, and what it is where it is not.
    pub(crate) given: Given,
    /// A value as an author writes it.
    pub(crate) example: &'static str,
    /// What it says, in one line.
    pub(crate) about: &'static str,
}

/// Whether a key must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It must be.
    Required,
    /// It need not be; this is what holds then, in words or as a value.
    Default(&'static str),
    /// It belongs to the language and is not supported yet.
    Later,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// A text in which secrets may stand.
    SecretText,
    /// A text without spaces.
    Word,
    /// A name that the spec gives.
    Name,
    /// `true` or `false`.
    Boolean,
    /// A whole number between two bounds.
    Number(u32, u32),
    /// `1s`.
    Duration,
    /// Cores: `0.5`.
    Cores,
    /// `1GB`.
    Memory,
    /// `5 USD`.
    Money,
    /// An IPv4 prefix.
    Prefix,
    /// An IPv4 address.
    Address,
    /// A port.
    Port,
    /// Ports: `any`, `80`, `80 + 8000-8080`.
    Ports,
    /// A set of addresses.
    Set,
    /// A protocol.
    Protocol,
    /// What a route routes: a prefix, `any`, a tag.
    RoutePrefix,
    /// Where a route leads.
    Hop,
    /// A listener: `http:80`.
    Listen,
    /// A name, an address or a host name.
    Host,
    /// A reference to a thing of one of these kinds.
    Reference(&'static [Kind]),
    /// Two virtual networks: `a <-> b`.
    Pair,
    /// The claim of an invariant.
    Claim,
    /// Who the called endpoint sees.
    Source,
    /// What decided a flow.
    By,
    /// What a text holds: a text, or `/re/`.
    Match,
    /// `true`, `false`, or a name that is shared.
    Nat,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A value of this form, or a list of them.
    OneOrMany(&'static Form),
    /// A list of values of this form.
    List(&'static Form),
    /// A map with free keys.
    Map(&'static Form),
    /// A map from names to things.
    Things(&'static Shape),
    /// A list of things.
    Sequence(&'static Shape),
    /// A thing.
    Thing(&'static Shape),
    /// The paths of a change, with their values.
    Changes,
    /// A parameter's default: a text, read as its type.
    Scalar,
    /// The rows of a matrix axis: a list of texts, or a map from names to fields.
    Axis,
    /// Combinations of a matrix: a list of maps from axes to rows.
    Combinations,
    /// More keys of the map in which it stands.
    With,
    /// A map that is read later.
    Anything,
}

const fn required(
    name: &'static str,
    form: Form,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        form,
        given: Given::Required,
        example,
        about,
    }
}

const fn optional(
    name: &'static str,
    form: Form,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        form,
        given: Given::Default(default),
        example,
        about,
    }
}

const fn later(name: &'static str, form: Form, example: &'static str, about: &'static str) -> Key {
    Key {
        name,
        form,
        given: Given::Later,
        example,
        about,
    }
}

const ABOUT: Key = optional("about", Form::Text, "none", "Why it is there.", "A remark.");

const AZURE_NAME: Key = optional(
    "azure-name",
    Form::Word,
    "its name here",
    "web-prod",
    "Its name in Azure.",
);

const WITH: Key = optional(
    "with",
    Form::With,
    "none",
    "$cni.nets",
    "Keys that are added here; a key in both is an error.",
);

const PLANES: Form = Form::OneOrMany(&Form::OneOf(&["predict", "local", "azure"]));

const SUBNETS: Form = Form::Reference(&[Kind::Subnet]);

impl Shape {
    /// A key of the map.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that are supported, the one for its sentence included.
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> + Clone {
        let sentence = match self.short {
            Short::Sentence(key) => Some(key),
            _ => None,
        };
        self.keys
            .iter()
            .filter(|key| key.given != Given::Later)
            .map(|key| key.name)
            .chain(sentence)
    }

    /// The keys of the language that are not supported yet.
    pub(crate) fn later(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys
            .iter()
            .filter(|key| key.given == Given::Later)
            .map(|key| key.name)
    }

    /// Whether it has keys of the author's own beside those in the table.
    pub(crate) fn is_open(&self) -> bool {
        std::ptr::eq(self, &raw const MATRIX)
    }
}

/// What a value at a path is; a step of `steps` has the segment `-`.
pub(crate) fn form_at(path: &[&str]) -> Option<Form> {
    let mut form = Form::Thing(&SPEC);
    for segment in path {
        form = match form {
            Form::Thing(shape) => match shape.key(segment) {
                Some(key) if key.given == Given::Later => return None,
                Some(key) => key.form,
                None if shape.is_open() => Form::Axis,
                None => return None,
            },
            Form::Things(shape) | Form::Sequence(shape) => Form::Thing(shape),
            Form::Map(inner) => *inner,
            _ => return None,
        };
    }
    Some(form)
}

/// The map that belongs at a path, if one does.
pub(crate) fn shape_at(path: &[&str]) -> Option<&'static Shape> {
    match form_at(path)? {
        Form::Thing(shape) => Some(shape),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
