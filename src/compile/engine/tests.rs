use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;

const IDENTITY: &str = "user-assigned-identity";

fn values() -> Value {
    json!({ "name": "one", "location": null, "tags": null })
}

/// An engine with one file of the user's.
fn with(name: &str, text: &str) -> Result<Engine, CompileError> {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join(name), text).expect("written");
    Engine::with_overrides(directory.path())
}

fn refused(text: &str) -> String {
    let key = ResourceKey::new("Microsoft.ManagedIdentity/userAssignedIdentities", "one");
    with("user-assigned-identity.json.hbs", text)
        .and_then(|engine| engine.resource(IDENTITY, Some(&key), values()))
        .expect_err("the file is broken")
        .to_string()
}

#[test]
fn a_file_of_the_users_takes_the_place_of_the_embedded_one_and_only_of_that() {
    let embedded = Engine::new().expect("the embedded files are sound");
    let file = template_files()
        .iter()
        .find(|file| file.name == IDENTITY)
        .expect("the file");
    let text = file.text.replace(
        "\"properties\": {}",
        "\"properties\": { \"isolationScope\": \"Regional\" }",
    );
    let engine = with("user-assigned-identity.json.hbs", &text).expect("the file is sound");
    let resource = engine
        .resource(IDENTITY, None, values())
        .expect("it renders");
    assert_eq!(
        resource.body["properties"],
        json!({ "isolationScope": "Regional" }),
        "properties are passed on as written"
    );
    let address = || json!({ "name": "ip", "location": "westeurope", "tags": { "a": "[b]" } });
    assert_eq!(
        engine
            .render("public-address", address())
            .expect("it renders"),
        embedded
            .render("public-address", address())
            .expect("it renders"),
    );
}

#[test]
fn a_broken_file_is_told_with_its_name_the_line_and_what_is_missing() {
    for (text, told) in [
        (
            "{\n  \"name\": {{json name}},\n  \"tags\": {{json costCentre}}\n}",
            "template `user-assigned-identity.json.hbs`, line 3: there is no variable `costCentre`",
        ),
        (
            "{\n\n  \"name\": {{jsn name}}\n}",
            "template `user-assigned-identity.json.hbs`, line 3: there is no helper `jsn`",
        ),
        (
            "{ \"name\": {{json name}}, }",
            "template `user-assigned-identity.json.hbs`: the result is not JSON: trailing comma at `{ \"name\": \"one\", }` (line 1 of the result)",
        ),
        (
            "{ \"name\": {{json name}} }",
            "template `user-assigned-identity.json.hbs`: the result is not of an ARM template: resource.type: missing",
        ),
        (
            "{ \"type\": \"Microsoft.ManagedIdentity/userAssignedIdentities\", \"apiVersion\": \"1\", \"name\": \"two\" }",
            "template `user-assigned-identity.json.hbs`: the result is `Microsoft.ManagedIdentity/userAssignedIdentities/two`; it must stay `Microsoft.ManagedIdentity/userAssignedIdentities/one`, by which others refer to it",
        ),
    ] {
        assert_eq!(refused(text), told);
    }
    let unclosed = refused("{{#if tags}}\n\n{{json tags}}");
    assert!(
        unclosed.starts_with("template `user-assigned-identity.json.hbs`"),
        "{unclosed}"
    );
}

#[test]
fn a_file_of_another_name_is_refused_with_the_nearest() {
    let refused = |name: &str| {
        let error = with(name, "{}")
            .expect_err("no file has the name")
            .to_string();
        error.split_once(": ").expect("a reason").1.to_owned()
    };
    assert_eq!(
        refused("virtual-networks.json.hbs"),
        "did you mean `virtual-network.json.hbs`?"
    );
    assert_eq!(refused("pod.json"), "did you mean `pod.json.hbs`?");
    assert!(refused("README.md").starts_with("the names are deployment.json.hbs, "));
    assert!(
        with(".swp", "").is_ok(),
        "a hidden file is nobody's template"
    );
    let nowhere = Engine::with_overrides(Path::new("no/such/directory"));
    assert_eq!(
        nowhere.expect_err("there is none").to_string(),
        "cannot read `no/such/directory`"
    );
}

#[test]
fn every_helper_quotes_what_it_is_given() {
    let engine = with(
        "user-assigned-identity.json.hbs",
        r#"[{{json name}}, {{verbatim name}}, {{resource-id "t/u" name}}, {{expression "f({})" name}}]"#,
    )
    .expect("the file is sound");
    let render = |name: &str| {
        let values = json!({ "name": name, "location": null, "tags": null });
        let text = engine.render(IDENTITY, values).expect("it renders");
        serde_json::from_str::<Value>(&text).expect("it is JSON")
    };
    assert_eq!(
        render("[it's \"x\"]"),
        json!([
            "[[it's \"x\"]",
            "[it's \"x\"]",
            "[resourceId('t/u', '[it''s \"x\"]')]",
            "[f('[it''s \"x\"]')]"
        ])
    );
}

/// The tables of variables, as `docs/templates.md` shows them.
fn tables() -> String {
    let mut text = String::new();
    for file in template_files() {
        text += &format!("\n### {}.json.hbs\n\n{}\n\n", file.name, file.about);
        text += "| variable | holds |\n|---|---|\n";
        for variable in file.variables {
            text += &format!("| `{}` | {} |\n", variable.name, variable.about);
        }
    }
    text
}

#[test]
fn the_page_on_templates_lists_every_file_and_every_variable() {
    const BEGIN: &str = "## The files and their variables\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (before, tables_there) = page.split_once(BEGIN).expect("the page has the heading");
    if std::env::var_os("VNETLAB_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}", tables())).expect("the page is written");
    } else {
        assert_eq!(
            tables_there,
            tables(),
            "VNETLAB_BLESS=1 writes the page anew"
        );
    }
}

#[test]
fn the_example_of_the_page_compiles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let example = page.split("```handlebars\n").nth(1).expect("an example");
    let example = example.split("```").next().expect("it ends");
    let engine = with("public-address.json.hbs", example).expect("the example is sound");
    let values = json!({ "name": "ip", "location": null, "tags": { "team": "network" } });
    let resource = engine
        .resource("public-address", None, values)
        .expect("it renders");
    assert_eq!(
        resource.body["tags"],
        json!({ "company": "Contoso", "cost-centre": "4711", "team": "network" })
    );
    assert_eq!(
        resource.body["properties"]["ddosSettings"],
        json!({ "protectionMode": "VirtualNetworkInherited" })
    );
}
