//! Reading of a resource's body: members by name without case, with the path that an error names.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::arm::resource::get;
use crate::arm::{Resource, ResourceId};
use crate::net::Prefix;

use super::ViewError;

/// An object of a resource's body with the path that leads to it.
pub(in crate::arm) struct View<'a> {
    pub(in crate::arm) resource: &'a ResourceId,
    pub(in crate::arm) path: String,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> View<'a> {
    pub(in crate::arm) fn of(resource: &'a Resource) -> View<'a> {
        View {
            resource: &resource.id,
            path: "properties".to_owned(),
            object: resource.properties().as_object(),
        }
    }

    pub(super) fn error(&self, member: &str, message: String) -> ViewError {
        ViewError {
            resource: self.resource.clone(),
            path: format!("{}.{member}", self.path),
            message,
        }
    }

    pub(in crate::arm) fn get(&self, member: &str) -> Option<&'a Value> {
        self.object
            .and_then(|object| get(object, member))
            .filter(|value| !value.is_null())
    }

    pub(in crate::arm) fn object(&self, member: &str) -> View<'a> {
        View {
            resource: self.resource,
            path: format!("{}.{member}", self.path),
            object: self.get(member).and_then(Value::as_object),
        }
    }

    pub(in crate::arm) fn items(&self, member: &str) -> Vec<View<'a>> {
        let list = self
            .get(member)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .enumerate()
            .map(|(index, value)| View {
                resource: self.resource,
                path: format!("{}.{member}[{index}]", self.path),
                object: value.as_object(),
            })
            .collect()
    }

    pub(in crate::arm) fn text(&self, member: &str) -> Option<String> {
        self.get(member).and_then(Value::as_str).map(str::to_owned)
    }

    pub(super) fn required_text(&self, member: &str) -> Result<String, ViewError> {
        self.text(member)
            .ok_or_else(|| self.error(member, "missing".to_owned()))
    }

    /// A number, also one that is written as text (providers accept both).
    pub(in crate::arm) fn number(&self, member: &str) -> Option<u64> {
        let value = self.get(member)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A count, where it is set.
    pub(super) fn count(&self, member: &str) -> Result<Option<u32>, ViewError> {
        let Some(value) = self.get(member) else {
            return Ok(None);
        };
        match self.number(member).map(u32::try_from) {
            Some(Ok(count)) => Ok(Some(count)),
            _ => Err(self.error(member, format!("`{value}` is not a number of things"))),
        }
    }

    /// A boolean, where it is set; also one that is written as text.
    pub(super) fn flag(&self, member: &str) -> Result<Option<bool>, ViewError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Bool(set)) => Ok(Some(*set)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.error(member, format!("`{other}` is not true or false"))),
        }
    }

    pub(super) fn address(&self, member: &str) -> Result<Option<Ipv4Addr>, ViewError> {
        let Some(text) = self.text(member).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let what = match text.parse::<Ipv6Addr>() {
                Ok(_) => "an IPv6 address, which is not supported",
                Err(_) => untold(&text).unwrap_or("not an IPv4 address"),
            };
            self.error(member, format!("`{text}` is {what}"))
        })
    }

    /// The id in the member itself.
    pub(super) fn own_reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => ResourceId::parse(text).map(Some).map_err(|error| {
                let told = untold(text).map(|what| format!("`{text}` is {what}"));
                self.error(member, told.unwrap_or_else(|| error.to_string()))
            }),
            Some(other) => Err(self.error(member, format!("`{other}` is not a resource id"))),
        }
    }

    /// The id in `{"id": ...}`.
    pub(super) fn reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        match self.get(member) {
            None | Some(Value::Object(_)) => self.object(member).own_reference("id"),
            Some(other) => {
                Err(self.error(member, format!("`{other}` is not an object with an id")))
            }
        }
    }

    /// The ids in a list of `{"id": ...}`.
    pub(super) fn references(&self, member: &str) -> Result<Vec<ResourceId>, ViewError> {
        match self.get(member) {
            None | Some(Value::Array(_)) => self
                .items(member)
                .iter()
                .map(|item| {
                    let id = item.own_reference("id")?;
                    id.ok_or_else(|| item.error("id", "missing".to_owned()))
                })
                .collect(),
            Some(other) => Err(self.error(member, format!("`{other}` is not a list"))),
        }
    }

    /// The texts of a singular and a plural member together; empty texts are left out.
    pub(in crate::arm) fn texts(&self, members: &[&str]) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for member in members {
            match self.get(member) {
                Some(Value::String(text)) if !text.is_empty() => {
                    texts.push(((*member).to_owned(), text.clone()))
                }
                Some(Value::Array(items)) => {
                    // What is no text is kept as it is written, for the reader to refuse.
                    let items = items.iter().map(|item| match item {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    });
                    texts.extend(items.map(|text| ((*member).to_owned(), text)));
                }
                Some(Value::Number(number)) => {
                    texts.push(((*member).to_owned(), number.to_string()))
                }
                _ => {}
            }
        }
        texts
    }

    pub(super) fn prefixes(&self, members: &[&str]) -> Result<Vec<Prefix>, ViewError> {
        self.texts(members)
            .into_iter()
            .map(|(member, text)| {
                let what = match untold(&text) {
                    Some(what) => what,
                    None if is_ipv6(&text) => "an IPv6 prefix, which is not supported",
                    None => "not an address prefix",
                };
                text.parse::<Prefix>()
                    .map(|prefix| prefix.trunc())
                    .map_err(|_| self.error(&member, format!("`{text}` is {what}")))
            })
            .collect()
    }
}

/// What to say of a value that expansion left as an expression.
pub(super) fn untold(text: &str) -> Option<&'static str> {
    let expression = text.starts_with('[') && !text.starts_with("[[");
    expression.then_some("told only by a deployment")
}

fn is_ipv6(text: &str) -> bool {
    let address = text.split('/').next().unwrap_or(text);
    address.parse::<Ipv6Addr>().is_ok()
}
