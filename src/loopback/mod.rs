//! TLS servers on loopback, with an authority and signing keys of their own: what the demo and
//! the integration tests are built on.
//!
//! An [`Authority`] issues certificates, a [`Server`] answers with them, a [`SigningKey`] makes
//! tokens and [`verify`] checks them the way a token service does. Everything is thrown away
//! with its value; nothing listens beyond 127.0.0.1.

mod authority;
mod server;
mod signing;

pub use authority::{Authority, Identity};
pub use server::{Connection, Event, Request, Response, Server};
pub use signing::{ALGORITHMS, SigningKey, verify};

/// Why a certificate, a server or a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate and its key do not make a TLS server.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// There is no port on loopback, or no thread to serve it.
    #[error("cannot serve on loopback: {0}")]
    Serve(#[from] std::io::Error),
    /// The cryptographic library failed.
    #[error("cannot make or use a signing key")]
    Key,
    /// No JWS algorithm with public keys has this name (RFC 7518 section 3.1, RFC 8037).
    #[error("no signature algorithm is called {0}")]
    Algorithm(String),
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Key
    }
}

/// A client that trusts an authority, for this crate's own tests.
#[cfg(test)]
pub(crate) mod testing {
    #![allow(clippy::unwrap_used)]

    pub(crate) fn client(authority_pem: &str) -> reqwest::Client {
        // An error means that another test was first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(authority_pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap()
    }

    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}
