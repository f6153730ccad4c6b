//! What the issuer serves, and the result of checking the signature.
use serde::{Deserialize, Serialize};

use super::{Answer, Chain, Probe};

/// What the issuer serves, and the result of checking the signature.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// The addresses of its host that this machine resolved.
    pub addresses: Vec<std::net::IpAddr>,
    /// The discovery document.
    pub discovery: Probe<Answer>,
    /// Whether the document's issuer was the token's `iss`, recorded before parts of either URL
    /// were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_token: Option<bool>,
    /// The key set, if it was fetched.
    pub jwks: Probe<Answer>,
    /// The source of the keys that the signature was checked with.
    pub key_source: KeySource,
    pub keys: Option<KeySet>,
    pub signature: Signature,
    /// The certificates that the issuer's host served.
    pub chain: Option<Chain>,
}

impl Issuer {
    pub fn is_verified(&self) -> bool {
        matches!(self.signature, Signature::Verified { .. })
    }
}

/// The source of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySource {
    #[default]
    None,
    /// `--jwks FILE`.
    File {
        /// The path as given.
        path: String,
    },
    /// The `jwks` of the registration in the policy document.
    Registration,
    /// The issuer's `jwks_uri`.
    Issuer,
}

/// The outlines of a key set's keys, or why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySet {
    Keys {
        keys: Vec<KeyOutline>,
    },
    /// Not a key set (RFC 7517 section 5).
    Invalid {
        reason: String,
    },
}

/// What a public key says about itself, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyOutline {
    /// `kid`.
    pub id: Option<String>,
    /// `kty`.
    pub key_type: String,
    /// `alg`.
    pub algorithm: Option<String>,
    /// `use`.
    pub usage: Option<String>,
    /// `crv`.
    pub curve: Option<String>,
}

/// The result of checking the signature. Gathering checks it, because the evidence does not hold
/// the signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Signature {
    /// There is no token or there are no keys.
    #[default]
    NotChecked,
    Verified {
        /// The `kid` of the key.
        key: Option<String>,
        /// Clauses about what is unusual in the key.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unusual: Vec<String>,
    },
    /// The token's header, by its algorithm or another parameter, prevents any verification.
    UnsupportedAlgorithm,
    /// No key has the token's `kid`.
    KeyNotFound,
    /// The key does not fit the algorithm, or no verifier can use it.
    KeyUnusable {
        reason: String,
        /// Whether the reason is a limit of Go's libraries; other verifiers may use the key.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        assumes_go: bool,
    },
    /// A key may have made the signature, but this program cannot check that.
    NotVerifiable { reason: String },
    /// The signature does not have the length of the key's signatures.
    WrongLength {
        /// The key's length of signatures, in bytes.
        expected: usize,
    },
    /// The signature does not verify.
    Invalid {
        /// The `kid` of the key.
        key: Option<String>,
    },
}
