//! Why a party of a question has no place in the network.

use crate::arm::ResourceKey;

use super::PredictError;
use super::allocation::Allocation;

impl Allocation<'_> {
    pub(super) fn unplaced_group(&self, key: &ResourceKey) -> PredictError {
        match self.network.group(key) {
            None => PredictError::UnknownParty {
                party: format!("container group `{}`", key.name),
            },
            Some(group) => match &group.subnet {
                Some(subnet) => PredictError::Missing {
                    resource: subnet.clone(),
                    referrer: group.id.clone(),
                },
                None => PredictError::Unsupported {
                    what: format!("container group `{}`, which is in no subnet", key.name),
                },
            },
        }
    }

    pub(super) fn unplaced_interface(&self, key: &ResourceKey) -> PredictError {
        let Some(nic) = self.network.interface(key) else {
            return PredictError::UnknownParty {
                party: format!("network interface `{}`", key.name),
            };
        };
        let first = nic.ip_configurations.first();
        match first.and_then(|configuration| configuration.subnet.as_ref()) {
            Some(subnet) => PredictError::Missing {
                resource: subnet.clone(),
                referrer: nic.id.clone(),
            },
            None => PredictError::Unsupported {
                what: format!("network interface `{}`, which is in no subnet", key.name),
            },
        }
    }

    pub(super) fn unplaced_pod(&self, key: &ResourceKey, name: &str) -> PredictError {
        let Some(cluster) = self.network.cluster(key) else {
            return PredictError::UnknownParty {
                party: format!("cluster `{}`", key.name),
            };
        };
        let subnet = cluster.pools.iter().find_map(|pool| pool.subnet.as_ref());
        match subnet {
            Some(subnet) if self.network.attachment(subnet).is_none() => PredictError::Missing {
                resource: subnet.clone(),
                referrer: cluster.id.clone(),
            },
            Some(_) => PredictError::Unsupported {
                what: format!("pod `{name}`, for which cluster `{}` has no node", key.name),
            },
            None => PredictError::Unsupported {
                what: format!(
                    "cluster `{}`, whose virtual network Azure makes by itself",
                    key.name
                ),
            },
        }
    }
}
