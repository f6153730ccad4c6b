//! `oidc-provider`, a certified OpenID provider.

use serde_json::{Value, json};

use crate::node::Node;
use crate::registered::Registered;
use crate::support::Authority;
use crate::{Test, tests};

pub fn tests() -> Vec<Test> {
    tests![
        tokens_of_every_algorithm_log_in,
        new_algorithm_name_is_unsupported,
        client_id_is_audience,
        other_branch_subject_is_recognised,
        rotated_key_is_missed,
        access_token_is_recognised,
    ]
}

const SUBJECT: &str = "repo:acme/web:ref:refs/heads/main";

/// The provider, and a login for the tokens of its client `ci-RS256` with the subject [`SUBJECT`].
struct Provider {
    node: Node,
    login: Registered,
    issuer: String,
}

impl Provider {
    fn start() -> Self {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let (node, started) = Node::start(include_str!("node/oidc-provider.mjs"), &identity, &[]);
        let issuer = started["issuer"].as_str().unwrap().to_owned();
        let rules = json!({"aud": "ci-RS256", "sub": SUBJECT, "repository": "acme/*"});
        Self { node, login: Registered::new(authority, &issuer, rules), issuer }
    }

    /// Requests an ID token as the client with this algorithm.
    fn id_token(&self, algorithm: &str) -> String {
        let hint = [("login_hint", SUBJECT), ("scope", "openid")];
        let request = self.post("backchannel_authentication_endpoint", algorithm, &hint);
        let grant = [
            ("grant_type", "urn:openid:params:grant-type:ciba"),
            ("auth_req_id", request["auth_req_id"].as_str().unwrap()),
        ];
        let answer = self.post("token_endpoint", algorithm, &grant);
        answer["id_token"].as_str().unwrap().to_owned()
    }

    fn post(&self, endpoint: &str, algorithm: &str, form: &[(&str, &str)]) -> Value {
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer);
        let discovery = self.login.client.get(&discovery).unwrap();
        let id = format!("ci-{algorithm}");
        let client = [("client_id", &*id), ("client_secret", "known to everybody")];
        let url = discovery[endpoint].as_str().unwrap();
        self.login.client.post(url, &[&client, form].concat())
    }
}

fn tokens_of_every_algorithm_log_in() {
    let mut provider = Provider::start();
    for algorithm in doctor::loopback::ALGORITHMS {
        provider.login.entry["rules"]["aud"] = format!("ci-{algorithm}").into();
        let run = provider.login.doctor(&provider.id_token(algorithm)).json();
        assert_eq!(run.report["token"]["header"]["alg"], algorithm);
        run.assert_healthy();
        run.assert_check("signature", "pass", None);
        assert_eq!(run.codes(), Vec::<&str>::new(), "{algorithm}");
    }
}

/// RFC 9864 has a new name for EdDSA with this curve, which the CLI's JWT parser does not know.
fn new_algorithm_name_is_unsupported() {
    let mut provider = Provider::start();
    provider.login.entry["rules"]["aud"] = json!("ci-Ed25519");
    let doctor = provider.login.doctor(&provider.id_token("Ed25519"));
    let run = doctor.arg("--no-exchange").json();
    run.assert_root_cause("algorithm-unsupported", "token", "token");
    run.assert_finding_contains("algorithm-unsupported", &["Ed25519", "EdDSA"]);
    run.assert_check("signature", "skip", Some("token"));
}

fn client_id_is_audience() {
    let mut provider = Provider::start();
    provider.login.entry["rules"]["aud"] = json!("ci-ES256");
    let run = provider.login.doctor(&provider.id_token("RS256")).json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
    run.assert_finding_contains("audience-mismatch", &["ci-ES256", "ci-RS256"]);
    run.assert_check("signature", "pass", None);
}

fn other_branch_subject_is_recognised() {
    let mut provider = Provider::start();
    provider.login.entry["rules"]["sub"] = json!("repo:acme/web:ref:refs/heads/release");
    let run = provider.login.doctor(&provider.id_token("RS256")).json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    run.assert_finding_contains("subject-mismatch", &["main", "release"]);
}

fn rotated_key_is_missed() {
    let mut provider = Provider::start();
    let token = provider.id_token("RS256");
    provider.login.doctor(&token).json().assert_healthy();
    provider.node.send("rotate");
    let run = provider.login.doctor(&token).json();
    run.assert_root_cause("signing-key-not-found", "issuer", "signature");
    provider.login.doctor(&provider.id_token("RS256")).json().assert_healthy();
}

fn access_token_is_recognised() {
    let provider = Provider::start();
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", "urn:pulumi:org:acme"),
        ("scope", "login"),
    ];
    let answer = provider.post("token_endpoint", "RS256", &form);
    let run = provider.login.doctor(answer["access_token"].as_str().unwrap()).json();
    run.assert_root_cause("token-is-access-token", "input", "input");
}
