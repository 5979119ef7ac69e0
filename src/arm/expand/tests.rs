//! Templates as small documents: what they bind to, what they are refused for.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::arm::expression::RuntimeError;

const RG: &str = "/subscriptions/sub/resourceGroups/rg/providers/";

fn scope() -> Scope {
    Scope {
        subscription_id: "sub".to_owned(),
        tenant_id: "ten".to_owned(),
        resource_group: "rg".to_owned(),
        location: "westeurope".to_owned(),
        deployment: "dep".to_owned(),
    }
}

/// A template with the given members besides the envelope.
fn template(mut members: Value) -> Template {
    let document = members.as_object_mut().unwrap();
    document.entry("$schema").or_insert(
        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#".into(),
    );
    document.entry("contentVersion").or_insert("1.0.0.0".into());
    document.entry("resources").or_insert(json!([]));
    Template::from_value(&members).unwrap()
}

/// A resource of type `A.B/c` with more members.
fn resource(name: &str, members: Value) -> Value {
    let mut resource = json!({"type": "A.B/c", "apiVersion": "2024-01-01", "name": name});
    let object = resource.as_object_mut().unwrap();
    object.extend(members.as_object().unwrap().clone());
    resource
}

fn supplied(values: Value) -> Parameters {
    values.as_object().unwrap().clone().into_iter().collect()
}

fn bound(members: Value) -> Bound {
    bind(&template(members), &Parameters::new(), &scope()).unwrap()
}

fn refusal(members: Value, values: Value) -> String {
    match bind(&template(members), &supplied(values), &scope()) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            assert_eq!(error.code, "InvalidTemplate", "{error}");
            error.message
        }
    }
}

/// Each resource's id, shortened, with the last segments of those that it waits for.
fn plan(members: Value) -> Vec<String> {
    bound(members)
        .resources()
        .iter()
        .map(|planned| {
            let id = planned.id.as_str();
            let after = planned
                .depends_on
                .iter()
                .map(ResourceId::name)
                .collect::<Vec<_>>();
            let id = id.strip_prefix(RG).unwrap_or(id);
            if after.is_empty() {
                id.to_owned()
            } else {
                format!("{id} after {}", after.join(","))
            }
        })
        .collect()
}

/// Answers with one property, or what was asked.
struct Echo;

