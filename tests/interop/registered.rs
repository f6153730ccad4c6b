//! A Pulumi Cloud that has an issuer registered which nobody here wrote.

use serde_json::{Value, json};

use crate::http::Client;
use crate::support::{self, Authority, Cloud, Doctor, ORGANIZATION};

/// The world of a login with such an issuer's tokens.
pub struct Registered {
    pub authority: Authority,
    pub client: Client,
    pub cloud: Cloud,
    /// The policy entry that lets its tokens in.
    pub entry: Value,
}

impl Registered {
    /// Registers an issuer. Pulumi Cloud asks it, as the real one does, at every exchange.
    pub fn new(authority: Authority, issuer: &str, rules: Value) -> Self {
        let cloud = Cloud::start(authority.issue(&["127.0.0.1"]).unwrap());
        let client = Client::trusting(&authority);
        let asking = client.clone();
        cloud.register_external(ORGANIZATION, issuer, move |url| asking.get(url));
        let entry = json!({
            "decision": "allow",
            "tokenType": "organization",
            "authorizedPermissions": [],
            "rules": rules,
        });
        Self { authority, client, cloud, entry }
    }

    /// A diagnosis of a token.
    pub fn doctor(&self, token: &str) -> Doctor {
        support::doctor_without_token(&self.authority, &self.cloud, &self.entry)
            .arg(token)
            .secret(token)
    }
}
