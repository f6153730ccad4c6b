//! The token exchange: the request, the service's answers, and when it is not made.

use serde_json::{Value, json};

use crate::support::platforms::{AZURE_ENTRA, GITHUB, PULUMI_DEPLOYMENTS};
use crate::support::{CAPABILITIES, EXCHANGE, Response, Run, World};

/// A healthy login whose exchange gets this answer.
fn run_with_answer(response: Response) -> Run {
    let world = World::new(&GITHUB);
    world.cloud.answer(EXCHANGE, response);
    world.doctor_without_policy().json()
}

fn html(status: u16) -> Response {
    let page = "<!doctype html><html><head><title>Sign in to Corp</title></head></html>";
    Response::new(status, "text/html", page)
}

#[test]
fn exchange_form_matches_cli() {
    // The options, the requested token type, the scope and the expiration.
    let cases: [(&[&str], &str, &str, &str); 8] = [
        (&[], "organization", "", "7200"),
        (&["--oidc-expiration", "15m"], "organization", "", "900"),
        (&["--oidc-expiration", "1h0m1.9s"], "organization", "", "3601"),
        (&["--oidc-team", "ops"], "team", "team:ops", "7200"),
        (&["--oidc-user", "ada"], "personal", "user:ada", "7200"),
        (&["--scope", "admin"], "organization", "admin", "7200"),
        (&["--scope", "runner:r1"], "runner", "runner:r1", "7200"),
        (&["--oidc-team", "a&b=c d"], "team", "team:a&b=c d", "7200"),
    ];
    for (options, token_type, scope, expiration) in cases {
        let world = World::new(&GITHUB);
        let token = world.token();
        world.doctor_for(&token).args(options.iter().copied()).json();
        let exchanges = world.cloud.exchanges();
        assert_eq!(exchanges.len(), 1, "{options:?}");
        let requested = format!("urn:pulumi:token-type:access_token:{token_type}");
        let expected = [
            ("audience", "urn:pulumi:org:acme"),
            ("requested_token_type", &requested),
            ("scope", scope),
            ("expiration", expiration),
            ("subject_token", &token),
        ];
        for (field, value) in expected {
            assert_eq!(exchanges[0][field], value, "{options:?}");
        }
    }
}

#[test]
fn audience_names_requested_organization() {
    let world = World::new(&GITHUB);
    let run = world.doctor().without("--oidc-org").json();
    run.assert_healthy();
    assert_eq!(world.cloud.exchanges()[0]["audience"], "urn:pulumi:org:acme");
}

#[test]
fn refusals_are_shown_in_every_shape() {
    let json = |body: Value| Response::json(400, &body);
    // The answer, its status and texts of the finding.
    let cases: [(Response, u16, &[&str]); 9] = [
        (
            json(json!({"error": "invalid_grant", "error_description": "no such issuer"})),
            400,
            &["invalid_grant", "no such issuer"],
        ),
        (
            json(
                json!({"code": 400, "message": "Bad Request: x", "errors": [{"path": "aud"}, "y"]}),
            ),
            400,
            &["Bad Request: x", "aud", "y"],
        ),
        (json(json!(["odd"])), 400, &["odd"]),
        (json(json!({"detail": "other shape"})), 400, &["other shape"]),
        (Response::new(401, "text/plain", "who are you"), 401, &["who are you"]),
        (html(403), 403, &["web page", "Sign in to Corp"]),
        (Response::new(404, "text/plain", ""), 404, &["(nothing)"]),
        (Response::new(400, "application/json", "{\"error\":"), 400, &["{\"error\":"]),
        (Response::new(302, "text/plain", "").header("location", "/login"), 302, &["/login"]),
    ];
    for (response, status, telling) in cases {
        let run = run_with_answer(response);
        run.assert_root_cause("exchange-rejected", "exchange", "exchange");
        run.assert_finding_contains("exchange-rejected", &[&status.to_string()]);
        run.assert_finding_contains("exchange-rejected", telling);
        assert_eq!(run.skipped_because("whoami"), Some("exchange"));
        assert_eq!(run.report["identity"], Value::Null);
    }
}

