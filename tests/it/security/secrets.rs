//! Secrets in every input, also where they are by mistake: no output contains one, nor 16
//! characters of one (see [`Doctor::secret`]).

use serde_json::json;

use crate::support::{Doctor, EXCHANGE, Response, WHOAMI, World, platforms};

/// An access token of realistic form; the secrets share no text.
const PULUMI: &str = "pul-5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012";
const STORED: &str = "pul-5706edc0ffee0123456789abcdef0123456789ab";
const OPAQUE: &str = "opaqueq7x2mlk9fhd3vbz8w4nct6yrsj1guape5i0qzxwv";
const PASSWORD: &str = "Pr0xyPassw0rdThatIsLong";

/// Adds the secrets that a pipeline may have in its environment and in `HOME`.
fn with_planted_secrets(doctor: Doctor) -> Doctor {
    let names = ["DOCTOR_ACCESS_TOKEN", "SYSTEM_ACCESSTOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    let doctor = names.into_iter().enumerate().fold(doctor, |doctor, (index, name)| {
        let secret = format!("{index}{OPAQUE}");
        doctor.secret(&secret).env(name, secret)
    });
    let url = "https://api.pulumi.com";
    let credentials = json!({
        "current": format!("https://user:{PASSWORD}@api.pulumi.com"),
        "accessTokens": {url: STORED},
        "accounts": {url: {"accessToken": STORED, "username": "jane", "refreshToken": OPAQUE}},
    });
    doctor
        .env("PULUMI_ACCESS_TOKEN", PULUMI)
        .file("../home/.pulumi/credentials.json", credentials.to_string())
        .secret(PULUMI)
        .secret(STORED)
        .secret(OPAQUE)
        .secret(PASSWORD)
}

