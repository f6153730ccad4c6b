//! Audiences of cloud APIs. A token with one of these is an access token, for example from
//! `az account get-access-token`, not a token of a federated service connection.
//!
//! Sources: learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure,
//! learn.microsoft.com/azure/china/resources-developer-guide, and the application ids of
//! first-party applications
//! (learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in).

pub(crate) const API_AUDIENCES: [(&str, &str); 30] = [
    ("https://management.azure.com", RESOURCE_MANAGER),
    ("https://management.core.windows.net", RESOURCE_MANAGER),
    ("https://management.usgovcloudapi.net", RESOURCE_MANAGER),
    ("https://management.core.usgovcloudapi.net", RESOURCE_MANAGER),
    ("https://management.chinacloudapi.cn", RESOURCE_MANAGER),
    ("https://management.core.chinacloudapi.cn", RESOURCE_MANAGER),
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", RESOURCE_MANAGER),
    ("https://graph.microsoft.com", GRAPH),
    ("https://graph.microsoft.us", GRAPH),
    ("https://dod-graph.microsoft.us", GRAPH),
    ("https://microsoftgraph.chinacloudapi.cn", GRAPH),
    ("00000003-0000-0000-c000-000000000000", GRAPH),
    ("https://graph.windows.net", "Azure AD Graph"),
    ("00000002-0000-0000-c000-000000000000", "Azure AD Graph"),
    ("https://vault.azure.net", KEY_VAULT),
    ("https://vault.usgovcloudapi.net", KEY_VAULT),
    ("https://vault.azure.cn", KEY_VAULT),
    ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", KEY_VAULT),
    ("https://storage.azure.com", STORAGE),
    ("e406a681-f3d4-42a8-90b6-c2b029497af1", STORAGE),
    ("https://database.windows.net", SQL),
    ("https://database.usgovcloudapi.net", SQL),
    ("https://database.chinacloudapi.cn", SQL),
    ("022907d3-0f1b-48f7-badc-1ba6abab6d66", SQL),
    ("https://ossrdbms-aad.database.windows.net", "Azure Database for PostgreSQL and MySQL"),
    ("https://servicebus.azure.net", "Azure Service Bus"),
    ("https://cognitiveservices.azure.com", "Azure AI services"),
    ("https://monitor.azure.com", "Azure Monitor"),
    ("499b84ac-1321-427f-aa17-267ca6975798", "Azure DevOps"),
    ("https://app.vssps.visualstudio.com", "Azure DevOps"),
];

const RESOURCE_MANAGER: &str = "Azure Resource Manager";
const GRAPH: &str = "Microsoft Graph";
const KEY_VAULT: &str = "Azure Key Vault";
const STORAGE: &str = "Azure Storage";
const SQL: &str = "Azure SQL";

/// The API that an audience belongs to.
pub(crate) fn api(audience: &str) -> Option<&'static str> {
    let bare = audience.trim_end_matches('/');
    API_AUDIENCES.iter().find(|(known, _)| known.eq_ignore_ascii_case(bare)).map(|(_, api)| *api)
}
