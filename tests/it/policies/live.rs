//! The policy commands without a document read the live policy of `--oidc-org`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::policies::command::policy;
use crate::support::harmless::assert_harmless;
use crate::support::platforms::GITHUB;
use crate::support::{Doctor, ORGANIZATION, PlainCloud, Response, Run, Server, World};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const ISSUERS: &str = "/api/orgs/acme/oidc/issuers";
const POLICIES: &str = "/api/orgs/acme/auth/policies/oidcissuers/issuer-0";

/// A policy command that reads the world's Pulumi Cloud with an administrator's access token.
fn live(world: &World, command: &str) -> Doctor {
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    world.cloud.set_policies(vec![world.shape.entry.clone()]);
    policy(command)
        .args(["--cloud-url", world.cloud.url(), "--ca-cert", "ca.pem"])
        .args(["--oidc-org", ORGANIZATION])
        .file("ca.pem", world.authority.pem())
        .env("DOCTOR_ACCESS_TOKEN", ADMIN)
        .secret(ADMIN)
}

fn claims(world: &World) -> Value {
    Value::Object(world.shape.claims.clone())
}

/// Asserts that all requests only read policies, with the administrator's token.
fn assert_only_reads(world: &World) {
    for request in world.cloud.requests() {
        assert_eq!(request.method, "GET", "{}", request.path());
        assert!(request.path().starts_with("/api/orgs/acme/"), "{}", request.path());
        assert_eq!(request.header("authorization"), Some(&*format!("token {ADMIN}")));
    }
}

#[test]
fn policy_test_reads_live_policy() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let run = live(&world, "test").arg(&token).secret(&token).json();
    assert_eq!(
        (run.status, &run.report["policy"]["source"]),
        (0, &json!("live")),
        "{}",
        run.stderr
    );
    let mut other = claims(&world);
    other["aud"] = json!("sts.amazonaws.com");
    for claims in [claims(&world), other] {
        let run = live(&world, "test").arg(claims.to_string()).json();
        let expected = i32::from(claims["aud"] == "sts.amazonaws.com");
        assert_eq!(run.status, expected, "{}", run.stderr);
    }
    let lines = format!("{}\n", claims(&world));
    let run = live(&world, "test").args(["--ndjson", "-"]).stdin(lines).run();
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert_only_reads(&world);
    assert!(world.cloud.requests().len() <= 8, "two requests for each run");
}

#[test]
fn other_commands_read_live_policy() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"] = json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/*"});
    world.use_public_issuer();
    let run = live(&world, "lint").json();
    assert_eq!(run.status, 0, "{}", run.stderr);
    let run = live(&world, "who").json();
    let rows = run.report["kinds"].as_array().unwrap();
    let row_of = |kind: &str| rows.iter().find(|row| row["kind"] == kind).unwrap();
    assert_eq!(row_of("owner")["decision"], "allow", "{:#}", run.report);
    assert_eq!(row_of("stranger")["decision"], "deny");
    assert_eq!(row_of("owner")["issuer"], "https://idp.test");
    let run =
        live(&world, "who").args(["--forbid", "owner"]).arg(claims(&world).to_string()).json();
    assert_eq!(run.status, 1, "{}", run.stderr);
    let cases = json!([{"name": "this", "claims": claims(&world), "expect": "allow"}]);
    let run = live(&world, "test").args(["--cases", "c.json"]).file("c.json", cases.to_string());
    assert_eq!(run.run().status, 0);
    assert_only_reads(&world);

    // A finding names the place as the console does.
    world.shape.entry["rules"] = json!({"sub": "repo:*"});
    let run = live(&world, "lint").human();
    assert!(run.stdout.contains("Pulumi Cloud, issuer ci, policy 1"), "{}", run.stdout);
    assert!(!run.stdout.contains("Pulumi Cloud:"), "{}", run.stdout);
}

#[test]
fn policy_document_prevents_requests() {
    let world = World::new(&GITHUB);
    let document = world.policy().to_string();
    for command in ["test", "who"] {
        let run = live(&world, command)
            .args(["--policy", "p.json"])
            .file("p.json", &document)
            .arg(claims(&world).to_string())
            .run();
        assert_eq!(run.status, 0, "{}", run.stderr);
        let run = live(&world, command).env("DOCTOR_POLICY", "p.json").file("p.json", &document);
        assert_eq!(run.arg(claims(&world).to_string()).run().status, 0);
    }
    let run = live(&world, "lint").arg("p.json").file("p.json", &document).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(world.cloud.requests().is_empty());
}