/// Runs in several formats and verbosities. Each run itself asserts that it prints no secret.
fn run_all_formats(about: &str, prepare: impl Fn() -> Doctor) {
    for arguments in [
        &["--format", "json", "--report", "r.html", "--report", "r.md", "--report", "r.xml"][..],
        &["--format", "human", "-q", "--output", "report.txt"],
        &["--format", "human", "-v", "--color", "always"],
        &["--format", "azure", "--report", "r.html", "--redact"],
        &["--format", "github", "-v"],
    ] {
        // The summary pages are written where the run searches for secrets too.
        let doctor = prepare();
        let (directory, page) = (doctor.path("."), doctor.path("summary.md"));
        let run = doctor
            .env("AGENT_TEMPDIRECTORY", directory.to_str().unwrap())
            .env("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
            .args(arguments.iter().copied())
            .run();
        assert!(!(run.stdout + &run.stderr).is_empty() || run.status < 3, "{about}");
    }
}

#[test]
fn no_outcome_shows_planted_secrets() {
    type Change = fn(&mut World);
    let outcomes: [(&str, Change); 9] = [
        ("healthy", |_| {}),
        ("subject-mismatch", |world| world.shape.entry["rules"]["sub"] = json!("x")),
        ("expired", |world| world.shape.shift(-200_000)),
        ("refused", |world| echo(world, EXCHANGE, 400)),
        ("failing", |world| echo(world, EXCHANGE, 500)),
        ("malformed", |world| {
            let answer = json!({
                "accessToken": PULUMI, "refresh_token": OPAQUE, "token": STORED,
                "nested": {"list": [world.cloud.access_token(), {OPAQUE: PULUMI}]},
            });
            world.cloud.answer(EXCHANGE, Response::json(200, &answer));
        }),
        ("refreshable", |world| {
            let answer = json!({
                "access_token": world.cloud.access_token(), "refresh_token": OPAQUE,
                "issued_token_type": "urn:pulumi:token-type:access_token:organization",
                "token_type": "token", "expires_in": 7200, "scope": "",
            });
            world.cloud.answer(EXCHANGE, Response::json(200, &answer));
        }),
        ("whoami refused", |world| echo(world, WHOAMI, 401)),
        ("whoami malformed", |world| echo(world, WHOAMI, 200)),
    ];
    for (about, change) in outcomes {
        let mut world = World::new(&platforms::GITHUB);
        change(&mut world);
        run_all_formats(about, || with_planted_secrets(world.doctor()));
    }
}

/// Makes a path answer with the secrets that it was sent, and more. [`OPAQUE`] is not among them:
/// only the name of its variable marks it as a secret.
fn echo(world: &World, path: &str, status: u16) {
    let minted = world.cloud.access_token();
    let echoed = format!("{} {minted} {PULUMI} {STORED}", world.token());
    let body = json!({"error": echoed, "message": echoed, echoed.clone(): [echoed]});
    let response = Response::json(status, &body).header("x-pulumi-request-id", &echoed);
    world.cloud.answer(path, response);
}

#[test]
fn pipeline_output_hides_planted_secrets() {
    for variable in ["TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI"] {
        let world = World::new(&platforms::AZURE_ENTRA);
        run_all_formats(variable, || with_planted_secrets(world.doctor()).env(variable, "True"));
        let token = world.token();
        run_all_formats(variable, || {
            with_planted_secrets(world.doctor_without_token())
                .secret(&token)
                .env("T", &token)
                .args(["--token-env", "T"])
        });
    }
}

/// A stored or given access token is sent to whoami, whose answer may repeat it.
#[test]
fn whoami_token_is_hidden() {
    let world = World::new(&platforms::GITHUB);
    world.cloud.accept_access_token(PULUMI, "jane", "acme");
    run_all_formats("granted", || with_planted_secrets(world.doctor()).arg("--no-exchange"));
    echo(&world, WHOAMI, 403);
    run_all_formats("refused", || with_planted_secrets(world.doctor()).arg("--no-exchange"));
}

#[test]
fn passwords_in_urls_are_not_shown() {
    let world = World::new(&platforms::GITHUB);
    let address = world.cloud.url().trim_start_matches("https://");
    let urls = [
        format!("https://user:{PASSWORD}@{address}"),
        format!("https://{PASSWORD}@{address}/"),
        format!("user:{PASSWORD}@{address}"),
        format!("htps://user:{PASSWORD}@{address}"),
        format!("https://user:{PASSWORD}@{address} "),
        format!("https:// user:{PASSWORD}@[{address}"),
        format!("postgres://user:{PASSWORD}@{address}/db"),
        format!("s3://bucket?accessKey={PASSWORD}"),
    ];
    for url in &urls {
        let doctor = || world.doctor().secret(PASSWORD);
        run_all_formats(url, || doctor().option("--cloud-url", url));
        let bare = || doctor().without("--cloud-url");
        run_all_formats(url, || bare().env("PULUMI_BACKEND_URL", url));
        let project = json!({"name": "a", "runtime": "go", "backend": {"url": url}}).to_string();
        run_all_formats(url, || bare().file("Pulumi.json", &project));
        let credentials = json!({"current": url, "accessTokens": {url: STORED}}).to_string();
        let file = "../home/.pulumi/credentials.json";
        run_all_formats(url, || bare().secret(STORED).file(file, &credentials));
        run_all_formats(url, || doctor().env("HTTPS_PROXY", url));
    }
}

#[test]
fn token_in_wrong_place_is_hidden() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let doctor = || world.doctor_without_token().secret(&token);
    let too_many = || doctor().args([&token, &token]);
    run_all_formats("two", too_many);
    let misspelt = format!("--oidc-tokn={token}");
    run_all_formats("misspelt", || doctor().arg(&misspelt));
    run_all_formats("misspelt, apart", || doctor().args(["--oidc-tokn", &token]));
    run_all_formats("attached", || doctor().arg(format!("-t{token}")));
    run_all_formats("hyphens", || doctor().arg(format!("--{token}")));
    run_all_formats("a scenario", || Doctor::bare().secret(&token).args(["demo", &token]));
    for name in [
        "--timeout",
        "--policy",
        "--jwks",
        "--ca-cert",
        "--token-env",
        "--format",
        "--color",
        "--now",
        "--pulumi-version",
        "--oidc-expiration",
        "--cloud-url",
        "--scope",
        "--oidc-team",
        "--oidc-org",
    ] {
        for value in [&*token, PULUMI] {
            run_all_formats(name, || doctor().secret(PULUMI).option(name, value).arg("x"));
            run_all_formats(name, || doctor().secret(PULUMI).option(name, value));
        }
    }
    let system = || doctor().secret(OPAQUE).env("SYSTEM_ACCESSTOKEN", OPAQUE);
    run_all_formats("another secret", || system().option("--oidc-org", OPAQUE).arg(&token));
    for place in ["file://", "./", "Bearer ", "\"", "$"] {
        run_all_formats(place, || doctor().arg(format!("{place}{token}")));
    }
    for variable in ["DOCTOR_POLICY", "PULUMI_BACKEND_URL", "HTTPS_PROXY", "PULUMI_HOME"] {
        let bare = || doctor().arg("x").without("--policy").without("--cloud-url");
        run_all_formats(variable, || bare().env(variable, &token));
    }
}

