//! The test's Pulumi Cloud with a registered issuer of another project.

use serde_json::{Value, json};

use crate::http::Client;
use crate::support::{self, Authority, Cloud, Doctor, ORGANIZATION};

/// A setup for logins with the tokens of an issuer of another project.
pub struct Registered {
    pub authority: Authority,
    pub client: Client,
    pub cloud: Cloud,
    /// The policy entry that allows its tokens.
    pub entry: Value,
}

impl Registered {
    /// Registers an issuer. Like the real one, the Pulumi Cloud fetches its keys at every exchange.
    pub fn new(authority: Authority, issuer: &str, rules: Value) -> Self {
        let cloud = Cloud::start(authority.issue(&["127.0.0.1"]).unwrap());
        let client = Client::trusting(&authority);
        let cloud_client = client.clone();
        cloud.register_external(ORGANIZATION, issuer, move |url| cloud_client.get(url));
        let entry = json!({
            "decision": "allow",
            "tokenType": "organization",
            "authorizedPermissions": [],
            "rules": rules,
        });
        Self { authority, client, cloud, entry }
    }

    /// Prepares a diagnosis of a token.
    pub fn doctor(&self, token: &str) -> Doctor {
        support::doctor_without_token(&self.authority, &self.cloud, &self.entry)
            .arg(token)
            .secret(token)
    }
}
