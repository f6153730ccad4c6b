//! The registration: whether the token's issuer is registered, in which organization, and its
//! limits.

use serde_json::json;

use crate::diagnosis::issuer::{assert_error, world, world_with_issuer};
use crate::support::{Doctor, ORGANIZATION, Run, World, platforms};

/// An offline run for a token of the issuer `iss`, with another issuer registered.
fn registered_as(registered: &str, iss: &str) -> Run {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world.cloud.change_registration(|registration| {
        registration["issuer"] = json!(registered);
        registration["url"] = json!(registered);
    });
    world.doctor().arg("--offline").json()
}

#[test]
fn near_misses_are_named() {
    const A: &str = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
    const B: &str = "00000000-1f60-4a7e-9b52-c0d4e6f8a1b3";
    let entra = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let v1 = format!("https://sts.windows.net/{A}/");
    let old = format!("https://vstoken.dev.azure.com/{B}");
    let github = "https://token.actions.githubusercontent.com";
    let gitlab = "https://gitlab.com";
    let cases = [
        ("https://gitlab.com/", gitlab, "the slash at the end of the registered"),
        (gitlab, "https://gitlab.com/", "the slash at the end of the token's"),
        ("http://gitlab.com", gitlab, "http:// is registered, the token has https://"),
        ("https://GitLab.com", gitlab, "upper and lower case"),
        ("https://gitlab.com:8443", gitlab, "the port"),
        ("https://gitlab.com/group", gitlab, "the path"),
        ("https://gitlab.con", gitlab, "one character"),
        (&entra(B), &entra(A), "the tenant: 00000000"),
        (&v1, &entra(A), "the version: v1 is registered, the token is of v2.0"),
        (&entra(A), &v1, "the version: v2.0 is registered, the token is of v1"),
        (&old, &entra(A), "Azure DevOps' own is registered, the token is from Entra"),
        (&entra(A), &old, "Entra's is registered, the token is from Azure DevOps' own"),
        (github, &format!("{github}/acme"), "the enterprise slug acme"),
    ];
    for (registered, iss, word) in cases {
        let run = registered_as(registered, iss);
        assert_error(&run, "issuer-not-registered", "registration", &[word, registered, iss]);
        run.assert_finding_contains("issuer-not-registered", &["organization acme", "policy.json"]);
        run.assert_check("policy", "skip", Some("registration"));
    }
}

#[test]
fn dissimilar_registrations_are_listed() {
    let run = registered_as("https://token.actions.githubusercontent.com", "https://gitlab.com");
    let words = ["https://token.actions.githubusercontent.com", "https://gitlab.com"];
    assert_error(&run, "issuer-not-registered", "registration", &words);

    let none = json!({"organization": ORGANIZATION, "issuers": []}).to_string();
    let run = world().doctor().arg("--offline").file("policy.json", none).json();
    assert_error(&run, "issuer-not-registered", "registration", &["No issuer is registered"]);
}

#[test]
fn registration_comes_before_reachability() {
    let mut world = world();
    world
        .cloud
        .change_registration(|registration| registration["issuer"] = json!("https://other.test"));
    world.shape.claims.insert("iss".to_owned(), json!("https://127.0.0.1:1"));
    let run = world.doctor().json();
    assert_eq!(run.codes(), ["issuer-not-registered", "issuer-unreachable"]);
    run.assert_finding_contains("issuer-not-registered", &["Pulumi Cloud says", "unknown issuer"]);
}

#[test]
fn trailing_slash_in_url_alone_warns() {
    let world = world();
    let mut policy = world.policy();
    policy["issuers"][0]["url"] = json!(format!("{}/", world.issuer.url()));
    let run = world.doctor().file("policy.json", policy.to_string()).json();
    assert_eq!(run.codes(), [""; 0], "the issuer is known to match");

    policy["issuers"][0].as_object_mut().unwrap().shift_remove("issuer");
    let run = world.doctor().arg("--no-exchange").file("policy.json", policy.to_string()).json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-not-registered")["severity"], "warning");
    run.assert_finding_contains("issuer-not-registered", &["slash", world.issuer.url(), "assum"]);
}

