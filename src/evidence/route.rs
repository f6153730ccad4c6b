//! The way of a request: direct, or through a proxy from the environment.

use serde::{Deserialize, Serialize};

/// The way of a request, and the variables that determine it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The proxy, without its credentials (`http://proxy:3128`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The variable that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_variable: Option<String>,
    /// A variable that seems to name a proxy for this request, but that pulumi ignores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<PassedOver>,
    /// An entry of `NO_PROXY` that seems to mean the host, but that pulumi does not match with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_exception: Option<String>,
}

/// A variable for proxies that pulumi ignores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassedOver {
    /// The variable's name.
    pub variable: String,
    /// Why pulumi ignores it. Holds no part of its value.
    pub reason: String,
}

/// What is wrong with a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ProxyFault {
    /// Another fault, which the failure's detail names.
    #[default]
    Other,
    /// The variable holds no URL, so pulumi misreads it.
    Misread {
        /// What pulumi takes for the proxy's name, if that can be shown.
        name: Option<String>,
    },
    /// The variable must not be used, because this is a CGI program.
    Cgi,
    /// Its name cannot be resolved.
    Dns,
    /// It does not accept connections.
    Connect,
    /// The TLS handshake with the proxy itself failed.
    Tls,
    /// It did not connect in time.
    Timeout,
    /// It closed the connection.
    Closed,
    /// Its answer is not HTTP.
    Protocol,
    /// It requires credentials (status 407).
    Credentials {
        /// Whether credentials were sent.
        sent: bool,
        /// The known authentication schemes that it offers.
        schemes: Vec<String>,
    },
    /// Its status was not 200.
    Refused {
        status: u16,
        /// The title of its page.
        title: Option<String>,
        /// The target of its redirect.
        location: Option<String>,
    },
}
