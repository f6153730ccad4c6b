//! Credentials of the run are never printed, in whatever encoding a server repeats them and
//! wherever they are on the command line. Claims, names and URLs are printed.

#[path = "../../../src/text/secret/scrubber/readings.rs"]
mod readings;

use readings::{ENCODINGS, gives_away};
use serde_json::json;

use crate::support::platforms::{self, GITHUB};
use crate::support::{CAPABILITIES, Doctor, EXCHANGE, Response, Run, WHOAMI, World};

/// A client secret of realistic length; it shares no text with the other secrets.
const CLIENT: &str = "3f8Q~Tq7xLw2Zk9VbN4mRj6Yh1Gd0Pc5SeUaXo8";
const PLATFORM: &str = "q7x2mlk9fhd3vbz8w4nct6yrsj1guape5i0qzxwvm4";
const STORED: &str = "pul-5706edc0ffee0123456789abcdef0123456789ab";
/// A request id, which looks as random as a credential.
const REQUEST: &str = "Zk81mQw2Lx9VtB4nRy6Jh3Gd7Pc5Se0UaXo2fT";

/// The output in every format, with secrets in the environment.
fn outputs(prepare: impl Fn() -> Doctor) -> String {
    let formats = [
        &["--format", "json", "-v", "--report", "r.md", "--report", "r.txt"][..],
        &["--format", "azure", "--report", "r.html"],
    ];
    let mut all = String::new();
    for format in formats {
        let run = with_planted_secrets(prepare()).args(format.iter().copied()).run();
        all += &(run.reports("r") + &run.stdout + &run.stderr);
    }
    all
}

fn with_planted_secrets(doctor: Doctor) -> Doctor {
    let credentials = json!({"accessTokens": {"https://api.pulumi.com": STORED}});
    doctor
        .file("../home/.pulumi/credentials.json", credentials.to_string())
        .env("ARM_CLIENT_SECRET", CLIENT)
        .env("SYSTEM_ACCESSTOKEN", PLATFORM)
        .secret(CLIENT)
        .secret(PLATFORM)
        .secret(STORED)
}

/// The credentials of a run; of the token only the signature, because the rest is printed.
fn credentials(world: &World) -> Vec<String> {
    let token = world.token();
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let minted = world.cloud.access_token().to_owned();
    vec![signature, minted, CLIENT.into(), PLATFORM.into(), STORED.into()]
}

fn assert_hidden(output: &str, secrets: &[String], about: &str) {
    for secret in secrets {
        // The message must not contain the output, which contains the secret.
        assert!(!gives_away(output, secret), "{about}: a secret can be read out of the output");
    }
}

#[test]
fn echoed_credential_is_hidden() {
    for (encoding, encode) in ENCODINGS {
        let world = World::new(&GITHUB);
        let token = world.token();
        let mut secrets = credentials(&world);
        // The access token does not exist yet.
        secrets.remove(1);
        let mut echoed: Vec<String> = secrets.iter().map(|secret| encode(secret)).collect();
        echoed.push(encode(&token));
        let description = format!("refused {}; request {REQUEST}", echoed.join(" , "));
        let body = json!({"error": "access_denied", "error_description": description});
        world.cloud.answer(EXCHANGE, Response::json(400, &body));
        let output = outputs(|| world.doctor_for(&token));
        assert_hidden(&output, &secrets, encoding);
        assert!(output.contains(REQUEST), "{encoding}: the rest of the message stays");
    }
}

#[test]
fn echoed_pages_and_headers_are_hidden() {
    let base64 = |text: &str| ENCODINGS[4].1(text);
    for secret in 0..5 {
        let world = World::new(&GITHUB);
        let token = world.token();
        let secrets = credentials(&world);
        let echoed = base64(&secrets[secret]);
        let page = format!("<!doctype html><html><title>No {echoed} {REQUEST}</title></html>");
        let answers = [
            Response::new(502, "text/html", page),
            Response::new(400, "text/plain", format!("no {echoed} {REQUEST}")),
            Response::new(302, "text/plain", "")
                .header("location", &format!("https://sso.test/{echoed}/{REQUEST}")),
            Response::json(401, &json!({"message": REQUEST, "code": 401}))
                .header("x-pulumi-request-id", &format!("{echoed} {REQUEST}")),
        ];
        for answer in answers {
            world.cloud.answer(WHOAMI, answer.clone());
            // This request runs at the same time as the exchange, so the access token is not known
            // yet.
            if secret != 1 {
                world.cloud.answer(CAPABILITIES, answer.clone());
            }
            let output = outputs(|| world.doctor_for(&token));
            assert_hidden(&output, &secrets[secret..=secret], "whoami");
            // If the exchange fails, there is no access token.
            if secret != 1 {
                world.cloud.answer(EXCHANGE, answer);
                let output = outputs(|| world.doctor_for(&token));
                assert_hidden(&output, &secrets[secret..=secret], "exchange");
            }
        }
    }
}

