use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};
use crate::net::Prefix;

use super::view::View;
use super::{ROUTE, ROUTE_TABLE, ViewError, all, join};

/// A route table with its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// The id.
    pub id: ResourceId,
    /// The routes.
    pub routes: Vec<Route>,
}

/// A user-defined route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The name.
    pub name: String,
    /// The destination prefix.
    pub prefix: Prefix,
    /// `VirtualAppliance`, `VirtualNetworkGateway`, `VnetLocal`, `Internet` or `None`, as spelt.
    pub next_hop_type: String,
    /// The appliance's address.
    pub next_hop_ip: Option<Ipv4Addr>,
}

impl RouteTable {
    /// Every route table among `resources`, child routes joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<RouteTable>, ViewError> {
        let mut tables = all(resources, ROUTE_TABLE, |id, view| {
            let routes = view.items("routes");
            let routes = routes
                .iter()
                .map(|item| Route::read(item.required_text("name")?, &item.object("properties")));
            Ok(RouteTable {
                id: id.clone(),
                routes: routes.collect::<Result<_, _>>()?,
            })
        })?;
        join(
            &mut tables,
            |table| &table.id,
            resources,
            ROUTE,
            |table, id, view| {
                let route = Route::read(id.name().to_owned(), view)?;
                table
                    .routes
                    .retain(|other| !other.name.eq_ignore_ascii_case(&route.name));
                table.routes.push(route);
                Ok(())
            },
        )?;
        Ok(tables)
    }
}

impl Route {
    fn read(name: String, view: &View<'_>) -> Result<Route, ViewError> {
        let prefix = view.prefixes(&["addressPrefix"])?.first().copied();
        Ok(Route {
            name,
            prefix: prefix
                .ok_or_else(|| view.error("addressPrefix", "a route needs a prefix".to_owned()))?,
            next_hop_type: view.required_text("nextHopType")?,
            next_hop_ip: view.address("nextHopIpAddress")?,
        })
    }
}