/// Asserts status 3, no standard output, and one line that says what to do.
fn assert_unread(run: &Run, telling: &[&str]) {
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{telling:?}: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for words in telling {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

#[test]
fn unreadable_live_policy_says_why() {
    let refused = |status: u16| Response::json(status, &json!({"code": status, "message": "no"}));
    let html = Response::new(200, "text/html", "<html><title>Sign in</title></html>");
    for command in ["who", "lint", "test", "pull"] {
        let command_in = |world: &World| {
            let doctor = live(world, command);
            if command == "test" { doctor.arg(claims(world).to_string()) } else { doctor }
        };
        let world = World::new(&GITHUB);
        if command != "test" {
            // A token's audience names the organization.
            assert_unread(&command_in(&world).without("--oidc-org").run(), &["--oidc-org"]);
        }
        assert_unread(
            &command_in(&world).unset("DOCTOR_ACCESS_TOKEN").run(),
            &["set DOCTOR_ACCESS_TOKEN"],
        );
        for (path, response, telling) in [
            (ISSUERS, refused(401), &["DOCTOR_ACCESS_TOKEN is not valid"][..]),
            (ISSUERS, refused(403), &["oidc_issuers:read", "admins have"]),
            (ISSUERS, refused(404), &["no organization acme", "--oidc-org"]),
            (ISSUERS, refused(500), &["answered 500"]),
            (ISSUERS, html.clone(), &["a web page titled Sign in", "--cloud-url"]),
            (POLICIES, refused(403), &["auth_policies:read"]),
        ] {
            let world = World::new(&GITHUB);
            world.cloud.answer(path, response);
            assert_unread(&command_in(&world).run(), telling);
        }
        let closed = command_in(&world).option("--cloud-url", "https://127.0.0.1:1").run();
        assert_unread(&closed, &["could not be read from 127.0.0.1"]);
        let scheme = command_in(&world).option("--cloud-url", "api.pulumi.com").run();
        assert_unread(&scheme, &["no usable backend URL", "--cloud-url"]);
    }
}

/// Only to backends that the user named, and never over plain http to another machine.
#[test]
fn access_tokens_reach_only_allowed_backends() {
    let cloud = PlainCloud::start(ADMIN);
    let request = |url: &str| {
        policy("who")
            .args(["--cloud-url", url, "--oidc-org", ORGANIZATION])
            .env("DOCTOR_ACCESS_TOKEN", ADMIN)
            .env("http_proxy", cloud.url())
            .secret(ADMIN)
            .run()
    };
    assert_unread(&request("http://cloud.test"), &["plain http"]);
    assert_eq!(cloud.requests(), [""; 0]);
    // Plain http is allowed to this machine.
    request(&cloud.url());
    assert_eq!(cloud.requests().len(), 1);

    // A project file may be from anybody.
    let world = World::new(&GITHUB);
    let project = format!("name: x\nruntime: yaml\nbackend:\n  url: {}\n", world.cloud.url());
    let run = live(&world, "pull").without("--cloud-url").file("Pulumi.yaml", &project).run();
    assert_unread(&run, &["Pulumi.yaml", "--cloud-url"]);
    assert!(world.cloud.requests().is_empty());
}

// ------------------------------------------------------------------------------------ pull

#[test]
fn pulled_document_equals_live_policy() {
    let mut world = World::new(&GITHUB);
    world.use_public_issuer();
    world.cloud.change_registration(|one| {
        one["maxExpiration"] = json!(7200);
        one["lastUsed"] = json!("2026-11-20T10:00:00Z");
        one["created"] = json!("2026-01-20T10:00:00Z");
    });
    let pulled = live(&world, "pull").run();
    assert_eq!((pulled.status, pulled.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&pulled.stdout).unwrap();
    assert_eq!(document["organization"], "acme");
    let issuer = &document["issuers"][0];
    assert_eq!(issuer["url"], "https://idp.test");
    for (key, value) in [
        ("id", json!("issuer-0")),
        ("policyId", json!("policy-issuer-0")),
        ("version", json!(1)),
        ("maxExpiration", json!(7200)),
        ("lastUsed", Value::Null),
    ] {
        assert_eq!(issuer[key], value, "{key}");
    }
    assert_eq!(issuer["policies"][0]["roleID"], world.shape.entry["roleID"]);

    // It decides as Pulumi Cloud does, and a second pull gives the same document.
    let run = policy("test")
        .args(["--policy", "p.json", "--oidc-org", "acme"])
        .file("p.json", &pulled.stdout)
        .arg(claims(&world).to_string())
        .run();
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(live(&world, "pull").run().stdout, pulled.stdout);

    for name in ["p.yaml", "p.json"] {
        let run = live(&world, "pull").args(["--output", name]).run();
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        let text = run.file(name);
        assert_eq!(name == "p.json", text == pulled.stdout, "{text}");
        let run = policy("who").args(["--policy", "p"]).file("p", &text).run();
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
    let run = live(&world, "pull").args(["--output", "none/p.json"]).run();
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains("there is no directory none"), "{}", run.stderr);
    assert_only_reads(&world);
}

#[test]
fn hostile_answers_are_harmless() {
    let world = World::new(&GITHUB);
    let hostile = "x##vso[task.complete]\n::error::y\u{202e}\u{1b}[31m";
    world.cloud.change_registration(|one| one["name"] = json!(hostile));
    let run = live(&world, "pull").run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_harmless(&run.stdout, "json");
    let read: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(read["issuers"][0]["name"], hostile);
    let run = live(&world, "pull").args(["--output", "p.yml"]).run();
    assert_harmless(&run.file("p.yml"), "yaml");
}

/// A server that lists `issuers` issuers in pages and sometimes limits requests.
fn paged_server(world: &World, issuers: usize, limited: &Arc<AtomicUsize>) -> Server {
    const PAGE: usize = 100;
    let limited = Arc::clone(limited);
    let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
    Server::start(identity, move |request| {
        let number = limited.fetch_add(1, Ordering::Relaxed);
        if number % 150 == 100 {
            let body = json!({"code": 429, "message": "slow down"});
            return Response::json(429, &body).header("retry-after", "1");
        }
        let after = request.target.split_once("continuationToken=").map(|(_, page)| page);
        if request.path() == ISSUERS {
            let from = after.map_or(0, |page| page.parse().unwrap());
            let shown: Vec<Value> = (from..(from + PAGE).min(issuers))
                .rev()
                .map(|n| json!({"id": format!("i{n}"), "name": format!("ci {n:03}"),
                    "url": format!("https://ci{n:03}.test"), "issuer": format!("https://ci{n:03}.test")}))
                .collect();
            let mut body = json!({"oidcIssuers": shown});
            if from + PAGE < issuers {
                body["continuationToken"] = json!((from + PAGE).to_string());
            }
            return Response::json(200, &body);
        }
        let id = request.path().rsplit('/').next().unwrap().to_owned();
        let entry = json!({"decision": "allow", "tokenType": "organization",
            "authorizedPermissions": [], "rules": {"sub": format!("job:{id}"), "aud": "a"}});
        Response::json(200, &json!({"id": format!("p-{id}"), "version": 3, "policies": [entry]}))
    })
    .unwrap()
}

#[test]
fn many_issuers_are_pulled_in_pages() {
    let world = World::new(&GITHUB);
    let asked = Arc::default();
    let server = paged_server(&world, 500, &asked);
    let pull =
        || live(&world, "pull").option("--cloud-url", server.url()).option("--timeout", "60s");
    let run = pull().run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let issuers = document["issuers"].as_array().unwrap();
    assert_eq!(issuers.len(), 500);
    for (index, issuer) in issuers.iter().enumerate() {
        assert_eq!(issuer["url"], format!("https://ci{index:03}.test"), "sorted");
        assert_eq!(issuer["policies"][0]["rules"]["sub"], format!("job:i{index}"));
    }
    assert!(asked.load(Ordering::Relaxed) > 505, "some were limited");
    assert_eq!(pull().run().stdout, run.stdout);
    // Pulling takes longer than this.
    let run = pull().option("--timeout", "1s").run();
    assert_unread(&run, &["--timeout"]);
}

#[test]
fn lasting_rate_limit_fails_in_one_line() {
    let world = World::new(&GITHUB);
    let limit = Response::json(429, &json!({"message": "slow"})).header("retry-after", "60");
    world.cloud.answer(POLICIES, limit);
    assert_unread(&live(&world, "pull").run(), &["limits requests (429)", "--timeout"]);
}

#[test]
#[cfg(unix)]
fn progress_is_shown_at_a_terminal() {
    let world = World::new(&GITHUB);
    let server = paged_server(&world, 300, &Arc::default());
    let run = live(&world, "pull")
        .option("--cloud-url", server.url())
        .option("--timeout", "60s")
        .args(["--output", "p.json"])
        .terminal()
        .run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("reading policies: ") && run.stderr.contains(" of 300"),
        "{}",
        run.stderr
    );
}

#[test]
fn failed_pull_does_not_suggest_file() {
    let run = Doctor::bare().args(["policy", "pull", "--oidc-org", "acme"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("DOCTOR_ACCESS_TOKEN"), "{}", run.stderr);
    assert!(!run.stderr.contains("--policy"), "{}", run.stderr);
}
