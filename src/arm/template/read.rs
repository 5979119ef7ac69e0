//! From text to the template document.

use serde_json::{Map, Value};

use super::{Template, TemplateError, TemplateResource};
use crate::arm::resource::get;

/// The members of a resource besides `type`, `apiVersion`, `name` and `dependsOn`, in Azure's spelling.
const RESOURCE_MEMBERS: [&str; 16] = [
    "condition",
    "comments",
    "metadata",
    "scope",
    "location",
    "extendedLocation",
    "copy",
    "tags",
    "sku",
    "kind",
    "managedBy",
    "identity",
    "zones",
    "plan",
    "properties",
    "resources",
];

/// Reads JSON with what Azure's reader accepts beyond it: comments, line breaks inside string literals
/// and a byte order mark.
pub(super) fn json(text: &str) -> Result<Value, TemplateError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Most documents are strict JSON, and reading is quicker than looking for what is not.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let strict = Strict::from(text);
    serde_json::from_str(&strict.text).map_err(|error| {
        let (line, column) = strict.place(text, error.line(), error.column());
        let message = error.to_string();
        TemplateError::Json {
            message: message
                .rsplit_once(" at line ")
                .map_or(message.as_str(), |(message, _)| message)
                .to_owned(),
            line,
            column,
        }
    })
}

/// The text as strict JSON: comments blanked out, line breaks inside string literals escaped.
struct Strict {
    text: String,
    /// Where, in `text`, a byte was added before an escaped line break.
    added: Vec<usize>,
}

impl Strict {
    fn from(text: &str) -> Strict {
        let mut strict = Strict {
            text: String::with_capacity(text.len()),
            added: Vec::new(),
        };
        let mut letters = text.chars().peekable();
        let mut in_string = false;
        while let Some(letter) = letters.next() {
            match letter {
                '"' => {
                    in_string = !in_string;
                    strict.text.push('"');
                }
                '\\' if in_string => {
                    strict.text.push('\\');
                    strict.text.extend(letters.next());
                }
                '\n' | '\r' | '\t' if in_string => {
                    strict.added.push(strict.text.len());
                    strict.text.push_str(match letter {
                        '\n' => "\\n",
                        '\r' => "\\r",
                        _ => "\\t",
                    });
                }
                '/' if !in_string && letters.peek() == Some(&'/') => {
                    strict.blank('/');
                    while let Some(letter) = letters.next_if(|letter| *letter != '\n') {
                        strict.blank(letter);
                    }
                }
                '/' if !in_string && letters.peek() == Some(&'*') => {
                    strict.blank('/');
                    let mut star = false;
                    // The `*` that opens the comment does not close it.
                    strict.blank(letters.next().unwrap_or('*'));
                    for letter in letters.by_ref() {
                        strict.blank(letter);
                        if star && letter == '/' {
                            break;
                        }
                        star = letter == '*';
                    }
                }
                letter => strict.text.push(letter),
            }
        }
        strict
    }

    /// Keeps the place of a letter of a comment.
    fn blank(&mut self, letter: char) {
        match letter {
            '\n' => self.text.push('\n'),
            letter => self
                .text
                .extend(std::iter::repeat_n(' ', letter.len_utf8())),
        }
    }

    /// The place in the original text of a line and column of the strict one.
    fn place(&self, original: &str, line: usize, column: usize) -> (usize, usize) {
        let start = self
            .text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let offset = start + column.saturating_sub(1);
        let offset = offset - self.added.iter().filter(|place| **place < offset).count();
        let before = &original.as_bytes()[..offset.min(original.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |place| place + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        (line, before.len() - line_start + 1)
    }
}

/// Reads the document.
pub(super) fn template(value: &Value) -> Result<Template, TemplateError> {
    let document = value
        .as_object()
        .ok_or_else(|| TemplateError::shape("template", "a template is an object"))?;
    // Whatever has to do with language version 2.0 is one reason, so it is looked for first.
    for (name, value) in document {
        refuse_language_2(name, value)?;
    }
    let mut template = Template {
        schema: String::new(),
        content_version: String::new(),
        parameters: Map::new(),
        variables: Map::new(),
        functions: Vec::new(),
        resources: Vec::new(),
        outputs: Map::new(),
        metadata: None,
    };
    let mut resources = None;
    let mut seen = Vec::new();
    for (name, value) in document {
        let lower = name.to_ascii_lowercase();
        once(&mut seen, &lower, name)?;
        match lower.as_str() {
            "$schema" => template.schema = text(value, name)?,
            "contentversion" => template.content_version = text(value, name)?,
            "languageversion" => {}
            "metadata" => template.metadata = Some(value.clone()),
            "parameters" => template.parameters = object(value, name)?,
            "variables" => template.variables = object(value, name)?,
            "functions" => template.functions = array(value, name)?.clone(),
            "resources" => resources = Some(array(value, name)?),
            "outputs" => template.outputs = object(value, name)?,
            _ => {
                return Err(TemplateError::shape(
                    name,
                    format!("a template has no member `{name}`"),
                ));
            }
        }
    }
    for (member, present) in [
        ("$schema", !template.schema.is_empty()),
        ("contentVersion", !template.content_version.is_empty()),
        ("resources", resources.is_some()),
    ] {
        if !present {
            return Err(TemplateError::shape(member, "missing"));
        }
    }
    refuse_other_scopes(&template.schema)?;
    template.resources = resources
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, value)| resource(value.clone(), &format!("resources[{index}]")))
        .collect::<Result<_, _>>()?;
    Ok(template)
}

