//! whoami: whose access token it is, and which access token is used.

use serde_json::{Value, json};

use crate::support::platforms::GITHUB;
use crate::support::{Doctor, EXCHANGE, Response, Run, WHOAMI, World};

/// A healthy login whose whoami gets this answer.
fn run_with_answer(response: Response) -> Run {
    let world = World::new(&GITHUB);
    world.cloud.answer(WHOAMI, response);
    world.doctor().json()
}

fn user(organizations: &[&str], token_info: Value) -> Response {
    let organizations: Vec<_> = organizations.iter().map(|o| json!({"githubLogin": o})).collect();
    let body =
        json!({"githubLogin": "ada", "organizations": organizations, "tokenInfo": token_info});
    Response::json(200, &body)
}

#[test]
fn whoami_status_determines_code() {
    let json = |status, body: Value| Response::json(status, &body);
    let html = Response::new(200, "text/html", "<html><title>Sign in to Corp</title></html>");
    // The code, the answer and texts of the finding.
    let cases: [(&str, Response, &[&str]); 11] = [
        (
            "whoami-unauthorized",
            json(401, json!({"code": 401, "message": "Unauthorized: no"})),
            &["401", "Unauthorized: no"],
        ),
        ("whoami-forbidden", json(403, json!({"message": "not for you"})), &["403", "not for you"]),
        ("whoami-failed", json(404, json!({"code": 404})), &["404"]),
        (
            "whoami-failed",
            Response::new(302, "text/plain", "").header("location", "https://sso.test/"),
            &["302", "https://sso.test/"],
        ),
        (
            "whoami-failed",
            json(500, json!({})).header("X-Pulumi-Request-ID", "3f1c-9a52"),
            &["500", "3f1c-9a52", "support"],
        ),
        (
            "whoami-failed",
            json(503, json!({})).header("X-Pulumi-Request-ID", "77aa"),
            &["503", "77aa"],
        ),
        ("whoami-malformed", html, &["Sign in to Corp"]),
        ("whoami-malformed", json(200, json!({"name": "ada"})), &["githubLogin"]),
        ("whoami-malformed", json(200, json!({"githubLogin": ""})), &["githubLogin"]),
        ("whoami-malformed", json(200, json!({"githubLogin": 7})), &["githubLogin"]),
        ("whoami-malformed", json(200, json!([])), &["githubLogin"]),
    ];
    for (code, response, telling) in cases {
        let run = run_with_answer(response);
        run.assert_root_cause(code, "whoami", "whoami");
        run.assert_finding_contains(code, telling);
        assert_eq!(run.codes(), [code]);
        assert_eq!(run.check("exchange")["status"], "pass");
        assert_eq!(run.report["identity"], Value::Null);
    }
}

#[test]
fn single_sign_on_demand_is_explained() {
    for kind in ["saml_reauth_required", "saml_login_required"] {
        let body = json!({"code": 401, "message": "x", "errors": [{"type": kind}]});
        let run = run_with_answer(Response::json(401, &body));
        run.assert_root_cause("whoami-unauthorized", "whoami", "whoami");
        run.assert_finding_contains("whoami-unauthorized", &["single sign-on"]);
    }
    let run = run_with_answer(Response::json(401, &json!({"code": 401, "message": "x"})));
    let detail = run.finding("whoami-unauthorized")["detail"].as_str().unwrap();
    assert!(!detail.contains("single sign-on"), "{detail}");
}

#[test]
fn missing_whoami_answer_fails() {
    let world = World::new(&GITHUB);
    let never = std::time::Duration::from_secs(30);
    world.cloud.answer(WHOAMI, Response::json(200, &json!({})).after(never));
    let run = world.doctor().args(["--timeout", "2s"]).json();
    run.assert_root_cause("whoami-failed", "whoami", "whoami");
}

#[test]
fn token_of_other_identity_is_reported() {
    let of = |organization: &str, team: &str| json!({"name": "ci", "organization": organization, "team": team});
    // The answer, the options and texts of the finding.
    let cases: [(Response, &[&str], &[&str]); 4] = [
        (user(&["globex"], of("globex", "")), &[], &["organization acme", "globex"]),
        (user(&["acme"], of("globex", "")), &[], &["organization acme", "globex"]),
        (user(&["acme"], of("acme", "dev")), &["--oidc-team", "ops"], &["team ops", "dev"]),
        (
            user(&["globex", "initech"], Value::Null),
            &[],
            &["ada", "not a member of acme", "globex, initech"],
        ),
    ];
    for (response, options, telling) in cases {
        let mut world = World::new(&GITHUB);
        if !options.is_empty() {
            world.shape.entry["tokenType"] = "team".into();
            world.shape.entry["teamName"] = "ops".into();
        }
        world.cloud.answer(WHOAMI, response);
        let run = world.doctor().args(options.iter().copied()).json();
        run.assert_root_cause("whoami-wrong-organization", "whoami", "whoami");
        run.assert_finding_contains("whoami-wrong-organization", telling);
        assert_eq!(run.report["identity"]["user"], "ada");
    }
}

