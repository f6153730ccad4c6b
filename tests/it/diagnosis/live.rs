//! Registrations and policies read from Pulumi Cloud with an existing access token.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::platforms::{AZURE_ENTRA, GITHUB};
use crate::support::{CAPABILITIES, Doctor, EXCHANGE, ORGANIZATION, Response, WHOAMI, World};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const ISSUERS: &str = "/api/orgs/acme/oidc/issuers";
const POLICIES: &str = "/api/orgs/acme/auth/policies/oidcissuers/issuer-0";

/// A run without a policy document, with an administrator's access token.
fn live(world: &World) -> Doctor {
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    world.doctor_without_policy().env("DOCTOR_ACCESS_TOKEN", ADMIN).secret(ADMIN)
}

fn paths(world: &World) -> Vec<String> {
    world.cloud.requests().iter().map(|request| request.path().to_owned()).collect()
}

#[test]
fn healthy_login_uses_live_policy() {
    let world = World::new(&GITHUB);
    let run = live(&world).json();
    run.assert_healthy();
    assert_eq!(run.report["policy"]["source"], "live");
    assert_eq!(run.report["policy"]["decision"], "allow");
    assert_eq!(run.report["policy"]["issuer"], world.issuer.url());
    assert_eq!(run.codes(), [""; 0]);
    let paths = paths(&world);
    for path in [ISSUERS, POLICIES] {
        assert_eq!(paths.iter().filter(|p| *p == path).count(), 1, "{path} in {paths:?}");
    }
}

#[test]
fn redirected_token_is_predicted() {
    let mut world = World::new(&AZURE_ENTRA);
    world.shape.entry["rules"]["aud"] = json!("api://AzureADTokenExchange");
    let run = live(&world).json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
    run.assert_finding_contains(
        "audience-mismatch",
        &["Pulumi Cloud, issuer ci, policy 1, rule aud", "spelled two"],
    );

    // Also without an exchange.
    let run = live(&world).arg("--no-exchange").json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
}

#[test]
fn unregistered_issuer_is_found_live() {
    let world = World::new(&GITHUB);
    let other = format!("{}/", world.issuer.url());
    world.cloud.change_registration(|one| one["issuer"] = json!(other));
    let run = live(&world).json();
    run.assert_root_cause("issuer-not-registered", "issuer", "registration");
    run.assert_finding_contains(
        "issuer-not-registered",
        &["the slash at the end", "Pulumi Cloud, issuer ci"],
    );
    assert!(!paths(&world).contains(&POLICIES.to_owned()), "there are none to ask for");
}

#[test]
fn registered_keys_equal_file_keys() {
    let world = World::new(&GITHUB);
    let keys: Value =
        serde_json::from_slice(&world.issuer.responses().get(&keys_path(&world)).body).unwrap();
    world.cloud.change_registration(|one| one["jwks"] = keys);
    world.issuer.answer("/.well-known/openid-configuration", Response::new(500, "text/plain", ""));
    let run = live(&world).json();
    run.assert_healthy();
    assert_eq!(run.check("keys")["summary"], "1 key from the registration");
}

fn keys_path(world: &World) -> String {
    let path = "/.well-known/openid-configuration";
    let document: Value = serde_json::from_slice(&world.issuer.responses().get(path).body).unwrap();
    url::Url::parse(document["jwks_uri"].as_str().unwrap()).unwrap().path().to_owned()
}

#[test]
fn login_does_not_wait_for_registrations() {
    let world = World::new(&GITHUB);
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    let list = json!({"oidcIssuers": [world.cloud.first_registration()]});
    let late = Response::json(200, &list).after(Duration::from_millis(700));
    world.cloud.answer(ISSUERS, late);
    live(&world).json().assert_healthy();
    let paths = paths(&world);
    let at = |wanted: &str| paths.iter().position(|path| path == wanted).unwrap();
    for path in [EXCHANGE, CAPABILITIES, WHOAMI] {
        assert!(at(path) < at(POLICIES), "{paths:?}");
    }
}

#[test]
fn refused_policy_read_permits_diagnosis() {
    let json = |status, body: Value| Response::json(status, &body);
    let html = Response::new(200, "text/html", "<html><title>Sign in to Corp</title></html>");
    let unknown = json!({"policies": [{"decision": "perhaps", "tokenType": "organization",
                                       "authorizedPermissions": [], "rules": {}}]});
    let cases: [(&str, Response, &[&str]); 8] = [
        (ISSUERS, json(401, json!({"message": "no"})), &["DOCTOR_ACCESS_TOKEN is not valid"]),
        (ISSUERS, json(403, json!({"message": "no"})), &["oidc_issuers:read", "admins have"]),
        (ISSUERS, json(404, json!({"message": "no"})), &["no organization acme"]),
        (ISSUERS, json(500, json!({"message": "oops"})), &["500", "oops"]),
        (ISSUERS, html, &["a web page titled Sign in to Corp"]),
        (ISSUERS, json(200, json!({})), &["not a list of issuers"]),
        (POLICIES, json(403, json!({"message": "no"})), &["auth_policies:read"]),
        (POLICIES, json(200, unknown), &["perhaps"]),
    ];
    for (path, response, telling) in cases {
        let world = World::new(&GITHUB);
        world.cloud.answer(path, response);
        let run = live(&world).json();
        run.assert_healthy();
        run.assert_finding_contains("policy-unknown", telling);
        assert_eq!(run.finding("policy-unknown")["severity"], "info");
        assert_eq!(run.report["policy"]["decision"], "unknown");
        assert_eq!(run.skipped_because("policy"), Some("--policy"));
        let is_list = path == ISSUERS;
        assert_eq!(run.report["policy"]["source"], if is_list { "none" } else { "live" });
        assert_eq!(run.skipped_because("registration"), is_list.then_some("--policy"));
    }
}

#[test]
fn unneeded_requests_are_not_made() {
    // A file has the policy; the run is offline; only the login may use the minted token.
    let world = World::new(&GITHUB);
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    world.doctor().env("DOCTOR_ACCESS_TOKEN", ADMIN).json().assert_healthy();
    live(&world).arg("--offline").json();
    world.doctor_without_policy().json().assert_healthy();
    assert!(
        !paths(&world).iter().any(|path| path.starts_with("/api/orgs/")),
        "{:?}",
        paths(&world)
    );
}

#[test]
fn report_says_how_to_read_live_policy() {
    let world = World::new(&GITHUB);
    let run = world.doctor_without_policy().json();
    run.assert_finding_contains("policy-unknown", &["DOCTOR_ACCESS_TOKEN", "--policy"]);
}

#[test]
fn contradicted_live_policy_is_named_live() {
    let world = World::new(&GITHUB);
    let refusal = json!({"error": "access_denied", "error_description": "denied"});
    world.cloud.answer("/api/oauth/token", Response::json(400, &refusal));
    world.cloud.change_registration(|one| one["lastUsed"] = json!("2026-11-20T10:00:00Z"));
    let run = live(&world).json();
    run.assert_root_cause("exchange-rejected", "exchange", "exchange");
    run.assert_finding_contains("exchange-rejected", &["2026-11-20T10:00:00Z"]);
    run.assert_finding_contains(
        "exchange-contradicts-policy",
        &["the policies read from Pulumi Cloud"],
    );
}
