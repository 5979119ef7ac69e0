//! Service tags: Azure's spelling of the usual ones. The list serves spelling and is not the set of valid
//! tags, which changes weekly (R23); an unknown tag is passed on as written.

use crate::spec::nearest;

const KNOWN: [&str; 41] = [
    "ActionGroup",
    "ApiManagement",
    "AppConfiguration",
    "AppService",
    "AppServiceManagement",
    "AzureActiveDirectory",
    "AzureActiveDirectoryDomainServices",
    "AzureAdvancedThreatProtection",
    "AzureArcInfrastructure",
    "AzureBackup",
    "AzureBotService",
    "AzureCloud",
    "AzureCognitiveSearch",
    "AzureConnectors",
    "AzureContainerRegistry",
    "AzureCosmosDB",
    "AzureDatabricks",
    "AzureDevOps",
    "AzureEventGrid",
    "AzureFrontDoor",
    "AzureInformationProtection",
    "AzureIoTHub",
    "AzureKeyVault",
    "AzureLoadBalancer",
    "AzureMachineLearning",
    "AzureMonitor",
    "AzurePlatformDNS",
    "AzurePlatformIMDS",
    "AzurePlatformLKM",
    "AzureResourceManager",
    "AzureSignalR",
    "AzureSiteRecovery",
    "AzureTrafficManager",
    "BatchNodeManagement",
    "EventHub",
    "GatewayManager",
    "Internet",
    "ServiceBus",
    "Sql",
    "Storage",
    "VirtualNetwork",
];

/// The tag as Azure spells it; tags compare without case.
pub(super) fn canonical(tag: &str) -> String {
    let (head, region) = tag
        .split_once('.')
        .map_or((tag, None), |(head, region)| (head, Some(region)));
    let head = KNOWN
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(head))
        .unwrap_or(head);
    match region {
        Some(region) => format!("{head}.{region}"),
        None => head.to_owned(),
    }
}

/// The known tag that an unknown one resembles.
pub(super) fn resembles(tag: &str) -> Option<&'static str> {
    let head = tag.split('.').next().unwrap_or(tag);
    if KNOWN.iter().any(|known| known.eq_ignore_ascii_case(head)) {
        return None;
    }
    // Two letters at most: many real tags are not in the list and only look alike.
    nearest(head, KNOWN).filter(|known| strsim::damerau_levenshtein(head, known) <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_take_azures_spelling() {
        for (written, spelled) in [
            ("VIRTUALNETWORK", "VirtualNetwork"),
            ("Storage.EastUS", "Storage.EastUS"),
            ("STORAGE.EastUS", "Storage.EastUS"),
            ("WindowsVirtualDesktop", "WindowsVirtualDesktop"),
        ] {
            assert_eq!(canonical(written), spelled);
        }
    }

    #[test]
    fn only_near_misses_resemble_a_tag() {
        assert_eq!(resembles("VirtualNetworks"), Some("VirtualNetwork"));
        assert_eq!(resembles("Internet"), None);
        assert_eq!(resembles("WindowsVirtualDesktop"), None);
    }
}
