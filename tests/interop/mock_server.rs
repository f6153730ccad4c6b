//! `oauth2-mock-server`, with which others test their clients. It signs whatever it is asked for.

use serde_json::{Value, json};

use crate::node::Node;
use crate::registered::Registered;
use crate::support::{Authority, Run};
use crate::{Test, tests};

pub fn tests() -> Vec<Test> {
    tests![
        its_tokens_log_in,
        an_algorithm_that_it_does_not_offer,
        an_altered_token,
        a_token_that_was_cut_off,
        a_token_that_names_another_key,
        a_token_that_names_no_key,
        an_expired_token,
        a_token_of_tomorrow,
        a_token_without_a_subject,
        a_token_for_another_audience,
        claims_of_every_json_type,
        an_access_token_by_its_type,
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
        let (node, said) = Node::start(script, &identity, &[algorithm]);
        let url = said["issuer"].as_str().unwrap().to_owned();
        let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "johndoe"});
        Self { login: Registered::new(authority, &url, rules), url, _node: node }
    }

    /// A token with these header fields and claims beside, or in the place of, its own.
    fn token(&self, header: Value, claims: Value) -> String {
        let asked = json!({"header": header, "claims": claims}).to_string();
        let form = [
            ("grant_type", "password"),
            ("username", "johndoe"),
            // Becomes the audience.
            ("client_id", "urn:pulumi:org:acme"),
            ("asked", &asked),
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

fn its_tokens_log_in() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({}));
    run.assert_healthy();
    run.assert_check("signature", "pass", None);
}

/// It says that it signs with RS256 and does not. The one that decides does not mind, so neither
/// does the verdict.
fn an_algorithm_that_it_does_not_offer() {
    for algorithm in ["ES256", "PS256", "EdDSA"] {
        let run = Issuer::start(algorithm).diagnose(json!({}), json!({}));
        run.assert_healthy();
        run.assert_check("signature", "pass", None);
    }
}

fn an_altered_token() {
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), json!({"sub": "janedoe"}));
    let other = issuer.token(json!({}), json!({}));
    let (content, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let run = issuer.login.doctor(&format!("{content}.{signature}")).json();
    run.assert_root_cause("signature-invalid", "issuer", "signature");
}

fn a_token_that_was_cut_off() {
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), json!({}));
    let run = issuer.login.doctor(&token[..token.len() - 9]).json();
    run.assert_root_cause("token-truncated", "input", "input");
}

fn a_token_that_names_another_key() {
    let run = Issuer::start("RS256").diagnose(json!({"kid": "gone"}), json!({}));
    run.assert_root_cause("signing-key-not-found", "issuer", "signature");
    run.assert_finding_contains("signing-key-not-found", &["gone"]);
}

fn a_token_that_names_no_key() {
    let run = Issuer::start("RS256").diagnose(json!({"kid": null}), json!({}));
    run.assert_check("signature", "pass", None);
}

fn an_expired_token() {
    let issuer = Issuer::start("RS256");
    let run = issuer.diagnose(json!({}), json!({"iat": now() - 900, "exp": now() - 300}));
    run.assert_root_cause("token-expired", "token", "token");
    run.assert_finding_contains("token-expired", &["5 min"]);
    run.assert_check("signature", "pass", None);
}

fn a_token_of_tomorrow() {
    let tomorrow = now() + 86_400;
    let times = json!({"nbf": tomorrow, "iat": tomorrow, "exp": tomorrow + 600});
    let issuer = Issuer::start("RS256");
    let token = issuer.token(json!({}), times);
    let run = issuer.login.doctor(&token).arg("--no-exchange").json();
    run.assert_root_cause("token-not-yet-valid", "token", "token");
}

fn a_token_without_a_subject() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({"sub": null}));
    run.assert_root_cause("token-claim-missing", "token", "token");
    run.assert_finding_contains("token-claim-missing", &["sub"]);
}

fn a_token_for_another_audience() {
    let run = Issuer::start("RS256").diagnose(json!({}), json!({"aud": ["a", "b"]}));
    run.assert_root_cause("audience-mismatch", "audience", "policy");
}

fn claims_of_every_json_type() {
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

fn an_access_token_by_its_type() {
    let run = Issuer::start("RS256").diagnose(json!({"typ": "at+jwt"}), json!({}));
    run.assert_root_cause("token-is-access-token", "input", "input");
}
