//! The language as data: which keys stand where, what their values are, what they stand for.
//!
//! One table for everything that has to know it: the decoder (which keys exist), `change` (which paths
//! exist and which places have a short form), the JSON Schema and the reference of keys. A key that is
//! not in here cannot be read, and a key in here that the decoder never reads fails a test.

use super::Kind;

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What the map is, for messages.
    pub(crate) what: &'static str,
    /// What a text in its place stands for.
    pub(crate) short: Short,
    /// Its keys, in the order in which they are written.
    pub(crate) keys: &'static [Key],
}

/// What a text, or another value that is not the map, means in the place of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short {
    /// Nothing: there is only the map.
    None,
    /// The value of this key.
    Value(&'static str),
    /// A sentence, which is split into several keys; it may also stand under this key, beside others.
    Sentence(&'static str),
    /// One of these words, each of which is a key.
    Words(&'static [&'static str]),
    /// An outcome, a status, or a list of them.
    Answers,
}

/// A key of a map.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key.
    pub(crate) name: &'static str,
    /// What its value is.
    pub(crate) form: Form,
    /// Whether it must be given, and what it is where it is not.
    pub(crate) given: Given,
    /// A value as an author writes it.
    pub(crate) example: &'static str,
    /// What it says, in one line.
    pub(crate) about: &'static str,
}

