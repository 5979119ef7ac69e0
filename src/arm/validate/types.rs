//! Resource types that the checks know beside those of the typed views.

/// `Microsoft.Network/virtualNetworks/virtualNetworkPeerings`.
pub(crate) const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
/// `Microsoft.Network/routeTables/routes`.
pub(crate) const ROUTE: &str = "Microsoft.Network/routeTables/routes";
/// `Microsoft.Network/natGateways`.
pub(crate) const NAT_GATEWAY: &str = "Microsoft.Network/natGateways";
/// `Microsoft.Network/publicIPAddresses`.
pub(crate) const PUBLIC_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";
/// `Microsoft.Network/publicIPPrefixes`.
#[cfg(feature = "local")]
pub(crate) const PUBLIC_PREFIX: &str = "Microsoft.Network/publicIPPrefixes";
/// `Microsoft.Network/networkInterfaces`.
pub(crate) const NETWORK_INTERFACE: &str = "Microsoft.Network/networkInterfaces";
/// `Microsoft.Network/applicationSecurityGroups`.
pub(crate) const APPLICATION_SECURITY_GROUP: &str = "Microsoft.Network/applicationSecurityGroups";
