//! A server with Node.js that refuses the handshake without a client certificate. (nginx accepts
//! the handshake and refuses the request.)

use serde_json::{Map, json};

use crate::node::Node;
use crate::registered::Registered;
use crate::support::{Authority, SigningKey, object};
use crate::{Test, tests};

pub fn tests() -> Vec<Test> {
    tests![missing_client_certificate_is_named]
}

fn missing_client_certificate_is_named() {
    let authority = Authority::new().unwrap();
    let identity = authority.issue(&["127.0.0.1"]).unwrap();
    let script = include_str!("node/client-certificate.mjs");
    let (_node, started) = Node::start(script, &identity, &[]);
    let issuer = started["issuer"].as_str().unwrap();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({"iss": issuer, "aud": "a", "sub": "job:1", "iat": now, "exp": now + 600});
    let token = SigningKey::generate("ES256").unwrap().sign(&Map::new(), &object(claims)).unwrap();
    let login = Registered::new(authority, issuer, json!({"aud": "a", "sub": "job:1"}));
    let run = login.doctor(&token).json();
    run.assert_root_cause("issuer-unreachable", "issuer", "issuer");
    run.assert_finding_contains("issuer-unreachable", &["client certificate"]);
}
