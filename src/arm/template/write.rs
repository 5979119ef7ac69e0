//! From the template document to text.

use serde_json::{Map, Value};

use super::{Template, TemplateResource};

/// The order of the document's members.
const DOCUMENT: [&str; 8] = [
    "$schema",
    "contentVersion",
    "metadata",
    "parameters",
    "variables",
    "functions",
    "resources",
    "outputs",
];

/// The order of a resource's members, before and after those that are not named here.
const RESOURCE_FIRST: [&str; 14] = [
    "condition",
    "type",
    "apiVersion",
    "name",
    "scope",
    "location",
    "dependsOn",
    "copy",
    "tags",
    "sku",
    "kind",
    "identity",
    "zones",
    "plan",
];
const RESOURCE_LAST: [&str; 2] = ["properties", "resources"];

/// The document as a value; empty sections are left out, `resources` never.
pub(super) fn template(template: &Template) -> Value {
    let mut document = Map::new();
    document.insert("$schema".to_owned(), template.schema.clone().into());
    document.insert(
        "contentVersion".to_owned(),
        template.content_version.clone().into(),
    );
    if let Some(metadata) = &template.metadata {
        document.insert("metadata".to_owned(), metadata.clone());
    }
    for (name, section) in [
        ("parameters", &template.parameters),
        ("variables", &template.variables),
        ("outputs", &template.outputs),
    ] {
        if !section.is_empty() {
            document.insert(name.to_owned(), Value::Object(section.clone()));
        }
    }
    if !template.functions.is_empty() {
        document.insert("functions".to_owned(), template.functions.clone().into());
    }
    document.insert(
        "resources".to_owned(),
        template.resources.iter().map(resource).collect(),
    );
    Value::Object(document)
}

fn resource(resource: &TemplateResource) -> Value {
    let mut members = resource.body.clone();
    members.insert("type".to_owned(), resource.resource_type.clone().into());
    members.insert("apiVersion".to_owned(), resource.api_version.clone().into());
    members.insert("name".to_owned(), resource.name.clone().into());
    if !resource.depends_on.is_empty() {
        members.insert("dependsOn".to_owned(), resource.depends_on.clone().into());
    }
    Value::Object(members)
}

/// What a value is, which decides the order of its members.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Document,
    Resource,
    Other,
}