#[test]
fn expected_identity_is_reported() {
    let run =
        run_with_answer(user(&["globex", "acme"], json!({"name": "ci", "organization": "acme"})));
    run.assert_healthy();
    let token = json!({"name": "ci", "organization": "acme"});
    let identity = json!({"user": "ada", "organizations": ["globex", "acme"], "token": token});
    assert_eq!(run.report["identity"], identity);
    run_with_answer(user(&["acme"], Value::Null)).assert_healthy();
    run_with_answer(Response::json(200, &json!({"githubLogin": "ada"}))).assert_healthy();
}

#[test]
fn echoed_secrets_are_not_shown() {
    for status in [200, 401, 500] {
        let world = World::new(&GITHUB);
        let token = world.token();
        let minted = world.cloud.access_token();
        let opaque = "0pAqUeCrEdEnTiAl0pAqUe";
        world.cloud.answer(EXCHANGE, Response::json(200, &json!({"access_token": opaque})));
        let echo = format!("{opaque} {minted} {token}");
        let info = json!({"name": echo, opaque: opaque, token.clone(): 1});
        let body = json!({
            "githubLogin": echo, "organizations": [{"githubLogin": echo}], "tokenInfo": info,
            "message": echo, "errors": [{opaque: opaque, token.clone(): minted}],
        });
        let response = Response::json(status, &body)
            .header("X-Pulumi-Request-ID", opaque)
            .header("Retry-After", opaque)
            .header("Location", &format!("https://a.test/{opaque}"));
        world.cloud.answer(WHOAMI, response);
        let run = world.doctor_for(&token).secret(opaque).arg("-v").run();
        assert_eq!(run.status, 1, "the wrong organization, or no whoami");
        world.cloud.begin_run();
        let run = world.doctor_for(&token).secret(opaque).json();
        assert_eq!(run.status, 1);
    }
}

#[test]
fn truncated_text_leaves_no_partial_token() {
    let opaque = "0pAqUeCrEdEnTiAl0pAqUe0pAqUeCrEdEnTiAl0pAqUe";
    for padding in [470, 480] {
        let world = World::new(&GITHUB);
        world.cloud.answer(EXCHANGE, Response::json(200, &json!({"access_token": opaque})));
        let text = format!("{}{opaque}", "x ".repeat(padding / 2));
        world.cloud.answer(WHOAMI, Response::new(500, "text/plain", text));
        let run = world.doctor().secret(opaque).json();
        run.assert_root_cause("whoami-failed", "whoami", "whoami");
    }
}

/// The access tokens of the whoami requests.
fn whoami_tokens(world: &World) -> Vec<String> {
    let requests = world.cloud.requests().into_iter().filter(|r| r.path() == WHOAMI);
    requests.map(|r| r.header("authorization").unwrap().to_owned()).collect()
}

const STORED: &str = "pul-5555555555555555555555555555555555555555";
const GIVEN: &str = "pul-6666666666666666666666666666666666666666";
const OURS: &str = "pul-7777777777777777777777777777777777777777";

/// A diagnosis with an access token stored for the world's cloud.
fn with_stored(world: &World, expires_at: Option<&str>) -> Doctor {
    let url = world.cloud.url();
    let mut information = json!({"name": "laptop"});
    if let Some(at) = expires_at {
        information["expiresAt"] = at.into();
    }
    let account =
        json!({"accessToken": STORED, "username": "ada", "tokenInformation": information});
    let file = json!({"current": url, "accessTokens": {url: STORED}, "accounts": {url: account}});
    let doctor = world.doctor().file("../home/.pulumi/credentials.json", file.to_string());
    doctor.secret(STORED).secret(GIVEN).secret(OURS)
}

#[test]
fn whoami_uses_existing_token_without_exchange() {
    // The environment and the token that is used.
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("DOCTOR_ACCESS_TOKEN", OURS), ("PULUMI_ACCESS_TOKEN", GIVEN)], OURS),
        (&[("PULUMI_ACCESS_TOKEN", GIVEN)], GIVEN),
        (&[], STORED),
    ];
    for (environment, used) in cases {
        let world = World::new(&GITHUB);
        for token in [STORED, GIVEN, OURS] {
            world.cloud.accept_access_token(token, "ada", "acme");
        }
        let doctor = with_stored(&world, None).arg("--no-exchange");
        let doctor = environment.iter().fold(doctor, |d, (name, value)| d.env(name, *value));
        let run = doctor.json();
        run.assert_healthy();
        assert_eq!(whoami_tokens(&world), [format!("token {used}")]);
        assert_eq!(run.report["identity"]["user"], "ada");
        assert_eq!(run.check("whoami")["status"], "pass");
        assert!(world.cloud.exchanges().is_empty());
    }
}