#[test]
fn refusal_text_determines_category() {
    let refusal = |error: &str, text: &str| {
        Response::json(400, &json!({"error": error, "error_description": text}))
    };
    let cases = [
        (refusal("access_denied", "denied by policy"), "policy"),
        (refusal("invalid_grant", "audience not allowed"), "audience"),
        (refusal("invalid_grant", "unknown issuer"), "issuer"),
        (refusal("invalid_grant", "signature verification failed"), "issuer"),
        (refusal("invalid_grant", "token is expired"), "token"),
        (refusal("invalid_scope", "no"), "policy"),
    ];
    for (response, category) in cases {
        let run = run_with_answer(response);
        let proofs = run.finding("exchange-rejected")["evidence"].as_array().unwrap().clone();
        let points = proofs.iter().find(|proof| proof["what"] == "points to").unwrap();
        assert_eq!(points["value"], category);
    }
    let run = run_with_answer(Response::new(400, "text/plain", "no"));
    assert!(!run.finding_text("exchange-rejected").contains("points to"));
}

#[test]
fn bare_refusal_shows_entry_and_message() {
    let body = json!({"error": "access_denied", "error_description": "no"});
    let run = run_with_answer(Response::json(403, &body));
    run.assert_root_cause("exchange-rejected", "exchange", "exchange");
    let telling = ["403", "DOCTOR_ACCESS_TOKEN", "forward this to an admin of acme", "\"sub\""];
    run.assert_finding_contains("exchange-rejected", &telling);
    let change = &run.finding("exchange-rejected")["remediation"]["options"][0]["changes"][0];
    assert_eq!((&change["target"], &change["path"]), (&json!("policy"), &json!("/policies/-")));
    assert_eq!(change["after"]["decision"], "allow");
    assert!(!run.finding_text("policy-unknown").contains("forward"), "it is said once");
}

#[test]
fn issuer_refusal_suggests_registration() {
    let body = json!({"error": "invalid_grant", "error_description": "unknown issuer"});
    let run = run_with_answer(Response::json(400, &body));
    run.assert_finding_contains("exchange-rejected", &["Register the issuer", "/oidc/issuers"]);
    let change = &run.finding("exchange-rejected")["remediation"]["options"][0]["changes"][0];
    assert_eq!((&change["target"], &change["path"]), (&json!("registration"), &json!("")));
}

#[test]
fn payment_required_is_not_about_the_token() {
    let body = json!({"code": 402, "message": "Your trial has expired"});
    let run = run_with_answer(Response::json(402, &body));
    run.assert_finding_contains("exchange-rejected", &["subscription", "Your trial has expired"]);
    assert!(!run.finding_text("exchange-rejected").contains("points to"));
    assert_eq!(run.finding("exchange-rejected")["remediation"]["options"], json!([]));
}

#[test]
fn long_refusal_is_shortened() {
    let long = "no ".repeat(100_000);
    let run = run_with_answer(Response::json(
        400,
        &json!({"error": "x", "message": long, "errors": [long]}),
    ));
    run.assert_root_cause("exchange-rejected", "exchange", "exchange");
    assert!(run.stdout.len() < 20_000, "{}", run.stdout.len());
}

#[test]
fn unknown_organization_is_reported() {
    let world = World::new(&PULUMI_DEPLOYMENTS);
    let run = world.doctor_without_policy().option("--oidc-org", "Acme Ltd").json();
    run.assert_root_cause("organization-unknown", "exchange", "exchange");
    let telling = ["Acme Ltd", "invalid organization Acme Ltd", "400", "https://app.pulumi.com/"];
    run.assert_finding_contains("organization-unknown", &telling);
}

#[test]
fn rate_limits_say_how_long_to_wait() {
    let limited = || Response::json(429, &json!({"code": 429, "message": "slow down"}));
    let run = run_with_answer(limited().header("retry-after", "30"));
    run.assert_root_cause("exchange-rate-limited", "exchange", "exchange");
    run.assert_finding_contains("exchange-rate-limited", &["wait 30 s", "slow down", "429"]);
    let date = "Fri, 02 Jan 2099 03:04:05 GMT";
    let run = run_with_answer(limited().header("retry-after", date));
    run.assert_finding_contains("exchange-rate-limited", &[date]);
    let run = run_with_answer(limited());
    run.assert_root_cause("exchange-rate-limited", "exchange", "exchange");
    assert!(!run.finding_text("exchange-rate-limited").contains("Retry-After"));
}

