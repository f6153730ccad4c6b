//! `oauth2-mock-server`, a server for testing clients. It signs any claims.

use serde_json::{Value, json};

use crate::node::Node;
use crate::registered::Registered;
use crate::support::{Authority, Run};
use crate::{Test, tests};

pub fn tests() -> Vec<Test> {
    tests![
        token_logs_in,
        algorithm_missing_in_discovery_is_accepted,
        altered_token_fails,
        truncated_token_is_recognised,
        unknown_key_id_is_reported,
        token_without_key_id_verifies,
        expired_token_is_reported,
        token_of_tomorrow_is_reported,
        missing_subject_is_reported,
        other_audience_is_reported,
        claims_of_every_json_type_match,
        access_token_is_recognised_by_type,
    ]
}

/// An issuer that signs with one algorithm, and a login for its tokens.
struct Issuer {
    login: Registered,
    url: String,
    _node: Node,
}

impl Issuer {
    fn start(algorithm: &str) -> Self {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["localhost"]).unwrap();
        let script = include_str!("node/oauth2-mock-server.mjs");
        let (node, started) = Node::start(script, &identity, &[algorithm]);
        let url = started["issuer"].as_str().unwrap().to_owned();
        let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "johndoe"});
        Self { login: Registered::new(authority, &url, rules), url, _node: node }
    }

    /// Requests a token with these header parameters and claims, which are added to its own or
    /// replace them.
    fn token(&self, header: Value, claims: Value) -> String {
        let wanted = json!({"header": header, "claims": claims}).to_string();
        let form = [
            ("grant_type", "password"),
            ("username", "johndoe"),
            // The server makes the client id the audience.
            ("client_id", "urn:pulumi:org:acme"),
            ("asked", &wanted),
        ];
        let answer = self.login.client.post(&format!("{}/token", self.url), &form);
        answer["id_token"].as_str().unwrap().to_owned()
    }

    fn diagnose(&self, header: Value, claims: Value) -> Run {
        self.login.doctor(&self.token(header, claims)).json()
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn token_logs_in() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({}));
    run.assert_healthy();
    run.assert_check("signature", "pass", None);
}

/// The discovery document lists only RS256. Pulumi Cloud does not check that, so the login is
/// healthy.
fn algorithm_missing_in_discovery_is_accepted() {
    for algorithm in ["ES256", "PS256", "EdDSA"] {
        let run = Issuer::start(algorithm).diagnose(json!({}), json!({}));
        run.assert_healthy();
        run.assert_check("signature", "pass", None);
    }
}

fn altered_token_fails() {
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), json!({"sub": "janedoe"}));
    let other = issuer.token(json!({}), json!({}));
    let (content, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let run = issuer.login.doctor(&format!("{content}.{signature}")).json();
    run.assert_root_cause("signature-invalid", "issuer", "signature");
}

fn truncated_token_is_recognised() {
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), json!({}));
    let run = issuer.login.doctor(&token[..token.len() - 9]).json();
    run.assert_root_cause("token-truncated", "input", "input");
}

fn unknown_key_id_is_reported() {
    let run = Issuer::start("RS256").diagnose(json!({"kid": "gone"}), json!({}));
    run.assert_root_cause("signing-key-not-found", "issuer", "signature");
    run.assert_finding_contains("signing-key-not-found", &["gone"]);
}

fn token_without_key_id_verifies() {
    let run = Issuer::start("RS256").diagnose(json!({"kid": null}), json!({}));
    run.assert_check("signature", "pass", None);
}

fn expired_token_is_reported() {
    let issuer = Issuer::start("RS256");
    let run = issuer.diagnose(json!({}), json!({"iat": now() - 900, "exp": now() - 300}));
    run.assert_root_cause("token-expired", "token", "token");
    run.assert_finding_contains("token-expired", &["5 min"]);
    run.assert_check("signature", "pass", None);
}

fn token_of_tomorrow_is_reported() {
    let tomorrow = now() + 86_400;
    let times = json!({"nbf": tomorrow, "iat": tomorrow, "exp": tomorrow + 600});
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), times);
    let run = issuer.login.doctor(&token).arg("--no-exchange").json();
    run.assert_root_cause("token-not-yet-valid", "token", "token");
}

fn missing_subject_is_reported() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({"sub": null}));
    run.assert_root_cause("token-claim-missing", "token", "token");
    run.assert_finding_contains("token-claim-missing", &["sub"]);
}

fn other_audience_is_reported() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({"aud": ["a", "b"]}));
    run.assert_root_cause("audience-mismatch", "audience", "policy");
}

fn claims_of_every_json_type_match() {
    let mut issuer = Issuer::start("RS256");
    issuer.login.entry["rules"] = json!({
        "aud": "urn:pulumi:org:acme",
        "sub": "johndoe",
        "number": "42",
        "yes": "true",
        "\"kubernetes.io\".pod.name": "deploy-*",
    });
    let claims = json!({
        "aud": ["elsewhere", "urn:pulumi:org:acme"],
        "number": 42,
        "yes": true,
        "kubernetes.io": {"pod": {"name": "deploy-7d9f"}},
    });
    issuer.diagnose(json!({}), claims.clone()).assert_healthy();
    issuer.login.entry["rules"]["number"] = json!("43");
    let run = issuer.diagnose(json!({}), claims);
    run.assert_root_cause("claim-mismatch", "policy", "policy");
}

fn access_token_is_recognised_by_type() {
    let run = Issuer::start("RS256").diagnose(json!({"typ": "at+jwt"}), json!({}));
    run.assert_root_cause("token-is-access-token", "input", "input");
}