#[test]
fn stored_token_findings_are_info() {
    let cases: [(&str, Response); 4] = [
        ("whoami-unauthorized", Response::json(401, &json!({}))),
        ("whoami-forbidden", Response::json(403, &json!({}))),
        ("whoami-malformed", Response::json(200, &json!({}))),
        ("whoami-wrong-organization", user(&["globex"], Value::Null)),
    ];
    for (code, response) in cases {
        let world = World::new(&GITHUB);
        world.cloud.answer(WHOAMI, response);
        let run = with_stored(&world, None).args(["--no-exchange", "--strict"]).json();
        run.assert_healthy();
        assert_eq!(run.finding(code)["severity"], "info");
    }
}

#[test]
fn expired_stored_token_is_reported() {
    let world = World::new(&GITHUB);
    let run = with_stored(&world, Some("2020-01-02T03:04:05Z")).arg("--no-exchange").json();
    run.assert_healthy();
    let finding = run.finding("whoami-token-expired");
    assert_eq!((&finding["severity"], &finding["check"]), (&json!("info"), &json!("whoami")));
    run.assert_finding_contains(
        "whoami-token-expired",
        &["2020-01-02T03:04:05Z", "credentials.json"],
    );

    world.cloud.accept_access_token(STORED, "ada", "acme");
    let run = with_stored(&world, Some("2999-01-02T03:04:05Z")).arg("--no-exchange").json();
    assert!(!run.codes().contains(&"whoami-token-expired"), "{:?}", run.codes());
}

#[test]
fn minted_token_is_used_instead_of_stored() {
    let world = World::new(&GITHUB);
    let run = with_stored(&world, Some("2020-01-02T03:04:05Z")).json();
    run.assert_healthy();
    assert_eq!(whoami_tokens(&world), [format!("token {}", world.cloud.access_token())]);
    assert!(!run.codes().contains(&"whoami-token-expired"), "{:?}", run.codes());
}

#[test]
fn whoami_is_skipped_without_token() {
    let world = World::new(&GITHUB);
    for option in ["--no-exchange", "--offline"] {
        let run = world.doctor().arg(option).json();
        run.assert_healthy();
        assert_eq!(run.skipped_because("whoami"), Some(option));
    }
    // A stored token is not used either.
    let world = World::new(&GITHUB);
    let run = with_stored(&world, None).arg("--offline").json();
    assert_eq!(run.skipped_because("whoami"), Some("--offline"));
    assert!(world.cloud.requests().is_empty());
}

#[test]
fn api_version_follows_cli() {
    for (version, api) in [("3.217.0", 8), ("3.232.1", 8), ("3.233.0", 9), ("3.259.0", 9)] {
        let world = World::new(&GITHUB);
        world.doctor().option("--pulumi-version", version).json().assert_healthy();
        let requests = world.cloud.requests();
        let whoami = requests.iter().find(|r| r.path() == WHOAMI).unwrap();
        let accept = format!("application/vnd.pulumi+{api}");
        assert_eq!(whoami.header("accept"), Some(accept.as_str()), "{version}");
    }
}

#[test]
fn whoami_trims_one_slash() {
    let world = World::new(&GITHUB);
    let token = json!({"access_token": world.cloud.access_token()});
    world.cloud.answer("//api/oauth/token", Response::json(200, &token));
    world.cloud.answer(WHOAMI, user(&["acme"], Value::Null));
    let run = world.doctor().option("--cloud-url", format!("{}/", world.cloud.url())).json();
    run.assert_healthy();
    assert_eq!(run.finding("backend-path-suspicious")["severity"], "warning");
}

#[test]
fn allowing_policy_is_not_root_cause() {
    let mut world = World::new(&GITHUB);
    let right = world.shape.entry.clone();
    world.shape.entry["rules"]["sub"] = "else".into();
    let doctor = world.doctor();
    world.cloud.set_policies(vec![right]);
    world.cloud.answer(WHOAMI, Response::json(403, &json!({})));
    let run = doctor.json();
    run.assert_root_cause("whoami-forbidden", "whoami", "whoami");
    assert_eq!(run.finding("subject-mismatch")["severity"], "warning");
    assert_eq!(run.finding("exchange-contradicts-policy")["severity"], "warning");
}

#[test]
fn personal_token_belongs_to_user() {
    let asked = |name: &str| {
        let mut world = World::new(&GITHUB);
        world.shape.entry["tokenType"] = "personal".into();
        world.shape.entry["userLogin"] = name.into();
        let doctor = world.doctor().args(["--oidc-user", name]);
        world.cloud.answer(WHOAMI, user(&["acme"], Value::Null));
        doctor.json()
    };
    let run = asked("grace");
    run.assert_root_cause("whoami-wrong-user", "whoami", "whoami");
    run.assert_finding_contains("whoami-wrong-user", &["grace", "ada"]);
    asked("Ada").assert_healthy();
}

#[test]
fn overlong_access_token_is_reported() {
    let message = "The `acme` organization enforces a max access token expiry of `14` days that \
                   your current token does not meet.";
    let run = run_with_answer(Response::json(403, &json!({"code": 403, "message": message})));
    run.assert_root_cause("access-token-policy", "whoami", "whoami");
    run.assert_finding_contains("access-token-policy", &["14", "exempt"]);
}
