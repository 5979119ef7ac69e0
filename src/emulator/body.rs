//! Members of a resource's body, by name without case, and defaults that a provider fills in.

use serde_json::{Map, Value};

/// The key under which `name` stands, in the spelling that the body has.
fn key(object: &Map<String, Value>, name: &str) -> String {
    if object.contains_key(name) {
        return name.to_owned();
    }
    object
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .map_or_else(|| name.to_owned(), String::clone)
}

/// A member.
pub(super) fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(&key(object, name))
}

/// A member of text.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    get(object, name).and_then(Value::as_str)
}

/// The object at a member, made if it is absent or no object.
pub(super) fn object<'a>(
    parent: &'a mut Map<String, Value>,
    name: &str,
) -> &'a mut Map<String, Value> {
    let key = key(parent, name);
    let value = parent.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made an object above")
}

/// The list at a member, made if it is absent or no list.
pub(super) fn list<'a>(parent: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let key = key(parent, name);
    let value = parent.entry(key).or_insert(Value::Null);
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("made a list above")
}

/// The objects of the list at a member.
pub(super) fn items<'a>(
    parent: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    get(parent, name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_object)
}

/// Sets a member, in the spelling that the body has.
pub(super) fn set(object: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let key = key(object, name);
    object.insert(key, value.into());
}

/// Sets a member that is absent or null.
pub(super) fn default(object: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if get(object, name).is_none_or(Value::is_null) {
        set(object, name, value);
    }
}

/// The id in a member `{"id": ...}`.
pub(super) fn reference(object: &Map<String, Value>, name: &str) -> Option<crate::arm::ResourceId> {
    let id = text(get(object, name)?.as_object()?, "id")?;
    crate::arm::ResourceId::parse(id).ok()
}

/// Whether an item of a list has this name.
pub(super) fn is_named(item: &Value, name: &str) -> bool {
    item.as_object()
        .and_then(|item| text(item, "name"))
        .is_some_and(|other| other.eq_ignore_ascii_case(name))
}