/// The token is hidden as soon as it exists.
#[test]
fn minted_token_in_other_case_is_hidden() {
    let world = World::new(&GITHUB);
    let minted = world.cloud.access_token().to_owned();
    let name = minted.to_ascii_uppercase();
    let user = json!({
        "id": "u", "githubLogin": "ci", "name": "ci", "email": "ci@example.test",
        "organizations": [{"githubLogin": name, "name": name}],
        "tokenInfo": {"name": name, "organization": name},
    });
    world.cloud.answer(WHOAMI, Response::json(200, &user));
    let output = outputs(|| world.doctor());
    assert!(!output.to_ascii_lowercase().contains(&minted[4..24]));
}

#[test]
fn success_fields_hide_secrets() {
    let world = World::new(&GITHUB);
    let answer = json!({
        "access_token": world.cloud.access_token(),
        "issued_token_type": format!("urn:x:{CLIENT}"),
        "token_type": "token", "expires_in": 7200,
        "scope": format!("team:{PLATFORM} {}", world.cloud.access_token().to_ascii_uppercase()),
    });
    world.cloud.answer(EXCHANGE, Response::json(200, &answer));
    let output = outputs(|| world.doctor());
    assert_hidden(&output, &credentials(&world), "fields of the exchange");
}

#[test]
fn secrets_in_certificate_names_are_hidden() {
    let mut world = World::new(&GITHUB);
    let hex = &PLATFORM[..40];
    let name = format!("{hex}.corp.test");
    let identity = world.authority.issue(&["other.test", &name]).unwrap();
    world.cloud = crate::support::Cloud::start(identity);
    world.cloud.register("acme", &world.issuer);
    let output = outputs(|| world.doctor());
    assert!(output.contains("other.test"), "control: its names are shown");
    assert_hidden(&output, &[PLATFORM.to_owned()], "certificate");
}

#[cfg(unix)]
#[test]
fn program_output_in_base64_is_hidden() {
    let world = World::new(&platforms::BUILDKITE);
    let job = |echoed: String| {
        let script = format!("echo 'fatal: no {echoed} for {REQUEST}' >&2; exit 1");
        let doctor = world.doctor_without_token().env("CI", "true").env("BUILDKITE", "true");
        let doctor = doctor.env("BUILDKITE_AGENT_ACCESS_TOKEN", PLATFORM).secret(PLATFORM);
        doctor.program("buildkite-agent", &script).json()
    };
    for (encoding, encode) in ENCODINGS {
        let run = job(encode(PLATFORM));
        assert_hidden(&run.stdout, &[PLATFORM.to_owned()], encoding);
        assert!(run.stdout.contains(REQUEST), "{encoding}: {}", run.stdout);
    }
}

// --------------------------------------------------------------------- in the wrong place

const SHAPES: [&str; 4] = [
    "ghs_0123456789abcdefghijABCDEFGHIJ012345",
    "glpat-0123456789abcdefABCD",
    "pul-5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012",
    "npm_0123456789abcdefghijABCDEFGHIJ012345",
];

fn assert_hides(run: &Run, secret: &str) {
    let output = format!("{}{}", run.stdout, run.stderr);
    assert!(!gives_away(&output, secret), "a secret can be read out of the output");
}

