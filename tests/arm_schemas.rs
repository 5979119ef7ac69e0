//! Every compiled resource against Azure's official schemas, with unknown property names refused.
//!
//! The schemas close no object, so a misspelt property passes a plain validator: [`unknown_names`] walks
//! the schema beside the document and finds the names that it does not list. Where a schema is wrong, the
//! error is waived by name in [`WAIVED`].

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::{Value, json};
use vnetlab::arm::{Template, TemplateResource};
use vnetlab::compile::{Compiler, Delta};
use vnetlab::topology::Experiment;

const ROOT: &str = "https://schema.management.azure.com/schemas/";

/// Known errors of the schemas: where, and why the document is right.
const WAIVED: [(&str, &str); 2] = [
    (
        "/memoryInGB",
        "the schema says `integer`; the service takes fractions of a gigabyte",
    ),
    (
        "/cpu",
        "the schema says `integer`; the service takes hundredths of a core",
    ),
];

/// Members of a resource that belong to the template and not to its type.
const ENVELOPE: [&str; 5] = ["condition", "copy", "comments", "dependsOn", "scope"];

/// The official schemas, each read and compiled once.
struct Schemas {
    files: Files,
    documents: RefCell<BTreeMap<String, Rc<Value>>>,
    validators: RefCell<BTreeMap<String, Rc<Validator>>>,
}

#[derive(Clone)]
struct Files(PathBuf);

impl Retrieve for Files {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.read(uri.as_str())?)
    }
}

impl Files {
    fn read(&self, uri: &str) -> Result<Value, String> {
        let file = uri
            .strip_prefix(ROOT)
            .ok_or_else(|| format!("`{uri}` is not an official schema"))?;
        let file = file.split('#').next().unwrap_or_default();
        let text =
            fs::read_to_string(self.0.join(file)).map_err(|error| format!("{file}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))
    }
}

impl Schemas {
    fn of(directory: PathBuf) -> Schemas {
        Schemas {
            files: Files(directory),
            documents: RefCell::default(),
            validators: RefCell::default(),
        }
    }

    fn document(&self, uri: &str) -> Rc<Value> {
        let mut documents = self.documents.borrow_mut();
        let document = documents.entry(uri.to_owned()).or_insert_with(|| {
            let read = self.files.read(uri);
            Rc::new(read.unwrap_or_else(|error| panic!("{error}")))
        });
        Rc::clone(document)
    }

    fn validator(&self, uri: &str) -> Rc<Validator> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(uri.to_owned()).or_insert_with(|| {
            let wrapper =
                json!({ "$schema": "http://json-schema.org/draft-04/schema#", "$ref": uri });
            let built = jsonschema::options()
                .with_draft(Draft::Draft4)
                .with_retriever(self.files.clone())
                .build(&wrapper);
            Rc::new(built.unwrap_or_else(|error| panic!("{uri}: {error}")))
        });
        Rc::clone(validator)
    }

    /// The file that defines a type in a version.
    fn file_of(&self, resource: &TemplateResource) -> Option<String> {
        let namespace = resource.resource_type.split('/').next()?;
        let mut files = fs::read_dir(self.files.0.join(&resource.api_version))
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let file = files.find(|file| file.starts_with(&format!("{namespace}.")))?;
        Some(format!("{}/{file}", resource.api_version))
    }
}

#[test]
fn every_compiled_resource_is_what_the_official_schema_says() {
    let Some(directory) = support::data("VNETLAB_ARM_SCHEMAS") else {
        return;
    };
    let schemas = Schemas::of(directory);
    let mut checked = 0;
    let mut wrong = Vec::new();
    let shipped = support::specs();
    let shipped = shipped.iter().map(|spec| support::experiment(spec));
    for experiment in shipped.chain([support::everything()]) {
        for (step, template) in templates(&experiment) {
            for resource in &template.resources {
                let label = format!(
                    "{} {step} {} {}",
                    experiment.name, resource.resource_type, resource.name
                );
                wrong.extend(
                    findings(&schemas, resource)
                        .into_iter()
                        .map(|finding| format!("{label}: {finding}")),
                );
                checked += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 50, "only {checked} resources were checked");
}

#[test]
fn a_misspelt_property_and_a_wrong_value_are_found() {
    let Some(directory) = support::data("VNETLAB_ARM_SCHEMAS") else {
        return;
    };
    let schemas = Schemas::of(directory);
    let spec = support::checkout().join("specs/kubenet-outbound.yaml");
    let (_, template) = templates(&support::experiment(&spec)).remove(0);
    let mut network = template
        .resources
        .iter()
        .find(|resource| resource.resource_type.ends_with("virtualNetworks"))
        .expect("the spec has a network")
        .clone();
    network
        .body
        .get_mut("properties")
        .expect("a network has properties")["subnets"][0]["properties"]["adressPrefix"] =
        json!("10.0.0.0/24");
    assert_eq!(
        findings(&schemas, &network),
        ["unknown name /properties/subnets/0/properties/adressPrefix"]
    );

    let mut group = template
        .resources
        .iter()
        .find(|resource| resource.resource_type.ends_with("networkSecurityGroups"))
        .expect("the spec has a group")
        .clone();
    group
        .body
        .get_mut("properties")
        .expect("a group has properties")["securityRules"][0]["properties"]["access"] =
        json!("Permit");
    assert_eq!(findings(&schemas, &group).len(), 1);
}

/// The templates that a run of the experiment sends.
fn templates(experiment: &Experiment) -> Vec<(String, Template)> {
    let compiler = Compiler::new().expect("the embedded files are sound");
    let mut sent: Vec<(String, Template)> = Vec::new();
    let mut before: Option<Template> = None;
    for step in &experiment.steps {
        let compiled = compiler
            .compile(&step.topology, &experiment.tags)
            .expect("the state compiles");
        let template = match &before {
            None => compiled.template.clone(),
            Some(before) => Delta::between(before, &compiled.template).template,
        };
        sent.push((step.name.clone(), template));
        before = Some(compiled.template);
    }
    sent
}

/// What the schema has against a resource.
fn findings(schemas: &Schemas, resource: &TemplateResource) -> Vec<String> {
    let Some(file) = schemas.file_of(resource) else {
        return vec![format!("no schema of version {}", resource.api_version)];
    };
    let name = resource
        .resource_type
        .split_once('/')
        .expect("a type has a namespace")
        .1
        .replace('/', "_");
    let uri = format!("{ROOT}{file}#/resourceDefinitions/{name}");
    let mut document = resource.body.clone();
    document.retain(|member, _| !ENVELOPE.contains(&member.as_str()));
    document.insert("type".to_owned(), json!(resource.resource_type));
    document.insert("apiVersion".to_owned(), json!(resource.api_version));
    document.insert("name".to_owned(), json!(resource.name));
    let document = Value::Object(document);

    let validator = schemas.validator(&uri);
    let mut found = Vec::new();
    for error in validator.iter_errors(&document) {
        let mut leaves = Vec::new();
        deepest(&error, &mut leaves);
        leaves.retain(|(path, _)| !WAIVED.iter().any(|(waived, _)| path.ends_with(waived)));
        found.extend(
            leaves
                .into_iter()
                .map(|(path, message)| format!("{path}: {message}")),
        );
    }
    let names = unknown_names(schemas, &uri, &json!({ "$ref": uri }), &document, "");
    found.extend(names.into_iter().map(|path| format!("unknown name {path}")));
    found
}

/// The innermost errors: nearly everything in the schemas is "the real thing, or an expression".
fn deepest(error: &jsonschema::ValidationError<'_>, leaves: &mut Vec<(String, String)>) {
    use jsonschema::error::ValidationErrorKind;
    match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let depth = |branch: &Vec<jsonschema::ValidationError<'_>>| {
                branch
                    .iter()
                    .map(|error| error.instance_path().as_str().len())
                    .max()
            };
            for error in context
                .iter()
                .max_by_key(|branch| depth(branch))
                .into_iter()
                .flatten()
            {
                deepest(error, leaves);
            }
        }
        _ => leaves.push((error.instance_path().to_string(), error.to_string())),
    }
}

