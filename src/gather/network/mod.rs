//! The HTTP client of the probes: proxies, TLS, retries, and the address guard.

pub(crate) mod answer;
pub(crate) mod budget;
pub mod client;
pub(crate) mod failure;
pub mod guard;
pub(crate) mod proxy;
pub(crate) mod proxy_refusal;
pub(crate) mod request;
pub(crate) mod retry;
pub mod tls;
