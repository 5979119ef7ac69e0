//! The types and properties that the analysis reads, and those that shape no flow.

use crate::arm::views::{
    AGENT_POOL, APPLICATION_SECURITY_GROUP, CONTAINER_GROUP, MANAGED_CLUSTER, NAT_GATEWAY,
    NETWORK_INTERFACE, NETWORK_SECURITY_GROUP, PEERING, PUBLIC_IP_ADDRESS, ROLE_ASSIGNMENT, ROUTE,
    ROUTE_TABLE, SECURITY_RULE, SUBNET, USER_ASSIGNED_IDENTITY, VIRTUAL_MACHINE, VIRTUAL_NETWORK,
};

/// The members of an object that need no mention.
pub(super) struct Members {
    /// Names of what is read as it is, or has no effect on a flow, with spaces between.
    pub(super) plain: &'static str,
    /// Read further.
    pub(super) nested: &'static [(&'static str, Nested)],
}

/// How a member is read further.
pub(super) enum Nested {
    Object(&'static Members),
    List(&'static Members),
    /// A list of children, each with a name and `properties`.
    Children(&'static Members),
    /// Only this value needs no mention.
    Unless(&'static str),
    /// A list of which the analysis reads the only item.
    AtMostOne,
}

/// Types that shape no flow.
pub(super) const INERT_TYPES: [&str; 9] = [
    APPLICATION_SECURITY_GROUP,
    ROLE_ASSIGNMENT,
    USER_ASSIGNED_IDENTITY,
    "Microsoft.Compute/availabilitySets",
    "Microsoft.Compute/disks",
    "Microsoft.Compute/sshPublicKeys",
    "Microsoft.Network/networkWatchers",
    "Microsoft.Network/networkWatchers/flowLogs",
    "Microsoft.Resources/deployments",
];

/// Types that the analysis reads, with their properties.
pub(super) const MODELLED: [(&str, &Members); 14] = [
    (VIRTUAL_NETWORK, &NETWORK_MEMBERS),
    (SUBNET, &SUBNET_MEMBERS),
    (PEERING, &PEERING_MEMBERS),
    (NETWORK_SECURITY_GROUP, &GROUP_MEMBERS),
    (SECURITY_RULE, &RULE_MEMBERS),
    (ROUTE_TABLE, &TABLE_MEMBERS),
    (ROUTE, &ROUTE_MEMBERS),
    (NETWORK_INTERFACE, &INTERFACE_MEMBERS),
    (VIRTUAL_MACHINE, &MACHINE_MEMBERS),
    (NAT_GATEWAY, &GATEWAY_MEMBERS),
    (PUBLIC_IP_ADDRESS, &PUBLIC_IP_MEMBERS),
    (CONTAINER_GROUP, &CONTAINER_GROUP_MEMBERS),
    (MANAGED_CLUSTER, &CLUSTER_MEMBERS),
    (AGENT_POOL, &POOL_MEMBERS),
];

const NETWORK_MEMBERS: Members = Members {
    plain: "\
        bgpCommunities ddosProtectionPlan dhcpOptions enableDdosProtection enableVmProtection \
        flowLogs flowTimeoutInMinutes privateEndpointVNetPolicies provisioningState resourceGuid",
    nested: &[
        (
            "addressSpace",
            Nested::Object(&Members {
                plain: "addressPrefixes",
                nested: &[],
            }),
        ),
        ("subnets", Nested::Children(&SUBNET_MEMBERS)),
        ("virtualNetworkPeerings", Nested::Children(&PEERING_MEMBERS)),
    ],
};

const SUBNET_MEMBERS: Members = Members {
    plain: "\
        addressPrefix addressPrefixes defaultOutboundAccess delegations ipConfigurations \
        natGateway networkSecurityGroup privateEndpointNetworkPolicies \
        privateLinkServiceNetworkPolicies provisioningState purpose resourceNavigationLinks \
        routeTable serviceAssociationLinks serviceEndpoints",
    nested: &[],
};

const PEERING_MEMBERS: Members = Members {
    plain: "\
        allowForwardedTraffic allowVirtualNetworkAccess doNotVerifyRemoteGateways peeringState \
        peeringSyncLevel provisioningState remoteAddressSpace remoteBgpCommunities \
        remoteVirtualNetwork remoteVirtualNetworkAddressSpace remoteVirtualNetworkEncryption \
        peerCompleteVnets resourceGuid routeServiceVips useRemoteGateways",
    nested: &[],
};

const GROUP_MEMBERS: Members = Members {
    plain: "\
        defaultSecurityRules flowLogs flushConnection networkInterfaces provisioningState \
        resourceGuid subnets",
    nested: &[("securityRules", Nested::Children(&RULE_MEMBERS))],
};

const RULE_MEMBERS: Members = Members {
    plain: "\
        access description destinationAddressPrefix destinationAddressPrefixes \
        destinationApplicationSecurityGroups destinationPortRange destinationPortRanges \
        direction priority protocol provisioningState sourceAddressPrefix sourceAddressPrefixes \
        sourceApplicationSecurityGroups sourcePortRange sourcePortRanges",
    nested: &[],
};

const TABLE_MEMBERS: Members = Members {
    // Without a gateway there are no BGP routes to keep out, and gateways are not modelled.
    plain: "disableBgpRoutePropagation provisioningState resourceGuid subnets",
    nested: &[("routes", Nested::Children(&ROUTE_MEMBERS))],
};

const ROUTE_MEMBERS: Members = Members {
    plain: "addressPrefix hasBgpOverride nextHopIpAddress nextHopType provisioningState",
    nested: &[],
};

const INTERFACE_MEMBERS: Members = Members {
    plain: "\
        allowPort25Out auxiliaryMode auxiliarySku dnsSettings enableAcceleratedNetworking \
        enableIPForwarding hostedWorkloads macAddress networkSecurityGroup nicType primary \
        provisioningState resourceGuid virtualMachine vnetEncryptionSupported",
    nested: &[(
        "ipConfigurations",
        Nested::Children(&IP_CONFIGURATION_MEMBERS),
    )],
};

const IP_CONFIGURATION_MEMBERS: Members = Members {
    plain: "\
        applicationSecurityGroups loadBalancerBackendAddressPools primary privateIPAddress \
        privateIPAllocationMethod provisioningState publicIPAddress subnet",
    nested: &[("privateIPAddressVersion", Nested::Unless("IPv4"))],
};

/// The machine itself shapes no flow; interfaces that it declares inside itself are not read.
const MACHINE_MEMBERS: Members = Members {
    plain: "\
        additionalCapabilities availabilitySet billingProfile diagnosticsProfile evictionPolicy \
        hardwareProfile instanceView licenseType osProfile priority provisioningState \
        securityProfile storageProfile timeCreated userData vmId",
    nested: &[(
        "networkProfile",
        Nested::Object(&Members {
            plain: "networkInterfaces",
            nested: &[],
        }),
    )],
};

const GATEWAY_MEMBERS: Members = Members {
    plain: "\
        idleTimeoutInMinutes provisioningState publicIpAddresses publicIpPrefixes resourceGuid \
        subnets",
    nested: &[],
};

const PUBLIC_IP_MEMBERS: Members = Members {
    plain: "\
        ddosSettings deleteOption dnsSettings idleTimeoutInMinutes ipAddress ipConfiguration \
        ipTags natGateway provisioningState publicIPAllocationMethod publicIPPrefix resourceGuid",
    nested: &[("publicIPAddressVersion", Nested::Unless("IPv4"))],
};

const CONTAINER_GROUP_MEMBERS: Members = Members {
    plain: "\
        confidentialComputeProperties containers diagnostics dnsConfig encryptionProperties \
        imageRegistryCredentials initContainers instanceView ipAddress isCreatedFromStandbyPool \
        osType priority provisioningState provisioningTimeoutInSeconds restartPolicy sku \
        subnetIds volumes",
    nested: &[],
};

const CLUSTER_MEMBERS: Members = Members {
    plain: "\
        aadProfile apiServerAccessProfile autoScalerProfile autoUpgradeProfile azurePortalFQDN \
        bootstrapProfile currentKubernetesVersion disableLocalAccounts dnsPrefix enableRBAC fqdn \
        identityProfile kubernetesVersion linuxProfile maxAgentPools metricsProfile \
        nodeProvisioningProfile nodeResourceGroup nodeResourceGroupProfile oidcIssuerProfile \
        powerState privateFQDN provisioningState resourceUID securityProfile \
        servicePrincipalProfile storageProfile supportPlan windowsProfile \
        workloadAutoScalerProfile",
    nested: &[
        ("agentPoolProfiles", Nested::List(&POOL_MEMBERS)),
        ("networkProfile", Nested::Object(&PROFILE_MEMBERS)),
    ],
};

const PROFILE_MEMBERS: Members = Members {
    plain: "\
        dnsServiceIP loadBalancerProfile loadBalancerSku natGatewayProfile networkPlugin \
        networkPluginMode outboundType podCidr podLinkLocalAccess serviceCidr",
    nested: &[
        // R69: another data plane translates by rules of its own.
        ("networkDataplane", Nested::Unless("azure")),
        // What a policy in the cluster keeps from pods is not in the template.
        ("networkPolicy", Nested::Unless("none")),
        // R66: the second of each is IPv6.
        ("ipFamilies", Nested::AtMostOne),
        ("podCidrs", Nested::AtMostOne),
        ("serviceCidrs", Nested::AtMostOne),
    ],
};

const POOL_MEMBERS: Members = Members {
    plain: "\
        availabilityZones count currentOrchestratorVersion eTag enableAutoScaling \
        enableEncryptionAtHost enableFIPS enableUltraSSD kubeletConfig kubeletDiskType \
        linuxOSConfig maxCount maxPods minCount mode name nodeImageVersion nodeLabels nodeTaints \
        orchestratorVersion osDiskSizeGB osDiskType osSKU osType podSubnetID powerState \
        provisioningState scaleDownMode scaleSetEvictionPolicy scaleSetPriority securityProfile \
        spotMaxPrice tags type upgradeSettings upgradeStrategy vmSize vnetSubnetID \
        windowsProfile workloadRuntime",
    nested: &[],
};
