//! The handlebars files, embedded, and what is told of their variables.

use serde_json::Value;

/// A handlebars file: what it makes, and the variables that it may use.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TemplateFile {
    /// The name, without `.json.hbs`.
    pub name: &'static str,
    /// The embedded text.
    pub text: &'static str,
    /// What it makes.
    pub about: &'static str,
    /// Its variables, each of them always there; one that does not apply is null or empty.
    pub variables: &'static [Variable],
}

/// A variable of a handlebars file.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
}

const fn variable(name: &'static str, about: &'static str) -> Variable {
    Variable { name, about }
}

const NAME: Variable = variable("name", "the name in Azure");
const LOCATION: Variable = variable(
    "location",
    "the region; null for the deployment's own, which is the parameter `location`",
);
const TAGS: Variable = variable(
    "tags",
    "the spec's `tags` as a map; null where there are none",
);

macro_rules! file {
    ($name:literal, $about:literal, [$($variable:expr),* $(,)?]) => {
        TemplateFile {
            name: $name,
            text: include_str!(concat!("../../../templates/", $name, ".json.hbs")),
            about: $about,
            variables: &[$($variable),*],
        }
    };
}

/// The handlebars files, in the order in which a template needs them.
#[must_use]
pub fn template_files() -> &'static [TemplateFile] {
    &FILES
}

const FILES: [TemplateFile; 12] = [
    file!(
        "deployment",
        "The document around the resources. The compiled ones follow those that stand in its `resources`.",
        [variable(
            "parameters",
            "the parameters beside `location`, each with `name`, `type` and `description`"
        )]
    ),
    file!(
        "network-security-group",
        "A network security group with its rules.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable(
                "flush_connection",
                "whether flows that exist are judged again"
            ),
            variable(
                "rules",
                "the rules, each with `name`, `priority`, `direction`, `access`, `protocol`, and for `source` and \
                 `destination`: `_prefix` (one) or `_prefixes` and `_parameters` (several; names of parameters that \
                 hold addresses), `_range` (one) or `_ranges` (several)"
            ),
        ]
    ),
    file!(
        "route-table",
        "A route table with its routes.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable(
                "routes",
                "the routes, each with `name`, `prefix`, `next_hop_type`, and `next_hop_address` or \
                 `next_hop_parameter` (the name of a parameter whose first address it is)"
            ),
        ]
    ),
    file!(
        "public-address",
        "The public address of a NAT gateway.",
        [NAME, LOCATION, TAGS]
    ),
    file!(
        "nat-gateway",
        "A NAT gateway.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable("public_address", "the name of its public address"),
        ]
    ),
    file!(
        "virtual-network",
        "A virtual network with its subnets.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable("address_space", "its ranges"),
            variable("dns_servers", "its DNS servers; empty for Azure's own"),
            variable(
                "subnets",
                "the subnets, each with `name`, `prefix`, `nsg`, `route_table`, `nat_gateway` (names), \
                 `service_endpoints`, `delegation` and `default_outbound`"
            ),
            variable(
                "depends_on",
                "what the subnets refer to, each with `type` and `name`"
            ),
        ]
    ),
    file!(
        "virtual-network-peering",
        "One side of a peering.",
        [
            variable(
                "name",
                "the name: that of its virtual network, `/`, and its own"
            ),
            variable("virtual_network", "the virtual network that it is part of"),
            variable("remote", "the other virtual network"),
            variable("access", "whether the other one may call in"),
            variable(
                "forwarded_traffic",
                "whether what the other one only forwards may come in"
            ),
        ]
    ),
    file!(
        "user-assigned-identity",
        "The identity of a cluster for which the spec gives none.",
        [NAME, LOCATION, TAGS]
    ),
    file!(
        "role-assignment",
        "What the identity of a cluster may change: its virtual network, and its route table.",
        [
            variable("identity", "the name of the identity"),
            variable("role", "the GUID of the role"),
            variable(
                "scope",
                "the path of what it may change: `Namespace/type/name`"
            ),
            variable("scope_type", "the type of what it may change"),
            variable("scope_name", "the name of what it may change"),
        ]
    ),
    file!(
        "managed-cluster",
        "A cluster with one pool of nodes.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable(
                "identity",
                "the name of the identity that is made for it; null where one is given"
            ),
            variable("identity_id", "the id of the given identity"),
            variable(
                "role_assignments",
                "those of the identity, with the variables of their file"
            ),
            variable("virtual_network", "the name of its virtual network"),
            variable("subnet", "the nodes' subnet: `network/subnet`"),
            variable("pod_subnet", "the pods' subnet: `network/subnet`"),
            variable(
                "version",
                "the Kubernetes version; null for the region's default"
            ),
            variable("nodes", "the number of nodes"),
            variable("size", "the nodes' size"),
            variable(
                "max_pods",
                "the most pods on a node; null for Azure's default"
            ),
            variable("network_plugin", "`kubenet` or `azure`"),
            variable("network_plugin_mode", "`overlay` or null"),
            variable("network_policy", "`azure`, `calico`, `cilium` or null"),
            variable("network_dataplane", "`cilium` or null"),
            variable(
                "pods",
                "the pod range; null where pods have addresses of a subnet"
            ),
            variable("services", "the service range"),
            variable("dns_ip", "the address of the cluster's DNS service"),
            variable("outbound_type", "how the nodes reach the Internet"),
        ]
    ),
    file!(
        "container-group",
        "A workload that runs as a container group.",
        [
            NAME,
            LOCATION,
            TAGS,
            variable("virtual_network", "the name of its virtual network"),
            variable("subnet", "its subnet: `network/subnet`"),
            variable("restart_policy", "when its containers are started again"),
            variable("dns_servers", "its DNS servers; empty for Azure's choice"),
            variable(
                "registry",
                "`server`, and `user` and `password` in pieces for `secret-text`; null where none is given"
            ),
            variable("ports", "what it serves, each with `port` and `protocol`"),
            variable(
                "containers",
                "the containers, each with `name`, `image`, `command`, `ports`, `env` (each with `name`, `value` in \
                 pieces for `secret-text`, and whether it is `secret`), `cpu` and `memory_in_gb`"
            ),
        ]
    ),
    file!(
        "pod",
        "A copy of a workload that runs as pods. No part of the ARM template: it goes to the cluster itself, \
         and its texts are written with `verbatim`.",
        [
            variable("name", "the name of the pod"),
            variable("workload", "the name that all copies have in common"),
            variable("host_network", "whether it uses its node's network"),
            variable("spread", "whether the copies are spread over the nodes"),
            variable(
                "pull_secret",
                "the name of the Secret with the registry's credentials"
            ),
            variable(
                "containers",
                "the containers, each with `name`, `image`, `command`, `args`, `ports`, `env` (each with `name`, and \
                 `value` or the name of the Secret that holds it as `secret`), `cpu` and `memory`"
            ),
        ]
    ),
];

/// Whether the table of a file names exactly the variables that it is given.
pub(super) fn documents(name: &str, values: &Value) -> bool {
    let file = FILES.iter().find(|file| file.name == name);
    let (Some(file), Some(values)) = (file, values.as_object()) else {
        return false;
    };
    values.len() == file.variables.len()
        && file
            .variables
            .iter()
            .all(|variable| values.contains_key(variable.name))
}