#[test]
fn secret_argument_is_not_repeated() {
    let world = World::new(&GITHUB);
    let opaque = REQUEST;
    for secret in SHAPES.into_iter().chain([CLIENT, opaque]) {
        let known = || Doctor::bare().env("ARM_CLIENT_SECRET", CLIENT).secret(secret);
        let commands: [&[&str]; 14] = [
            &["step", "azure", "--oidc-org", secret],
            &["step", secret],
            &["decode", secret],
            &["decode", "--jwks", secret, "-"],
            &["explain", secret],
            &["demo", secret],
            &["triage", secret],
            &["replay", secret],
            &["policy", "lint", secret],
            &["policy", "test", "--policy", secret, "-"],
            &["completions", secret],
            &[secret, secret],
            &["--offline", "--output", "missing/x", "--bundle", secret, secret],
            &["login", "--oidc-token", secret, "--unknown", secret],
        ];
        for (at, command) in commands.into_iter().enumerate() {
            // The name of an organization does not count as secret just because it looks random.
            if secret == opaque && at == 0 {
                continue;
            }
            assert_hides(&known().stdin("x").args(command.iter().copied()).run(), secret);
        }
        for flag in ["--policy", "--ca-cert", "--jwks", "--cwd", "--output", "--bundle"] {
            let run =
                world.doctor_without_token().secret(secret).option(flag, secret).arg("x.y.z").run();
            assert_hides(&run, secret);
        }
        assert_hides(&known().arg(format!("--{secret}")).run(), secret);
        let run =
            world.doctor_without_token().secret(secret).env(&format!("X_{secret}"), "eyJ").json();
        assert_hides(&run, secret);
    }
    for secret in SHAPES.into_iter().chain([CLIENT]) {
        for flag in ["--oidc-org", "--oidc-team", "--cloud-url", "--scope"] {
            let doctor = world.doctor().env("ARM_CLIENT_SECRET", CLIENT).secret(secret);
            assert_hides(&doctor.option(flag, secret).run(), secret);
        }
    }
}

#[test]
fn step_names_organizations_but_not_secrets() {
    let step = |name: &str| Doctor::bare().args(["step", "azure", "--oidc-org", name]).run();
    let run = step("acme-5ec4e7a1");
    assert_eq!((run.status, run.stdout.contains("acme-5ec4e7a1")), (0, true));
    for secret in SHAPES {
        let run = step(secret);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains("--oidc-org holds a secret"), "{}", run.stderr);
    }
}

#[test]
fn unexpanded_variable_is_not_read() {
    let world = World::new(&GITHUB);
    let run = world.doctor_without_token().arg("$(idToken)").json();
    assert!(run.finding("token-variable-unexpanded").to_string().contains("$(idToken)"));
    for secret in SHAPES.into_iter().chain([CLIENT]) {
        for (start, end) in [("$(", ")"), ("${{ ", " }}"), ("%", "%"), ("$", "")] {
            let doctor =
                world.doctor_without_token().env("ARM_CLIENT_SECRET", CLIENT).secret(secret);
            assert_hides(&doctor.arg(format!("{start}{secret}{end}")).json(), secret);
        }
    }
}

// ------------------------------------------------------------------------ what is shown

/// Claims and URLs are printed even if a variable with the name of a secret holds them too.
#[test]
fn claims_names_and_addresses_are_not_redacted() {
    let mut world = World::new(&GITHUB);
    world.shape.claims.insert("deployment".into(), json!(REQUEST));
    let sub = world.shape.claims["sub"].as_str().unwrap().to_owned();
    let url = world.cloud.url().to_owned();
    let plain = world.doctor().json();
    let run = world
        .doctor()
        .env("DEPLOY_TOKEN", REQUEST)
        .env("SUBJECT_SECRET", &sub)
        .env("BACKEND_CREDENTIAL", &url)
        .env("TEAM_PASSWORD", "acme")
        .env("ISSUER_TOKEN", world.issuer.url())
        .json();
    assert_eq!(run.report["token"]["claims"], plain.report["token"]["claims"]);
    assert_eq!(run.report["token"]["claims"]["deployment"], REQUEST);
    assert_eq!(run.report["request"], plain.report["request"]);
    assert_eq!((run.status, run.codes()), (plain.status, plain.codes()));
}

/// The token itself contains its claims in base64, which must not hide a claim in base64.
#[test]
fn claim_in_base64_is_shown() {
    let mut world = World::new(&GITHUB);
    let claims: String = world.shape.claims.values().map(ToString::to_string).collect();
    for at in [3, 4, 5] {
        let echoed = ENCODINGS[at].1(&claims);
        world.shape.claims.insert(format!("copy_{at}"), json!(echoed));
    }
    let run = Doctor::bare().args(["decode", &world.token()]).json();
    for (name, claim) in &world.shape.claims {
        assert_eq!(&run.report["token"]["claims"][name], claim, "{name}");
    }
}
