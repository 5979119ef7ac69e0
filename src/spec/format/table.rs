//! The language as data for the formatter: short forms, defaults, key order, and what texts hold.
//!
//! A place is a path of keys: `*` is any key, `a|b` one of them, `-` an item of a list. A new short form, key
//! or default is a line here. A key that has no line keeps its place behind those that have one.

use super::doc::Style;
use crate::spec::sentence::{self, Fields};
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Kind};

/// What a text or a list alone means at a place.
pub(super) enum Short {
    /// The value of this key; the long form is printed so.
    Key(&'static str, Style),
    /// The value of this key, if it is an HTTP status; the lines for other values follow.
    Status(&'static str),
    /// A sentence.
    Sentence(&'static Sentence),
    /// The word alone is the key with this value.
    Word(&'static str, &'static str),
}

/// A sentence and the fields that it stands for.
pub(super) struct Sentence {
    /// The key that holds the sentence beside further fields.
    pub(super) key: &'static str,
    /// Splits the sentence into its fields.
    pub(super) split: fn(&Text) -> Result<Fields, Diagnostic>,
    /// The parts of the sentence, in order.
    pub(super) parts: &'static [Part],
    /// How the long form is printed.
    pub(super) long: Style,
}

/// A field in a sentence.
pub(super) struct Part {
    /// What stands before it.
    pub(super) before: &'static str,
    /// Its key.
    pub(super) key: &'static str,
    /// What becomes of it in the sentence.
    pub(super) given: Given,
}

/// When a field stands in a sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Always: its default, where it is left out.
    Always,
    /// Where it is not the default.
    NotDefault,
    /// Where it is written.
    Written,
}

const fn part(before: &'static str, key: &'static str, given: Given) -> Part {
    Part { before, key, given }
}

static RULE: Sentence = Sentence {
    key: "rule",
    split: sentence::rule_fields,
    parts: &[
        part("", "priority", Given::Always),
        part(" ", "access", Given::Always),
        part(" ", "protocol", Given::Always),
        part(" ", "from", Given::Always),
        part(":", "from-ports", Given::NotDefault),
        part(" -> ", "to", Given::Always),
        part(":", "to-ports", Given::NotDefault),
    ],
    long: Style::Line,
};

static PROBE: Sentence = Sentence {
    key: "call",
    split: sentence::probe_fields,
    parts: &[
        part("", "from", Given::Always),
        part(" -> ", "scheme", Given::Always),
        part("://", "to", Given::Always),
        part(":", "port", Given::NotDefault),
        part("", "path", Given::Written),
    ],
    long: Style::Block,
};

static ROUTE: Sentence = Sentence {
    key: "route",
    split: sentence::route_fields,
    parts: &[
        part("", "prefix", Given::Always),
        part(" -> ", "hop", Given::Always),
    ],
    long: Style::Line,
};

/// The places that have a short form.
pub(super) static SHORT: &[(&str, Short)] = &[
    ("vnets.*.subnets.*", Short::Key("prefix", Style::Flow)),
    ("nsgs.*.inbound|outbound.*", Short::Sentence(&RULE)),
    ("workloads.*.forward.policy.*", Short::Sentence(&RULE)),
    ("routes.*.*", Short::Sentence(&ROUTE)),
    ("peerings.*", Short::Key("between", Style::Flow)),
    ("dns.*.records.*", Short::Key("a", Style::Flow)),
    ("externals.*", Short::Key("host", Style::Flow)),
    ("probes.*", Short::Sentence(&PROBE)),
    ("invariants.*", Short::Key("claim", Style::Line)),
    ("steps.-", Short::Word("deploy", "true")),
    ("steps.-", Short::Word("undo", "last")),
    ("steps.-.probe.*", Short::Status("status")),
    ("steps.-.probe.*", Short::Key("outcome", Style::Flow)),
    ("steps.-.prove.*", Short::Key("claim", Style::Line)),
];

/// A default that the long form writes out: place, key, value, and the schemes that it is for (none: all).
pub(super) type Default = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const HTTP: &[&str] = &["http", "https"];

/// The defaults that the long form writes out.
pub(super) static DEFAULTS: &[Default] = &[
    (RULES, "protocol", "any", &[]),
    (RULES, "from", "any", &[]),
    (RULES, "from-ports", "any", &[]),
    (RULES, "to", "any", &[]),
    (RULES, "to-ports", "any", &[]),
    (POLICIES, "protocol", "any", &[]),
    (POLICIES, "from", "any", &[]),
    (POLICIES, "from-ports", "any", &[]),
    (POLICIES, "to", "any", &[]),
    (POLICIES, "to-ports", "any", &[]),
    ("peerings.*", "access", "true", &[]),
    ("peerings.*", "forwarded-traffic", "false", &[]),
    ("probes.*", "port", "80", &["http"]),
    ("probes.*", "port", "443", &["https", "tls"]),
    ("probes.*", "port", "53", &["dns"]),
    ("probes.*", "path", "/", HTTP),
    ("probes.*", "method", "GET", HTTP),
    ("probes.*", "timeout", "1s", &[]),
    ("probes.*", "connection", "new", &[]),
];

const RULES: &str = "nsgs.*.inbound|outbound.*";
const POLICIES: &str = "workloads.*.forward.policy.*";

/// What a text holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Words that only their spaces are set of.
    Words,
    /// The name of a subnet.
    Subnet,
    /// A set or a claim: names of things of several kinds, among words of the language.
    Names,
}

/// The texts that hold words of the language.
pub(super) static HOLDS: &[(&str, Holds)] = &[
    ("nsgs.*.inbound|outbound.*.from|to", Holds::Names),
    (
        "nsgs.*.inbound|outbound.*.from-ports|to-ports",
        Holds::Words,
    ),
    ("workloads.*.forward.policy.*.from|to", Holds::Names),
    (
        "workloads.*.forward.policy.*.from-ports|to-ports",
        Holds::Words,
    ),
    ("workloads.*.aci|vm", Holds::Subnet),
    ("clusters.*.subnet|pod-subnet", Holds::Subnet),
    ("peerings.*.between", Holds::Words),
    ("routes.*.*.hop", Holds::Words),
    ("invariants.*.claim", Holds::Names),
    ("steps.-.prove.*.claim", Holds::Names),
    ("steps.-.probe.*.source-in|not-source", Holds::Names),
];

/// Words of sets and claims that are not names, whatever is called so.
pub(super) static WORDS: &[&str] = &[
    "any", "except", "always", "never", "sees", "via", "avoiding", "when", "new", "reply",
];

/// Where the things that a set or a claim can name are declared.
pub(super) static DECLARED: &[(&str, Kind)] = &[
    ("vnets.*", Kind::Vnet),
    ("vnets.*.subnets.*", Kind::Subnet),
    ("asgs.*", Kind::Asg),
    ("externals.*", Kind::External),
    ("clusters.*", Kind::Cluster),
    ("workloads.*", Kind::Workload),
];

/// The order of the keys of a thing.
pub(super) static ORDER: &[(&str, &str)] = &[
    (
        "",
        "vnetlab name about location tags include params matrix service-tags secrets planes \
         vnets asgs nsgs peerings routes dns externals clusters workloads probes invariants \
         steps lifecycle budget",
    ),
    ("params.*", "type default one-of about"),
    (
        "vnets.*",
        "about azure-name existing location space dns-servers subnets with",
    ),
    (
        "vnets.*.subnets.*",
        "about azure-name prefix nsg routes nat endpoints delegation default-outbound with",
    ),
    (
        "nsgs.*",
        "about azure-name flush-connections inbound outbound with",
    ),
    (RULES, RULE_KEYS),
    (POLICIES, RULE_KEYS),
    ("asgs.*", "about azure-name with"),
    (
        "peerings.*",
        "about azure-name between access forwarded-traffic with",
    ),
    ("routes.*.*", "route about azure-name prefix hop with"),
    ("dns.*", "about azure-name links records with"),
    ("dns.*.records.*", "about a cname txt with"),
    ("externals.*", "about host ip tag with"),
    (
        "clusters.*",
        "about azure-name existing network subnet pod-subnet nodes size pods services dns-ip \
         version max-pods policy dataplane egress identity with",
    ),
    (
        "workloads.*",
        "about azure-name aci pod vm count spread host-network size ip asg nsg public-ip \
         image command env registry serve body cpu memory dns-servers restart forward with",
    ),
    ("workloads.*.registry", "server user password"),
    ("workloads.*.forward", "nic snat policy"),
    (
        "probes.*",
        "call about from to scheme port path method headers send resolver type timeout \
         attempts every count connection with",
    ),
    ("invariants.*", "about claim when with"),
    (
        "steps.-",
        "name when planes note deploy change order undo wait probe prove expect-broken",
    ),
    (
        "steps.-.probe.*",
        "about outcome status body header source source-in not-source via avoid by answers rtt \
         within stable planes with",
    ),
    ("steps.-.prove.*", "about claim when with"),
    ("lifecycle", "cleanup keep-on-failure ttl parallel group"),
    ("budget", "time cost clusters vms resources"),
];

const RULE_KEYS: &str =
    "rule about azure-name priority access protocol from from-ports to to-ports with";

/// Whether a path is at a place.
pub(super) fn at(place: &str, path: &[String]) -> bool {
    if place.is_empty() {
        return path.is_empty();
    }
    let mut segments = place.split('.');
    let all = path.iter().all(|key| {
        segments
            .next()
            .is_some_and(|segment| segment == "*" || segment.split('|').any(|word| word == key))
    });
    all && segments.next().is_none()
}

/// The lines of a table for a path.
pub(super) fn rows<'t, T>(
    table: &'t [(&'static str, T)],
    path: &[String],
) -> impl Iterator<Item = &'t T> {
    let found = table.iter().filter(move |(place, _)| at(place, path));
    found.map(|(_, row)| row).collect::<Vec<_>>().into_iter()
}
