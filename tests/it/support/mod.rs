//! The world that a test runs the built program in: an issuer and a Pulumi Cloud on loopback, a
//! token in the shape of a CI platform, and an environment built from nothing.
//!
//! A [`World`] is healthy to begin with. A test breaks one thing and looks at the report:
//!
//! ```ignore
//! use crate::support::{World, platforms};
//!
//! #[test]
//! fn the_guid_is_not_the_uri() {
//!     let mut world = World::new(&platforms::AZURE_ENTRA);
//!     world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
//!     let run = world.doctor().json();
//!     assert_eq!(run.root_cause(), Some("audience-mismatch"));
//!     assert_eq!(run.status, 1);
//! }
//! ```
//!
//! Other places to break:
//! - `world.shape`: header, claims and policy entry of the token that `doctor()` will sign;
//! - `world.issuer.answer(PATH, RESPONSE)`: discovery, keys;
//! - `world.cloud.answer(support::EXCHANGE, RESPONSE)`: any endpoint of Pulumi Cloud;
//! - `world.cloud.registration(|registration| …)`: `url`, `issuer`, `jwks`, `thumbprints`;
//! - `world.beyond_proxy()` and [`Proxy`]: an issuer and a Pulumi Cloud that only a proxy reaches;
//! - `World::with(…)`: another certificate or signature algorithm;
//! - `world.doctor_for(&token)`: another token than the world's; `world.ready()`: none, for one
//!   that comes by the environment; [`Doctor::bare`]: no world;
//! - `world.doctor().without("--policy")`, `.option("--pulumi-version", "3.214.0")`: the command
//!   line; `.file("policy.json", …)`: a policy file that Pulumi Cloud does not agree with.
//!
//! Every run is held to the promises that hold always: see [`Run`].

// A double offers more than any one test needs, and the tests are written after it.
#![allow(dead_code, unused_imports)]

mod bundle;
mod cloud;
mod command;
pub mod dockerfile;
pub mod harmless;
mod issuer;
// Its scripts are for Unix shells.
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
pub use process::{Ended, Process, on_screen, wait_until};
pub use proxy::{Asked, CLOUD as CLOUD_NAME, Proxy, Say};

use serde_json::{Map, Value, json};

/// What the steps of `doctor step` and the templates install.
pub const RELEASE: &str = concat!(env!("CARGO_PKG_NAME"), "==", env!("CARGO_PKG_VERSION"));

/// Holds a text to what is in `fixtures/golden`; with `UPDATE` in the environment it is written
/// anew.
pub fn golden(name: &str, text: &str) {
    let path = format!("{}/fixtures/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(text, golden, "{path}");
}

/// The organization that everything is set up for.
pub const ORGANIZATION: &str = "acme";

/// An authority, an issuer, a Pulumi Cloud that has the issuer registered, and a token.
pub struct World {
    pub authority: Authority,
    pub issuer: Issuer,
    pub cloud: Cloud,
    /// What [`Self::token`] signs, and the policy entry that lets it in.
    pub shape: Shape,
}

impl World {
    /// A healthy world for tokens of this platform, signed with RS256.
    pub fn new(platform: &Platform) -> Self {
        Self::signed(platform, "RS256")
    }

    /// The same, signed with another algorithm.
    pub fn signed(platform: &Platform, algorithm: &str) -> Self {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1", "localhost", proxy::ISSUER]).unwrap();
        Self::with(platform, authority, identity, algorithm)
    }

    /// The same with an issuer of this certificate and signature algorithm.
    pub fn with(
        platform: &Platform,
        authority: Authority,
        identity: Identity,
        algorithm: &str,
    ) -> Self {
        let issuer = Issuer::start(identity, platform.path, algorithm);
        let cloud = Cloud::start(authority.issue(&["127.0.0.1", proxy::CLOUD]).unwrap());
        cloud.register(ORGANIZATION, &issuer);
        let shape = (platform.shape)(issuer.url());
        Self { authority, issuer, cloud, shape }
    }

    /// Gives tokens an issuer that the hosted Pulumi Cloud could reach: it cannot reach loopback.
    pub fn use_public_issuer(&mut self) {
        let issuer = "https://idp.test";
        self.shape.claims["iss"] = issuer.into();
        self.cloud.registration(|registration| {
            registration["issuer"] = issuer.into();
            registration["url"] = issuer.into();
        });
    }

    /// The token of the world's shape, signed by the issuer.
    pub fn token(&self) -> String {
        self.issuer.sign(&self.shape.header, &self.shape.claims)
    }

    /// The policy document, in the doctor's own form, as the registration stands now.
    pub fn policy(&self) -> Value {
        policy(&self.cloud, &self.shape.entry)
    }

    /// A diagnosis of the world's token.
    pub fn doctor(&self) -> Doctor {
        self.doctor_for(&self.token())
    }

    /// A diagnosis of a token, with the options that make this world its world. Pulumi Cloud
    /// decides by the shape's entry as it is now.
    pub fn doctor_for(&self, token: &str) -> Doctor {
        self.ready().arg(token).secret(token)
    }

    /// The same without a token: for those that come by the environment or standard input.
    pub fn ready(&self) -> Doctor {
        ready(&self.authority, &self.cloud, &self.shape.entry)
    }
}

/// The policy document of the first registration and this entry, in the doctor's own form.
pub fn policy(cloud: &Cloud, entry: &Value) -> Value {
    let mut registration = cloud.registered();
    registration.as_object_mut().unwrap().remove("id");
    registration["policies"] = json!([entry]);
    json!({"organization": ORGANIZATION, "issuers": [registration]})
}

/// A diagnosis with this Pulumi Cloud, which decides by this entry.
pub fn ready(authority: &Authority, cloud: &Cloud, entry: &Value) -> Doctor {
    cloud.policies(vec![entry.clone()]);
    cloud.begin_run();
    Doctor::bare()
        .file("ca.pem", authority.pem())
        .file("policy.json", policy(cloud, entry).to_string())
        .args(["--allow-private-issuer", "--ca-cert", "ca.pem", "--policy", "policy.json"])
        .args(["--cloud-url", cloud.url(), "--oidc-org", ORGANIZATION])
        .args(["--pulumi-version", "3.259.0"])
        .secret(cloud.access_token())
}

/// A JSON object, out of `json!({…})`.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}