#[test]
fn service_errors_carry_request_id() {
    for status in [500, 502, 503] {
        let response = Response::json(status, &json!({"error": "server_error"}));
        let run = run_with_answer(response.header("X-Pulumi-Request-ID", "3f1c-9a52"));
        run.assert_root_cause("exchange-server-error", "exchange", "exchange");
        assert_eq!(run.finding("exchange-server-error")["retryable"], true);
        let telling = [&*status.to_string(), "3f1c-9a52", "server_error", "support"];
        run.assert_finding_contains("exchange-server-error", &telling);
    }
}

#[test]
fn failing_service_is_own_finding() {
    let cases = [
        (Response::json(500, &json!({})), "exchange-server-error"),
        (Response::json(429, &json!({})), "exchange-rate-limited"),
        (html(200), "exchange-malformed"),
    ];
    for (response, code) in cases {
        let mut world = World::new(&GITHUB);
        world.shape.entry["rules"]["sub"] = "else".into();
        world.cloud.answer(EXCHANGE, response);
        let run = world.doctor().json();
        run.assert_root_cause("subject-mismatch", "policy", "policy");
        assert_eq!(run.codes(), ["subject-mismatch", code]);
        assert_eq!(run.finding(code)["severity"], "error");
        // A failure may be temporary, a web page is not.
        let passes = code != "exchange-malformed";
        assert_eq!(run.finding(code)["retryable"], passes, "{code}");
        assert_eq!(run.finding("subject-mismatch")["retryable"], false);
    }
}

#[test]
fn success_without_a_token_is_malformed() {
    let opaque = "c29tZS1vcGFxdWUtY3JlZGVudGlhbA";
    let cases: [(Response, &[&str]); 8] = [
        (html(200), &["not a JSON object", "Sign in to Corp"]),
        (Response::json(200, &json!({"token_type": "token"})), &["no access_token"]),
        (Response::json(200, &json!({"access_token": ""})), &["no access_token"]),
        (Response::json(200, &json!({"access_token": 7})), &["not of the type"]),
        (Response::json(200, &json!({"accessToken": opaque})), &["no access_token"]),
        (Response::json(200, &json!([opaque])), &["not a JSON object"]),
        (Response::new(200, "application/json", ""), &["not a JSON object"]),
        (Response::new(200, "text/plain", format!("token: {opaque}")), &["not a JSON object"]),
    ];
    for (response, telling) in cases {
        let world = World::new(&GITHUB);
        world.cloud.answer(EXCHANGE, response);
        let run = world.doctor().secret(opaque).json();
        run.assert_root_cause("exchange-malformed", "exchange", "exchange");
        run.assert_finding_contains("exchange-malformed", telling);
        run.assert_finding_contains("exchange-malformed", &["200"]);
        assert!(!run.stdout.contains("token_type"));
        assert!(!run.codes().contains(&"exchange-contradicts-policy"), "it decided nothing");
        assert_eq!(run.skipped_because("whoami"), Some("exchange"));
    }
}

#[test]
fn echoed_secrets_are_not_shown() {
    let minted = "pul-0123456789abcdef0123456789abcdef01234567";
    for status in [200, 400, 500] {
        for format in ["human", "json"] {
            let world = World::new(&GITHUB);
            let token = world.token();
            let signature = token.rsplit('.').next().unwrap();
            let echo = format!("you sent {token} and get {minted}; {signature}");
            let body = json!({
                "error": echo,
                "error_description": format!("subject_token={token}"),
                "message": signature,
                "errors": [{token.clone(): 1, minted: {"x": minted}}, echo, [token]],
                token.clone(): minted,
            });
            let response = Response::json(status, &body)
                .header("X-Pulumi-Request-ID", &echo)
                .header("Retry-After", &echo)
                .header("Location", &format!("https://a.test/?t={token}&m={minted}"));
            world.cloud.answer(EXCHANGE, response);
            // The claims are shown, but not the rest of the token or the access token.
            let doctor = world.doctor_for(&token).secret(minted).args(["--format", format, "-v"]);
            let run = doctor.run();
            assert_eq!(run.status, 1);
            assert!(!run.stdout.contains(&token), "the whole token");
        }
    }
}

