//! The keys of virtual networks and of what stands in them.

use super::*;

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
