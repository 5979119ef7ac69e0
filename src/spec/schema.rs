//! The JSON Schema of the language, from its table of keys: for editors, and for whoever checks a spec
//! without this tool.
//!
//! A schema sees one value at a time: it completes and describes keys, and checks short forms by pattern.
//! Names, ranges and everything that spans several values is the business of `topology`.

use serde_json::{Map, Value, json};

use super::Kind;
use super::language::{Form, Given, Key, SPEC, Shape, Short};

/// The address by which the schema calls itself.
const ID: &str = "https://vnetlab.invalid/spec-1.schema.json";

/// A kebab-case name.
const NAME: &str = "[a-z][a-z0-9]*(-[a-z0-9]+)*";
/// An IPv4 address.
const ADDRESS: &str = r"([0-9]{1,3}\.){3}[0-9]{1,3}";
/// Ports: `any`, `80`, `80 + 8000-8080`.
const PORTS: &str = "(any|[0-9]+(-[0-9]+)?( *\\+ *[0-9]+(-[0-9]+)?)*)";
const PROTOCOL: &str = "(any|tcp|udp|icmp|esp|ah)";

/// The JSON Schema (draft 7) of a spec file.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Definitions(Map::new());
    let reference = definitions.shape(&SPEC);
    let definitions = definitions.0;
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "vnetlab experiment spec, version 1",
        "allOf": [reference],
        "definitions": definitions,
    })
}

/// The definitions made so far: one for each kind of map.
struct Definitions(Map<String, Value>);

impl Definitions {
    fn shape(&mut self, shape: &'static Shape) -> Value {
        let name = definition(shape);
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        if !self.0.contains_key(&name) {
            // Entered first, so that a shape inside itself ends.
            self.0.insert(name.clone(), Value::Null);
            let schema = self.map_or_short(shape);
            self.0.insert(name, schema);
        }
        reference
    }

    fn map_or_short(&mut self, shape: &'static Shape) -> Value {
        let mut properties = Map::new();
        for key in shape.keys {
            properties.insert(key.name.to_owned(), self.key(key));
        }
        if let Short::Sentence(key) = shape.short {
            properties.insert(key.to_owned(), sentence(key));
        }
        let mut map = json!({ "type": "object", "properties": properties });
        if shape.is_open() {
            map["additionalProperties"] = self.form(Form::Axis);
        } else {
            map["additionalProperties"] = json!(false);
        }
        match &required(shape)[..] {
            [] => {}
            [one] => map["required"] = json!(one),
            several => {
                let one_of = several.iter().map(|keys| json!({ "required": keys }));
                map["anyOf"] = one_of.collect();
            }
        }
        let short = match shape.short {
            Short::None => return map,
            Short::Value(key) => shape.key(key).map(|key| self.form(key.form)),
            Short::Sentence(key) => Some(sentence(key)),
            Short::Words(words) => Some(one_of_words(words)),
            Short::Answers => Some(one_or_many(&answer())),
        };
        json!({ "anyOf": short.into_iter().chain([map]).collect::<Vec<_>>() })
    }

    fn key(&mut self, key: &Key) -> Value {
        let (form, about) = match key.given {
            // What is not supported yet is for editors to know, not to complain of.
            Given::Later => (json!({}), format!("{} Not supported yet.", key.about)),
            Given::Required => (self.form(key.form), key.about.to_owned()),
            Given::Default(default) => (
                self.form(key.form),
                format!("{} Default: {default}.", key.about),
            ),
        };
        json!({
            "description": format!("{about} Example: {}", key.example),
            "allOf": [form],
        })
    }

