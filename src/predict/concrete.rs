//! One flow, first match: where it starts, whom it is sent to, and what every reading of the sources
//! makes of it.

use std::net::Ipv4Addr;

use crate::arm::{Addresses, Destination, Question, Resource};
use crate::verdict::Prediction;

use super::PredictError;
use super::allocation::Allocation;
use super::combine::combine;
use super::considered;
use super::endpoint::Endpoint;
use super::network::Network;
use super::peering::is_linked;
use super::readings::explore;
use super::walk::Walk;

/// Predicts the outcome of one flow through the network that `resources` describe.
///
/// `resources` are those of one resource group, expanded. Addresses that `addresses` do not tell are
/// assumed in Azure's order (R31), and the prediction is marked so. What the resources hold and the
/// analysis does not know is listed in it.
///
/// # Errors
/// When a party is not among the resources, a resource cannot be read or refers to one that is
/// missing, or the answer depends on something that the analysis does not model.
pub fn predict(
    resources: &[Resource],
    addresses: &Addresses,
    question: &Question,
) -> Result<Prediction, PredictError> {
    let network = Network::read(resources)?;
    let mut parties = vec![&question.from];
    if let Destination::Party(party) = &question.to {
        parties.push(party);
    }
    let allocation = Allocation::new(&network, addresses, &parties)?;
    let from = allocation.endpoint(&question.from)?.clone();
    let (address, to) = match &question.to {
        Destination::Party(party) => {
            let to = allocation.endpoint(party)?.clone();
            (to.address, Some(to))
        }
        Destination::Address(address) => (
            *address,
            nearest_holder(&network, &allocation, &from, *address),
        ),
    };
    refuse_service(&from, address)?;
    let mut forwarders = question.forwarders.iter().map(|one| &one.interface);
    if let Some(unknown) = forwarders.find(|key| network.interface(key).is_none()) {
        return Err(PredictError::UnknownParty {
            party: format!("network interface `{}`", unknown.name),
        });
    }
    let explored = explore(|readings| {
        Walk::new(
            &network,
            &allocation,
            question,
            &from,
            address,
            to.as_ref(),
            readings,
        )
        .run()
    })?;
    let mut prediction = combine(explored);
    prediction.assumed |= from.assumed || to.is_some_and(|to| to.assumed);
    prediction.not_considered = considered::leftovers(resources);
    Ok(prediction)
}

/// Who holds `address` as the caller sees it: in its own virtual network, else in a peered one.
fn nearest_holder<'n>(
    network: &'n Network<'n>,
    allocation: &Allocation<'n>,
    from: &Endpoint<'n>,
    address: Ipv4Addr,
) -> Option<Endpoint<'n>> {
    let peered = || {
        let vnets = network.vnets.iter();
        vnets
            .filter(|vnet| is_linked(network, from.at.vnet, vnet))
            .find_map(|vnet| allocation.holder(vnet, address))
    };
    allocation.holder(from.at.vnet, address).or_else(peered)
}

/// R63: which pod stands behind the address of a service is the cluster's to say, not the template's.
fn refuse_service(from: &Endpoint<'_>, address: Ipv4Addr) -> Result<(), PredictError> {
    let services = from
        .node
        .as_ref()
        .and_then(|node| node.cluster.service_cidr);
    match services {
        Some(range) if range.contains(&address) => Err(PredictError::Unsupported {
            what: format!("the Kubernetes service at {address}"),
        }),
        _ => Ok(()),
    }
}
