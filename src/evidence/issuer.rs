//! What was learnt from the issuer.

use serde::{Deserialize, Serialize};

use super::{Answer, Chain, Probe};

/// What was learnt from the issuer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// The addresses its host has, as far as this machine resolved them.
    pub addresses: Vec<std::net::IpAddr>,
    /// The discovery document.
    pub discovery: Probe<Answer>,
    /// Whether the document named the token's `iss` before parts of either URL were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_token: Option<bool>,
    /// The key set, where it was fetched.
    pub jwks: Probe<Answer>,
    /// Where the keys that the signature was checked with come from.
    pub key_source: KeySource,
    pub keys: Option<KeySet>,
    /// The signature's check.
    pub signature: Signature,
    /// The certificates that the issuer's host served.
    pub chain: Option<Chain>,
}

impl Issuer {
    /// Whether the signature verifies.
    pub fn is_verified(&self) -> bool {
        matches!(self.signature, Signature::Verified { .. })
    }
}

/// Where the keys come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySource {
    /// There are none.
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

/// A key set's outline, or why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySet {
    Keys {
        /// Their outlines.
        keys: Vec<KeyOutline>,
    },
    /// Not a key set (RFC 7517 section 5).
    Invalid {
        /// Why.
        reason: String,
    },
}

/// A public key's outline.
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

/// How the signature's check ended. It is made while gathering, since the signature itself is
/// dropped there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Signature {
    /// Not made: there is no token or there are no keys.
    #[default]
    NotChecked,
    Verified {
        /// The key that did, by `kid`.
        key: Option<String>,
        /// What is unusual about that key, each a clause about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unusual: Vec<String>,
    },
    /// The token's header keeps every verifier from it: by its algorithm, or by another parameter.
    UnsupportedAlgorithm,
    /// No key has the token's `kid`.
    KeyNotFound,
    /// There is such a key but it does not fit the algorithm, or no verifier can use it.
    KeyUnusable {
        /// Why.
        reason: String,
        /// It is Go's libraries that cannot use it; others may.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        assumes_go: bool,
    },
    /// A key may have made the signature, and this program could not check that.
    NotVerifiable {
        /// Why.
        reason: String,
    },
    /// The key is there, the signature's length is not what that key makes.
    WrongLength {
        /// In bytes.
        expected: usize,
    },
    /// The key is there and the signature does not verify.
    Invalid {
        /// The key, by `kid`.
        key: Option<String>,
    },
}
