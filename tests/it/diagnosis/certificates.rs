//! Untrusted certificates, signed by a private authority or by an inspecting proxy.

use serde_json::json;

use crate::support::platforms::GITHUB;
use crate::support::{Authority, Proxy, ProxyAction, Response, World};
use doctor::loopback::Server;

#[test]
fn inspecting_proxy_is_named_by_certificate() {
    let company = Authority::new().unwrap();
    let names = ["api.pulumi.com", "token.actions.githubusercontent.com"];
    let handler = |_: &_| Response::json(200, &json!({"capabilities": []}));
    let server = Server::start(company.issue(&names).unwrap(), handler).unwrap();
    let address = server.url().strip_prefix("https://").unwrap().parse().unwrap();
    // The same server answers for every host.
    let proxy = Proxy::always(ProxyAction::Tunnel(address)).url();
    let mut world = World::new(&GITHUB);
    let github = "https://token.actions.githubusercontent.com";
    world.shape.claims["iss"] = json!(github);
    world.cloud.change_registration(|one| {
        one["issuer"] = json!(github);
        one["thumbprints"] = json!(["ab".repeat(32)]);
    });
    let doctor = || {
        world
            .doctor()
            .option("--cloud-url", "https://api.pulumi.com")
            .env("HTTPS_PROXY", &proxy)
            .arg("--no-exchange")
    };
    let run = doctor().json();
    for (code, host) in [
        ("issuer-tls-untrusted", "token.actions.githubusercontent.com"),
        ("backend-tls-untrusted", "api.pulumi.com"),
    ] {
        run.assert_finding_contains(
            code,
            &[
                "a proxy between this machine and it",
                &format!("{host} has a certificate of a public authority"),
                "signed by CN=doctor loopback",
                "SHA-256",
                "SHA-1",
                &proxy,
            ],
        );
    }
    // Pulumi Cloud does not use that proxy, so the issuer's certificate is not at fault.
    assert_eq!(run.root_cause(), Some("backend-tls-untrusted"));
    assert_eq!(run.finding("issuer-tls-untrusted")["severity"], "warning");
    run.assert_finding_contains(
        "issuer-tls-untrusted",
        &["does not go through that proxy", "--ca-cert"],
    );
    assert_eq!(run.skipped_because("thumbprints"), Some("issuer"));
    // The remedy works.
    let ca = company.pem();
    let run = doctor().file("company.pem", ca).env("SSL_CERT_FILE", "company.pem").json();
    assert!(!run.codes().iter().any(|code| code.ends_with("tls-untrusted")), "{:?}", run.codes());
    assert!(!run.codes().contains(&"thumbprint-mismatch"), "{:?}", run.codes());
    assert_eq!(run.skipped_because("thumbprints"), Some("issuer"));
}

#[test]
fn own_authority_is_not_called_proxy() {
    let world = World::new(&GITHUB);
    let run = world.doctor().without("--ca-cert").arg("--no-exchange").json();
    run.assert_finding_contains(
        "backend-tls-untrusted",
        &["The certificate is signed by CN=doctor loopback"],
    );
    assert!(!run.finding_text("issuer-tls-untrusted").contains("proxy between"));
}
