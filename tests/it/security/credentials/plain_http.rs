//! No access token is sent over plain http, and no redirect forwards a credential.

use serde_json::json;

use super::{
    ELSEWHERE, NOTHING, assert_withheld, credentials_in, logins, plain, with_credentials, world,
    yaml,
};
use crate::support::{Doctor, EXCHANGE, PlainCloud, Response, WHOAMI, World, platforms};

/// A plain run and all logins, with a backend that the user names.
fn runs_with_named_backend(world: &World, url: &str) -> Vec<(&'static str, Doctor)> {
    let mut all = logins(world);
    all.push(("plain", world.doctor()));
    let name_backend = |(name, doctor)| {
        let doctor = with_credentials(world, doctor, url).env("PULUMI_BACKEND_URL", url);
        (name, doctor)
    };
    all.into_iter().map(name_backend).collect()
}

const PLAIN_HTTP_URLS: [&str; 6] = [
    "http://cloud.test",
    "http://cloud.test:8080",
    "http://localhost.evil.test",
    "http://127.0.0.1.evil.test",
    "http://x.localhost",
    "http://localhost.",
];

#[test]
fn plain_http_gets_no_access_token() {
    let world = world();
    for (index, url) in PLAIN_HTTP_URLS.into_iter().enumerate() {
        let runs = runs_with_named_backend(&world, url).len();
        // The first host is tested with every run, the others only with the plain run.
        for which in (0..runs).filter(|which| index == 0 || *which == runs - 1) {
            let network = PlainCloud::start(world.cloud.access_token());
            let run = |change: fn(Doctor) -> Doctor| {
                let (_, doctor) = runs_with_named_backend(&world, url).swap_remove(which);
                change(doctor.env("HTTP_PROXY", network.url())).json()
            };
            let case = format!("{url} {}", runs_with_named_backend(&world, url)[which].0);
            let sent = || credentials_in(&world, &network.requests());
            // With every kind of access token, but without an exchange.
            let done = run(|doctor| doctor.arg("--no-exchange").without("--policy"));
            assert_eq!(sent(), NOTHING, "{case}");
            assert!(!network.requests().is_empty(), "{case}");
            done.assert_check("whoami", "skip", Some("backend"));
            done.assert_check("policy", "skip", Some("backend"));

            let done = run(|doctor| doctor.unset("PULUMI_ACCESS_TOKEN"));
            assert_eq!(sent(), ["OIDC"], "{case}: {:?}", done.codes());
            done.assert_check("exchange", "pass", None);
            done.assert_check("whoami", "skip", Some("backend"));
            assert_eq!(done.classification("backend-insecure"), ["backend", "warning", "backend"]);
            assert_eq!((done.status, &done.report["verdict"]), (0, &json!("healthy")), "{case}");
        }
    }
}

#[test]
fn insecure_remedy_keeps_host_and_port() {
    let world = world();
    for (url, expected) in [
        ("http://cloud.test:8080", "https://cloud.test:8080"),
        ("http://cloud.test:80", "https://cloud.test --oidc-token"),
        ("http://cloud.test", "https://cloud.test --oidc-token"),
    ] {
        let run = world.doctor().option("--cloud-url", url).arg("--offline").json();
        run.assert_finding_contains("backend-insecure", &[expected]);
    }
}

#[test]
fn plain_http_on_loopback_is_safe() {
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let world = world();
        let cloud = PlainCloud::start(world.cloud.access_token());
        let url = cloud.url_at(host);
        let proxy = PlainCloud::start(world.cloud.access_token());
        let run = with_credentials(&world, world.doctor(), &url).args(["--cloud-url", &url]);
        let run = run.env("HTTP_PROXY", proxy.url()).json();
        assert_eq!(run.status, 0, "{host}");
        run.assert_check("whoami", "pass", None);
        assert!(!run.codes().contains(&"backend-insecure"), "{host}");
        assert_eq!(credentials_in(&world, &cloud.requests()), ["OIDC", "minted"], "{host}");
        assert!(proxy.requests().is_empty(), "{host}");
    }
}

#[test]
fn project_backend_gets_nothing_over_http() {
    let world = world();
    let url = "http://cloud.test";
    let network = PlainCloud::start(world.cloud.access_token());
    let sent = || credentials_in(&world, &network.requests());
    let run = plain(&world, url).env("HTTP_PROXY", network.url()).json();
    assert_withheld(&run, "plain");
    assert_eq!(run.classification("backend-insecure")[1], "warning");
    assert!(!network.requests().is_empty());
    assert_eq!((run.status, sent()), (0, vec![]));
    // The http URL of Pulumi's own host does not count as its service.
    let run = plain(&world, "http://api.pulumi.com").env("HTTP_PROXY", network.url()).json();
    assert_withheld(&run, "http://api.pulumi.com");
    assert_eq!(sent(), NOTHING);

    let (_, doctor) = logins(&world).pop().unwrap();
    let doctor = with_credentials(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
    let doctor = doctor.file("Pulumi.yaml", yaml(url)).env("HTTP_PROXY", network.url());
    let run = doctor.json();
    run.assert_check("whoami", "skip", Some("backend"));
    assert_eq!((run.status, sent()), (0, vec!["OIDC"]), "{:?}", run.codes());
}

#[test]
fn redirects_forward_no_credential() {
    let world = world();
    let other = World::new(&platforms::GITHUB);
    let plain = PlainCloud::start(world.cloud.access_token());
    let path = |origin: &str| format!("{origin}/api/user");
    let port = world.cloud.url().rsplit(':').next().unwrap().to_owned();
    for status in [301, 302, 303, 307, 308] {
        for to in [
            path(other.cloud.url()),
            path(&plain.url()),
            path(&format!("http://127.0.0.1:{port}")),
            format!("//{}/api/user", other.cloud.url().trim_start_matches("https://")),
        ] {
            let redirect = || Response::new(status, "text/plain", "").header("location", &to);
            world.cloud.answer(WHOAMI, redirect());
            let run = world.doctor().json();
            assert_eq!(run.root_cause(), Some("whoami-failed"), "{status} {to}");
            world.cloud.answer("/api/orgs/acme/oidc/issuers", redirect());
            let doctor = with_credentials(&world, world.doctor(), ELSEWHERE).without("--policy");
            doctor.args(["--cloud-url", world.cloud.url(), "--no-exchange"]).json();
        }
    }
    for status in [301, 307, 308] {
        let to = format!("{}{EXCHANGE}", other.cloud.url());
        let redirect = Response::new(status, "text/plain", "").header("location", &to);
        world.cloud.answer(EXCHANGE, redirect);
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("exchange-rejected"), "{status}");
    }
    assert!(other.cloud.requests().is_empty() && plain.requests().is_empty());

    // A redirect on the same origin is followed.
    let world = super::world();
    world.cloud.answer(WHOAMI, Response::new(302, "text/plain", "").header("location", "/me"));
    let user = json!({"githubLogin": "ci-bot", "name": "ci", "organizations": []});
    world.cloud.answer("/me", Response::json(200, &user));
    assert_eq!(world.doctor().json().report["identity"]["user"], "ci-bot");
}
