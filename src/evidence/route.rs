//! The way of a request: straight, or through a proxy of the environment.

use serde::{Deserialize, Serialize};

/// How a request went, and what in the environment says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The proxy in between, its credentials not shown (`http://proxy:3128`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The variable that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_variable: Option<String>,
    /// A variable that seems to name a proxy for this request, and that pulumi passes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<PassedOver>,
    /// An entry of `NO_PROXY` that seems to mean the host, and that pulumi does not match with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_exception: Option<String>,
}

/// A variable that names no proxy for pulumi.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassedOver {
    /// Its name.
    pub variable: String,
    /// Why, in words that hold nothing of its value.
    pub reason: String,
}

/// What is wrong with a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ProxyFault {
    /// Another fault; the detail says which.
    #[default]
    Other,
    /// The variable holds no URL, and pulumi reads something else out of it than was meant.
    Misread {
        /// What pulumi takes for the proxy's name, where that can be shown.
        name: Option<String>,
    },
    /// The variable is not to be used: this is a CGI program.
    Cgi,
    /// Its name cannot be resolved.
    Dns,
    /// Nothing accepts connections there.
    Connect,
    /// The TLS handshake with the proxy itself failed.
    Tls,
    /// No connection through it in time.
    Timeout,
    /// It hung up.
    Closed,
    /// What it says is not HTTP.
    Protocol,
    /// It asks for credentials (status 407).
    Credentials {
        /// Whether it was given some.
        sent: bool,
        /// The authentication schemes that it offers, as far as they are known ones.
        schemes: Vec<String>,
    },
    /// It answered with another status than 200.
    Refused {
        status: u16,
        /// The title of the page that came with it.
        title: Option<String>,
        /// Where it redirects to.
        location: Option<String>,
    },
}