#[test]
fn refused_allowed_token_is_contradiction() {
    let world = World::new(&AZURE_ENTRA);
    world.cloud.answer(EXCHANGE, Response::json(400, &json!({"error": "access_denied"})));
    let run = world.doctor().json();
    run.assert_root_cause("exchange-rejected", "exchange", "exchange");
    assert_eq!(run.codes(), ["exchange-rejected", "exchange-contradicts-policy"]);
    assert!(!run.finding_text("exchange-rejected").contains("--policy"), "it is there already");
    let finding = run.finding("exchange-contradicts-policy");
    assert_eq!(
        (&finding["severity"], &finding["category"]),
        (&json!("warning"), &json!("exchange"))
    );
    run.assert_finding_contains(
        "exchange-contradicts-policy",
        &["allow", "refused", "not documented"],
    );
    assert_eq!(run.report["policy"]["decision"], "allow");
}

#[test]
fn foreign_exchange_answer_contradicts_no_policy() {
    let redirect = Response::new(302, "text/plain", "").header("location", "/sign-in");
    let cases = [html(403), redirect, Response::new(404, "text/plain", "404 page not found")];
    for response in cases {
        let world = World::new(&GITHUB);
        world.cloud.answer(EXCHANGE, response);
        let run = world.doctor().json();
        run.assert_root_cause("exchange-rejected", "exchange", "exchange");
        assert_eq!(run.codes(), ["exchange-rejected"]);
        run.assert_finding_contains("exchange-rejected", &["says nothing of the token", "backend"]);
    }
}

#[test]
fn redirect_to_other_host_fails() {
    for (status, telling) in
        [(307, "sends the token there"), (308, "sends the token there"), (302, "without the token")]
    {
        let world = World::new(&GITHUB);
        let redirect = Response::new(status, "text/plain", "");
        world
            .cloud
            .answer(EXCHANGE, redirect.header("location", "https://sso.test/api/oauth/token"));
        let run = world.doctor().json();
        run.assert_root_cause("exchange-redirected", "exchange", "exchange");
        run.assert_finding_contains(
            "exchange-redirected",
            &["sso.test", "another domain", telling],
        );
        assert_eq!(run.codes(), ["exchange-redirected"]);
    }
}

#[test]
fn admitted_denied_token_is_contradiction() {
    let mut world = World::new(&AZURE_ENTRA);
    let right = world.shape.entry.clone();
    world.shape.entry["rules"]["sub"] = "else".into();
    world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
    let doctor = world.doctor();
    world.cloud.set_policies(vec![right]);
    let run = doctor.json();
    run.assert_healthy();
    for code in ["exchange-contradicts-policy", "audience-mismatch", "subject-mismatch"] {
        assert_eq!(run.finding(code)["severity"], "warning", "{code}");
    }
    run.assert_finding_contains("exchange-contradicts-policy", &["lets the token in", "deny"]);
    assert_eq!(run.report["policy"]["decision"], "deny");
    assert_eq!(run.check("policy")["status"], "warn");
}

#[test]
fn explained_rejection_is_evidence_of_policy() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"]["aud"] = "urn:pulumi:org:globex".into();
    let run = world.doctor().json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
    assert_eq!(run.codes(), ["audience-mismatch"]);
    run.assert_finding_contains("audience-mismatch", &["400 access_denied: denied by policy"]);
    assert_eq!(run.check("exchange")["status"], "fail");
    assert_eq!(run.skipped_because("whoami"), Some("exchange"));
}

