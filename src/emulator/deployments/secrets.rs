//! Secure parameters: their values are in no answer.
//!
//! A parameter's own value is left out where parameters are shown. What is left is text that was made
//! with it, an output or the message of an error: there it is blotted out, where Azure may show it.

use serde_json::Value;

use crate::arm::{AzureError, Parameters, Template};
use crate::emulator::body;

/// What stands in the place of a secret.
const BLOT: &str = "***";

/// Shorter text is no secret, and stands in too much else.
const SHORTEST: usize = 4;

/// The values of a deployment's secure parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Reads the secure parameters of a template, with the values that were sent or the defaults.
    pub(super) fn of(template: &Template, sent: &Parameters) -> Secrets {
        let mut found = Vec::new();
        for (name, declaration) in &template.parameters {
            let Some(declaration) = declaration.as_object() else {
                continue;
            };
            let secure = body::text(declaration, "type").is_some_and(|kind| {
                let kind = kind.to_ascii_lowercase();
                kind == "securestring" || kind == "secureobject"
            });
            if !secure {
                continue;
            }
            let mut values = sent
                .iter()
                .filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
            let value = values.next().map(|(_, value)| value);
            if let Some(value) = value.or_else(|| body::get(declaration, "defaultValue")) {
                texts(value, &mut found);
            }
        }
        found.retain(|text| text.len() >= SHORTEST);
        // A secret that contains another is blotted out whole.
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Secrets(found)
    }

    fn text(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret) {
                *text = text.replace(secret, BLOT);
            }
        }
    }

    /// Blots the secrets out of a value.
    pub(super) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(object) => object.values_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }

    /// Blots the secrets out of an error.
    pub(super) fn error(&self, mut error: AzureError) -> AzureError {
        self.text(&mut error.message);
        if let Some(target) = &mut error.target {
            self.text(target);
        }
        error.details = error.details.into_iter().map(|e| self.error(e)).collect();
        error
            .additional_info
            .iter_mut()
            .for_each(|info| self.value(info));
        error
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(object) => object.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}