#[test]
fn value_instead_of_variable_name_is_reported() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    for value in [token.clone(), format!("Bearer {token}"), token.replace('.', ""), PULUMI.into()] {
        let run = world
            .doctor_without_token()
            .secret(&token)
            .secret(PULUMI)
            .args(["--token-env", &value])
            .json();
        assert_eq!(run.status, 2, "{}", run.stdout);
        assert!(run.stderr.contains("--token-env"), "{}", run.stderr);
        assert!(run.stderr.contains("name of the variable"), "{}", run.stderr);
        assert!(!run.stderr.contains(&value[..12]), "{}", run.stderr);
    }
    let run = world.doctor_without_token().args(["--token-env", "$idToken"]).json();
    assert!(run.status == 2 && run.stderr.contains("idToken"), "{}", run.stderr);
}

/// A short value such as `dummy` is no secret, and may be part of other words.
#[test]
fn short_value_is_no_secret() {
    let world = World::new(&platforms::GITHUB);
    let run = world.doctor().env("PULUMI_ACCESS_TOKEN", "acme").json();
    assert_eq!(run.report["request"]["organization"], "acme");
    assert_eq!((run.status, run.codes()), (0, vec!["access-token-set"]));
}

#[test]
fn token_in_wrong_file_is_hidden() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    for text in [
        token.clone(),
        format!("token: {token}"),
        format!("{token}: [1"),
        format!("{{\"{token}\": 1}}"),
        format!("organization: acme\nissuers: {token}"),
        format!("issuers:\n- url: {token}\n  policies:\n  - decision: {token}\n"),
    ] {
        let doctor = || world.doctor().secret(&token);
        for option in ["--policy", "--jwks", "--ca-cert"] {
            run_all_formats(option, || doctor().file("f", &text).option(option, "f"));
        }
        run_all_formats("Pulumi.yaml", || doctor().file("Pulumi.yaml", &text));
        let file = "../home/.pulumi/credentials.json";
        run_all_formats(file, || doctor().file(file, &text));
    }
}

#[test]
fn damaged_token_is_hidden() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let signature = token.rsplit('.').next().unwrap();
    let (head, tail) = token.split_at(token.len() / 2);
    let damaged = [
        format!("{head}\n{tail}"),
        format!("Bearer {token}"),
        format!("'{token}'"),
        format!("{{\"oidcToken\": \"{token}\"}}"),
        format!("{{\"error\": \"{token}\"}}"),
        token.replace('.', "%2E"),
        token.replace('.', "!"),
        format!("x{token}"),
        format!("..{signature}"),
        signature.to_owned(),
        token[..token.len() - 7].to_owned(),
        format!("{token}.{token}"),
        format!("<html>{token}</html>"),
        format!("$({token})"),
        format!("***{token}"),
    ];
    for value in damaged {
        run_all_formats("argument", || world.doctor_without_token().secret(&token).arg(&value));
        run_all_formats("file", || {
            world.doctor_without_token().secret(&token).file("t", &value).arg("file://t")
        });
    }
}

