//! The keys of the document itself: what it is, its values, its end and its budget.

use super::*;

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
