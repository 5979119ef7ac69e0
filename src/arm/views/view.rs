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

    /// A boolean, also one that is written as text.
    pub(super) fn flag(&self, member: &str) -> Option<bool> {
        let value = self.get(member)?;
        value
            .as_bool()
            .or_else(|| value.as_str()?.to_ascii_lowercase().parse().ok())
    }

    pub(super) fn address(&self, member: &str) -> Result<Option<Ipv4Addr>, ViewError> {
        self.text(member)
            .filter(|text| !text.is_empty())
            .map(|text| {
                let what = if text.parse::<Ipv6Addr>().is_ok() {
                    "an IPv6 address, which is not supported"
                } else {
                    "not an IPv4 address"
                };
                let error = || self.error(member, format!("`{text}` is {what}"));
                text.parse().map_err(|_| error())
            })
            .transpose()
    }

    /// The id in the member itself.
    pub(super) fn own_reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        self.text(member)
            .map(|text| {
                ResourceId::parse(&text).map_err(|error| self.error(member, error.to_string()))
            })
            .transpose()
    }

    /// The id in `{"id": ...}`.
    pub(super) fn reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        self.object(member).own_reference("id")
    }

    /// The ids in a list of `{"id": ...}`.
    pub(super) fn references(&self, member: &str) -> Result<Vec<ResourceId>, ViewError> {
        self.items(member)
            .iter()
            .filter_map(|item| item.own_reference("id").transpose())
            .collect()
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
                    let items = items.iter().filter_map(Value::as_str);
                    texts.extend(items.map(|text| ((*member).to_owned(), text.to_owned())));
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
                let what = if text.contains(':') {
                    "an IPv6 prefix, which is not supported"
                } else {
                    "not an address prefix"
                };
                text.parse::<Prefix>()
                    .map(|prefix| prefix.trunc())
                    .map_err(|_| self.error(&member, format!("`{text}` is {what}")))
            })
            .collect()
    }
}
