//! TLS servers on loopback, with their own authority and signing keys, for the demo and the
//! integration tests.
//!
//! An [`Authority`] issues certificates, a [`Server`] serves HTTPS with one, a [`SigningKey`] signs
//! tokens, and [`verify`] checks them as a token service does. Nothing is stored, and servers
//! listen only on 127.0.0.1.

mod authority;
mod server;
mod signing;

pub use authority::{Authority, Identity};
pub use server::{Connection, Event, Request, Response, Server};
pub use signing::{ALGORITHMS, SigningKey, verify};

/// Why a certificate, server or key could not be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate could not be created.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be configured with the certificate and its key.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No port on loopback, or no thread, is available.
    #[error("cannot serve on loopback: {0}")]
    Serve(#[from] std::io::Error),
    /// The cryptographic library failed.
    #[error("cannot make or use a signing key")]
    Key,
    /// This is no name of a JWS algorithm with public keys (RFC 7518 section 3.1, RFC 8037).
    #[error("no signature algorithm is called {0}")]
    Algorithm(String),
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Key
    }
}

/// Helpers for unit tests that send requests to a loopback server.
#[cfg(test)]
pub(crate) mod testing {
    #![allow(clippy::unwrap_used)]

    pub(crate) fn client(authority_pem: &str) -> reqwest::Client {
        // It fails if another test has installed the provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(authority_pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap()
    }

    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}