#[test]
fn exchange_is_made_despite_findings() {
    type Break = fn(&mut World);
    let cases: [(&str, Break); 5] = [
        ("issuer-not-registered", |world| {
            world.cloud.change_registration(|r| {
                r["issuer"] = json!("https://else.test");
                r["url"] = json!("https://else.test");
            });
        }),
        ("discovery-not-found", |world| {
            world
                .issuer
                .answer(&world.issuer.discovery_path(), Response::new(404, "text/plain", ""));
        }),
        ("signing-key-not-found", |world| {
            let mut keys = world.issuer.jwks();
            keys["keys"][0]["kid"] = "rotated".into();
            world.issuer.answer(&world.issuer.jwks_path(), Response::json(200, &keys));
        }),
        ("subject-mismatch", |world| world.shape.entry["rules"]["sub"] = "else".into()),
        ("token-not-yet-valid", |world| {
            world.shape.claims["nbf"] = json!(world.shape.claims["exp"].as_i64().unwrap() - 10);
        }),
    ];
    for (code, broken) in cases {
        let mut world = World::new(&GITHUB);
        broken(&mut world);
        // The test double does not check nbf, so it is set to refuse all tokens here.
        world.cloud.answer(EXCHANGE, Response::json(400, &json!({"error": "invalid_grant"})));
        let run = world.doctor().json();
        assert_eq!(world.cloud.exchanges().len(), 1, "{code}");
        assert_eq!(run.root_cause(), Some(code));
        assert!(!run.codes().contains(&"exchange-rejected"), "{:?}", run.codes());
        run.assert_finding_contains(code, &["400 invalid_grant"]);
    }
}

#[test]
fn skipped_exchange_names_reason() {
    let now = jiff::Timestamp::now().to_string();
    // The options and the value of skippedBecause.
    let cases: [(&[&str], &str); 7] = [
        (&["--offline"], "--offline"),
        (&["--no-exchange"], "--no-exchange"),
        (&["--now", &now], "--now"),
        (&["--now", &now, "--no-exchange"], "--now"),
        (&["--oidc-team", "a", "--oidc-user", "b"], "login"),
        (&["--oidc-expiration", "1d"], "login"),
        (&["--pulumi-version", "3.208.0"], "cli"),
    ];
    for (options, because) in cases {
        let world = World::new(&GITHUB);
        let mut doctor = world.doctor();
        if options[0] == "--pulumi-version" {
            doctor = doctor.without("--pulumi-version");
        }
        let run = doctor.args(options.iter().copied()).json();
        assert!(world.cloud.exchanges().is_empty(), "{options:?}");
        assert_eq!(run.skipped_because("exchange"), Some(because), "{options:?}");
        assert_eq!(run.skipped_because("whoami"), Some(because), "{options:?}");
    }
}

#[test]
fn non_tokens_are_not_exchanged() {
    let mut world = World::new(&GITHUB);
    let run = world.doctor_without_token().arg("null").json();
    assert_eq!(run.skipped_because("exchange"), Some("input"));
    let run = world.doctor_without_token().args(["--token-env", "NOTHING"]).json();
    assert_eq!(run.skipped_because("exchange"), Some("input"));
    world.shape.shift(-90_000);
    let run = world.doctor().json();
    run.assert_root_cause("token-expired", "token", "token");
    assert_eq!(run.skipped_because("exchange"), Some("token"));
    assert_eq!(run.skipped_because("whoami"), Some("token"));
    let run = world.doctor().option("--cloud-url", "api.pulumi.com").json();
    assert_eq!(run.skipped_because("exchange"), Some("backend"));
    assert!(world.cloud.exchanges().is_empty());
}

#[test]
fn foreign_backend_is_root_cause() {
    let world = World::new(&GITHUB);
    for path in [CAPABILITIES, EXCHANGE] {
        world.cloud.answer(path, html(200));
    }
    let run = world.doctor().json();
    run.assert_root_cause("backend-not-pulumi", "backend", "cloud");
    assert!(!run.codes().contains(&"exchange-malformed"), "{:?}", run.codes());
    assert_eq!(run.check("exchange")["status"], "fail");
}

#[test]
fn silent_service_ends_at_timeout() {
    let world = World::new(&GITHUB);
    let never = std::time::Duration::from_secs(30);
    world.cloud.answer(EXCHANGE, Response::json(200, &json!({})).after(never));
    let run = world.doctor().args(["--timeout", "2s"]).json();
    assert_eq!(run.status, 1);
    assert_eq!(run.check("exchange")["status"], "fail");
    assert!(run.elapsed.as_millis() < 2500 + 500, "{:?}", run.elapsed);
}