#[test]
fn registration_of_other_organization_fails() {
    // The audience names no organization, so --oidc-org cannot conflict with it.
    let world = World::with_algorithm(&platforms::AZURE_ENTRA, "ES256");
    world.cloud.register("globex", &world.issuer);
    let run = world.doctor().option("--oidc-org", "globex").json();
    let words = ["globex", "acme", "--oidc-org acme"];
    assert_error(&run, "issuer-wrong-organization", "registration", &words);
    assert_eq!(run.codes(), ["issuer-wrong-organization"], "the refusal is its echo");

    let run = world.doctor().option("--oidc-org", "Acme").arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-wrong-organization")["severity"], "warning");
    run.assert_finding_contains("issuer-wrong-organization", &["case only", "not documented"]);
}

#[test]
fn azure_devops_issuer_retirement_warns() {
    let iss = "https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815";
    let offline = |world: &World| -> Doctor { world.doctor().arg("--offline") };
    let mut world = world_with_issuer(iss);
    world.shape.claims.insert("sub".to_owned(), json!("sc://acme/web-shop/pulumi-production"));
    world.shape.entry["rules"]["sub"] = json!("sc://acme/web-shop/*");
    for run in [offline(&world).json(), offline(&world).without("--policy").json()] {
        assert_eq!(run.root_cause(), None);
        assert_eq!(run.finding("azure-issuer-retiring")["severity"], "info");
        run.assert_finding_contains(
            "azure-issuer-retiring",
            &["1 July 2027", "iss", "sub", "aud", "registration"],
        );
    }
    assert_eq!(offline(&world).json().status, 0);
    assert_eq!(offline(&crate::diagnosis::issuer::world()).json().codes(), [""; 0]);
}

#[test]
fn excessive_expiration_warns() {
    let world = world();
    world.cloud.change_registration(|registration| registration["maxExpiration"] = json!(3600));
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("expiration-exceeds-maximum")["severity"], "info");
    run.assert_finding_contains("expiration-exceeds-maximum", &["7200 s", "3600 s", "default"]);

    let run = world.doctor().args(["--oidc-expiration", "24h"]).json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("expiration-exceeds-maximum")["severity"], "warning");
    let words = ["86400 s", "3600 s", "--oidc-expiration 3600s", "not documented"];
    run.assert_finding_contains("expiration-exceeds-maximum", &words);
    run.assert_check("registration", "warn", None);

    let run = world.doctor().args(["--oidc-expiration", "1h"]).json();
    assert_eq!(run.codes(), [""; 0]);
}

#[test]
fn issuer_difference_is_marked_with_right_url() {
    let run = registered_as("https://GitLab.com/", "https://gitlab.com");
    run.assert_finding_contains(
        "issuer-not-registered",
        &[
            "https://[G -> g]it[L -> l]ab.com[/ -> nothing]",
            r#"-d '{"name":"gitlab.com","url":"https://gitlab.com"}'"#,
            "/api/orgs/acme/oidc/issuers",
        ],
    );
    // A value that is no issuer URL is not proposed for registration.
    let run = registered_as("https://gitlab.com", "gitlab.com");
    assert!(!run.finding_text("issuer-not-registered").contains("curl"));
}

#[test]
fn nearest_registration_comes_first() {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!("https://gitlab.com"));
    let registered = |url: &str| json!({"name": url, "url": url, "issuer": url, "policies": []});
    let all = [
        "https://gitlab.com/group/sub",
        "https://gitlab.com/",
        "http://gitlab.com",
        "https://far.example",
    ];
    let policy = json!({"issuers": all.map(registered)}).to_string();
    let run = world.doctor().arg("--offline").file("policy.json", policy).json();
    let finding = run.finding("issuer-not-registered");
    let shown: Vec<&str> = finding["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|proof| proof["what"] == "registered")
        .map(|proof| proof["value"].as_str().unwrap())
        .collect();
    assert_eq!(shown, ["https://gitlab.com/", "http://gitlab.com", "https://gitlab.com/group/sub"]);
    run.assert_finding_contains(
        "issuer-not-registered",
        &["Also near: http://gitlab.com, which differs in the scheme"],
    );
}