impl Runtime for Echo {
    fn reference(
        &self,
        target: &ResourceId,
        api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, RuntimeError> {
        Ok(json!({"id": target.as_str(), "version": api_version, "full": full}))
    }

    fn list(
        &self,
        function: &str,
        target: &ResourceId,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Value, RuntimeError> {
        Ok(json!([function, target.as_str(), api_version, body]))
    }
}

fn evaluated(members: Value) -> Vec<Value> {
    let bound = bound(members);
    (0..bound.resources().len())
        .map(|index| Value::Object(bound.evaluate(index, &Echo).unwrap().body))
        .collect()
}

#[test]
fn parameters_are_bound_with_their_defaults() {
    let template = template(json!({
        "parameters": {
            "Name": {"type": "string"},
            "size": {"type": "int", "defaultValue": "[length(parameters('list'))]"},
            "list": {"type": "array", "defaultValue": [1, 2]},
            "secret": {"type": "secureString", "defaultValue": "s"},
        },
    }));
    let bound = bind(
        &template,
        &supplied(json!({"NAME": "[not('an expression')]"})),
        &scope(),
    )
    .unwrap();
    assert_eq!(
        Value::Object(bound.parameters()),
        json!({
            "name": {"type": "String", "value": "[not('an expression')]"},
            "size": {"type": "Int", "value": 2},
            "list": {"type": "Array", "value": [1, 2]},
            "secret": {"type": "SecureString"},
        })
    );
}

#[test]
fn parameters_are_refused_as_azure_words_it() {
    let declared = |declaration: Value| json!({"parameters": {"p": declaration}});
    for (members, values, expected) in [
        (
            declared(json!({"type": "string"})),
            json!({}),
            "The value for the template parameter 'p' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.",
        ),
        (
            declared(json!({"type": "string"})),
            json!({"p": "a", "q": 1}),
            "The template parameters 'q' in the parameters file are not valid; they are not present in the original template",
        ),
        (
            declared(json!({"type": "string"})),
            json!({"p": 1}),
            "Template parameter JToken type is not valid. Expected 'String, Uri'. Actual 'Integer'.",
        ),
        (
            declared(json!({"type": "int"})),
            json!({"p": 1.5}),
            "Expected 'Integer'. Actual 'Float'.",
        ),
        (
            declared(json!({"type": "bool", "defaultValue": "true"})),
            json!({}),
            "Expected 'Boolean'. Actual 'String'.",
        ),
        (
            declared(json!({"type": "string", "allowedValues": ["a", "b"]})),
            json!({"p": "x"}),
            "The provided value 'x' for the template parameter 'p' is not valid. The value 'x' is not part of the allowed value(s): 'a,b'.",
        ),
        (
            declared(json!({"type": "array", "allowedValues": ["a", "b"]})),
            json!({"p": ["a", "b"]}),
            "accepted",
        ),
        (
            declared(json!({"type": "string", "minLength": 12})),
            json!({"p": "short"}),
            "Length of the value should be greater than or equal to '12'.",
        ),
        (
            declared(json!({"type": "int", "maxValue": 3})),
            json!({"p": 4}),
            "Value should be less than or equal to '3'.",
        ),
        (
            declared(json!({"type": "text"})),
            json!({}),
            "'text' is not a type",
        ),
        (
            declared(json!({"type": "string", "nullable": true})),
            json!({}),
            "the member 'nullable' is not supported",
        ),
        (
            json!({"parameters": {
                "a": {"type": "int", "defaultValue": "[parameters('b')]"},
                "b": {"type": "int", "defaultValue": "[parameters('a')]"},
            }}),
            json!({}),
            "Circular dependency detected on parameter: 'a'",
        ),
    ] {
        let message = refusal(members, values);
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

#[test]
fn parameter_names_that_differ_only_by_case_clash() {
    let template = template(json!({"parameters": {"p": {"type": "int"}}}));
    let error = bind(&template, &supplied(json!({"p": 1, "P": 2})), &scope()).unwrap_err();
    assert_eq!(error.code, "CaseSensitiveDeploymentParameterNamesFound");
}

#[test]
fn expressions_are_checked_before_any_is_evaluated() {
    let variable = |text: &str| json!({"variables": {"v": text}});
    let identity = |members: Value| json!({"resources": [resource("n", members)]});
    for (members, expected) in [
        (
            variable("[f('a')]"),
            "The template function 'f' is not valid.",
        ),
        (
            variable("[add(1)]"),
            "function requires 2 argument(s) while 1 were provided",
        ),
        (variable("[concat('a'"), "accepted"),
        (
            variable("[concat('a']"),
            "expected token 'RightParenthesis' and actual 'EndOfData'",
        ),
        (
            variable("[parameters('none')]"),
            "The template parameter 'none' is not found.",
        ),
        (
            variable("[if(true(), 1, variables('none'))]"),
            "The template variable 'none' is not found.",
        ),
        (
            variable("[reference('x')]"),
            "The template function 'reference' is not expected at this location.",
        ),
        (
            variable("[utcNow()]"),
            "The template function 'utcNow' is not expected at this location.",
        ),
        (
            json!({"parameters": {"p": {"type": "string", "defaultValue": "[variables('v')]"}}, "variables": {"v": "x"}}),
            "The template function 'variables' is not expected at this location.",
        ),
        (
            identity(json!({"location": "[listKeys('a', 'b')]"})),
            "The template function 'listKeys' is not expected",
        ),
        (
            identity(json!({"condition": "[reference('a').b]"})),
            "The template function 'reference' is not expected",
        ),
        (
            identity(json!({"copy": {"name": "l", "count": "[copyIndex()]"}})),
            "The template function 'copyIndex' is not expected",
        ),
        (
            identity(json!({"tags": {"[newGuid()]": "x"}})),
            "The template function 'newGuid' is not expected",
        ),
        (
            identity(
                json!({"properties": {"copy": [{"name": "a", "count": "[length(listX('a', 'b'))]", "input": 1}]}}),
            ),
            "'listX' is not expected",
        ),
        // A property that happens to be called `count` is no loop.
        (
            identity(json!({"properties": {"count": "[if(false(), reference('n').x, 1)]"}})),
            "accepted",
        ),
        (
            json!({"functions": [{"namespace": "n", "members": {"f": {"parameters": [{"name": "a", "type": "int"}], "output": {"type": "int", "value": "[parameters('b')]"}}}}]}),
            "The template parameter 'b' is not found.",
        ),
        (
            json!({"functions": [{"namespace": "n", "members": {"f": {"output": {"type": "string", "value": "[resourceGroup().id]"}}}}]}),
            "The template function 'resourceGroup' is not expected at this location.",
        ),
        (
            json!({"outputs": {"o": {"type": "int", "condition": "[reference('a').b]", "value": 1}}}),
            "'reference' is not expected",
        ),
        // Comments and metadata are text.
        (
            identity(json!({"comments": "[f(", "metadata": {"a": "[f(]"}})),
            "accepted",
        ),
    ] {
        let message = refusal(members, json!({}));
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

#[test]
fn a_fault_says_where_it_is() {
    let members = json!({"resources": [resource("n", json!({"properties": {"a": [1, "[f()]"]}}))]});
    let error = bind(&template(members), &Parameters::new(), &scope()).unwrap_err();
    assert_eq!(
        error.additional_info[0]["info"]["path"],
        "properties.template.resources[0].properties"
    );
    let bound = bound(
        json!({"resources": [resource("n", json!({"properties": {"a": [1, "[json('{').b]"]}}))]}),
    );
    let error = bound.evaluate(0, &Echo).unwrap_err();
    assert_eq!(
        error.additional_info[0]["info"]["path"],
        "properties.template.resources[0].properties.a[1]"
    );
    assert!(
        error.message.starts_with(&format!(
            "Unable to process template language expressions for resource '{RG}A.B/c/n'."
        )),
        "{error}"
    );
}

#[test]
fn variables_are_evaluated_when_they_are_asked_for() {
    let values = evaluated(json!({
        "variables": {
            "unused": "[fail('never')]",
            "a": "[concat(variables('B'), '-a')]",
            "b": "x",
            "copy": [{"name": "list", "count": 3, "input": "[copyIndex('list', 1)]"}],
            "object": {"copy": [{"name": "inner", "count": 2, "input": {"i": "[copyIndex('inner')]"}}], "k": "[[literal]"},
            "VNET Name": "spaced",
        },
        "resources": [resource("n", json!({"properties": {
            "a": "[variables('a')]", "list": "[variables('list')]", "object": "[variables('object')]",
            "name": "[variables('VNet Name')]",
        }}))],
    }));
    assert_eq!(
        values[0]["properties"],
        json!({
            "a": "x-a", "list": [1, 2, 3], "name": "spaced",
            "object": {"inner": [{"i": 0}, {"i": 1}], "k": "[literal]"},
        })
    );
    let message = refusal(
        json!({"variables": {"a": "[variables('b')]", "b": "[variables('a')]"}, "resources": [resource("[variables('a')]", json!({}))]}),
        json!({}),
    );
    assert!(
        message.contains("Circular dependency detected on variable: 'a'"),
        "{message}"
    );
}

#[test]
fn user_functions_see_only_their_own_parameters() {
    let values = evaluated(json!({
        "functions": [{"namespace": "contoso", "members": {
            "name": {"parameters": [{"name": "base", "type": "string"}], "output": {"type": "string", "value": "[concat(parameters('base'), '-x')]"}},
            "twice": {"parameters": [{"name": "a", "type": "string"}], "output": {"type": "string", "value": "[contoso.name(contoso.NAME(parameters('a')))]"}},
        }}],
        "resources": [resource("n", json!({"properties": {"v": "[Contoso.Twice('a')]"}}))],
    }));
    assert_eq!(values[0]["properties"]["v"], "a-x-x");
    let message = refusal(
        json!({
            "functions": [{"namespace": "n", "members": {"f": {"output": {"type": "int", "value": "[n.f()]"}}}}],
            "resources": [resource("[n.f()]", json!({}))],
        }),
        json!({}),
    );
    assert!(message.contains("nests more than"), "{message}");
}

#[test]
fn resources_are_ordered_by_dependency_then_by_place() {
    assert_eq!(
        plan(json!({"resources": [
            resource("z", json!({"dependsOn": ["[resourceId('A.B/c', 'b')]"]})),
            resource("b", json!({"dependsOn": ["a.b/C/q"]})),
            resource("x", json!({})),
            resource("q", json!({})),
            resource("y", json!({"dependsOn": ["x", "X", "[concat('A.B/c/', 'q')]"]})),
        ]})),
        [
            "A.B/c/x",
            "A.B/c/q",
            "A.B/c/b after q",
            "A.B/c/z after b",
            "A.B/c/y after x,q",
        ]
    );
}

#[test]
fn references_make_dependencies() {
    assert_eq!(
        plan(json!({"resources": [
            resource("user", json!({"properties": {
                "a": "[reference('made').x]",
                "b": "[reference(resourceId('A.B/c', 'other')).x]",
                "c": "[if(true(), 1, reference('left').x)]",
                "d": "[listKeys(resourceId('A.B/c', 'keys'), '1')]",
                "e": "[reference(resourceId('elsewhere', 'A.B/c', 'z'), '2024-01-01').x]",
            }})),
            resource("left", json!({})),
            resource("made", json!({})),
            resource("other", json!({})),
            resource("keys", json!({})),
        ]})),
        [
            "A.B/c/left",
            "A.B/c/made",
            "A.B/c/other",
            "A.B/c/keys",
            "A.B/c/user after made,other,keys",
        ]
    );
    let of = |text: &str| {
        refusal(
            json!({"resources": [resource("n", json!({"properties": {"a": text}}))]}),
            json!({}),
        )
    };
    assert!(
        of("[reference('none').x]").contains("The resource 'none' is not defined in the template.")
    );
    assert!(of("[reference(resourceId('A.B/c', 'none')).x]").contains("requires an API version"));
    assert!(of("[reference('n').x]").contains("Circular dependency detected on resource"));
}

#[test]
fn loops_make_a_resource_for_every_round() {
    assert_eq!(
        plan(json!({"resources": [
            resource("[concat('r', copyIndex())]", json!({"copy": {"name": "loop", "count": 3}})),
            resource("end", json!({"dependsOn": ["loop"]})),
            resource("none[0]", json!({"copy": {"name": "empty", "count": 0}})),
            resource("after", json!({"dependsOn": ["empty"]})),
        ]})),
        [
            "A.B/c/r0",
            "A.B/c/r1",
            "A.B/c/r2",
            "A.B/c/end after r0,r1,r2",
            "A.B/c/after"
        ]
    );
    assert_eq!(
        plan(json!({"resources": [
            resource("[concat('r', copyIndex(1))]", json!({"copy": {"name": "loop", "count": 5, "mode": "serial", "batchSize": 2}})),
        ]})),
        [
            "A.B/c/r1",
            "A.B/c/r2",
            "A.B/c/r3 after r1,r2",
            "A.B/c/r4 after r1,r2",
            "A.B/c/r5 after r3,r4",
        ]
    );
    for (members, expected) in [
        (
            json!({"copy": {"name": "l", "count": 2}}),
            "is defined multiple times in a template",
        ),
        (
            json!({"copy": {"name": "l", "count": 801}}),
            "must be an integer from 0 to 800",
        ),
        (
            json!({"copy": {"name": "l", "count": -1}}),
            "must be an integer from 0 to 800",
        ),
        (
            json!({"copy": {"name": "l", "count": 1, "batchSize": 2}}),
            "needs the mode 'serial'",
        ),
        (
            json!({"copy": {"name": "l", "count": 1, "mode": "serial", "batchSize": 0}}),
            "must be an integer from 1",
        ),
        (json!({"properties": {"a": "[copyIndex()]"}}), "accepted"),
    ] {
        let message = refusal(json!({"resources": [resource("n", members)]}), json!({}));
        assert!(message.contains(expected), "{expected}\n{message}");
    }
    let bound =
        bound(json!({"resources": [resource("n", json!({"properties": {"a": "[copyIndex()]"}}))]}));
    let error = bound.evaluate(0, &Echo).unwrap_err();
    assert!(error.message.contains("'copyIndex' is not expected at this location. The function can only be used in a resource with copy specified."), "{error}");
}

#[test]
fn loops_of_properties_nest_in_loops_of_resources() {
    let values = evaluated(json!({"resources": [
        resource("[concat('r', copyIndex())]", json!({
            "copy": {"name": "outer", "count": 2},
            "properties": {
                "copy": [{"name": "subnets", "count": 2, "input": {
                    "n": "[format('{0}{1}{2}', copyIndex(), copyIndex('outer'), copyIndex('subnets', 5))]",
                }}],
                "[concat('k', copyIndex())]": 1,
            },
        })),
    ]}));
    assert_eq!(
        values[1]["properties"],
        json!({"subnets": [{"n": "115"}, {"n": "116"}], "k1": 1})
    );
}

#[test]
fn children_and_extensions_get_their_ids() {
    assert_eq!(
        plan(json!({"resources": [
            {"type": "A.B/c", "apiVersion": "1", "name": "[concat('p', copyIndex())]", "copy": {"name": "l", "count": 2}, "resources": [
                {"type": "d", "apiVersion": "1", "name": "x", "dependsOn": ["[concat('p', copyIndex())]"]},
                {"type": "A.B/c/d", "apiVersion": "1", "name": "y"},
            ]},
            {"type": "A.B/c/d", "apiVersion": "1", "name": "p0/z"},
            {"type": "E.F/g", "apiVersion": "1", "name": "rel", "scope": "A.B/c/p0"},
            {"type": "E.F/g", "apiVersion": "1", "name": "full", "scope": "[resourceId('A.B/c', 'p1')]"},
            {"type": "A.B/c/providers/g", "apiVersion": "1", "name": "p0/E.F/old", "dependsOn": ["p0", "[extensionResourceId(resourceId('A.B/c', 'p0'), 'E.F/g', 'rel')]"]},
        ]})),
        [
            "A.B/c/p0",
            "A.B/c/p0/d/x after p0",
            "A.B/c/p0/d/y",
            "A.B/c/p1",
            "A.B/c/p1/d/x after p1",
            "A.B/c/p1/d/y",
            "A.B/c/p0/d/z",
            "A.B/c/p0/providers/E.F/g/rel",
            "A.B/c/p1/providers/E.F/g/full",
            "A.B/c/p0/providers/E.F/g/old after p0,rel",
        ]
    );
    let bound = bound(json!({"resources": [
        {"type": "A.B/c/providers/g", "apiVersion": "1", "name": "p/E.F/old"},
    ]}));
    let planned = &bound.resources()[0];
    assert_eq!(
        (planned.resource_type.as_str(), planned.name.as_str()),
        ("E.F/g", "old")
    );
}

#[test]
fn identities_are_refused_as_azure_words_it() {
    for (resources, expected) in [
        (
            json!([{"type": "A.B/c/d", "apiVersion": "1", "name": "x"}]),
            "The template resource 'x' for type 'A.B/c/d' has incorrect segment lengths.",
        ),
        (
            json!([{"type": "A.B/c", "apiVersion": "1", "name": ""}]),
            "has incorrect segment lengths.",
        ),
        (
            json!([{"type": "A.B/c", "apiVersion": "1", "name": "x", "resources": [{"type": "d", "apiVersion": "1", "name": "x/y"}]}]),
            "has incorrect segment lengths.",
        ),
        (
            json!([{"type": "A.B/c", "apiVersion": "1", "name": "x", "resources": [{"type": "d", "apiVersion": "1", "name": "y", "copy": {"name": "l", "count": 1}}]}]),
            "nested in another resource and can therefore not have a copy",
        ),
        (
            json!([resource("x", json!({})), resource("X", json!({}))]),
            "The resource 'A.B/c/X' is defined multiple times in a template.",
        ),
        (
            json!([
                resource("x", json!({})),
                resource("x", json!({"condition": false}))
            ]),
            "accepted",
        ),
        (
            json!([resource("x", json!({"dependsOn": ["y"]}))]),
            "The resource 'y' is not defined in the template.",
        ),
        (
            json!([resource(
                "x",
                json!({"dependsOn": ["[resourceId('other', 'A.B/c', 'x')]"]})
            )]),
            "The resource 'A.B/c/x' is not defined in the template.",
        ),
        (
            json!([resource("x", json!({})), {"type": "E.F/g", "apiVersion": "1", "name": "x"}, resource("y", json!({"dependsOn": ["x"]}))]),
            "The resource 'x' is not defined in the template.",
        ),
        (
            json!([
                resource("s", json!({})),
                resource("t", json!({"dependsOn": ["a"]})),
                resource("a", json!({"dependsOn": ["b"]})),
                resource("b", json!({"dependsOn": ["a"]}))
            ]),
            "Circular dependency detected on resource: '/subscriptions/sub/resourceGroups/rg/providers/A.B/c/a'.",
        ),
        (
            json!([{"type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "x"}]),
            "nested deployment (Microsoft.Resources/deployments), which is not supported by this version",
        ),
        (
            json!([resource("x", json!({"scope": "/"}))]),
            "(the tenant) is not supported by this version",
        ),
        (
            json!([resource("[1]", json!({}))]),
            "gives a value of type 'Integer', expected 'String'",
        ),
        (
            json!([resource("x", json!({"condition": "maybe"}))]),
            "expected a boolean",
        ),
    ] {
        let message = refusal(json!({ "resources": resources }), json!({}));
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

#[test]
fn what_is_not_deployed_is_waited_for_by_nothing() {
    assert_eq!(
        plan(json!({"resources": [
            resource("off", json!({"condition": "[equals(1, 2)]", "dependsOn": ["on"]})),
            resource("on", json!({"condition": "true", "dependsOn": ["off"]})),
            resource("[concat('r', copyIndex())]", json!({"copy": {"name": "l", "count": 2}, "condition": "[equals(copyIndex(), 1)]"})),
            resource("end", json!({"dependsOn": ["l"]})),
        ]})),
        ["A.B/c/on", "A.B/c/r1", "A.B/c/end after r1"]
    );
}

#[test]
fn bodies_keep_their_types_and_leave_the_envelope_out() {
    let bodies = evaluated(json!({
        "parameters": {"n": {"type": "int", "defaultValue": 3}},
        "resources": [resource("n", json!({
            "comments": "x", "metadata": {}, "condition": true, "kind": "[null()]",
            "location": "[resourceGroup().location]",
            "tags": {"[concat('a', 'b')]": "[deployment().name]"},
            "zones": ["1"],
            "properties": {"count": "[parameters('n')]", "escaped": "[[x]", "null": "[null()]", "half": "[[a]b"},
            "resources": [],
        }))],
    }));
    assert_eq!(
        bodies[0],
        json!({
            "location": "westeurope", "tags": {"ab": "dep"}, "zones": ["1"],
            "properties": {"count": 3, "escaped": "[x]", "null": null, "half": "[[a]b"},
        })
    );
}

#[test]
fn references_are_answered_by_the_runtime() {
    let bodies = evaluated(json!({"resources": [
        resource("a", json!({})),
        resource("b", json!({"properties": {
            "own": "[reference('a')]",
            "full": "[reference(resourceId('A.B/c', 'a'), '2020-01-01', 'FULL')]",
            "list": "[listKeys('a', '2021-01-01', createObject('x', 1))]",
        }})),
    ]}));
    let id = format!("{RG}A.B/c/a");
    assert_eq!(
        bodies[1]["properties"],
        json!({
            "own": {"id": id, "version": "2024-01-01", "full": false},
            "full": {"id": id, "version": "2020-01-01", "full": true},
            "list": ["listKeys", id, "2021-01-01", {"x": 1}],
        })
    );
}

#[test]
fn outputs_come_last() {
    let bound = bound(json!({
        "resources": [resource("a", json!({}))],
        "outputs": {
            "NewId": {"type": "string", "value": "[reference('a').id]"},
            "secret": {"type": "securestring", "value": "s"},
            "off": {"type": "string", "condition": "[equals(1, 2)]", "value": "[fail('never')]"},
            "list": {"type": "array", "copy": {"count": 2, "input": "[copyIndex()]"}},
        },
    }));
    assert_eq!(
        Value::Object(bound.outputs(&Echo).unwrap()),
        json!({
            "newId": {"type": "String", "value": format!("{RG}A.B/c/a")},
            "secret": {"type": "SecureString"},
            "list": {"type": "Array", "value": [0, 1]},
        })
    );
}

#[test]
fn outputs_are_refused_by_name() {
    for (output, expected) in [
        (
            json!({"type": "int", "value": "x"}),
            "the value is of type 'String', but the output is declared as 'Int'",
        ),
        (json!({"type": "string"}), "either a value or a copy"),
        (
            json!({"type": "string", "value": "[reference('a').none]"}),
            "The language expression property 'none' doesn't exist",
        ),
    ] {
        let bound =
            bound(json!({"resources": [resource("a", json!({}))], "outputs": {"o": output}}));
        let error = bound.outputs(&Echo).unwrap_err();
        assert_eq!(error.code, "DeploymentOutputEvaluationFailed");
        assert!(error.innermost().message.contains(expected), "{error:?}");
    }
}

#[test]
fn an_expansion_keeps_what_only_a_deployment_can_tell() {
    let template = template(json!({
        "parameters": {"made": {"type": "string", "defaultValue": "[newGuid()]"}},
        "resources": [
            resource("a", json!({})),
            resource("b", json!({"properties": {
                "known": "[concat('x', 'y')]",
                "ids": [{"principal": "[reference('a').principalId]"}],
                "guarded": "[if(true(), 1, reference('a').x)]",
                "random": "[parameters('made')]",
            }})),
        ],
    }));
    let expansion = expand(&template, &Parameters::new(), &scope()).unwrap();
    assert_eq!(
        *expansion.resources[1].properties(),
        json!({
            "known": "xy", "ids": [{"principal": "[reference('a').principalId]"}],
            "guarded": 1, "random": "[parameters('made')]",
        })
    );
    let paths = expansion
        .unknown
        .iter()
        .map(|unknown| unknown.path.as_str())
        .collect::<Vec<_>>();
    assert_eq!(paths, ["properties.ids[0].principal", "properties.random"]);
    assert_eq!(
        expansion.resources[1].depends_on,
        [expansion.resources[0].id.clone()]
    );
}

#[test]
fn a_new_guid_belongs_to_one_deployment() {
    let template = template(json!({
        "parameters": {
            "a": {"type": "string", "defaultValue": "[newGuid()]"},
            "b": {"type": "string", "defaultValue": "[newGuid()]"},
            "now": {"type": "string", "defaultValue": "[utcNow()]"},
        },
    }));
    let at = |seed: u128| {
        let moment = Moment {
            now: jiff::Timestamp::from_second(1_600_000_000).unwrap(),
            seed: uuid::Uuid::from_u128(seed),
        };
        bind_at(&template, &Parameters::new(), &scope(), moment)
            .unwrap()
            .parameters()
    };
    let (one, two) = (at(1), at(2));
    assert_eq!(one["now"]["value"], "20200913T122640Z");
    assert_ne!(one["a"]["value"], one["b"]["value"]);
    assert_ne!(one["a"]["value"], two["a"]["value"]);
}

#[test]
fn eight_hundred_resources_are_the_most() {
    let loops = |count: i64| {
        json!({"resources": [
            resource("[concat('a', copyIndex())]", json!({"copy": {"name": "l", "count": 800}})),
            resource("[concat('b', copyIndex())]", json!({"copy": {"name": "m", "count": count}})),
        ]})
    };
    assert_eq!(bound(loops(0)).resources().len(), 800);
    assert!(refusal(loops(1), json!({})).contains("exceeds the limit of 800"));
}

#[test]
fn a_long_chain_of_variables_is_refused_not_a_crash() {
    let mut variables = Map::new();
    variables.insert("v0".to_owned(), 1.into());
    for index in 1..512 {
        let nested = format!(
            "[{}variables('v{}'){}]",
            "array(".repeat(60),
            index - 1,
            ")".repeat(60)
        );
        variables.insert(format!("v{index}"), nested.into());
    }
    let message = refusal(
        json!({"variables": variables, "resources": [resource("[string(variables('v511'))]", json!({}))]}),
        json!({}),
    );
    assert!(message.contains("nests more than"), "{message}");
}
