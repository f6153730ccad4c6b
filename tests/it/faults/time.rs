//! If a slow first request uses up the time of a second one, only the first is blamed.

use std::time::Duration;

use serde_json::json;

use crate::support::{EXCHANGE, Response, World, platforms};

/// Leaves a run of two seconds too little time for another request.
const DELAY: Duration = Duration::from_millis(1_800);

#[test]
fn slow_document_is_not_blamed_on_keys() {
    let world = World::with_algorithm(&platforms::GITHUB, "ES256");
    let late = Response::json(200, &world.issuer.discovery()).after(DELAY);
    world.issuer.answer(&world.issuer.discovery_path(), late);
    let run = world.doctor().args(["--no-exchange", "--timeout", "2s"]).json();
    run.assert_root_cause("issuer-unreachable", "issuer", "issuer");
    run.assert_finding_contains("issuer-unreachable", &["no answer in time"]);
    assert_eq!(run.codes(), ["issuer-unreachable"]);
    run.assert_check("keys", "skip", Some("issuer"));
}

#[test]
fn slow_exchange_is_not_blamed_on_whoami() {
    let world = World::with_algorithm(&platforms::GITHUB, "ES256");
    let token = json!({"access_token": world.cloud.access_token(), "expires_in": 7200});
    world.cloud.answer(EXCHANGE, Response::json(200, &token).after(DELAY));
    let run = world.doctor().args(["--timeout", "2s"]).json();
    run.assert_root_cause("backend-unreachable", "backend", "exchange");
    assert_eq!(run.skipped_because("whoami"), Some("exchange"));
}

#[test]
fn slow_issuer_may_use_the_timeout() {
    let world = World::with_algorithm(&platforms::GITHUB, "ES256");
    let late = Response::json(200, &world.issuer.discovery()).after(DELAY);
    world.issuer.answer(&world.issuer.discovery_path(), late);
    world.issuer.answer(
        &world.issuer.jwks_path(),
        Response::json(200, &world.issuer.jwks()).after(Duration::from_secs(1)),
    );
    let run = world.doctor().json();
    run.assert_healthy();
    run.assert_check("signature", "pass", None);
}