#[test]
fn token_in_claim_or_policy_is_hidden() {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.claims.insert("handed_on".to_owned(), json!(PULUMI));
    world.shape.claims.insert("scope".to_owned(), json!(format!("read {STORED}")));
    let token = world.token();
    let mut policy = world.policy();
    let entry = &mut policy["issuers"][0]["policies"][0]["rules"];
    entry["sub"] = json!(token);
    entry["handed_on"] = json!(PULUMI);
    run_all_formats("pasted into a policy", || {
        let name = format!("{PULUMI}.json");
        world
            .doctor()
            .file(&name, policy.to_string())
            .option("--policy", &name)
            .secret(&token)
            .secret(PULUMI)
            .secret(STORED)
    });
    let decoded = Doctor::bare().args(["decode", &token]).secret(&token).secret(PULUMI).run();
    assert_eq!(decoded.status, 0);
}

/// Any other flag, variable or file that `pulumi login` reads may contain a secret.
#[test]
fn secret_as_login_setting_is_hidden() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    for value in [token.as_str(), PULUMI, OPAQUE] {
        let login = || {
            let doctor = Doctor::bare().secret(&token).secret(PULUMI).secret(OPAQUE);
            // The name of the variable marks it as a secret.
            doctor.env("SYSTEM_ACCESSTOKEN", OPAQUE).args(["login", "--offline"])
        };
        let login = || {
            let policy = world.policy().to_string();
            let options = ["--policy", "policy.json", "--pulumi-version", "3.276.0"];
            let login = login().file("policy.json", policy).args(options);
            login.args(["--oidc-token", &token, "--oidc-org", "acme"])
        };
        for flag in ["--credential-helper", "--credential-helper-arg", "--default-org", "--cwd"] {
            run_all_formats(flag, || login().args([flag, value]));
        }
        for variable in [
            "PULUMI_CREDENTIAL_HELPER",
            "PULUMI_CREDENTIAL_HELPER_ARGS",
            "PULUMI_CREDENTIAL_STORE",
            "PULUMI_CREDENTIALS_PATH",
            "PULUMI_HOME",
            "PULUMI_OPTION_CREDENTIAL_HELPER",
            "PULUMI_OPTION_CREDENTIAL_HELPER_ARG",
            "PULUMI_OPTION_CLOUD_URL",
            "PULUMI_OPTION_OIDC_EXPIRATION",
            "PULUMI_OPTION_OIDC_TEAM",
        ] {
            run_all_formats(variable, || login().env(variable, value));
        }
        let saved = json!({"credentialHelper": value, "current": value}).to_string();
        run_all_formats("saved", || login().file("../home/.pulumi/credentials.json", &saved));
        run_all_formats("config", || {
            login().file("../home/.pulumi/config.json", format!("{{{value}"))
        });
        run_all_formats("project", || {
            login()
                .file("Pulumi.yaml", format!("name: x\nbackend:\n  url: https://{value}@h.test\n"))
        });
    }
}

#[test]
fn signature_in_option_is_hidden() {
    let token = World::new(&platforms::GITHUB).token();
    let signature = token.rsplit('.').next().unwrap();
    let values = [signature.to_owned(), signature[..60].to_owned(), token.replace('.', "%2E")];
    for value in values {
        for flag in ["--oidc-org", "--oidc-team", "--oidc-user", "--oidc-expiration", "--scope"] {
            let doctor = Doctor::bare().secret(&token).args(["--offline", flag, &value, &token]);
            let run = doctor.args(["--report", "r.html", "--report", "r.txt"]).json();
            assert_ne!(run.status, 2, "{flag}: {}", run.stderr);
        }
    }
}