    fn form(&mut self, form: Form) -> Value {
        match form {
            Form::Text | Form::SecretText | Form::Match | Form::Scalar => {
                json!({ "type": ["string", "number", "boolean"] })
            }
            Form::Word => json!({ "type": ["string", "number"], "pattern": r"^\S+$" }),
            Form::Name => pattern(NAME),
            Form::Boolean => or_variable(&json!({ "type": "boolean" })),
            Form::Nat => or_variable(&json!({ "anyOf": [{ "type": "boolean" }, pattern(NAME)] })),
            Form::Number(least, most) => {
                let mut number = json!({ "type": "integer", "minimum": least });
                if most < u32::MAX {
                    number["maximum"] = json!(most);
                }
                or_variable(&number)
            }
            Form::Port => {
                or_variable(&json!({ "type": "integer", "minimum": 1, "maximum": 65535 }))
            }
            Form::Ports => or_variable(&json!({
                "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 65535 }, pattern(PORTS)],
            })),
            Form::Cores => or_variable(&json!({ "type": "number", "exclusiveMinimum": 0 })),
            Form::OneOrMany(inner) => {
                let inner = self.form(*inner);
                one_or_many(&inner)
            }
            Form::List(inner) => {
                let items = self.form(*inner);
                or_variable(&json!({ "type": "array", "items": items }))
            }
            Form::Map(inner) => {
                let values = self.form(*inner);
                or_variable(&json!({ "type": "object", "additionalProperties": values }))
            }
            Form::Things(shape) => {
                let thing = self.shape(shape);
                or_variable(
                    &json!({ "type": "object", "additionalProperties": or_variable(&thing) }),
                )
            }
            Form::Sequence(shape) => {
                let thing = self.shape(shape);
                json!({ "type": "array", "items": thing })
            }
            Form::Thing(shape) => {
                let thing = self.shape(shape);
                or_variable(&thing)
            }
            Form::Changes => json!({ "type": "object", "minProperties": 1 }),
            Form::Axis => json!({
                "anyOf": [
                    { "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1 },
                    { "type": "object", "minProperties": 1 },
                ],
            }),
            Form::Combinations => json!({ "type": "array", "items": { "type": "object" } }),
            Form::With => or_variable(&json!({ "type": "object" })),
            Form::Anything => json!({}),
            Form::OneOf(words) => one_of_words(words),
            other => pattern(&regex(other)),
        }
    }
}

/// The name of a shape's definition.
fn definition(shape: &Shape) -> String {
    let words = shape.what.replace('`', "");
    let words = words
        .strip_prefix("a ")
        .or(words.strip_prefix("an "))
        .unwrap_or(&words);
    words.replace(' ', "-")
}

/// Each set of keys of which one must be there in full; nothing where any map will do.
fn required(shape: &Shape) -> Vec<Vec<&'static str>> {
    let keys: Vec<&str> = shape
        .keys
        .iter()
        .filter(|key| key.given == Given::Required)
        .map(|key| key.name)
        .collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let sentence = match shape.short {
        Short::Sentence(key) => Some(vec![key]),
        _ => None,
    };
    // What is required may come with `with`.
    let with = shape.key("with").map(|key| vec![key.name]);
    std::iter::once(keys).chain(sentence).chain(with).collect()
}

/// The sentence under a key.
fn sentence(key: &str) -> Value {
    pattern(match key {
        "rule" => "[0-9]+ +(allow|deny) +(any|tcp|udp|icmp|esp|ah) +\\S.* +-> +\\S.*",
        "route" => "\\S+ +-> +(appliance +\\S+|vnet|internet|gateway|none)",
        _ => "\\S+ +-> +(http|https|tls|tcp|udp|dns|icmp)://\\S+.*",
    })
}

/// The pattern of a scalar that is more than a word.
fn regex(form: Form) -> String {
    let reference = format!("({NAME}/){{0,2}}{NAME}");
    match form {
        Form::Duration => "[0-9]+(ms|s|m|h)".to_owned(),
        Form::Memory => r"[0-9]+(\.[0-9]+)? *(MB|GB)".to_owned(),
        Form::Money => r"[0-9]+(\.[0-9]+)? +USD".to_owned(),
        Form::Prefix => format!("{ADDRESS}/[0-9]{{1,2}}"),
        Form::Address => ADDRESS.to_owned(),
        Form::Protocol => PROTOCOL.to_owned(),
        Form::RoutePrefix => format!("(any|{ADDRESS}/[0-9]{{1,2}}|[A-Z][A-Za-z0-9.]*)"),
        Form::Hop => "(appliance +\\S+|vnet|internet|gateway|none)".to_owned(),
        Form::Listen => "(http|tcp|udp):[0-9]+".to_owned(),
        Form::Host => format!("({reference}|{ADDRESS}|[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+)"),
        Form::Reference(kinds) if kinds == [Kind::Subnet] => reference,
        Form::Reference(_) => format!("([a-z]+/)?{NAME}"),
        Form::Pair => format!("{reference} +<-> +{reference}"),
        Form::Claim => "(never|always) +\\S+.* +(->|sees) +\\S.*".to_owned(),
        Form::Source => format!("(node|pod|self|{ADDRESS}|{reference})"),
        Form::By => "[A-Za-z][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+){0,2}".to_owned(),
        // A set: terms joined with `+`, perhaps without others.
        _ => "[^ :,]+( *\\+ *[^ :,]+)*( +except +[^ :,]+( *\\+ *[^ :,]+)*)?".to_owned(),
    }
}

/// A text that matches as a whole, or that a substitution completes.
fn pattern(regex: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^({regex})$|\\$[a-z(]") })
}

/// One of a few words; YAML reads some of them as numbers and booleans.
fn one_of_words(words: &[&str]) -> Value {
    let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    for word in words {
        if let Ok(number) = word.parse::<u64>() {
            values.push(json!(number));
        }
        if let Ok(boolean) = word.parse::<bool>() {
            values.push(json!(boolean));
        }
    }
    or_variable(&json!({ "enum": values }))
}

/// A value, or a substitution that stands for it as a whole.
fn or_variable(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"^\$[a-z(]" }] })
}

fn one_or_many(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "array", "items": schema }] })
}

/// An outcome or a status.
fn answer() -> Value {
    let outcomes = super::language::EXPECTATION
        .key("outcome")
        .map(|key| key.form);
    let words = match outcomes {
        Some(Form::OneOrMany(Form::OneOf(words))) => words,
        _ => &[][..],
    };
    json!({
        "anyOf": [
            one_of_words(words),
            { "type": "integer", "minimum": 100, "maximum": 599 },
        ],
    })
}