fn refuse_language_2(name: &str, value: &Value) -> Result<(), TemplateError> {
    let refused = |what: &str| {
        Err(TemplateError::shape(
            name,
            format!("{what} is not supported by this version"),
        ))
    };
    match name.to_ascii_lowercase().as_str() {
        "languageversion" if value.as_str() != Some("1.0") => {
            refused(&format!("language version {value}"))
        }
        "resources" if value.is_object() => {
            refused("an object of resources with symbolic names (language version 2.0)")
        }
        "definitions" | "imports" | "extensions" | "apiprofile" => refused(&format!("`{name}`")),
        _ => Ok(()),
    }
}

/// The last part of the schema decides the scope; that it is a template's at all, Azure does not ask.
fn refuse_other_scopes(schema: &str) -> Result<(), TemplateError> {
    const OTHERS: [&str; 3] = [
        "subscriptionDeploymentTemplate.json",
        "managementGroupDeploymentTemplate.json",
        "tenantDeploymentTemplate.json",
    ];
    let file = schema.trim_end_matches('#').rsplit('/').next();
    match OTHERS
        .iter()
        .find(|other| file.is_some_and(|file| file.eq_ignore_ascii_case(other)))
    {
        None => Ok(()),
        Some(file) => Err(TemplateError::shape(
            "$schema",
            format!("`{file}`: only deployments to a resource group are supported by this version"),
        )),
    }
}

/// Reads a resource.
pub(super) fn resource(value: Value, path: &str) -> Result<TemplateResource, TemplateError> {
    let Value::Object(members) = value else {
        return Err(TemplateError::shape(path, "a resource is an object"));
    };
    // These say where a nested deployment goes; what comes of one is decided by who deploys it.
    let is_deployment = get(&members, "type")
        .and_then(Value::as_str)
        .is_some_and(|text| text.eq_ignore_ascii_case("Microsoft.Resources/deployments"));
    let target: &[&str] = if is_deployment {
        &["resourceGroup", "subscriptionId"]
    } else {
        &[]
    };
    let mut resource_type = None;
    let mut api_version = None;
    let mut resource_name = None;
    let mut depends_on = Vec::new();
    let mut body = Map::new();
    let mut seen = Vec::new();
    for (name, value) in members {
        let lower = name.to_ascii_lowercase();
        let path = format!("{path}.{name}");
        once(&mut seen, &lower, &path)?;
        match lower.as_str() {
            "type" => resource_type = Some(text(&value, &path)?),
            "apiversion" => api_version = Some(text(&value, &path)?),
            "name" => resource_name = Some(text(&value, &path)?),
            "dependson" => {
                depends_on = array(&value, &path)?
                    .iter()
                    .enumerate()
                    .map(|(index, item)| text(item, &format!("{path}[{index}]")))
                    .collect::<Result<_, _>>()?;
            }
            _ => {
                let member = RESOURCE_MEMBERS
                    .iter()
                    .chain(target)
                    .find(|member| member.eq_ignore_ascii_case(&name))
                    .ok_or_else(|| {
                        TemplateError::shape(
                            path.clone(),
                            format!("a resource has no member `{name}`"),
                        )
                    })?;
                body.insert((*member).to_owned(), value);
            }
        }
    }
    if let Some(children) = body.get("resources") {
        let path = format!("{path}.resources");
        for (index, child) in array(children, &path)?.iter().enumerate() {
            resource(child.clone(), &format!("{path}[{index}]"))?;
        }
    }
    let required = |value: Option<String>, member: &str| {
        value.ok_or_else(|| TemplateError::shape(format!("{path}.{member}"), "missing"))
    };
    Ok(TemplateResource {
        resource_type: required(resource_type, "type")?,
        api_version: required(api_version, "apiVersion")?,
        name: required(resource_name, "name")?,
        depends_on,
        body,
    })
}

