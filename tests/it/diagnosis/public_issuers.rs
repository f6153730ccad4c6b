//! Public issuers of known platforms: a failure to reach them concerns only this machine.

use doctor::evidence::{
    Answer, Body, Certificate, CertificateProblem, Chain, Evidence, Failure, FailureKind, Probe,
};
use doctor::judge;
use serde_json::{Value, json};

use crate::diagnosis::issuer::{gathered_evidence, with_answering_addresses, world_with_issuer};

const CLOUD: &str = "https://api.pulumi.com";

/// An issuer of each kind of platform, and its host.
const PUBLIC: [(&str, &str); 5] = [
    ("https://token.actions.githubusercontent.com", "token.actions.githubusercontent.com"),
    ("https://oidc.eks.eu-west-1.amazonaws.com/id/E", "oidc.eks.eu-west-1.amazonaws.com"),
    ("https://acme.app.spacelift.io", "acme.app.spacelift.io"),
    ("https://login.microsoftonline.us/t/v2.0", "login.microsoftonline.us"),
    ("https://acme.eu.auth0.com/", "acme.eu.auth0.com"),
];
const PRIVATE: (&str, &str) = ("https://gitlab.acme.test", "gitlab.acme.test");

/// The report of a login whose policy lets in a token of this issuer.
fn report(issuer: &str, change: impl FnOnce(&mut Evidence)) -> Value {
    let world = world_with_issuer(issuer);
    let mut policy = world.policy();
    policy["issuers"][0]["url"] = json!(issuer);
    policy["issuers"][0]["issuer"] = json!(issuer);
    let mut evidence = gathered_evidence(&world, CLOUD, &policy);
    evidence.options.offline = false;
    change(&mut evidence);
    serde_json::to_value(judge::judge(&evidence, false)).unwrap()
}

fn failed_probe(host: &str, kind: FailureKind) -> Probe<Answer> {
    let failure = Failure {
        kind,
        host: host.to_owned(),
        port: 443,
        route: Box::default(),
        detail: "what the network says".to_owned(),
        attempts: 1,
    };
    Probe::Failed { failure, elapsed_ms: 1 }
}

fn answered_probe(status: u16, body: Body) -> Probe<Answer> {
    let answer = Answer {
        url: "https://issuer.test".to_owned(),
        status,
        content_type: None,
        location: None,
        retry_after: None,
        request_id: None,
        route: Box::default(),
        clock_offset_seconds: None,
        attempts: 1,
        body,
    };
    Probe::Answered { answer, elapsed_ms: 1 }
}

#[track_caller]
fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let mut all = report["findings"].as_array().unwrap().iter();
    all.find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("{code}: {report:#}"))
}

/// Asserts a warning that gives no advice on the registration, in a login that should work.
#[track_caller]
fn assert_only_here(report: &Value, code: &str) {
    let found = finding(report, code);
    assert_eq!(found["severity"], "warning", "{found:#}");
    assert!(found["detail"].as_str().unwrap().contains("This issuer is public ("), "{found:#}");
    let remedy = found["remediation"].to_string();
    for advice in ["jwks", "thumbprint", "register", "Publish"] {
        assert!(!remedy.contains(advice), "{advice}: {remedy}");
    }
    assert_eq!((&report["verdict"], &report["rootCause"]), (&json!("healthy"), &Value::Null));
}

fn network_failures() -> [(FailureKind, &'static str); 8] {
    use CertificateProblem::{Expired, SelfSigned, UnknownIssuer, WrongHost};
    let certificate = |problem| (FailureKind::Certificate { problem }, "issuer-tls-untrusted");
    [
        (FailureKind::Dns, "issuer-unreachable"),
        (FailureKind::Connect { refused: true }, "issuer-unreachable"),
        (FailureKind::Timeout, "issuer-unreachable"),
        (FailureKind::Tls, "issuer-unreachable"),
        certificate(Expired),
        certificate(WrongHost),
        certificate(UnknownIssuer),
        certificate(SelfSigned),
    ]
}

#[test]
fn failures_at_public_issuers_are_warnings() {
    for (kind, code) in network_failures() {
        for (issuer, host) in PUBLIC {
            let report = report(issuer, |evidence| {
                evidence.issuer.discovery = failed_probe(host, kind.clone());
            });
            assert_only_here(&report, code);
        }
        let (issuer, host) = PRIVATE;
        let report = report(issuer, |evidence| {
            evidence.issuer.discovery = failed_probe(host, kind.clone());
        });
        assert_eq!(report["rootCause"], code, "{kind:?}");
    }
}

#[test]
fn answers_at_public_issuers_are_warnings() {
    let page = || Body::Html(Some("Sign in".to_owned()));
    for (status, body) in [(503, Body::Empty), (404, Body::Empty), (200, page())] {
        let (issuer, _) = PUBLIC[0];
        let report = report(issuer, |evidence| {
            evidence.issuer.discovery = answered_probe(status, body.clone());
        });
        assert_only_here(&report, "discovery-not-found");
    }
}

#[test]
fn public_issuers_serve_own_keys() {
    for (issuer, host) in PUBLIC {
        let with_document = |evidence: &mut Evidence| {
            let document = json!({"issuer": issuer, "jwks_uri": format!("https://{host}/keys")});
            evidence.issuer.discovery = answered_probe(200, Body::Json(document));
        };
        for (kind, _) in network_failures() {
            let report = report(issuer, |evidence| {
                with_document(evidence);
                evidence.issuer.jwks = failed_probe(host, kind);
            });
            assert_only_here(&report, "jwks-unreachable");
        }
        let report = report(issuer, |evidence| {
            with_document(evidence);
            evidence.issuer.jwks = answered_probe(503, Body::Empty);
        });
        assert_only_here(&report, "jwks-unreachable");
    }
}

/// This network's resolver may return a private address for it.
#[test]
fn private_address_of_public_issuer_is_local() {
    let (issuer, host) = PUBLIC[0];
    let world = world_with_issuer(issuer);
    let evidence = with_answering_addresses(
        &world,
        gathered_evidence(&world, CLOUD, &world.policy()),
        &["10.1.2.3"],
    );
    let report = serde_json::to_value(judge::judge(&evidence, false)).unwrap();
    assert!(!report.to_string().contains("issuer-not-public"), "{report:#}");
    let report = self::report(issuer, |evidence| {
        evidence.issuer.addresses = vec!["10.1.2.3".parse().unwrap()];
        evidence.issuer.discovery = failed_probe(host, FailureKind::Timeout);
    });
    assert_only_here(&report, "issuer-unreachable");
}

/// An inspecting proxy hides the issuer's certificate, so no thumbprint is reported missing.
#[test]
fn proxy_certificate_is_no_thumbprint() {
    let certificate = Certificate {
        subject: "CN=host".to_owned(),
        issuer: "CN=Corp".to_owned(),
        names: Vec::new(),
        not_after: None,
        sha256: "ab".repeat(32),
        sha1: "cd".repeat(20),
    };
    for (issuer, is_public) in
        PUBLIC.map(|(issuer, _)| (issuer, true)).into_iter().chain([(PRIVATE.0, false)])
    {
        let report = report(issuer, |evidence| {
            let certificates = vec![certificate.clone()];
            evidence.issuer.chain = Some(Chain { certificates, publicly_trusted: false });
        });
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "thumbprints").unwrap();
        let needs_one = check["summary"].as_str().unwrap().contains("needs one");
        assert_eq!(needs_one, !is_public, "{issuer}: {check}");
    }
}
