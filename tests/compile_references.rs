//! What a compiled template refers to, and what it waits for: each resource depends on exactly what it names.

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vnetlab::arm::{Resource, ResourceKey, Template, TemplateResource};
use vnetlab::compile::{Compiled, Compiler, Delta, ParameterSource};

fn states() -> Vec<Compiled> {
    let experiment = support::everything();
    let compiler = Compiler::new().expect("the embedded files are sound");
    let steps = experiment.steps.iter();
    steps
        .flat_map(|step| compiler.step(step, &experiment.tags).expect("it compiles"))
        .collect()
}

fn named<'t>(template: &'t Template, name: &str) -> &'t TemplateResource {
    let mut resources = template.resources.iter();
    resources
        .find(|resource| resource.name == name)
        .unwrap_or_else(|| panic!("the template has no `{name}`"))
}

/// The `resourceId` calls in a value, of the resources that stand in a template of their own: a subnet is part
/// of its network.
fn referred(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices("resourceId('Microsoft.") {
                let end = text[at..].find(')').expect("the call ends") + at;
                let call = text[at..=end].replace("virtualNetworks/subnets'", "virtualNetworks'");
                let parts = call.matches("', '").count();
                let call = match call.contains("virtualNetworks'") && parts > 1 {
                    true => format!("{})", call.rsplit_once(", ").expect("several parts").0),
                    false => call,
                };
                found.insert(call);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| referred(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            referred(&json!(name), found);
            referred(member, found);
        }),
        _ => {}
    }
}

#[test]
fn each_resource_depends_on_what_it_names_and_on_nothing_else() {
    for state in states() {
        for resource in &state.template.resources {
            let mut body = resource.body.clone();
            // Of another resource group, or of Azure itself.
            body.remove("comments");
            let mut wanted = BTreeSet::new();
            referred(&Value::Object(body), &mut wanted);
            let mut found = BTreeSet::new();
            let mut others = 0;
            for target in &resource.depends_on {
                let call = target.trim_matches(['[', ']']);
                if call.starts_with("extensionResourceId(") {
                    others += 1;
                } else {
                    assert!(found.insert(call.to_owned()), "{target} stands twice");
                }
            }
            match &*resource.resource_type {
                // A child names its parent by its own name; an extension what it extends by its scope.
                "Microsoft.Network/virtualNetworks/virtualNetworkPeerings" => {
                    let (vnet, _) = resource.name.split_once('/').expect("the name of a child");
                    wanted.insert(format!(
                        "resourceId('Microsoft.Network/virtualNetworks', '{vnet}')"
                    ));
                }
                "Microsoft.Authorization/roleAssignments" => {
                    let scope = resource.body["scope"].as_str().expect("a scope");
                    let (kind, name) = scope.rsplit_once('/').expect("a type and a name");
                    wanted.insert(format!("resourceId('{kind}', '{name}')"));
                }
                _ => {}
            }
            assert_eq!(
                found, wanted,
                "{} {}",
                resource.resource_type, resource.name
            );
            // The identity must hold its roles before the cluster asks for them.
            let roles = match &*resource.name {
                "one" | "two" => 2,
                "three" | "four" => 1,
                _ => 0,
            };
            assert_eq!(others, roles, "{}", resource.name);
        }
    }
}

#[test]
fn a_role_assignment_is_on_the_table_that_the_author_wrote() {
    let state = states().remove(0);
    let scopes = |identity: &str| {
        let resources = state.template.resources.iter();
        resources
            .filter(|resource| resource.resource_type.ends_with("roleAssignments"))
            .filter(|resource| resource.name.contains(&format!("'{identity}'")))
            .map(|resource| {
                assert_eq!(
                    resource.body["properties"]["principalType"],
                    "ServicePrincipal"
                );
                resource.body["scope"].as_str().expect("a scope").to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        scopes("one-identity"),
        [
            "Microsoft.Network/virtualNetworks/home",
            "Microsoft.Network/routeTables/one-routes"
        ]
    );
    assert_eq!(
        scopes("two-identity"),
        [
            "Microsoft.Network/virtualNetworks/home",
            "Microsoft.Network/routeTables/authors"
        ]
    );
    assert_eq!(scopes("five-identity"), Vec::<String>::new());
}

fn of<'r>(resources: &'r [Resource], kind: &str, name: &str) -> &'r Value {
    let key = ResourceKey::new(kind, name);
    let found = resources.iter().find(|resource| resource.id.key() == key);
    found
        .unwrap_or_else(|| panic!("there is no {key}"))
        .properties()
}

#[test]
fn the_clusters_are_in_the_modes_that_the_spec_names() {
    let state = states().remove(0);
    let resources = support::expanded(&state, &state.template);
    let profile = |name: &str| {
        let properties = of(
            &resources,
            "Microsoft.ContainerService/managedClusters",
            name,
        );
        let network = &properties["networkProfile"];
        let pool = &properties["agentPoolProfiles"][0];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let last = |value: &Value| text(value).rsplit('/').next().unwrap_or("-").to_owned();
        [
            text(&network["networkPlugin"]),
            text(&network["networkPluginMode"]),
            text(&network["networkPolicy"]),
            text(&network["networkDataplane"]),
            text(&network["outboundType"]),
            last(&pool["vnetSubnetID"]),
            last(&pool["podSubnetID"]),
        ]
        .join(" ")
    };
    for (name, expected) in [
        ("one", "kubenet - calico - loadBalancer kubenet -"),
        ("two", "kubenet - - - userDefinedRouting kubenet-routed -"),
        (
            "three",
            "azure overlay cilium cilium userAssignedNATGateway overlay -",
        ),
        ("four", "azure - azure - userAssignedNATGateway flat -"),
        ("five", "azure - - - none FlatNodes flat-pods"),
    ] {
        assert_eq!(profile(name), expected, "{name}");
    }
}

