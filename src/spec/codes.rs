//! The stable codes of findings, one list.
//!
//! `VNL00xx` syntax, shape and names; `VNL01xx` security rules; `VNL02xx` address plan; `VNL03xx` warnings;
//! `VNL04xx` clusters and workloads; `VNL05xx` probes, expectations and steps; `VNL06xx` parameters, matrix, include
//! and secrets; `VNL09xx` words of the language that are not supported yet. A code is never given a second meaning.

macro_rules! codes {
    ($($(#[doc = $text:literal])+ $name:ident = $code:literal;)+) => {
        $($(#[doc = $text])+ pub const $name: &str = $code;)+

        /// Every code with what it means.
        pub const ALL: &[(&str, &str)] = &[$(($code, concat!($($text),+))),+];
    };
}

codes! {
    /// The text is not YAML.
    SYNTAX = "VNL0001";
    /// A part of YAML that the language leaves out: anchors, aliases, tags, directives, a second document.
    YAML_FEATURE = "VNL0002";
    /// A key stands twice in one map.
    DUPLICATE_KEY = "VNL0003";
    /// The document is nested too deeply, or too long.
    LIMIT = "VNL0004";
    /// A key that does not exist at its place.
    UNKNOWN_KEY = "VNL0010";
    /// A key that must be given is missing.
    MISSING_KEY = "VNL0011";
    /// A step that does not exist.
    UNKNOWN_STEP = "VNL0012";
    /// A map, a list or a text stands where another of them is expected.
    SHAPE = "VNL0013";
    /// A text that is not a value of its key.
    VALUE = "VNL0014";
    /// A text that cannot be a name.
    NAME = "VNL0015";
    /// Two keys that say the same thing, or exclude each other.
    CONTRADICTION = "VNL0016";
    /// A version of the language that this tool does not know.
    VERSION = "VNL0017";
    /// A key or a list item without a value.
    NO_VALUE = "VNL0021";
    /// A key with a space in it.
    KEY_WITH_SPACE = "VNL0022";
    /// A sentence that breaks its grammar.
    SENTENCE = "VNL0030";
    /// A name that nothing has.
    UNKNOWN_NAME = "VNL0040";
    /// A name that several things have.
    AMBIGUOUS_NAME = "VNL0041";
    /// A name of a thing that cannot stand at its place.
    MISPLACED_NAME = "VNL0042";
    /// Two things with the same name in Azure.
    AZURE_NAME_TAKEN = "VNL0043";
    /// A name that Azure refuses.
    AZURE_NAME = "VNL0044";

    /// A priority outside 100 to 4096.
    PRIORITY = "VNL0101";
    /// Two rules of one direction have the same priority.
    DUPLICATE_PRIORITY = "VNL0102";
    /// Ports with a protocol that has none.
    PORTS_WITHOUT_PORTS = "VNL0103";
    /// `except` in a security rule.
    EXCEPT_IN_RULE = "VNL0104";
    /// `any` together with something else.
    ANY_NOT_ALONE = "VNL0106";
    /// One side of a security rule names two service tags.
    TWO_TAGS = "VNL0107";
    /// One side of a security rule names a service tag and addresses.
    TAG_AND_ADDRESSES = "VNL0108";
    /// An IPv6 literal.
    IPV6 = "VNL0110";
    /// A rule or a route with an address that only a deployment tells, before there is one.
    DEPLOYED_ADDRESS = "VNL0111";

    /// A text that is not an address prefix.
    PREFIX = "VNL0201";
    /// An address prefix with host bits.
    HOST_BITS = "VNL0202";
    /// A subnet outside its virtual network.
    SUBNET_OUTSIDE = "VNL0203";
    /// Two subnets of a virtual network overlap.
    SUBNETS_OVERLAP = "VNL0204";
    /// A range that Azure reserves.
    RESERVED_RANGE = "VNL0205";
    /// A subnet below the smallest size.
    SUBNET_SIZE = "VNL0206";
    /// Two ranges of one address space overlap.
    SPACES_OVERLAP = "VNL0207";
    /// A peering of two virtual networks that overlap.
    PEERING_OVERLAPS = "VNL0208";
    /// A peering of a virtual network with itself.
    PEERING_WITH_ITSELF = "VNL0209";
    /// Two virtual networks with two peerings.
    PEERED_TWICE = "VNL0210";
    /// Two routes of one table with the same prefix.
    DUPLICATE_ROUTE = "VNL0211";
    /// A route table with more routes than Azure takes.
    ROUTE_TABLE_SIZE = "VNL0212";
    /// A NAT gateway that subnets of two virtual networks share.
    NAT_ACROSS_NETWORKS = "VNL0213";
    /// A delegation of a subnet that holds something else.
    DELEGATION = "VNL0214";

    /// A rule that can never match, because one earlier rule decides all of it.
    SHADOWED = "VNL0301";
    /// A probe calls a port that nothing listens on.
    NO_LISTENER = "VNL0302";
    /// A negative expectation without a positive control.
    NO_CONTROL = "VNL0303";
    /// An experiment that probes nothing.
    NO_PROBES = "VNL0304";
    /// A service tag that looks like a slip of the pen.
    UNUSUAL_TAG = "VNL0305";

    /// Two clusters, one of them kubenet, share a subnet.
    KUBENET_SHARES_SUBNET = "VNL0401";
    /// A subnet that cannot hold what a cluster or a container group puts into it.
    DELEGATED_SUBNET = "VNL0402";
    /// A pod or service range overlaps another range.
    CLUSTER_RANGE_OVERLAPS = "VNL0403";
    /// A range that AKS reserves.
    CLUSTER_RANGE_RESERVED = "VNL0404";
    /// The address of the DNS service is outside the service range, or its first.
    DNS_IP = "VNL0405";
    /// A service or pod range of a size that AKS refuses.
    CLUSTER_RANGE_SIZE = "VNL0406";
    /// A subnet with fewer addresses than its workloads or nodes need.
    SUBNET_FULL = "VNL0407";
    /// Two listeners on one port.
    PORT_TAKEN = "VNL0408";
    /// More copies than nodes, where each node takes one.
    TOO_MANY_COPIES = "VNL0409";
    /// A network policy, a dataplane or an egress that AKS does not take together with the rest.
    CLUSTER_OPTIONS = "VNL0410";

    /// An expected source that the caller or the probe cannot have.
    SOURCE = "VNL0501";
    /// An expectation that contradicts itself.
    EXPECTATION = "VNL0502";
    /// A `deploy` after the first step.
    DEPLOY_NOT_FIRST = "VNL0503";
    /// An `undo` with nothing to take back.
    NOTHING_TO_UNDO = "VNL0504";
    /// A path of a change that leads nowhere.
    UNKNOWN_PATH = "VNL0505";
    /// A change of what Azure cannot change in place.
    IMMUTABLE = "VNL0506";
    /// Two actions in one step.
    TWO_ACTIONS = "VNL0507";
    /// A deciding rule that no network security group has.
    UNKNOWN_RULE = "VNL0508";
    /// A key of a probe that its scheme does not have, or a port that it needs.
    PROBE_SCHEME = "VNL0509";
    /// An expectation that the probe's scheme cannot meet.
    PROBE_EXPECTATION = "VNL0510";
    /// A service tag whose meaning depends on who looks, in an invariant.
    VIEWER_DEPENDENT = "VNL0511";
    /// An `order` that does not name the paths of its change.
    ORDER = "VNL0512";
    /// An address that no probe can call.
    UNCALLABLE_ADDRESS = "VNL0513";

    /// A variable that is no parameter and no axis, or a field that it does not have.
    UNKNOWN_VARIABLE = "VNL0601";
    /// A substitution that cannot be read, or stands where none may.
    SUBSTITUTION = "VNL0602";
    /// A value that is more than one word where it stands for one.
    SUBSTITUTED_VALUE = "VNL0603";
    /// A parameter that has no value.
    PARAMETER_MISSING = "VNL0604";
    /// A value for a parameter that does not exist, or two values for one.
    PARAMETER_GIVEN = "VNL0605";
    /// A value that a parameter cannot have.
    PARAMETER_VALUE = "VNL0606";
    /// An axis, a row or a combination that cannot be.
    MATRIX = "VNL0607";
    /// An axis or a row that the matrix does not have.
    UNKNOWN_ROW = "VNL0608";
    /// More combinations than can be run, or none.
    COMBINATIONS = "VNL0609";
    /// A part of the matrix, or a step, that changes nothing or is never run.
    NO_EFFECT = "VNL0610";
    /// A `with` that cannot be added where it stands.
    WITH = "VNL0611";
    /// A file that cannot be included.
    INCLUDE = "VNL0612";
    /// A thing that two files give.
    INCLUDED_TWICE = "VNL0613";
    /// A secret where none may stand.
    SECRET_PLACE = "VNL0620";
    /// A secret that the spec does not have.
    UNKNOWN_SECRET = "VNL0621";
    /// A secret that nothing uses.
    UNUSED_SECRET = "VNL0622";
    /// A secret in clear text.
    CLEAR_SECRET = "VNL0623";
    /// A text that looks like a credential.
    LOOKS_SECRET = "VNL0624";
    /// A secret without one source.
    SECRET_SOURCE = "VNL0625";

    /// A key of the language that is not supported yet.
    KEY_NOT_YET = "VNL0901";
    /// A value of the language that is not supported yet.
    VALUE_NOT_YET = "VNL0902";
}

/// Whether a code stands for a word of the language that is not supported yet.
#[must_use]
pub fn is_not_yet(code: &str) -> bool {
    code.starts_with("VNL09")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn every_code_stands_for_one_thing() {
        let codes: BTreeSet<_> = ALL.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), ALL.len());
    }
}
