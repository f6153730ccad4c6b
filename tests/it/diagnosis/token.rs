//! The token itself: its form, claims, times and algorithm.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};

use crate::support::{CAPABILITIES, EXCHANGE, Response, Run, WHOAMI, World, platforms};

fn world() -> World {
    World::with_algorithm(&platforms::GITLAB, "ES256")
}

/// A token with this header and payload, and a signature of this many bytes.
fn compact_token(header: &str, payload: &str, signature: usize) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(vec![0xa5; signature]))
}

/// The claims of a healthy token as JSON.
fn claims(world: &World) -> String {
    json!(world.shape.claims).to_string()
}

const ES256: &str = r#"{"alg":"ES256","kid":"the-key"}"#;

/// An offline run for an unsigned token.
fn offline(world: &World, token: &str) -> Run {
    world.doctor_for(token).arg("--offline").json()
}

// ------------------------------------------------------------------------------------ form

#[test]
fn malformed_token_names_part() {
    let world = world();
    let good = claims(&world);
    let parts = |header: &str, payload: &str| {
        let signature = URL_SAFE_NO_PAD.encode([0xa5; 64]);
        format!("{header}.{payload}.{signature}")
    };
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let (header, payload) = (encode(ES256), encode(&good));
    let cases = [
        (compact_token(r#"{"alg":"ES256",}"#, &good, 64), ["header", "column 16"]),
        (compact_token(ES256, r#"{"iss":nonsense}"#, 64), ["payload", "column 9"]),
        (compact_token(ES256, r#"["iss"]"#, 64), ["payload", "an array where an object belongs"]),
        (compact_token(ES256, "17", 64), ["payload", "a number where an object belongs"]),
        (
            parts(&header, &format!("{}+{}", &payload[..8], &payload[9..])),
            ["payload", "character 9"],
        ),
        (parts(&format!("{}!{}", &header[..4], &header[5..]), &payload), ["header", "character 5"]),
        (format!("{}*", compact_token(ES256, &good, 64)), ["signature", "character 87"]),
        (format!("{}.x", compact_token(ES256, &good, 64)), ["signature", "this has 4"]),
        (parts(&header, ""), ["payload", "empty"]),
    ];
    for (token, words) in cases {
        let run = world.doctor_for(&token).json();
        assert_eq!(run.root_cause(), Some("token-malformed"), "{words:?}");
        assert_eq!(run.status, 1);
        let finding = run.finding("token-malformed");
        assert_eq!(
            (&finding["category"], &finding["severity"]),
            (&json!("token"), &json!("error"))
        );
        run.assert_finding_contains("token-malformed", &words);
        assert_eq!(run.report["token"], Value::Null);
        for check in ["token", "registration", "issuer", "keys", "signature", "exchange"] {
            run.assert_check(check, "skip", Some("input"));
        }
        assert!(world.issuer.requests().is_empty() && world.cloud.exchanges().is_empty());
    }
}

#[test]
fn missing_claims_name_expected_type() {
    let cases = [
        ("iss", Value::Null, ["iss", "null, not a string"]),
        ("iss", json!(["https://gitlab.com"]), ["iss", "a list, not a string"]),
        ("aud", json!(7), ["aud", "a number, not a string or a list of strings"]),
        ("aud", json!([]), ["aud", "a list, not a string or a list of strings"]),
        ("aud", json!(["a", 1]), ["aud", "a list"]),
        ("sub", json!({}), ["sub", "an object, not a string"]),
        ("exp", json!("1790000000"), ["exp", "a string, not a number of seconds"]),
        ("exp", json!(true), ["exp", "a boolean, not a number of seconds"]),
    ];
    for (claim, value, words) in cases {
        let mut world = world();
        world.shape.claims.insert(claim.to_owned(), value);
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("token-claim-missing"), "{claim}");
        assert_eq!(run.finding("token-claim-missing")["check"], "token");
        run.assert_finding_contains("token-claim-missing", &words);
    }
    for claim in ["iss", "aud", "sub", "exp"] {
        let mut world = world();
        world.shape.claims.shift_remove(claim);
        let run = world.doctor().json();
        assert_eq!((run.root_cause(), run.status), (Some("token-claim-missing"), 1), "{claim}");
        run.assert_finding_contains(
            "token-claim-missing",
            &[claim, "missing", "claims in the token"],
        );
        run.assert_check("token", "fail", None);
    }
}

#[test]
fn several_missing_claims_are_one_finding() {
    let world = world();
    let run = offline(&world, &compact_token(ES256, r#"{"name":"x"}"#, 64));
    assert_eq!(run.codes().iter().filter(|code| **code == "token-claim-missing").count(), 1);
    run.assert_finding_contains("token-claim-missing", &["iss, aud, sub and exp", "name"]);
    run.assert_check("issuer", "skip", Some("token"));
    run.assert_check("registration", "skip", Some("token"));
}

#[test]
fn duplicate_claim_warns_and_last_counts() {
    let world = world();
    let payload = claims(&world).replacen('{', r#"{"sub":"somebody else","#, 1);
    let run = offline(&world, &compact_token(ES256, &payload, 64));
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("token-duplicate-claim")["severity"], "warning");
    run.assert_finding_contains("token-duplicate-claim", &["sub", "last"]);
    assert_eq!(run.report["token"]["claims"]["sub"], world.shape.claims["sub"]);
    run.assert_check("token", "warn", None);

    let nested = claims(&world).replacen('{', r#"{"kubernetes.io":{"pod":1,"pod":2},"#, 1);
    let run = offline(&world, &compact_token(ES256, &nested, 64));
    run.assert_finding_contains("token-duplicate-claim", &[r#""kubernetes.io".pod"#]);
}

// ----------------------------------------------------------------------------------- times

#[test]
fn expired_pasted_token_names_now_option() {
    let mut world = world();
    world.shape.shift(-7200);
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (Some("token-expired"), 1));
    assert_eq!(run.codes(), ["token-expired"]);
    let issued = Timestamp::from_second(world.shape.claims["iat"].as_i64().unwrap()).unwrap();
    run.assert_finding_contains(
        "token-expired",
        &["1 h ago", "It lived 1 h.", "this machine's clock"],
    );
    let command = |run: &Run| {
        run.finding("token-expired")["remediation"]["commands"][0].as_str().unwrap().to_owned()
    };
    let places = format!("--cloud-url {} --policy policy.json", world.cloud.url());
    let options = format!("--allow-private-issuer --oidc-org acme {places}");
    assert_eq!(command(&run), format!("doctor --now {issued} {options} -"));
    let token = world.token();
    let doctor =
        world.doctor_without_token().file("my t.jwt", &token).secret(&token).arg("--offline");
    let run = doctor.args(["--oidc-team", "ops", "file://my t.jwt"]).json();
    assert_eq!(
        command(&run),
        format!(
            "doctor --now {issued} --offline --allow-private-issuer --oidc-org acme \
             --oidc-team ops {places} 'file://my t.jwt'"
        )
    );
    let run = world.doctor().json();
    run.assert_check("exchange", "skip", Some("token"));
    run.assert_check("whoami", "skip", Some("token"));
    run.assert_check("signature", "pass", None);
    assert!(world.cloud.exchanges().is_empty());
}

#[test]
fn expiry_rank_depends_on_token_source() {
    let mut world = world();
    world.shape.shift(-7200);
    world.shape.entry["rules"]["sub"] = json!("somebody else");
    let token = world.token();

    let run = world.doctor().json();
    assert_eq!(run.codes()[..2], ["subject-mismatch", "token-expired"]);
    let run = world.doctor_without_token().arg("-").stdin(token.clone()).secret(&token).json();
    assert_eq!(run.root_cause(), Some("subject-mismatch"), "piped");
    let run = world
        .doctor_without_token()
        .file("t.jwt", &token)
        .arg("file://t.jwt")
        .secret(&token)
        .json();
    assert_eq!(run.root_cause(), Some("subject-mismatch"), "from a file");

    let run = world
        .doctor_without_token()
        .env("T", &token)
        .args(["--token-env", "T"])
        .secret(&token)
        .json();
    assert_eq!(run.root_cause(), Some("token-expired"), "--token-env");
    run.assert_finding_contains("token-expired", &["The job requested the token 2 h", "lives 1 h"]);
    let run = world.doctor().env("GITLAB_CI", "true").json();
    run.assert_finding_contains(
        "token-expired",
        &["GitLab issues the token when the job starts, here 2 h", "here 1 h", "timeout:"],
    );
    let named =
        world.doctor_without_token().file("t.jwt", &token).env("T", "file://t.jwt").secret(&token);
    let run = named.args(["--token-env", "T"]).json();
    assert_eq!(run.root_cause(), Some("token-expired"), "--token-env of a file");
    for (name, value) in [("TF_BUILD", "True"), ("GITHUB_ACTIONS", "true"), ("CI", "true")] {
        let run = world.doctor().env(name, value).json();
        assert_eq!(run.root_cause(), Some("token-expired"), "an argument with {name}");
        assert_eq!(run.codes()[1], "subject-mismatch", "{name}");
    }
}

#[test]
fn now_option_skips_exchange() {
    let mut world = world();
    world.shape.shift(-90_000);
    let issued = world.shape.claims["iat"].as_i64().unwrap();
    for now in [issued.to_string(), Timestamp::from_second(issued).unwrap().to_string()] {
        let run = world.doctor().args(["--now", &now]).json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{now}");
        run.assert_check("exchange", "skip", Some("--now"));
    }
    let run = world.doctor().args(["--now", &(issued + 3601).to_string()]).json();
    assert_eq!(run.root_cause(), Some("token-expired"));
    run.assert_finding_contains("token-expired", &["--now"]);
    assert!(world.cloud.exchanges().is_empty());
}

/// No leeway for `exp`, 60 s for `nbf` and `iat`; a warning when less than 60 s are left.
#[test]
fn leeways_are_exact() {
    let mut world = world();
    let at = world.shape.claims["iat"].as_i64().unwrap();
    let cases = [
        ("exp", at + 60, None),
        ("exp", at + 59, Some(("token-expires-soon", "warning"))),
        ("exp", at + 1, Some(("token-expires-soon", "warning"))),
        ("exp", at, Some(("token-expired", "error"))),
        ("nbf", at + 60, None),
        ("nbf", at + 61, Some(("token-not-yet-valid", "error"))),
        ("iat", at + 60, None),
        ("iat", at + 61, Some(("token-not-yet-valid", "error"))),
    ];
    for (claim, value, expected) in cases {
        let healthy = world.shape.claims[claim].take();
        world.shape.claims[claim] = json!(value);
        let run = world.doctor().args(["--now", &at.to_string()]).json();
        let found = run.codes().first().map(|code| {
            let severity = run.finding(code)["severity"].as_str().unwrap().to_owned();
            ((*code).to_owned(), severity)
        });
        let expected = expected.map(|(code, severity)| (code.to_owned(), severity.to_owned()));
        assert_eq!(found, expected, "{claim} {value} as of {at}");
        world.shape.claims[claim] = healthy;
    }
}

#[test]
fn impossible_times_are_harmless() {
    let mut world = world();
    // The year 10000, and Go's last second.
    for exp in [json!(253_402_300_800_i64), json!(9_223_371_974_719_179_007_i64)] {
        world.shape.claims["exp"] = exp.clone();
        assert_eq!(offline(&world, &world.token()).codes(), [""; 0], "{exp}");
    }
    // Go's libraries refuse larger values.
    let large = [json!(1e300), json!(i64::MAX), json!(u64::MAX)];
    let small = [json!(-1e300), json!(i64::MIN), json!(0), json!(-0.5)];
    for exp in large.into_iter().chain(small) {
        world.shape.claims["exp"] = exp.clone();
        assert_eq!(offline(&world, &world.token()).root_cause(), Some("token-expired"), "{exp}");
    }
}

#[test]
fn leeway_applies_to_nbf_only() {
    let mut world = world();
    world.shape.claims["exp"] = json!(Timestamp::now().as_second() + 30);
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("token-expires-soon")["severity"], "warning");
    run.assert_check("exchange", "pass", None);

    let mut world = self::world();
    world.shape.claims["nbf"] = json!(Timestamp::now().as_second() + 600);
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (Some("token-not-yet-valid"), 1));
    run.assert_finding_contains(
        "token-not-yet-valid",
        &["nbf", "in the future", "this machine's clock"],
    );
}

// ----------------------------------------------------------------------------------- clock

/// Adds a `Date` header whose clock is off by `offset` seconds.
fn with_clock_offset(response: Response, offset: i64) -> Response {
    let date = Timestamp::from_second(Timestamp::now().as_second() + offset).unwrap();
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    response.header("date", &date)
}

fn shift_issuer(world: &World, offset: i64) {
    let (discovery, jwks) = (world.issuer.discovery(), world.issuer.jwks());
    world.issuer.answer(
        &world.issuer.discovery_path(),
        with_clock_offset(Response::json(200, &discovery), offset),
    );
    world
        .issuer
        .answer(&world.issuer.jwks_path(), with_clock_offset(Response::json(200, &jwks), offset));
}

fn shift_servers(world: &World, offset: i64) {
    shift_issuer(world, offset);
    let capabilities = Response::json(200, &json!({"capabilities": []}));
    world.cloud.answer(CAPABILITIES, with_clock_offset(capabilities, offset));
}

#[test]
fn clock_skew_warns() {
    let world = world();
    shift_servers(&world, 600);
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    let finding = run.finding("clock-skew");
    assert_eq!((&finding["severity"], &finding["check"]), (&json!("warning"), &json!("token")));
    run.assert_finding_contains("clock-skew", &["behind", "Date"]);

    shift_servers(&world, 55);
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!(run.codes(), [""; 0], "less than 60 s");
}

#[test]
fn clock_skew_replaces_time_errors() {
    for (shift, offset, word, was) in
        [(-3900, -900, "ahead", "expired"), (900, 900, "behind", "in the future")]
    {
        let mut world = world();
        world.shape.shift(shift);
        shift_servers(&world, offset);
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!((run.root_cause(), run.status), (Some("clock-skew"), 1), "{word}");
        assert_eq!(run.codes(), ["clock-skew"], "{word}");
        assert_eq!(run.finding("clock-skew")["severity"], "error");
        run.assert_finding_contains("clock-skew", &[word, was, "By their time the token is valid"]);
    }
}

#[test]
fn one_agreeing_clock_prevents_warning() {
    let mut world = world();
    shift_issuer(&world, -900);
    assert_eq!(world.doctor().json().codes(), [""; 0]);
    world.shape.shift(-3900);
    assert_eq!(world.doctor().json().codes(), ["token-expired"]);
}

#[test]
fn token_expiring_soon_needs_no_clock_skew() {
    let mut world = world();
    world.shape.claims["exp"] = json!(Timestamp::now().as_second() + 30);
    shift_servers(&world, -120);
    world.shape.claims["iat"] = json!(Timestamp::now().as_second() - 600);
    world.shape.claims["nbf"] = world.shape.claims["iat"].clone();
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("clock-skew")["severity"], "warning");
}

/// Pulumi Cloud judges by its own clock, and so does the doctor if this machine's clock is wrong.
#[test]
fn server_clock_decides_expiry() {
    let world = world();
    shift_servers(&world, 7200);
    let refused = json!({"error": "invalid_grant", "error_description": "token expired"});
    world.cloud.answer(EXCHANGE, with_clock_offset(Response::json(400, &refused), 7200));
    let run = world.doctor().json();
    assert_eq!(run.root_cause(), Some("token-expired"));
    assert_eq!(run.codes(), ["token-expired", "clock-skew"]);
    assert_eq!(run.finding("clock-skew")["severity"], "warning");
    run.assert_finding_contains("token-expired", &["servers", "400 invalid_grant"]);
}

#[test]
fn now_option_ignores_server_clocks() {
    let world = world();
    shift_servers(&world, 7200);
    world.cloud.answer(WHOAMI, Response::json(500, &json!({})));
    let issued = world.shape.claims["iat"].to_string();
    assert_eq!(world.doctor().args(["--now", &issued]).json().codes(), [""; 0]);
}

// ------------------------------------------------------------------------------- algorithm

#[test]
fn unverifiable_algorithms_are_refused() {
    let cases = [
        (r#"{"alg":"none"}"#, 0, "not signed"),
        (r#"{"alg":"None"}"#, 0, "not signed"),
        (r#"{"alg":"HS256","kid":"the-key"}"#, 32, "HS256 signs with a secret"),
        (r#"{"alg":"HS512"}"#, 64, "a secret that issuer and verifier share"),
        (r#"{"alg":"ES256K","kid":"the-key"}"#, 64, "ES256K"),
        (r#"{"alg":"nonsense"}"#, 64, "nonsense"),
        (r#"{"typ":"JWT"}"#, 64, "names no algorithm"),
    ];
    for (header, signature, word) in cases {
        let world = world();
        let run = world
            .doctor_without_token()
            .arg(compact_token(header, &claims(&world), signature))
            .json();
        assert_eq!((run.root_cause(), run.status), (Some("algorithm-unsupported"), 1), "{header}");
        run.assert_finding_contains("algorithm-unsupported", &[word, "ES256"]);
        run.assert_check("signature", "skip", Some("token"));
    }
}

#[test]
fn unoffered_algorithm_is_reported() {
    let world = world();
    let mut document = world.issuer.discovery();
    document["id_token_signing_alg_values_supported"] = json!(["RS256", "PS512"]);
    world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!(run.root_cause(), Some("algorithm-unsupported"));
    run.assert_finding_contains("algorithm-unsupported", &["does not offer ES256", "RS256, PS512"]);

    // Pulumi Cloud verifies with the keys and ignores the algorithms of the document.
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("algorithm-unsupported")["severity"], "warning");
}
