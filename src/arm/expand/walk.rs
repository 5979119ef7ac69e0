//! Walking a value of a template: which strings are expressions, and which objects are copy loops.
//!
//! The walk knows the structure and asks its caller for the value of each expression; binding looks for
//! references in the same walk that evaluation takes, so the two cannot differ.

use serde_json::{Map, Value};

use super::env::Env;
use crate::arm::expression::{Fault, Text, type_name};
use crate::arm::resource::get;

/// The most rounds of a loop, and the most resources of a template.
pub(super) const MAX_ROUNDS: i64 = 800;

/// A copy loop at one of its rounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loop {
    pub(super) name: String,
    pub(super) index: i64,
    /// Whether `copyIndex()` without a name means this loop: not so in the loop of a property.
    pub(super) is_plain: bool,
}

/// What gives the value of an expression: from its text, the environment of its place, and its path.
pub(super) type Leaf<'l> = dyn FnMut(&str, &Env<'_>, &str) -> Result<Value, Fault> + 'l;

/// A walk in progress. After an error the path says where it happened.
pub(super) struct Walk<'l> {
    path: String,
    leaf: &'l mut Leaf<'l>,
}

impl<'l> Walk<'l> {
    pub(super) fn new(path: &str, leaf: &'l mut Leaf<'l>) -> Walk<'l> {
        Walk {
            path: path.to_owned(),
            leaf,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Walks one step down and comes back, unless there is an error.
    fn at<T>(
        &mut self,
        step: &str,
        walk: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = walk(self)?;
        self.path.truncate(length);
        Ok(result)
    }

    /// The value with every expression in it replaced by its value.
    pub(super) fn value(&mut self, value: &Value, env: &Env<'_>) -> Result<Value, Fault> {
        match value {
            Value::String(text) => match Text::of(text) {
                Text::Literal(text) => Ok(text.into()),
                Text::Expression(text) => (self.leaf)(text, env, &self.path),
            },
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.at(&format!("[{index}]"), |walk| walk.value(item, env)))
                .collect(),
            Value::Object(members) => self.object(members, env).map(Value::Object),
            other => Ok(other.clone()),
        }
    }

    fn object(
        &mut self,
        members: &Map<String, Value>,
        env: &Env<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        let mut object = Map::new();
        for (name, value) in members {
            match value {
                Value::Array(entries) if name.eq_ignore_ascii_case("copy") => {
                    for (index, entry) in entries.iter().enumerate() {
                        let step = format!("copy[{index}]");
                        let (name, items) = self.at(&step, |walk| walk.copy(entry, env, false))?;
                        put(&mut object, name, items.into())?;
                    }
                }
                value => {
                    let (name, value) = self.at(name, |walk| {
                        Ok((walk.name(name, env)?, walk.value(value, env)?))
                    })?;
                    put(&mut object, name, value)?;
                }
            }
        }
        Ok(object)
    }

    /// The name of a property, which may be an expression.
    fn name(&mut self, name: &str, env: &Env<'_>) -> Result<String, Fault> {
        match Text::of(name) {
            Text::Literal(name) => Ok(name.to_owned()),
            Text::Expression(text) => match (self.leaf)(text, env, &self.path)? {
                Value::String(name) => Ok(name),
                other => Err(Fault::Invalid(format!(
                    "The name of a property, '{name}', gives a value of type '{}', expected 'String'",
                    type_name(&other)
                ))),
            },
        }
    }

    /// The name and the items of a loop `{name, count, input}` that makes an array.
    pub(super) fn copy(
        &mut self,
        entry: &Value,
        env: &Env<'_>,
        is_plain: bool,
    ) -> Result<(String, Vec<Value>), Fault> {
        let members = entry.as_object().ok_or_else(|| {
            Fault::Invalid("A copy is an object with name, count and input".to_owned())
        })?;
        let name = get(members, "name")
            .and_then(Value::as_str)
            .ok_or_else(|| Fault::Invalid("The copy has no name".to_owned()))?;
        let name = env.text(name)?;
        let items = self.rounds(&name, members, env, is_plain)?;
        Ok((name, items))
    }

    /// The items of a loop `{count, input}`.
    pub(super) fn rounds(
        &mut self,
        name: &str,
        members: &Map<String, Value>,
        env: &Env<'_>,
        is_plain: bool,
    ) -> Result<Vec<Value>, Fault> {
        let input = get(members, "input")
            .ok_or_else(|| Fault::Invalid(format!("The copy '{name}' has no input")))?;
        let mut around = env.loops().to_vec();
        around.push(Loop {
            name: name.to_owned(),
            index: 0,
            is_plain,
        });
        (0..count(name, members, env)?)
            .map(|index| {
                if let Some(own) = around.last_mut() {
                    own.index = index;
                }
                self.at("input", |walk| walk.value(input, &env.in_loops(&around)))
            })
            .collect()
    }
}

/// The number of rounds of a loop.
pub(super) fn count(name: &str, members: &Map<String, Value>, env: &Env<'_>) -> Result<i64, Fault> {
    let count = get(members, "count")
        .ok_or_else(|| Fault::Invalid(format!("The copy '{name}' has no count")))?;
    env.value(count)?
        .as_i64()
        .filter(|count| (0..=MAX_ROUNDS).contains(count))
        .ok_or_else(|| {
            Fault::Invalid(format!(
                "The count of the copy '{name}' must be an integer from 0 to {MAX_ROUNDS}. Please see https://aka.ms/arm-copy for usage details"
            ))
        })
}

/// Sets a property that is not there yet.
fn put(object: &mut Map<String, Value>, name: String, value: Value) -> Result<(), Fault> {
    if object.contains_key(&name) {
        return Err(Fault::Invalid(format!(
            "The property '{name}' is there twice"
        )));
    }
    object.insert(name, value);
    Ok(())
}