#[test]
fn parameters_join_the_prefixes_of_a_rule() {
    let state = states().remove(1);
    let source = |name: &str| ParameterSource::WorkloadAddresses(name.parse().expect("a name"));
    assert_eq!(
        state.manifest.parameters["copies-addresses"],
        source("copies")
    );
    let resources = support::expanded(&state, &state.template);
    let group = of(
        &resources,
        "Microsoft.Network/networkSecurityGroups",
        "rules",
    );
    let rules = group["securityRules"].as_array().expect("rules");
    let rule = |name: &str| {
        let found = rules.iter().find(|rule| rule["name"] == name);
        &found.expect("the rule")["properties"]
    };
    let named = rule("named");
    assert_eq!(
        named["sourceAddressPrefixes"],
        json!(["10.30.0.0/24", "10.99.0.4", "10.99.0.5", "10.98.0.4"])
    );
    assert_eq!(
        named["destinationAddressPrefixes"],
        json!(["10.99.0.4", "10.99.0.5"])
    );
    assert_eq!(named["sourceAddressPrefix"], Value::Null);
    assert_eq!(
        rule("one-of-them")["sourceAddressPrefixes"],
        json!(["10.99.0.4", "10.99.0.5"])
    );
    let table = of(&resources, "Microsoft.Network/routeTables", "away-routes");
    assert_eq!(
        table["routes"][1]["properties"],
        json!({ "addressPrefix": "10.10.0.0/16", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.99.0.4" })
    );
}

#[test]
fn a_secret_is_a_secure_parameter_and_nowhere_else() {
    let state = states().remove(0);
    let template = &state.template;
    assert_eq!(template.parameters["token-secret"]["type"], "secureString");
    let own = named(template, "own");
    let env = &own.body["properties"]["containers"][0]["properties"]["environmentVariables"];
    assert_eq!(
        *env,
        json!([
            { "name": "HEADER", "secureValue": "[concat('Bearer ', parameters('token-secret'))]" },
            { "name": "MODE", "value": "[[test]" },
            { "name": "TOKEN", "secureValue": "[parameters('token-secret')]" },
        ])
    );
    assert_eq!(
        own.body["properties"]["imageRegistryCredentials"],
        json!([{
            "server": "demo.azurecr.io",
            "username": "demo",
            "password": "[parameters('registry-password-secret')]",
        }])
    );
    let pod = state.manifest.pods().find(|pod| pod.name == "pulled");
    let pod = pod.expect("the pod");
    assert_eq!(
        pod.manifest["spec"]["imagePullSecrets"],
        json!([{ "name": "pulled-registry" }])
    );
    let env = &pod.manifest["spec"]["containers"][0]["env"];
    assert_eq!(
        *env,
        json!([
            { "name": "MODE", "value": "[test]" },
            { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "pulled-env", "key": "TOKEN" } } },
        ])
    );
    let names = state.manifest.secrets();
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names, ["registry-password", "token"]);
}

#[test]
fn copies_have_names_that_stay_and_are_spread() {
    let state = states().remove(0);
    let copies = &state.manifest.workloads["copies"];
    let names = copies.iter().map(|copy| copy.name()).collect::<Vec<_>>();
    assert_eq!(names, ["copies-1", "copies-2", "copies-3"]);
    let spec = &copies[1].pod().expect("a pod").manifest["spec"];
    assert_eq!(
        spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["app"],
        "copies"
    );
    let plans = &state.manifest.probes["call"];
    let flows = plans
        .iter()
        .map(|plan| format!("{} {}", plan.caller, plan.to));
    assert_eq!(
        flows.collect::<Vec<_>>(),
        ["copies-1 server", "copies-2 server", "copies-3 server"]
    );
    let host = state.manifest.pods().find(|pod| pod.name == "host");
    assert_eq!(host.expect("the pod").manifest["spec"]["hostNetwork"], true);
}

#[test]
fn no_write_of_a_network_drops_a_subnet_or_a_peering() {
    let states = states();
    let mut without_peering = support::everything();
    let topology = std::sync::Arc::make_mut(&mut without_peering.steps[0].topology);
    let home = topology
        .virtual_networks
        .get_mut("home")
        .expect("the network");
    home.dns_servers.clear();
    let compiler = Compiler::new().expect("the embedded files are sound");
    let after = compiler
        .compile(topology, &without_peering.tags)
        .expect("it compiles");
    let delta = Delta::between(&states[0].template, &after.template);
    let sent = delta
        .template
        .resources
        .iter()
        .map(|resource| &*resource.name);
    assert_eq!(
        sent.collect::<Vec<_>>(),
        ["home"],
        "the peerings stay as they are"
    );
    let network = &delta.template.resources[0].body["properties"];
    assert_eq!(network["subnets"].as_array().map(Vec::len), Some(8));
    // What stands there replaces what is; what does not stand there stays.
    assert_eq!(network.get("virtualNetworkPeerings"), None);
    assert_eq!(delta.deleted().count(), 0);
}