/// Refuses a member that stands there twice in different case.
fn once(seen: &mut Vec<String>, lower: &str, path: &str) -> Result<(), TemplateError> {
    if seen.iter().any(|other| other == lower) {
        return Err(TemplateError::shape(path, "the member is there twice"));
    }
    seen.push(lower.to_owned());
    Ok(())
}

fn text(value: &Value, path: &str) -> Result<String, TemplateError> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| TemplateError::shape(path, "expected a string"))
}

fn object(value: &Value, path: &str) -> Result<Map<String, Value>, TemplateError> {
    value
        .as_object()
        .cloned()
        .ok_or_else(|| TemplateError::shape(path, "expected an object"))
}

fn array<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>, TemplateError> {
    value
        .as_array()
        .ok_or_else(|| TemplateError::shape(path, "expected an array"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str =
        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

    fn refused(members: &str) -> String {
        let text = format!("{{\"$schema\":\"{SCHEMA}\",\"contentVersion\":\"1.0.0.0\",{members}}}");
        Template::from_json(&text)
            .expect_err("the template is refused")
            .to_string()
    }

    #[test]
    fn comments_and_line_breaks_in_strings_are_read() {
        let text = format!(
            "\u{feff}// a template\n{{\"$SCHEMA\": \"{SCHEMA}\", /* of\ntwo lines **/ \"contentVersion\": \"1.0.0.0\",\n\
             \"variables\": {{\"a\": \"one\ntwo // no comment /* \\\" \"}}, \"resources\": []}}"
        );
        let template = Template::from_json(&text).expect("a template");
        assert_eq!(template.variables["a"], "one\ntwo // no comment /* \" ");
    }

    #[test]
    fn a_fault_is_placed_in_the_text_as_written() {
        let error = Template::from_json("{\"a\": \"one\ntwo\nthree\", // c\n  \"b\": ?}");
        assert_eq!(
            error.expect_err("not JSON").to_string(),
            "the document is not JSON: expected value (line 4, column 8)"
        );
    }

    #[test]
    fn unsupported_documents_are_refused_by_name() {
        for (members, expected) in [
            (
                r#""languageVersion":"2.0","resources":{}"#,
                r#"languageVersion: language version "2.0" is not supported by this version"#,
            ),
            (
                r#""resources":{}"#,
                "resources: an object of resources with symbolic names (language version 2.0) is not supported by this version",
            ),
            (
                r#""imports":{},"resources":[]"#,
                "imports: `imports` is not supported by this version",
            ),
            (
                r#""extensions":{},"resources":[]"#,
                "extensions: `extensions` is not supported by this version",
            ),
            (
                r#""resource":[],"resources":[]"#,
                "resource: a template has no member `resource`",
            ),
            (r#""metadata":{}"#, "resources: missing"),
            (
                r#""resources":[{"type":"a/b","apiVersion":"1","name":"n","propertys":{}}]"#,
                "resources[0].propertys: a resource has no member `propertys`",
            ),
            (
                r#""resources":[{"type":"a/b","apiVersion":"1","name":"n","asserts":{}}]"#,
                "resources[0].asserts: a resource has no member `asserts`",
            ),
            (
                r#""resources":[{"type":"a/b","name":"n"}]"#,
                "resources[0].apiVersion: missing",
            ),
            (
                r#""resources":[{"type":"a/b","apiVersion":"1","name":"n","dependsOn":[1]}]"#,
                "resources[0].dependsOn[0]: expected a string",
            ),
            (
                r#""resources":[{"type":"a/b","apiVersion":"1","name":"n","resources":[{"type":"c"}]}]"#,
                "resources[0].resources[0].apiVersion: missing",
            ),
            (
                r#""resources":[],"Resources":[]"#,
                "resources: the member is there twice",
            ),
        ] {
            assert_eq!(refused(members), expected, "{members}");
        }
    }

    #[test]
    fn only_templates_for_resource_groups_are_read() {
        let text = r#"{"$schema":"https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#","contentVersion":"1.0.0.0","resources":[]}"#;
        assert_eq!(
            Template::from_json(text).expect_err("refused").to_string(),
            "$schema: `subscriptionDeploymentTemplate.json`: only deployments to a resource group are supported by this version"
        );
    }
}
