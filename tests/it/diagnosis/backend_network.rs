//! The backend on the network: whether it answers, and whether it is Pulumi Cloud.

use std::net::TcpListener;

use doctor::loopback::Server;
use serde_json::json;

use crate::support::{
    Authority, CAPABILITIES, Doctor, EXCHANGE, PlainCloud, Response, Run, WHOAMI, World, platforms,
};

/// A diagnosis with this backend URL.
fn with_url(world: &World, url: &str) -> Doctor {
    world.doctor().option("--cloud-url", url)
}

/// Asserts that the backend failed on the network.
fn assert_no_answer(run: &Run, code: &str, words: &[&str]) {
    assert_eq!((run.status, run.root_cause()), (1, Some(code)), "{:?}", run.codes());
    assert_eq!(run.classification(code), ["backend", "error", "cloud"]);
    assert_eq!(run.check("cloud")["status"], "fail");
    assert_eq!(run.skipped_because("whoami"), Some("cloud"));
    assert_eq!(run.codes(), [code], "nothing else is blamed");
    run.assert_finding_contains(code, words);
}

/// The URL of a port of this machine on which nothing listens.
fn closed_port_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn closed_port_is_unreachable() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let address = closed_port_url();
    let run = with_url(&world, &format!("https://{address}")).json();
    assert_no_answer(&run, "backend-unreachable", &["accepts connections", "refused", &address]);
    let run = with_url(&world, "https://cloud.invalid").json();
    assert_no_answer(&run, "backend-unreachable", &["cannot be resolved", "cloud.invalid:443"]);
}

#[test]
fn silent_server_does_not_block() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let doctor = with_url(&world, &format!("https://{address}"));
    let run = doctor.args(["--timeout", "2s"]).json();
    assert_no_answer(&run, "backend-unreachable", &["no answer in time", &address]);
    assert!(run.elapsed.as_millis() < 2_500, "{:?}", run.elapsed);
}

#[test]
fn unreachable_proxy_is_named() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let address = closed_port_url();
    let doctor = with_url(&world, "https://cloud.invalid");
    let run = doctor.env("HTTPS_PROXY", format!("http://joe:hunter22@{address}")).json();
    run.assert_finding_contains("backend-unreachable", &["proxy", &address, "cloud.invalid"]);
    assert!(!run.stdout.contains("hunter22"));
}

#[test]
fn untrusted_certificates_are_explained() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let names = ["127.0.0.1"];
    let handler = |_: &_| Response::json(200, &json!({"capabilities": []}));
    let stranger = Authority::new().unwrap();
    let trust = "SSL_CERT_FILE";
    for (identity, words, remedy) in [
        (stranger.issue(&names).unwrap(), "authority that is trusted here", trust),
        (
            world.authority.issue_expired(&names).unwrap(),
            "has expired",
            "Renew the certificate of 127.0.0.1",
        ),
        (
            world.authority.issue(&["cloud.test"]).unwrap(),
            "is not for 127.0.0.1",
            "Use a host name that the certificate is for",
        ),
    ] {
        let server = Server::start(identity, handler).unwrap();
        let run = with_url(&world, server.url()).json();
        let subject = "doctor loopback server";
        assert_no_answer(&run, "backend-tls-untrusted", &[words, remedy, subject]);
        let trusts = run.finding_text("backend-tls-untrusted").contains(trust);
        assert_eq!(trusts, remedy == trust, "trust cures an unknown authority only");
        assert!(server.requests().is_empty());
    }
    // The variable from the remediation works.
    let run = world.doctor().without("--ca-cert").env("SSL_CERT_FILE", "ca.pem").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

#[test]
fn other_servers_are_recognised() {
    let html = "<!DOCTYPE html><html><head><title>Sign in - Company</title></head></html>";
    let xml = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    let redirect = Response::new(302, "text/plain", "");
    let redirect = redirect.header("location", "https://login.company.test/start");
    for (response, words) in [
        (Response::new(200, "text/html", html), &["web page", "Sign in - Company"][..]),
        (Response::json(404, &json!({"message": "no route"})), &["404", "JSON"]),
        (redirect, &["302", "https://login.company.test/start"]),
        (Response::new(403, "application/xml", xml), &["403", "storage"]),
        (Response::new(200, "text/plain", "ok"), &["plain text"]),
    ] {
        let world = World::new(&platforms::AZURE_ENTRA);
        for path in [CAPABILITIES, EXCHANGE, WHOAMI] {
            world.cloud.answer(path, response.clone());
        }
        let run = world.doctor().json();
        assert_eq!((run.status, run.root_cause()), (1, Some("backend-not-pulumi")), "{words:?}");
        assert_eq!(run.classification("backend-not-pulumi"), ["backend", "error", "cloud"]);
        run.assert_finding_contains("backend-not-pulumi", words);
        run.assert_finding_contains(
            "backend-not-pulumi",
            &[CAPABILITIES, "https://api.pulumi.com"],
        );
        assert_eq!(run.codes(), ["backend-not-pulumi"], "the exchange is its echo");
    }
}

#[test]
fn failing_pulumi_cloud_is_still_recognised() {
    let world = World::new(&platforms::AZURE_ENTRA);
    world.cloud.answer(CAPABILITIES, Response::new(503, "text/html", "<html>busy</html>"));
    let run = world.doctor().json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

#[test]
fn loopback_backend_may_use_http() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let cloud = PlainCloud::start(world.cloud.access_token());
    let run = with_url(&world, &cloud.url()).json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
    assert_eq!(run.report["identity"]["user"], "ci-bot");
}

#[test]
fn printed_curl_uses_configured_backend() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let address = closed_port_url();
    let run = with_url(&world, &format!("http://{address}/")).json();
    let command = format!("curl -v http://{address}/api/capabilities");
    run.assert_finding_contains("backend-unreachable", &[&command]);
}
