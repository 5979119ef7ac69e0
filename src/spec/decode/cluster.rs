//! Clusters.

use super::fields::Decoder;
use crate::spec::language::CLUSTER;
use crate::spec::tree::Entry;
use crate::spec::{
    Cluster, ClusterNetwork, Dataplane, Diagnostic, Egress, NetworkPolicy, codes, sentence,
};

impl Decoder<'_> {
    pub(super) fn cluster(&mut self, entry: &Entry) -> Option<Cluster> {
        let mut fields = self.fields(&entry.value, entry.key.span, &CLUSTER)?;
        self.optional(&mut fields, "about", Self::text);
        let network = self.optional(&mut fields, "network", |d, node| {
            d.one_of(
                node,
                &[
                    ("kubenet", ClusterNetwork::Kubenet),
                    ("overlay", ClusterNetwork::Overlay),
                    ("node-subnet", ClusterNetwork::NodeSubnet),
                    ("pod-subnet", ClusterNetwork::PodSubnet),
                ],
                &[],
            )
        });
        let subnet = self.required(&mut fields, "subnet", Self::reference);
        let pod_subnet = self.optional(&mut fields, "pod-subnet", Self::reference);
        let pods = self.optional(&mut fields, "pods", Self::prefix);
        let services = self.optional(&mut fields, "services", Self::prefix);
        let dns_ip = self.optional(&mut fields, "dns-ip", |d, node| {
            d.sentence(node, "an address", sentence::address)
        });
        let nodes = self.optional(&mut fields, "nodes", |d, node| d.number(node, 1, 5000));
        let max_pods = self.optional(&mut fields, "max-pods", |d, node| d.number(node, 10, 250));
        let size = self.optional(&mut fields, "size", Self::word);
        let version = self.optional(&mut fields, "version", Self::word);
        let policy = self.optional(&mut fields, "policy", |d, node| {
            d.one_of(
                node,
                &[
                    ("none", NetworkPolicy::None),
                    ("azure", NetworkPolicy::Azure),
                    ("calico", NetworkPolicy::Calico),
                    ("cilium", NetworkPolicy::Cilium),
                ],
                &[],
            )
        });
        let dataplane = self.optional(&mut fields, "dataplane", |d, node| {
            let words = [("azure", Dataplane::Azure), ("cilium", Dataplane::Cilium)];
            d.one_of(node, &words, &[])
        });
        let egress = self.optional(&mut fields, "egress", |d, node| {
            d.one_of(
                node,
                &[
                    ("load-balancer", Egress::LoadBalancer),
                    ("nat", Egress::Nat),
                    ("routes", Egress::Routes),
                    ("none", Egress::None),
                ],
                &[],
            )
        });
        let identity = self.optional(&mut fields, "identity", Self::word);
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        let cluster = Cluster {
            key: entry.key.span,
            azure_name,
            network,
            subnet,
            pod_subnet,
            pods,
            services,
            dns_ip,
            nodes,
            size,
            version,
            max_pods,
            policy,
            dataplane,
            egress,
            identity,
            unread: fields.unread,
        };
        self.addressing(&cluster);
        Some(cluster)
    }

    /// What each network mode has, and what has no meaning in it.
    fn addressing(&mut self, cluster: &Cluster) {
        if cluster.unread.contains("network") {
            return;
        }
        let (mode, word) = match &cluster.network {
            None => (ClusterNetwork::Overlay, "overlay"),
            Some(network) => match network.value {
                ClusterNetwork::Kubenet => (network.value, "kubenet"),
                ClusterNetwork::Overlay => (network.value, "overlay"),
                ClusterNetwork::NodeSubnet => (network.value, "node-subnet"),
                ClusterNetwork::PodSubnet => (network.value, "pod-subnet"),
            },
        };
        let stands = cluster
            .network
            .as_ref()
            .map_or(cluster.key, |network| network.span);
        let mut refuse = |key: &str, span, why: &str| {
            self.found.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    span,
                    format!("`{key}` has no meaning with `network: {word}`"),
                )
                .related(stands, why),
            );
        };
        match mode {
            ClusterNetwork::NodeSubnet => {
                if let Some(pods) = &cluster.pods {
                    refuse(
                        "pods",
                        pods.span,
                        "pods take addresses of the nodes' subnet",
                    );
                }
            }
            ClusterNetwork::PodSubnet => {
                if let Some(pods) = &cluster.pods {
                    refuse("pods", pods.span, "pods take addresses of `pod-subnet`");
                }
            }
            ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {}
        }
        if mode != ClusterNetwork::PodSubnet
            && let Some(subnet) = &cluster.pod_subnet
        {
            refuse(
                "pod-subnet",
                subnet.span,
                "only with `pod-subnet` do pods have a subnet of their own",
            );
        }
        if mode == ClusterNetwork::PodSubnet
            && cluster.pod_subnet.is_none()
            && !cluster.unread.contains("pod-subnet")
        {
            self.found.push(
                Diagnostic::error(
                    codes::MISSING_KEY,
                    stands,
                    "a cluster with `network: pod-subnet` needs the key `pod-subnet`",
                )
                .help("name the subnet of its pods: `pod-subnet: SUBNET`"),
            );
        }
    }
}
