//! Tests of the doubles themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::command::contains_secret;
use super::*;

/// A client that trusts the world's authority and makes the CLI's requests.
struct Client {
    http: reqwest::Client,
    cloud: String,
}

impl Client {
    fn new(world: &World) -> Self {
        // It fails if another test has installed the provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(world.authority.pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap();
        Self { http, cloud: world.cloud.url().to_owned() }
    }

    fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let body = answer.bytes().await.unwrap();
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    fn get(&self, path: &str, access_token: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.cloud));
        let request = request.header("accept", "application/vnd.pulumi+9");
        self.send(request.header("authorization", format!("token {access_token}")))
    }

    fn exchange(&self, world: &World, organization: &str) -> (u16, Value) {
        world.cloud.set_policies(vec![world.shape.entry.clone()]);
        world.cloud.begin_run();
        self.exchange_again(&world.token(), organization)
    }

    fn exchange_again(&self, token: &str, organization: &str) -> (u16, Value) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("audience", &*format!("urn:pulumi:org:{organization}")),
            ("expiration", "7200"),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:pulumi:token-type:access_token:organization"),
            ("scope", ""),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ]);
        let request = self.http.post(format!("{}{EXCHANGE}", self.cloud));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.finish()))
    }
}

#[test]
fn every_platform_token_logs_in() {
    for platform in platforms::ALL {
        let mut world = World::new(platform);
        let client = Client::new(&world);
        let (status, answer) = client.exchange(&world, ORGANIZATION);
        assert_eq!(status, 200, "{}: {answer}", platform.name);
        let (status, user) = client.get(WHOAMI, world.cloud.access_token());
        assert_eq!((status, &user["githubLogin"]), (200, &json!("ci-bot")), "{}", platform.name);

        let rules: Vec<_> = world.shape.entry["rules"].as_object().unwrap().keys().collect();
        assert_eq!(rules.len(), 3, "{}", platform.name);
        for rule in rules.into_iter().cloned().collect::<Vec<_>>() {
            let pattern = world.shape.entry["rules"][&rule].take();
            world.shape.entry["rules"][&rule] = json!("somebody else");
            let (status, answer) = client.exchange(&world, ORGANIZATION);
            assert_eq!((status, &answer["error"]), (400, &json!("access_denied")), "{rule}");
            world.shape.entry["rules"][&rule] = pattern;
        }
    }
}

#[test]
fn cloud_refuses_in_documented_order() {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    let client = Client::new(&world);
    let refused = |world: &World, organization: &str, text: &str| {
        let (status, answer) = client.exchange(world, organization);
        assert_eq!((status, &answer["error_description"]), (400, &json!(text)));
    };
    // Each failure that is added precedes the earlier ones in the documented order.
    world.shape.entry["decision"] = json!("deny");
    refused(&world, ORGANIZATION, "denied by policy");
    let other = SigningKey::generate("RS256").unwrap().jwk(KID).unwrap();
    world.issuer.answer(&world.issuer.jwks_path(), Response::json(200, &json!({"keys": [other]})));
    refused(&world, ORGANIZATION, "bad signature");
    world.issuer.answer(&world.issuer.discovery_path(), Response::new(503, "text/html", "<html>"));
    refused(&world, ORGANIZATION, "no keys");
    world.shape.shift(-90_000);
    refused(&world, ORGANIZATION, "token expired");
    world
        .cloud
        .change_registration(|registration| registration["issuer"] = json!("https://other.test"));
    refused(&world, ORGANIZATION, "unknown issuer");
    refused(&world, "other", "invalid organization other");
}

#[test]
fn registered_keys_need_no_issuer() {
    let world = World::new(&platforms::KUBERNETES);
    world.issuer.answer(&world.issuer.discovery_path(), Response::new(404, "text/plain", ""));
    world.cloud.change_registration(|registration| registration["jwks"] = world.issuer.jwks());
    assert_eq!(Client::new(&world).exchange(&world, ORGANIZATION).0, 200);
}

#[test]
fn every_algorithm_and_certificate_works() {
    for algorithm in doctor::loopback::ALGORITHMS {
        let authority = Authority::new().unwrap();
        let expired = authority.issue_expired(&["127.0.0.1"]).unwrap();
        let world = World::with_identity(&platforms::GITLAB, authority, expired, algorithm);
        let client = Client::new(&world);
        assert_eq!(client.exchange(&world, ORGANIZATION).0, 200, "{algorithm}");
    }
}

#[test]
fn registrations_need_read_access() {
    let world = World::new(&platforms::GITHUB);
    let client = Client::new(&world);
    world.cloud.set_policies(vec![world.shape.entry.clone()]);
    world.cloud.accept_access_token("pul-admin", "octocat", ORGANIZATION);
    let issuers = "/api/orgs/acme/oidc/issuers";
    let policies = "/api/orgs/acme/auth/policies/oidcissuers/issuer-0";
    assert_eq!(client.get(issuers, "pul-other").0, 401);
    let (status, answer) = client.get(issuers, "pul-admin");
    assert_eq!((status, &answer["oidcIssuers"][0]["issuer"]), (200, &json!(world.issuer.url())));
    let (status, answer) = client.get(policies, "pul-admin");
    assert_eq!((status, &answer["policies"][0]), (200, &world.shape.entry));
    assert_eq!(client.get(CAPABILITIES, "").0, 200);
    assert_eq!(client.get("/api/cli/version", "").0, 200);
    assert_eq!(client.get("/elsewhere", "").0, 404);
}

#[test]
fn set_answers_are_sent_unchanged() {
    let world = World::new(&platforms::GITHUB);
    let client = Client::new(&world);
    world.cloud.answer(EXCHANGE, Response::json(429, &json!({})).header("retry-after", "30"));
    assert_eq!(client.exchange(&world, ORGANIZATION).0, 429);
    assert_eq!(world.cloud.exchanges()[0]["audience"], "urn:pulumi:org:acme");
}

#[test]
fn second_exchange_fails_the_test() {
    let world = World::new(&platforms::GITHUB);
    let client = Client::new(&world);
    assert_eq!(client.exchange(&world, ORGANIZATION).0, 200);
    assert_eq!(client.exchange_again(&world.token(), ORGANIZATION).0, 500);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(world))).is_err());
}

#[test]
fn answers_are_validated() {
    let lacking = json!({"access_token": "x"});
    let outcome = catch_unwind(|| openapi::validate("POST", EXCHANGE, 200, &lacking));
    assert_eq!(outcome.is_err(), openapi::is_present());
}

#[test]
fn long_pieces_of_secrets_are_found() {
    let secrets = ["0123456789abcdefghijklmnopqrstuvwxyz".to_owned(), "short".to_owned()];
    assert!(contains_secret("see 56789abcdefghijk here", &secrets));
    assert!(!contains_secret("see 56789abcdefghij here", &secrets));
    assert!(contains_secret("see short here", &secrets));
    assert!(!contains_secret("", &secrets));
}

#[test]
fn test_options_are_replaced() {
    let doctor = Doctor::bare().args(["x", "--flag", "--a", "1", "--b", "2"]);
    let doctor = doctor.without("--flag").without("--b").without("--absent").option("--a", "3");
    assert_eq!(doctor.command("login").arguments(), ["login", "x", "--a", "3"]);
}