/// `UPDATE=1 cargo test near_misses_match` rewrites the file.
#[test]
fn near_misses_match_snapshot() {
    const A: &str = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
    const B: &str = "00000000-1f60-4a7e-9b52-c0d4e6f8a1b3";
    let entra = format!("https://login.microsoftonline.com/{A}/v2.0");
    let old = format!("https://vstoken.dev.azure.com/{B}");
    let github = "https://token.actions.githubusercontent.com";
    let cases = [
        ("https://gitlab.com/".to_owned(), "https://gitlab.com"),
        ("http://gitlab.com".to_owned(), "https://gitlab.com"),
        ("https://GitLab.com".to_owned(), "https://gitlab.com"),
        ("https://gitlab.com:443".to_owned(), "https://gitlab.com"),
        ("https://gitlab.com:8443".to_owned(), "https://gitlab.com"),
        ("https://gitlab.com/group".to_owned(), "https://gitlab.com"),
        ("https://gitlab.con".to_owned(), "https://gitlab.com"),
        (entra.replace(A, B), &entra),
        (entra.replace(A, "common"), &entra),
        (entra.replace(A, "organizations"), &entra),
        (entra.replace("/v2.0", ""), &entra),
        (format!("https://sts.windows.net/{A}/"), &entra),
        (old.clone(), &entra),
        (entra.clone(), &old),
        (format!("https://app.vstoken.visualstudio.com/{B}"), &old),
        (github.to_owned(), "https://token.actions.githubusercontent.com/acme"),
        (github.to_owned(), "https://token.actions.acme.ghe.com"),
        (github.to_owned(), "https://github.acme.example/_services/token"),
        (format!("{github}/acme"), github),
        (format!("{github}/acme"), "https://token.actions.githubusercontent.com/globex"),
        (entra.replace(A, B).replace("/v2.0", ""), &entra),
        (format!("https://sts.windows.net/{B}/"), &entra),
        (format!("{entra}/"), &entra),
        ("http://GitLab.com/".to_owned(), "https://gitlab.com"),
        ("gitlab.com".to_owned(), "https://gitlab.com"),
        (" https://gitlab.com".to_owned(), "https://gitlab.com"),
        ("https://gitlab.com".to_owned(), "https://gitlab.com:443"),
        ("https://gitlab.com/Group".to_owned(), "https://gitlab.com/group"),
        (github.to_owned(), "https://gitlab.com"),
    ];
    let mut all = String::new();
    for (registered, iss) in cases {
        let run = registered_as(&registered, iss);
        let finding = run.finding("issuer-not-registered");
        all.push_str(&format!("{registered}\n{iss}\n  {}\n", finding["detail"].as_str().unwrap()));
        for proof in finding["evidence"].as_array().unwrap() {
            if proof["what"] == "registered -> token" {
                all.push_str(&format!("  {}\n", proof["value"].as_str().unwrap()));
            }
        }
        all.push('\n');
    }
    crate::support::assert_golden("near-misses.txt", &all);
}

/// An offline run against two registrations of the token's issuer.
fn registered_twice(one: &str, other: &str) -> Run {
    let world = world();
    let doctor = world.doctor().arg("--offline");
    let issuer = world.shape.claims["iss"].clone();
    let entry = |sub: &str| {
        let mut entry = world.shape.entry.clone();
        entry["rules"]["sub"] = json!(sub);
        json!([entry])
    };
    let registration = |name: &str, sub: &str| json!({"name": name, "url": issuer, "issuer": issuer, "policies": entry(sub)});
    let issuers = [registration("by-hand", one), registration("by-program", other)];
    let document = json!({"organization": ORGANIZATION, "issuers": issuers});
    doctor.file("policy.json", document.to_string()).json()
}

#[test]
fn issuer_registered_twice_warns() {
    let run = registered_twice("*", "*");
    assert_eq!(run.finding("issuer-registered-twice")["severity"], "warning");
    run.assert_finding_contains(
        "issuer-registered-twice",
        &["by-hand", "by-program", "lets this token in"],
    );
    assert_eq!(run.report["policy"]["decision"], "allow");
    assert_eq!(run.report["rootCause"], json!(null));
}

#[test]
fn disagreeing_registrations_leave_policy_undetermined() {
    for (one, other) in [("*", "else"), ("else", "*")] {
        let run = registered_twice(one, other);
        let words = ["lets this token in", "does not let this token in"];
        run.assert_finding_contains("issuer-registered-twice", &words);
        assert_eq!(run.report["policy"]["decision"], "unknown");
        assert_eq!(run.report["verdict"], "inconclusive");
    }
    let run = registered_twice("else", "else");
    assert_eq!(run.report["rootCause"], "subject-mismatch");
}