/// A schema with its references followed, and the file that references in it are relative to.
fn resolved(schemas: &Schemas, base: &str, schema: &Value) -> (String, Value) {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return (base.to_owned(), schema.clone());
    };
    let (file, pointer) = reference
        .split_once('#')
        .expect("a reference has a fragment");
    let file = if file.is_empty() { base } else { file };
    let document = schemas.document(file);
    let target = document
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{reference} does not exist"));
    resolved(schemas, file, target)
}

/// Whether a schema is meant for a value of this kind: most unions are "the real thing, or an expression".
fn is_for(schema: &Value, value: &Value) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some(_) => !value.is_object() && !value.is_array(),
        None => true,
    }
}

/// The paths of the names in `value` that the schema does not list.
fn unknown_names(
    schemas: &Schemas,
    base: &str,
    schema: &Value,
    value: &Value,
    path: &str,
) -> Vec<String> {
    let (base, schema) = resolved(schemas, base, schema);
    for union in ["oneOf", "anyOf"] {
        if let Some(branches) = schema.get(union).and_then(Value::as_array) {
            let branches = branches
                .iter()
                .map(|branch| resolved(schemas, &base, branch));
            let fitting = branches.filter(|(_, branch)| is_for(branch, value));
            let found =
                fitting.map(|(base, branch)| unknown_names(schemas, &base, &branch, value, path));
            return found
                .min_by_key(Vec::len)
                .unwrap_or_else(|| vec![path.to_owned()]);
        }
    }
    match value {
        Value::Object(members) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let open = schema
                .get("additionalProperties")
                .filter(|open| open.is_object());
            let parts = schema
                .get("allOf")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            if known.is_none_or(|known| known.is_empty()) && open.is_none() && parts.is_empty() {
                // A free-form object lists nothing.
                return Vec::new();
            }
            let mut found = Vec::new();
            for (name, member) in members {
                let path = format!("{path}/{name}");
                let alone = json!({ name: member });
                if let Some(schema) = known.and_then(|known| known.get(name)).or(open) {
                    found.extend(unknown_names(schemas, &base, schema, member, &path));
                } else if !parts
                    .iter()
                    .any(|part| unknown_names(schemas, &base, part, &alone, "").is_empty())
                {
                    found.push(path);
                }
            }
            found
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else {
                return Vec::new();
            };
            let items = items.iter().enumerate();
            items
                .flat_map(|(index, item)| {
                    unknown_names(schemas, &base, schema, item, &format!("{path}/{index}"))
                })
                .collect()
        }
        _ => Vec::new(),
    }
}
