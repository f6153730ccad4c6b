//! Runs the built program against test doubles: an issuer and a Pulumi Cloud on loopback, a token
//! in the shape of a CI platform, and an otherwise empty environment.
//!
//! A new [`World`] is healthy. A test breaks one thing and checks the report:
//!
//! ```ignore
//! use crate::support::{World, platforms};
//!
//! #[test]
//! fn audience_uri_does_not_match_guid() {
//!     let mut world = World::new(&platforms::AZURE_ENTRA);
//!     world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
//!     let run = world.doctor().json();
//!     assert_eq!(run.root_cause(), Some("audience-mismatch"));
//!     assert_eq!(run.status, 1);
//! }
//! ```
//!
//! A test can also change:
//! - `world.shape`: header, claims and policy entry of the token that `doctor()` signs;
//! - `world.issuer.answer(PATH, RESPONSE)`: the discovery document and the keys;
//! - `world.cloud.answer(support::EXCHANGE, RESPONSE)`: any endpoint of Pulumi Cloud;
//! - `world.cloud.change_registration(|registration| …)`: `url`, `issuer`, `jwks`, `thumbprints`;
//! - `world.behind_proxy()` and [`Proxy`]: an issuer and a Pulumi Cloud that only a proxy reaches;
//! - `World::with_identity(…)`: the issuer's certificate or signature algorithm;
//! - `world.doctor_for(&token)`: the token; `world.doctor_without_token()`: no token argument, for
//!   one in the environment; [`Doctor::bare`]: no options;
//! - `world.doctor().without("--policy")`, `.option("--pulumi-version", "3.214.0")`: the command
//!   line; `.file("policy.json", …)`: a policy file that differs from Pulumi Cloud's policy.
//!
//! Every run is checked for what must hold always: see [`Run`].

// The doubles offer more than the present tests use.
#![allow(dead_code, unused_imports)]

mod bundle;
mod cloud;
mod command;
pub mod dockerfile;
pub mod harmless;
mod issuer;
// The scripts are for Unix shells.
#[cfg(unix)]
pub mod job;
pub mod memory;
mod openapi;
mod plain;
pub mod platforms;
pub mod process;
mod proxy;
pub mod reading;
mod shorthand;
mod tests;

pub use cloud::{CAPABILITIES, Cloud, EXCHANGE, WHOAMI};
pub use command::{Doctor, Run, Running, program};
pub use doctor::loopback::{
    Authority, Connection, Event, Identity, Request, Response, Server, SigningKey,
};
pub use issuer::{Issuer, KID};
pub use plain::PlainCloud;
pub use platforms::{Platform, Shape};
pub use process::{Ended, Process, last_screen_line, wait_until};
pub use proxy::{CLOUD_NAME, Proxy, ProxyAction, ProxyRequest};

use serde_json::{Map, Value, json};

/// The package that the steps of `doctor step` and the templates install.
pub const RELEASE: &str = concat!(env!("CARGO_PKG_NAME"), "==", env!("CARGO_PKG_VERSION"));

/// Asserts that a text equals a file in `fixtures/golden`. With `UPDATE` in the environment, the
/// file is written instead.
pub fn assert_golden(name: &str, text: &str) {
    let path = format!("{}/fixtures/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(text, golden, "{path}");
}

/// The organization in Pulumi Cloud.
pub const ORGANIZATION: &str = "acme";

/// An authority, an issuer, a Pulumi Cloud with the issuer registered, and a token.
pub struct World {
    pub authority: Authority,
    pub issuer: Issuer,
    pub cloud: Cloud,
    /// The token that [`Self::token`] signs, and the policy entry that allows it.
    pub shape: Shape,
}

impl World {
    /// Starts a healthy world for tokens of this platform, signed with RS256.
    pub fn new(platform: &Platform) -> Self {
        Self::with_algorithm(platform, "RS256")
    }

    /// Starts a healthy world for tokens signed with this algorithm.
    pub fn with_algorithm(platform: &Platform, algorithm: &str) -> Self {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1", "localhost", proxy::ISSUER_NAME]).unwrap();
        Self::with_identity(platform, authority, identity, algorithm)
    }

    /// Starts a world whose issuer has this certificate and signature algorithm.
    pub fn with_identity(
        platform: &Platform,
        authority: Authority,
        identity: Identity,
        algorithm: &str,
    ) -> Self {
        let issuer = Issuer::start(identity, platform.path, algorithm);
        let cloud = Cloud::start(authority.issue(&["127.0.0.1", proxy::CLOUD_NAME]).unwrap());
        cloud.register(ORGANIZATION, &issuer);
        let shape = (platform.shape)(issuer.url());
        Self { authority, issuer, cloud, shape }
    }

    /// Gives the token a public issuer, because the hosted Pulumi Cloud cannot reach loopback.
    pub fn use_public_issuer(&mut self) {
        let issuer = "https://idp.test";
        self.shape.claims["iss"] = issuer.into();
        self.cloud.change_registration(|registration| {
            registration["issuer"] = issuer.into();
            registration["url"] = issuer.into();
        });
    }

    /// Signs the token of the world's shape.
    pub fn token(&self) -> String {
        self.issuer.sign(&self.shape.header, &self.shape.claims)
    }

    /// The policy document, in the doctor's own form, with the present registration.
    pub fn policy(&self) -> Value {
        policy(&self.cloud, &self.shape.entry)
    }

    /// Prepares a diagnosis of the world's token.
    pub fn doctor(&self) -> Doctor {
        self.doctor_for(&self.token())
    }

    /// Prepares a diagnosis of a token in this world. Pulumi Cloud decides by the present entry of
    /// the shape.
    pub fn doctor_for(&self, token: &str) -> Doctor {
        self.doctor_without_token().arg(token).secret(token)
    }

    /// Prepares a diagnosis without a token argument, for a token in the environment or on standard
    /// input.
    pub fn doctor_without_token(&self) -> Doctor {
        doctor_without_token(&self.authority, &self.cloud, &self.shape.entry)
    }
}

/// The policy document with the first registration and this entry, in the doctor's own form.
pub fn policy(cloud: &Cloud, entry: &Value) -> Value {
    let mut registration = cloud.first_registration();
    registration.as_object_mut().unwrap().remove("id");
    registration["policies"] = json!([entry]);
    json!({"organization": ORGANIZATION, "issuers": [registration]})
}

/// Prepares a diagnosis with this Pulumi Cloud, which decides by this entry.
pub fn doctor_without_token(authority: &Authority, cloud: &Cloud, entry: &Value) -> Doctor {
    cloud.set_policies(vec![entry.clone()]);
    cloud.begin_run();
    Doctor::bare()
        .file("ca.pem", authority.pem())
        .file("policy.json", policy(cloud, entry).to_string())
        .args(["--allow-private-issuer", "--ca-cert", "ca.pem", "--policy", "policy.json"])
        .args(["--cloud-url", cloud.url(), "--oidc-org", ORGANIZATION])
        .args(["--pulumi-version", "3.259.0"])
        .secret(cloud.access_token())
}

/// Returns the object of `json!({…})`.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}