/// A member of a document or a resource, which is no value yet.
#[derive(Clone, Copy)]
enum Member<'t> {
    Value(&'t Value),
    Text(&'t str),
    Texts(&'t [String]),
    Section(&'t Map<String, Value>),
    Values(&'t [Value]),
    Resources(&'t [TemplateResource]),
}

/// The document as text, written from the template itself: a copy of it as a value would cost more than the text.
pub(super) fn text(template: &Template) -> String {
    let mut members = vec![
        ("$schema", Member::Text(&template.schema)),
        ("contentVersion", Member::Text(&template.content_version)),
    ];
    members.extend(
        template
            .metadata
            .iter()
            .map(|value| ("metadata", Member::Value(value))),
    );
    let sections = [
        ("parameters", &template.parameters),
        ("variables", &template.variables),
        ("outputs", &template.outputs),
    ];
    let sections = sections
        .into_iter()
        .filter(|(_, section)| !section.is_empty());
    members.extend(sections.map(|(name, section)| (name, Member::Section(section))));
    if !template.functions.is_empty() {
        members.push(("functions", Member::Values(&template.functions)));
    }
    members.push(("resources", Member::Resources(&template.resources)));
    // A resource is about as long as this; a longer text only moves more often.
    let mut out = String::with_capacity(1024 * (1 + template.resources.len()));
    object(&mut out, members, Kind::Document, 0);
    out.push('\n');
    out
}

fn members(resource: &TemplateResource) -> Vec<(&str, Member<'_>)> {
    let mut members = vec![
        ("type", Member::Text(&resource.resource_type)),
        ("apiVersion", Member::Text(&resource.api_version)),
        ("name", Member::Text(&resource.name)),
    ];
    if !resource.depends_on.is_empty() {
        members.push(("dependsOn", Member::Texts(&resource.depends_on)));
    }
    let body = resource.body.iter();
    members.extend(body.map(|(name, value)| (name.as_str(), Member::Value(value))));
    members
}

fn object(out: &mut String, mut members: Vec<(&str, Member<'_>)>, kind: Kind, depth: usize) {
    if members.is_empty() {
        out.push_str("{}");
        return;
    }
    let place = |(name, _): &(&str, Member<'_>)| rank(kind, name);
    members.sort_unstable_by(|a, b| place(a).cmp(&place(b)).then(a.0.cmp(b.0)));
    out.push('{');
    for (index, (name, member)) in members.into_iter().enumerate() {
        line(out, index, depth + 1);
        string(out, name);
        out.push_str(": ");
        let kind = match (kind, name) {
            (Kind::Document | Kind::Resource, "resources") => Kind::Resource,
            _ => Kind::Other,
        };
        self::member(out, member, kind, depth + 1);
    }
    line(out, 0, depth);
    out.push('}');
}

fn member(out: &mut String, member: Member<'_>, kind: Kind, depth: usize) {
    match member {
        Member::Value(value) => write(out, value, kind, depth),
        Member::Text(text) => string(out, text),
        Member::Texts(texts) => array(out, texts, depth, |out, text| string(out, text)),
        Member::Section(section) => map(out, section, kind, depth),
        Member::Values(values) => array(out, values, depth, |out, value| {
            write(out, value, kind, depth + 1);
        }),
        Member::Resources(resources) => array(out, resources, depth, |out, resource| {
            object(out, members(resource), Kind::Resource, depth + 1);
        }),
    }
}

fn array<T>(out: &mut String, items: &[T], depth: usize, each: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        out.push_str("[]");
        return;
    }
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        line(out, index, depth + 1);
        each(out, item);
    }
    line(out, 0, depth);
    out.push(']');
}

fn map(out: &mut String, members: &Map<String, Value>, kind: Kind, depth: usize) {
    // Sorted already, unless `preserve_order` is in the build or the members have an order of their own.
    if kind == Kind::Other && members.keys().is_sorted() && !members.is_empty() {
        out.push('{');
        for (index, (name, value)) in members.iter().enumerate() {
            line(out, index, depth + 1);
            string(out, name);
            out.push_str(": ");
            write(out, value, Kind::Other, depth + 1);
        }
        line(out, 0, depth);
        out.push('}');
        return;
    }
    let members = members.iter();
    let members = members.map(|(name, value)| (name.as_str(), Member::Value(value)));
    object(out, members.collect(), kind, depth);
}

fn write(out: &mut String, value: &Value, kind: Kind, depth: usize) {
    match value {
        Value::Array(items) => array(out, items, depth, |out, item| {
            write(out, item, kind, depth + 1)
        }),
        Value::Object(members) => map(out, members, kind, depth),
        Value::String(text) => string(out, text),
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// A string literal.
fn string(out: &mut String, text: &str) {
    if text
        .bytes()
        .any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'))
    {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// Begins a line, after a comma where something stands before it.
fn line(out: &mut String, before: usize, depth: usize) {
    const SPACES: &str = "                                                                ";
    if before > 0 {
        out.push(',');
    }
    out.push('\n');
    match SPACES.get(..2 * depth) {
        Some(spaces) => out.push_str(spaces),
        None => out.extend(std::iter::repeat_n("  ", depth)),
    }
}

fn rank(kind: Kind, name: &str) -> usize {
    let place = |order: &[&str]| order.iter().position(|other| *other == name);
    match kind {
        Kind::Document => place(&DOCUMENT).unwrap_or(DOCUMENT.len()),
        Kind::Resource => place(&RESOURCE_FIRST)
            .or_else(|| place(&RESOURCE_LAST).map(|place| RESOURCE_FIRST.len() + 1 + place))
            .unwrap_or(RESOURCE_FIRST.len()),
        Kind::Other => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(reversed: bool) -> Template {
        // With `preserve_order` in the build the order of insertion would show.
        let map = |value: Value| match value {
            Value::Object(members) if reversed => members.into_iter().rev().collect(),
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Template {
            schema:
                "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
                    .to_owned(),
            content_version: "1.0.0.0".to_owned(),
            parameters: map(
                json!({"b": {"type": "int"}, "a": {"type": "string", "defaultValue": "x\n\"y\""}}),
            ),
            variables: map(json!({})),
            functions: Vec::new(),
            resources: vec![TemplateResource {
                resource_type: "Microsoft.Network/virtualNetworks".to_owned(),
                api_version: "2024-05-01".to_owned(),
                name: "vnet".to_owned(),
                depends_on: vec!["nsg".to_owned()],
                body: map(json!({
                    "properties": map(json!({"subnets": [], "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})),
                    "location": "[resourceGroup().location]",
                    "comments": "c",
                    "condition": true,
                    "resources": [map(json!({"type": "subnets", "name": "a", "apiVersion": "2024-05-01", "properties": {}}))],
                })),
            }],
            outputs: map(json!({"o": {"type": "int", "value": 1.5}})),
            metadata: None,
        }
    }

    #[test]
    fn the_text_has_one_order_whatever_the_order_of_the_maps() {
        insta::assert_snapshot!(template(false).to_json(), @r##"
        {
          "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "parameters": {
            "a": {
              "defaultValue": "x\n\"y\"",
              "type": "string"
            },
            "b": {
              "type": "int"
            }
          },
          "resources": [
            {
              "condition": true,
              "type": "Microsoft.Network/virtualNetworks",
              "apiVersion": "2024-05-01",
              "name": "vnet",
              "location": "[resourceGroup().location]",
              "dependsOn": [
                "nsg"
              ],
              "comments": "c",
              "properties": {
                "addressSpace": {
                  "addressPrefixes": [
                    "10.0.0.0/16"
                  ]
                },
                "subnets": []
              },
              "resources": [
                {
                  "type": "subnets",
                  "apiVersion": "2024-05-01",
                  "name": "a",
                  "properties": {}
                }
              ]
            }
          ],
          "outputs": {
            "o": {
              "type": "int",
              "value": 1.5
            }
          }
        }
        "##);
        assert_eq!(template(true).to_json(), template(false).to_json());
    }

    #[test]
    fn what_was_written_reads_back_equal() {
        let template = template(false);
        assert_eq!(Template::from_json(&template.to_json()), Ok(template));
    }
}
