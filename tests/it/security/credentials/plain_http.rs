//! No access token travels over plain http, and no redirect takes a credential along.

use serde_json::json;

use super::{
    ELSEWHERE, NOTHING, assert_kept_back, credentials, logins, plain, tempted, world, yaml,
};
use crate::support::{Doctor, EXCHANGE, PlainCloud, Response, WHOAMI, World, platforms};

/// A plain run, CI and `doctor login` with a backend that is named.
fn named(world: &World, url: &str) -> Vec<(&'static str, Doctor)> {
    let mut all = logins(world);
    all.push(("plain", world.doctor()));
    let name = |(name, doctor)| {
        let doctor = tempted(world, doctor, url).env("PULUMI_BACKEND_URL", url);
        (name, doctor)
    };
    all.into_iter().map(name).collect()
}

const UNPROTECTED: [&str; 6] = [
    "http://cloud.test",
    "http://cloud.test:8080",
    "http://localhost.evil.test",
    "http://127.0.0.1.evil.test",
    "http://x.localhost",
    "http://localhost.",
];

#[test]
fn no_access_token_travels_over_plain_http() {
    let world = world();
    for (index, url) in UNPROTECTED.into_iter().enumerate() {
        let runs = named(&world, url).len();
        // Every setting with the first host, and every host in a plain run.
        for which in (0..runs).filter(|which| index == 0 || *which == runs - 1) {
            let network = PlainCloud::start(world.cloud.access_token());
            let run = |change: fn(Doctor) -> Doctor| {
                let (_, doctor) = named(&world, url).swap_remove(which);
                change(doctor.env("HTTP_PROXY", network.url())).json()
            };
            let case = format!("{url} {}", named(&world, url)[which].0);
            let sent = || credentials(&world, &network.requests());
            // Every kind of access token at hand, but no exchange.
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
    for (url, meant) in [
        ("http://cloud.test:8080", "https://cloud.test:8080"),
        ("http://cloud.test:80", "https://cloud.test --oidc-token"),
        ("http://cloud.test", "https://cloud.test --oidc-token"),
    ] {
        let run = world.doctor().option("--cloud-url", url).arg("--offline").json();
        run.assert_finding_contains("backend-insecure", &[meant]);
    }
}

#[test]
fn plain_http_on_this_machine_is_safe() {
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let world = world();
        let cloud = PlainCloud::start(world.cloud.access_token());
        let url = cloud.url_at(host);
        let proxy = PlainCloud::start(world.cloud.access_token());
        let run = tempted(&world, world.doctor(), &url).args(["--cloud-url", &url]);
        let run = run.env("HTTP_PROXY", proxy.url()).json();
        assert_eq!(run.status, 0, "{host}");
        run.assert_check("whoami", "pass", None);
        assert!(!run.codes().contains(&"backend-insecure"), "{host}");
        assert_eq!(credentials(&world, &cloud.requests()), ["OIDC", "minted"], "{host}");
        assert!(proxy.requests().is_empty(), "{host}");
    }
}

#[test]
fn project_backend_over_plain_http() {
    let world = world();
    let url = "http://cloud.test";
    let network = PlainCloud::start(world.cloud.access_token());
    let sent = || credentials(&world, &network.requests());
    let run = plain(&world, url).env("HTTP_PROXY", network.url()).json();
    assert_kept_back(&run, "plain");
    assert_eq!(run.classification("backend-insecure")[1], "warning");
    assert!(!network.requests().is_empty());
    assert_eq!((run.status, sent()), (0, vec![]));
    // An http URL of Pulumi's own host is not Pulumi Cloud.
    let run = plain(&world, "http://api.pulumi.com").env("HTTP_PROXY", network.url()).json();
    assert_kept_back(&run, "http://api.pulumi.com");
    assert_eq!(sent(), NOTHING);

    let (_, doctor) = logins(&world).pop().unwrap();
    let doctor = tempted(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
    let doctor = doctor.file("Pulumi.yaml", yaml(url)).env("HTTP_PROXY", network.url());
    let run = doctor.json();
    run.assert_check("whoami", "skip", Some("backend"));
    assert_eq!((run.status, sent()), (0, vec!["OIDC"]), "{:?}", run.codes());
}

#[test]
fn no_redirect_takes_a_credential_along() {
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
            let away = || Response::new(status, "text/plain", "").header("location", &to);
            world.cloud.answer(WHOAMI, away());
            let run = world.doctor().json();
            assert_eq!(run.root_cause(), Some("whoami-failed"), "{status} {to}");
            world.cloud.answer("/api/orgs/acme/oidc/issuers", away());
            let doctor = tempted(&world, world.doctor(), ELSEWHERE).without("--policy");
            doctor.args(["--cloud-url", world.cloud.url(), "--no-exchange"]).json();
        }
    }
    for status in [301, 307, 308] {
        let to = format!("{}{EXCHANGE}", other.cloud.url());
        let away = Response::new(status, "text/plain", "").header("location", &to);
        world.cloud.answer(EXCHANGE, away);
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("exchange-rejected"), "{status}");
    }
    assert!(other.cloud.requests().is_empty() && plain.requests().is_empty());

    // On the same origin it is followed.
    let world = super::world();
    world.cloud.answer(WHOAMI, Response::new(302, "text/plain", "").header("location", "/me"));
    let user = json!({"githubLogin": "ci-bot", "name": "ci", "organizations": []});
    world.cloud.answer("/me", Response::json(200, &user));
    assert_eq!(world.doctor().json().report["identity"]["user"], "ci-bot");
}