/// Whether a key must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It must be.
    Required,
    /// It need not be; this is what holds then, in words or as a value.
    Default(&'static str),
    /// It belongs to the language and is not supported yet.
    Later,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// A text in which secrets may stand.
    SecretText,
    /// A text without spaces.
    Word,
    /// A name that the spec gives.
    Name,
    /// `true` or `false`.
    Boolean,
    /// A whole number between two bounds.
    Number(u32, u32),
    /// `1s`.
    Duration,
    /// Cores: `0.5`.
    Cores,
    /// `1GB`.
    Memory,
    /// `5 USD`.
    Money,
    /// An IPv4 prefix.
    Prefix,
    /// An IPv4 address.
    Address,
    /// A port.
    Port,
    /// Ports: `any`, `80`, `80 + 8000-8080`.
    Ports,
    /// A set of addresses.
    Set,
    /// A protocol.
    Protocol,
    /// What a route routes: a prefix, `any`, a tag.
    RoutePrefix,
    /// Where a route leads.
    Hop,
    /// A listener: `http:80`.
    Listen,
    /// A name, an address or a host name.
    Host,
    /// A reference to a thing of one of these kinds.
    Reference(&'static [Kind]),
    /// Two virtual networks: `a <-> b`.
    Pair,
    /// The claim of an invariant.
    Claim,
    /// Who the called endpoint sees.
    Source,
    /// What decided a flow.
    By,
    /// What a text holds: a text, or `/re/`.
    Match,
    /// `true`, `false`, or a name that is shared.
    Nat,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A value of this form, or a list of them.
    OneOrMany(&'static Form),
    /// A list of values of this form.
    List(&'static Form),
    /// A map with free keys.
    Map(&'static Form),
    /// A map from names to things.
    Things(&'static Shape),
    /// A list of things.
    Sequence(&'static Shape),
    /// A thing.
    Thing(&'static Shape),
    /// The paths of a change, with their values.
    Changes,
    /// A parameter's default: a text, read as its type.
    Scalar,
    /// The rows of a matrix axis: a list of texts, or a map from names to fields.
    Axis,
    /// Combinations of a matrix: a list of maps from axes to rows.
    Combinations,
    /// More keys of the map in which it stands.
    With,
    /// A map that is read later.
    Anything,
}

const fn required(
    name: &'static str,
    form: Form,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        form,
        given: Given::Required,
        example,
        about,
    }
}

const fn optional(
    name: &'static str,
    form: Form,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        form,
        given: Given::Default(default),
        example,
        about,
    }
}

const fn later(name: &'static str, form: Form, example: &'static str, about: &'static str) -> Key {
    Key {
        name,
        form,
        given: Given::Later,
        example,
        about,
    }
}

const ABOUT: Key = optional("about", Form::Text, "none", "Why it is there.", "A remark.");

const AZURE_NAME: Key = optional(
    "azure-name",
    Form::Word,
    "its name here",
    "web-prod",
    "Its name in Azure.",
);

const WITH: Key = optional(
    "with",
    Form::With,
    "none",
    "$cni.nets",
    "Keys that are added here; a key in both is an error.",
);

const PLANES: Form = Form::OneOrMany(&Form::OneOf(&["predict", "local", "azure"]));

const SUBNETS: Form = Form::Reference(&[Kind::Subnet]);

/// A spec file.
pub(crate) static SPEC: Shape = Shape {
    what: "a spec",
    short: Short::None,
    keys: &[
        required(
            "vnetlab",
            Form::OneOf(&["1"]),
            "1",
            "The version of the language.",
        ),
        required(
            "name",
            Form::Name,
            "kubenet-outbound",
            "The name of the experiment.",
        ),
        optional(
            "about",
            Form::Text,
            "none",
            "Which address does the server see?",
            "What it asks.",
        ),
        optional(
            "location",
            Form::Word,
            "eastus, locally",
            "westeurope",
            "The region; needed on Azure.",
        ),
        optional(
            "tags",
            Form::Map(&Form::Text),
            "none",
            "{ team: network }",
            "Tags of every resource.",
        ),
        optional(
            "params",
            Form::Things(&PARAMETER),
            "none",
            "{ db-port: { type: port, default: 1433 } }",
            "Values that a run may set.",
        ),
        optional(
            "matrix",
            Form::Thing(&MATRIX),
            "none",
            "{ network: [kubenet, overlay] }",
            "Axes of which every combination is run.",
        ),
        optional(
            "secrets",
            Form::Things(&SECRET),
            "none",
            "{ token: { env: TOKEN } }",
            "Where secrets come from.",
        ),
        optional(
            "include",
            Form::List(&Form::Text),
            "none",
            "[common.yaml]",
            "Files whose maps are merged in, relative to this one.",
        ),
        later(
            "service-tags",
            Form::Word,
            "2026-11-16",
            "The date of the service tags.",
        ),
        optional(
            "planes",
            PLANES,
            "all",
            "[predict, local]",
            "Where it is judged.",
        ),
        optional(
            "vnets",
            Form::Things(&VNET),
            "none",
            "{ hub: { space: 10.0.0.0/16 } }",
            "The virtual networks.",
        ),
        optional(
            "nsgs",
            Form::Things(&NSG),
            "none",
            "{ web: { inbound: { http: 100 allow tcp any -> any:80 } } }",
            "The network security groups.",
        ),
        later(
            "asgs",
            Form::Anything,
            "[web, db]",
            "The application security groups.",
        ),
        optional(
            "peerings",
            Form::Things(&PEERING),
            "none",
            "{ hub-spoke: hub <-> spoke }",
            "The peerings.",
        ),
        optional(
            "routes",
            Form::Map(&Form::Things(&ROUTE)),
            "none",
            "{ to-b: { east: 10.2.0.0/16 -> none } }",
            "The route tables, by name, with their routes.",
        ),
        later(
            "dns",
            Form::Anything,
            "{ example.internal: { links: [hub] } }",
            "The private DNS zones.",
        ),
        later(
            "externals",
            Form::Anything,
            "{ site: www.example.com }",
            "Hosts outside.",
        ),
        optional(
            "clusters",
            Form::Things(&CLUSTER),
            "none",
            "{ c: { network: overlay, subnet: nodes } }",
            "The AKS clusters.",
        ),
        optional(
            "workloads",
            Form::Things(&WORKLOAD),
            "none",
            "{ web: { aci: aci, serve: http:80 } }",
            "What calls and is called.",
        ),
        optional(
            "probes",
            Form::Things(&PROBE),
            "none",
            "{ call: observer -> http://web/ }",
            "The probes.",
        ),
        optional(
            "invariants",
            Form::Things(&INVARIANT),
            "none",
            "{ sealed: never store sees any except apps }",
            "Statements over all packets, proven in every state.",
        ),
        optional(
            "steps",
            Form::Sequence(&STEP),
            "none",
            "[deploy]",
            "The steps, in order.",
        ),
        optional(
            "lifecycle",
            Form::Thing(&LIFECYCLE),
            "see below",
            "{ ttl: 2h }",
            "What happens to the resources at the end.",
        ),
        optional(
            "budget",
            Form::Thing(&BUDGET),
            "none",
            "{ time: 45m }",
            "What the run may cost.",
        ),
    ],
};

/// A parameter.
pub(crate) static PARAMETER: Shape = Shape {
    what: "a parameter",
    short: Short::None,
    keys: &[
        required(
            "type",
            Form::OneOf(&[
                "string", "int", "port", "cidr", "ip", "duration", "location", "bool",
            ]),
            "port",
            "The type of its values.",
        ),
        optional(
            "default",
            Form::Scalar,
            "none: it must be given",
            "1433",
            "Its value where none is given.",
        ),
        optional(
            "one-of",
            Form::List(&Form::Scalar),
            "any of its type",
            "[1433, 5432]",
            "The values that it may have.",
        ),
        ABOUT,
    ],
};

/// The matrix; its other keys are axes.
pub(crate) static MATRIX: Shape = Shape {
    what: "`matrix`",
    short: Short::None,
    keys: &[
        optional(
            "include",
            Form::Combinations,
            "none",
            "[{ network: kubenet, policy: calico }]",
            "Combinations that are added.",
        ),
        optional(
            "exclude",
            Form::Combinations,
            "none",
            "[{ network: overlay, policy: azure }]",
            "Combinations that are left out.",
        ),
    ],
};

/// A secret.
pub(crate) static SECRET: Shape = Shape {
    what: "a secret",
    short: Short::None,
    keys: &[
        optional(
            "env",
            Form::Word,
            "none",
            "ACR_PASSWORD",
            "The environment variable that holds it.",
        ),
        optional(
            "file",
            Form::Text,
            "none",
            "acr.password",
            "The file that holds it, relative to this one.",
        ),
        ABOUT,
    ],
};

/// A virtual network.
pub(crate) static VNET: Shape = Shape {
    what: "a virtual network",
    short: Short::None,
    keys: &[
        ABOUT,
        required(
            "space",
            Form::OneOrMany(&Form::Prefix),
            "10.0.0.0/16",
            "Its address space.",
        ),
        optional(
            "subnets",
            Form::Things(&SUBNET),
            "none",
            "{ aks: 10.0.0.0/24 }",
            "Its subnets.",
        ),
        optional(
            "dns-servers",
            Form::OneOrMany(&Form::Address),
            "Azure's own",
            "[10.0.0.4]",
            "Its DNS servers.",
        ),
        optional(
            "location",
            Form::Word,
            "the experiment's",
            "westeurope",
            "Its region.",
        ),
        later(
            "existing",
            Form::Word,
            "/subscriptions/...",
            "The id of one that exists.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A subnet.
pub(crate) static SUBNET: Shape = Shape {
    what: "a subnet",
    short: Short::Value("prefix"),
    keys: &[
        ABOUT,
        required("prefix", Form::Prefix, "10.0.0.0/24", "Its range."),
        optional(
            "nsg",
            Form::Reference(&[Kind::Nsg]),
            "none",
            "web",
            "Its network security group.",
        ),
        optional(
            "routes",
            Form::Reference(&[Kind::Route]),
            "none",
            "to-b",
            "Its route table.",
        ),
        optional(
            "nat",
            Form::Nat,
            "false",
            "true",
            "Its NAT gateway: one of its own, or a shared one by name.",
        ),
        optional(
            "endpoints",
            Form::OneOrMany(&Form::Word),
            "none",
            "[Microsoft.Storage]",
            "Its service endpoints.",
        ),
        optional(
            "delegation",
            Form::Word,
            "from its workloads",
            "Microsoft.Web/serverFarms",
            "The service that it is delegated to.",
        ),
        optional(
            "default-outbound",
            Form::Boolean,
            "false",
            "true",
            "Whether Azure's default outbound access is on.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A network security group.
pub(crate) static NSG: Shape = Shape {
    what: "a network security group",
    short: Short::None,
    keys: &[
        ABOUT,
        optional(
            "inbound",
            Form::Things(&RULE),
            "none",
            "{ http: 100 allow tcp any -> any:80 }",
            "Its inbound rules.",
        ),
        optional(
            "outbound",
            Form::Things(&RULE),
            "none",
            "{ nothing: 200 deny any any -> any }",
            "Its outbound rules.",
        ),
        optional(
            "flush-connections",
            Form::Boolean,
            "false",
            "true",
            "Whether flows that exist are judged again when rules change.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A security rule.
pub(crate) static RULE: Shape = Shape {
    what: "a security rule",
    short: Short::Sentence("rule"),
    keys: &[
        ABOUT,
        required(
            "priority",
            Form::Number(100, 4096),
            "100",
            "Its place: the lower number is asked first.",
        ),
        required(
            "access",
            Form::OneOf(&["allow", "deny"]),
            "allow",
            "What it does with what it matches.",
        ),
        optional("protocol", Form::Protocol, "any", "tcp", "The protocol."),
        optional("from", Form::Set, "any", "aks", "The sources."),
        optional("from-ports", Form::Ports, "any", "any", "The source ports."),
        optional(
            "to",
            Form::Set,
            "any",
            "VirtualNetwork",
            "The destinations.",
        ),
        optional(
            "to-ports",
            Form::Ports,
            "any",
            "80 + 8000-8080",
            "The destination ports.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A peering.
pub(crate) static PEERING: Shape = Shape {
    what: "a peering",
    short: Short::Value("between"),
    keys: &[
        ABOUT,
        required(
            "between",
            Form::Pair,
            "hub <-> spoke",
            "The two virtual networks.",
        ),
        optional(
            "access",
            Form::Boolean,
            "true",
            "false",
            "Whether each may call the other.",
        ),
        optional(
            "forwarded-traffic",
            Form::Boolean,
            "false",
            "true",
            "Whether each takes what the other only forwards.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A route.
pub(crate) static ROUTE: Shape = Shape {
    what: "a route",
    short: Short::Sentence("route"),
    keys: &[
        ABOUT,
        required(
            "prefix",
            Form::RoutePrefix,
            "10.2.0.0/16",
            "What is routed.",
        ),
        required("hop", Form::Hop, "appliance 10.0.1.4", "Where to."),
        AZURE_NAME,
        WITH,
    ],
};

/// A cluster.
pub(crate) static CLUSTER: Shape = Shape {
    what: "a cluster",
    short: Short::None,
    keys: &[
        ABOUT,
        optional(
            "network",
            Form::OneOf(&["kubenet", "overlay", "node-subnet", "pod-subnet"]),
            "overlay",
            "kubenet",
            "How pods get their addresses.",
        ),
        required("subnet", SUBNETS, "nodes", "The nodes' subnet."),
        optional(
            "pod-subnet",
            SUBNETS,
            "none",
            "pods",
            "The pods' subnet; only with `network: pod-subnet`.",
        ),
        optional(
            "pods",
            Form::Prefix,
            "10.244.0.0/16",
            "10.16.0.0/16",
            "The pod range; only with kubenet and overlay.",
        ),
        optional(
            "services",
            Form::Prefix,
            "10.0.0.0/16",
            "10.1.0.0/16",
            "The service range.",
        ),
        optional(
            "dns-ip",
            Form::Address,
            "the tenth of `services`",
            "10.1.0.10",
            "The address of the cluster's DNS service.",
        ),
        optional(
            "nodes",
            Form::Number(1, 1000),
            "1",
            "2",
            "The number of nodes.",
        ),
        optional(
            "size",
            Form::Word,
            "Standard_B2ms",
            "Standard_D2s_v5",
            "The nodes' size.",
        ),
        optional(
            "version",
            Form::Word,
            "the region's default",
            "1.33",
            "The Kubernetes version.",
        ),
        optional(
            "max-pods",
            Form::Number(10, 250),
            "Azure's for the network",
            "30",
            "The most pods on a node.",
        ),
        optional(
            "policy",
            Form::OneOf(&["none", "azure", "calico", "cilium"]),
            "none",
            "calico",
            "Who enforces network policies.",
        ),
        optional(
            "dataplane",
            Form::OneOf(&["azure", "cilium"]),
            "azure",
            "cilium",
            "Who carries the packets.",
        ),
        optional(
            "egress",
            Form::OneOf(&["load-balancer", "nat", "routes", "none"]),
            "load-balancer",
            "nat",
            "How its nodes reach the Internet.",
        ),
        optional(
            "identity",
            Form::Word,
            "made",
            "/subscriptions/...",
            "The id of its identity.",
        ),
        later(
            "existing",
            Form::Word,
            "/subscriptions/...",
            "The id of one that exists.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// A workload.
pub(crate) static WORKLOAD: Shape = Shape {
    what: "a workload",
    short: Short::None,
    keys: &[
        ABOUT,
        optional(
            "aci",
            SUBNETS,
            "one of `aci` and `pod` is needed",
            "aci",
            "A container group in this subnet.",
        ),
        optional(
            "pod",
            Form::Reference(&[Kind::Cluster]),
            "one of `aci` and `pod` is needed",
            "cluster",
            "A pod on this cluster.",
        ),
        later("vm", SUBNETS, "app", "A virtual machine in this subnet."),
        optional("image", Form::Word, "agnhost", "nginx:1.29", "The image."),
        optional(
            "command",
            Form::List(&Form::Text),
            "the image's own",
            "[sleep, infinity]",
            "The command, with its arguments.",
        ),
        optional(
            "env",
            Form::Map(&Form::SecretText),
            "none",
            "{ MODE: test }",
            "Environment variables.",
        ),
        optional(
            "registry",
            Form::Thing(&REGISTRY),
            "none",
            "{ user: demo, password: $secrets.acr }",
            "The registry of the image.",
        ),
        optional(
            "serve",
            Form::OneOrMany(&Form::Listen),
            "none",
            "http:80",
            "What it listens on.",
        ),
        optional(
            "body",
            Form::Text,
            "its name",
            "Hello World!",
            "What the built-in server answers.",
        ),
        optional("cpu", Form::Cores, "1", "0.5", "Cores."),
        optional("memory", Form::Memory, "1GB", "1.5GB", "Memory."),
        optional(
            "dns-servers",
            Form::OneOrMany(&Form::Address),
            "Azure's choice",
            "[168.63.129.16]",
            "The DNS servers of a container group.",
        ),
        optional(
            "restart",
            Form::OneOf(&["always", "on-failure", "never"]),
            "always",
            "never",
            "When a container group's containers are started again.",
        ),
        optional(
            "count",
            Form::Number(1, 1000),
            "1",
            "2",
            "The number of pods.",
        ),
        optional(
            "spread",
            Form::OneOf(&["nodes"]),
            "where they fit",
            "nodes",
            "Over what the pods are spread.",
        ),
        optional(
            "host-network",
            Form::Boolean,
            "false",
            "true",
            "Whether a pod uses its node's network.",
        ),
        later(
            "size",
            Form::Word,
            "Standard_B2ms",
            "The size of a virtual machine.",
        ),
        later(
            "ip",
            Form::Address,
            "10.0.1.4",
            "The address of a virtual machine.",
        ),
        later(
            "asg",
            Form::OneOrMany(&Form::Name),
            "web",
            "The application security groups of a virtual machine.",
        ),
        later(
            "nsg",
            Form::Reference(&[Kind::Nsg]),
            "web",
            "The network security group of a virtual machine's interface.",
        ),
        later(
            "public-ip",
            Form::Boolean,
            "true",
            "Whether a virtual machine has a public address.",
        ),
        later(
            "forward",
            Form::Anything,
            "{ snat: false }",
            "What a virtual machine forwards.",
        ),
        AZURE_NAME,
        WITH,
    ],
};

/// The registry of an image.
pub(crate) static REGISTRY: Shape = Shape {
    what: "a registry",
    short: Short::None,
    keys: &[
        optional(
            "server",
            Form::Word,
            "the image's",
            "demo.azurecr.io",
            "The server.",
        ),
        required("user", Form::SecretText, "demo", "The user."),
        required(
            "password",
            Form::SecretText,
            "$secrets.acr",
            "The password: a secret.",
        ),
    ],
};

/// A probe.
pub(crate) static PROBE: Shape = Shape {
    what: "a probe",
    short: Short::Sentence("call"),
    keys: &[
        ABOUT,
        required(
            "from",
            Form::Reference(&[Kind::Workload]),
            "observer",
            "The calling workload.",
        ),
        required("to", Form::Host, "web", "Whom it calls."),
        required(
            "scheme",
            Form::OneOf(&["http", "https", "tls", "tcp", "udp", "dns", "icmp"]),
            "http",
            "What it speaks.",
        ),
        optional(
            "port",
            Form::Port,
            "80 http, 443 https and tls, 53 dns",
            "8080",
            "The port; needed for tcp and udp.",
        ),
        optional("path", Form::Text, "/", "/health", "The path of the URL."),
        optional(
            "method",
            Form::OneOf(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            "GET",
            "POST",
            "The HTTP method.",
        ),
        optional(
            "headers",
            Form::Map(&Form::SecretText),
            "none",
            "{ Accept: text/plain }",
            "HTTP headers.",
        ),
        optional(
            "send",
            Form::Text,
            "none",
            "hello",
            "The body of a request, the payload of a datagram.",
        ),
        optional(
            "resolver",
            Form::Address,
            "the caller's own",
            "168.63.129.16",
            "The DNS server that is asked.",
        ),
        optional(
            "type",
            Form::OneOf(&["A", "CNAME", "TXT"]),
            "A",
            "TXT",
            "The DNS record type.",
        ),
        optional(
            "timeout",
            Form::Duration,
            "1s",
            "5s",
            "How long one try may take.",
        ),
        optional(
            "attempts",
            Form::Number(1, 1000),
            "1",
            "3",
            "How often it is tried until it fits.",
        ),
        optional(
            "every",
            Form::Duration,
            "1s",
            "500ms",
            "The pause between tries.",
        ),
        optional(
            "count",
            Form::Number(1, 1000),
            "1",
            "10",
            "The connections of one try.",
        ),
        optional(
            "connection",
            Form::OneOf(&["new", "held"]),
            "new",
            "held",
            "Whether one connection is kept from step to step.",
        ),
        WITH,
    ],
};

/// An invariant.
pub(crate) static INVARIANT: Shape = Shape {
    what: "an invariant",
    short: Short::Value("claim"),
    keys: &[
        ABOUT,
        required(
            "claim",
            Form::Claim,
            "never web sees any except aks",
            "What is claimed.",
        ),
        optional(
            "when",
            Form::OneOf(&["new", "reply"]),
            "new",
            "reply",
            "Whether new flows are meant, or the answers to flows let through the other way.",
        ),
        WITH,
    ],
};

/// A step.
pub(crate) static STEP: Shape = Shape {
    what: "a step",
    short: Short::Words(&["deploy", "undo"]),
    keys: &[
        optional(
            "name",
            Form::Text,
            "from what it does",
            "now it times out",
            "Its name in the report.",
        ),
        optional(
            "when",
            Form::Map(&Form::OneOrMany(&Form::Word)),
            "always",
            "{ cni: [kubenet, overlay] }",
            "The matrix rows with which it is run.",
        ),
        optional("planes", PLANES, "all", "[local]", "Where it is run."),
        optional(
            "deploy",
            Form::OneOf(&["true"]),
            "none",
            "true",
            "Deploys everything; comes first and may be left out.",
        ),
        optional(
            "change",
            Form::Changes,
            "none",
            "{ nsgs.web.inbound.http.priority: 400 }",
            "Paths and their new values; `null` removes.",
        ),
        optional(
            "order",
            Form::List(&Form::Text),
            "all at once",
            "[nsgs.web.inbound.a]",
            "The paths of the change, to be sent one after the other.",
        ),
        optional(
            "undo",
            Form::OneOf(&["last", "all"]),
            "none",
            "last",
            "Takes back the newest change, or all of them.",
        ),
        optional(
            "wait",
            Form::Duration,
            "0s",
            "30s",
            "A pause before the probes.",
        ),
        optional(
            "probe",
            Form::Things(&EXPECTATION),
            "none",
            "{ call: 200 }",
            "The probes, with what is expected of each.",
        ),
        optional(
            "prove",
            Form::Things(&INVARIANT),
            "none",
            "{ out: never web -> db }",
            "Invariants that hold in this step alone.",
        ),
        optional(
            "expect-broken",
            Form::OneOrMany(&Form::Name),
            "none",
            "[sealed]",
            "The invariants that do not hold after this step.",
        ),
        optional(
            "note",
            Form::Text,
            "none",
            "Look at the portal now.",
            "A remark that the report shows.",
        ),
    ],
};

/// What is expected of a probe.
pub(crate) static EXPECTATION: Shape = Shape {
    what: "an expectation",
    short: Short::Answers,
    keys: &[
        ABOUT,
        optional(
            "outcome",
            Form::OneOrMany(&Form::OneOf(&[
                "reachable",
                "refused",
                "timeout",
                "unreachable",
                "resolves",
                "nxdomain",
                "tls-error",
            ])),
            "free",
            "timeout",
            "How it ends; one of several.",
        ),
        optional(
            "status",
            Form::Number(100, 599),
            "free",
            "200",
            "The HTTP status.",
        ),
        optional(
            "body",
            Form::Match,
            "free",
            "Hello",
            "What the body holds; `/re/` matches.",
        ),
        optional(
            "header",
            Form::Map(&Form::Match),
            "free",
            "{ Content-Type: text/plain }",
            "What headers of the answer hold.",
        ),
        optional(
            "source",
            Form::Source,
            "free",
            "node",
            "Who the called endpoint sees.",
        ),
        optional(
            "source-in",
            Form::Set,
            "free",
            "aks",
            "A set in which the source lies.",
        ),
        optional(
            "not-source",
            Form::Set,
            "free",
            "10.244.0.0/16",
            "A set in which the source does not lie.",
        ),
        optional(
            "via",
            Form::OneOrMany(&Form::Reference(&[Kind::Workload])),
            "free",
            "[firewall]",
            "The appliances that it passes, in order.",
        ),
        optional(
            "avoid",
            Form::OneOrMany(&Form::Reference(&[Kind::Workload])),
            "free",
            "[firewall]",
            "The appliances that it does not pass.",
        ),
        optional(
            "by",
            Form::By,
            "free",
            "deny-all",
            "What stopped it, or let it pass.",
        ),
        optional(
            "answers",
            Form::OneOrMany(&Form::Host),
            "free",
            "[store]",
            "The addresses in the DNS answer.",
        ),
        optional(
            "rtt",
            Form::Duration,
            "free",
            "5ms",
            "The longest round trip.",
        ),
        optional(
            "within",
            Form::Duration,
            "0s, on Azure 2m after a change",
            "30s",
            "How long after a change it may take until it fits.",
        ),
        optional(
            "stable",
            Form::Number(1, 1000),
            "1, on Azure 3 after a change",
            "3",
            "How many tries in a row must agree.",
        ),
        optional("planes", PLANES, "all", "[azure]", "Where it is judged."),
        WITH,
    ],
};

/// What happens to the resources at the end.
pub(crate) static LIFECYCLE: Shape = Shape {
    what: "`lifecycle`",
    short: Short::None,
    keys: &[
        optional(
            "cleanup",
            Form::OneOf(&["always", "on-success", "never"]),
            "always",
            "on-success",
            "When the resources are deleted.",
        ),
        optional(
            "keep-on-failure",
            Form::Duration,
            "0s",
            "10m",
            "How long a failed run's resources are kept before they are deleted.",
        ),
        optional(
            "ttl",
            Form::Duration,
            "4h",
            "2h",
            "When they may be collected as left over.",
        ),
        optional(
            "parallel",
            Form::Number(1, 64),
            "1",
            "2",
            "How many combinations of the matrix run side by side.",
        ),
        optional(
            "group",
            Form::Word,
            "one is made",
            "my-group",
            "An existing resource group to deploy into.",
        ),
    ],
};

/// What a run may cost, over all combinations.
pub(crate) static BUDGET: Shape = Shape {
    what: "`budget`",
    short: Short::None,
    keys: &[
        optional("time", Form::Duration, "none", "45m", "Wall time."),
        later("cost", Form::Money, "5 USD", "Money."),
        optional(
            "clusters",
            Form::Number(0, u32::MAX),
            "none",
            "4",
            "Clusters.",
        ),
        later("vms", Form::Number(0, u32::MAX), "2", "Virtual machines."),
        optional(
            "resources",
            Form::Number(0, u32::MAX),
            "none",
            "50",
            "Resources.",
        ),
    ],
};

impl Shape {
    /// A key of the map.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that are supported, the one for its sentence included.
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> + Clone {
        let sentence = match self.short {
            Short::Sentence(key) => Some(key),
            _ => None,
        };
        self.keys
            .iter()
            .filter(|key| key.given != Given::Later)
            .map(|key| key.name)
            .chain(sentence)
    }

    /// The keys of the language that are not supported yet.
    pub(crate) fn later(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys
            .iter()
            .filter(|key| key.given == Given::Later)
            .map(|key| key.name)
    }

    /// Whether it has keys of the author's own beside those in the table.
    pub(crate) fn is_open(&self) -> bool {
        std::ptr::eq(self, &raw const MATRIX)
    }
}

/// What a value at a path is; a step of `steps` has the segment `-`.
pub(crate) fn form_at(path: &[&str]) -> Option<Form> {
    let mut form = Form::Thing(&SPEC);
    for segment in path {
        form = match form {
            Form::Thing(shape) => match shape.key(segment) {
                Some(key) if key.given == Given::Later => return None,
                Some(key) => key.form,
                None if shape.is_open() => Form::Axis,
                None => return None,
            },
            Form::Things(shape) | Form::Sequence(shape) => Form::Thing(shape),
            Form::Map(inner) => *inner,
            _ => return None,
        };
    }
    Some(form)
}

/// The map that belongs at a path, if one does.
pub(crate) fn shape_at(path: &[&str]) -> Option<&'static Shape> {
    match form_at(path)? {
        Form::Thing(shape) => Some(shape),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_map_at_it() {
        let what = |path: &[&str]| shape_at(path).map(|shape| shape.what);
        for (path, shape) in [
            (&[][..], "a spec"),
            (&["vnets", "v", "subnets", "s"], "a subnet"),
            (&["nsgs", "n", "outbound", "r"], "a security rule"),
            (&["routes", "t", "r"], "a route"),
            (&["steps", "-", "probe", "p"], "an expectation"),
            (&["workloads", "w", "registry"], "a registry"),
        ] {
            assert_eq!(what(path), Some(shape), "{path:?}");
        }
        for path in [&["vnets"][..], &["routes", "t"], &["nope"], &["name", "x"]] {
            assert_eq!(what(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_short_form_stands_for_keys_that_exist() {
        fn walk(form: Form, seen: &mut Vec<&'static str>) {
            match form {
                Form::Thing(shape) | Form::Things(shape) | Form::Sequence(shape) => {
                    if seen.contains(&shape.what) {
                        return;
                    }
                    seen.push(shape.what);
                    match shape.short {
                        Short::Value(key) => assert!(shape.key(key).is_some(), "{key}"),
                        Short::Words(words) => {
                            assert!(words.iter().all(|word| shape.key(word).is_some()));
                        }
                        Short::None | Short::Sentence(_) | Short::Answers => {}
                    }
                    for key in shape.keys {
                        assert!(
                            !key.about.is_empty() && !key.example.is_empty(),
                            "{}",
                            key.name
                        );
                        walk(key.form, seen);
                    }
                }
                Form::Map(inner) | Form::List(inner) | Form::OneOrMany(inner) => walk(*inner, seen),
                _ => {}
            }
        }
        let mut seen = Vec::new();
        walk(Form::Thing(&SPEC), &mut seen);
        assert!(seen.len() >= 17, "{seen:?}");
    }
}
