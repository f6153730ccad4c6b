//! The backend: where its URL comes from, and what is wrong with it.

use serde_json::json;

use crate::support::{CAPABILITIES, Doctor, EXCHANGE, Response, Run, World, platforms};

/// Go's error for a URL without a scheme.
const MISSING_SCHEME_ERROR: &str = "unsupported protocol scheme \"\"";

fn without_url(world: &World) -> Doctor {
    world.doctor().without("--cloud-url")
}

/// A diagnosis with this backend URL from this source.
fn with_url(world: &World, source: &str, url: &str) -> Doctor {
    let doctor = without_url(world);
    match source {
        "--cloud-url" => doctor.args(["--cloud-url", url]),
        "PULUMI_BACKEND_URL" => doctor.env("PULUMI_BACKEND_URL", url),
        "Pulumi.yaml:4" => doctor.file(
            "../Pulumi.yaml",
            format!("name: web\nruntime: nodejs\nbackend:\n  url: {}\n", json!(url)),
        ),
        "Pulumi.json:5" => doctor.file(
            "Pulumi.json",
            format!(
                "{{\n  \"name\": \"web\",\n  \"runtime\": \"nodejs\",\n  \"backend\": {{\n    \
                 \"url\": {}\n  }}\n}}\n",
                json!(url)
            ),
        ),
        "credentials.json:2" => doctor.file(
            "../home/.pulumi/credentials.json",
            format!("{{\n  \"current\": {}\n}}\n", json!(url)),
        ),
        other => panic!("no source {other}"),
    }
}

const SOURCES: [&str; 5] =
    ["--cloud-url", "PULUMI_BACKEND_URL", "Pulumi.yaml:4", "Pulumi.json:5", "credentials.json:2"];

/// Asserts that the run stopped at the backend's URL.
fn assert_refused(run: &Run, code: &str, case: &str) {
    assert_eq!((run.status, run.root_cause()), (1, Some(code)), "{case}: {:?}", run.codes());
    assert_eq!(run.classification(code), ["backend", "error", "backend"], "{case}");
    for check in ["cloud", "exchange", "whoami"] {
        assert_eq!(run.skipped_because(check), Some("backend"), "{case}: {check}");
    }
    // The token is still judged.
    assert_eq!(run.check("policy")["status"], "pass", "{case}");
}

// ------------------------------------------------------------------------------- the URL

#[test]
fn url_without_scheme_names_source() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (url, meant) in [
        ("api.pulumi.com", "https://api.pulumi.com"),
        ("//api.pulumi.com", "https://api.pulumi.com"),
        ("localhost:8080", "http://localhost:8080"),
        ("cloud.company.test:8443", "https://cloud.company.test:8443"),
    ] {
        for source in SOURCES {
            let run = with_url(&world, source, url).json();
            assert_refused(&run, "backend-scheme-missing", &format!("{source} {url}"));
            let backend = &run.report["request"]["backend"];
            assert_eq!(backend["url"], url);
            let found = backend["source"].as_str().unwrap();
            assert!(found.ends_with(source), "{found}");
            run.assert_finding_contains(
                "backend-scheme-missing",
                &[url, meant, source, "pulumi says"],
            );
        }
    }
    let run = with_url(&world, "--cloud-url", "api.pulumi.com").json();
    run.assert_finding_contains(
        "backend-scheme-missing",
        &["unknown backend cloudUrl format 'api.pulumi.com'"],
    );
    let login = "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme";
    run.assert_finding_contains("backend-scheme-missing", &[login]);
    assert_eq!(world.cloud.requests().len(), 0);
}

#[test]
fn missing_scheme_error_has_two_causes() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = without_url(&world).option("--pulumi-version", "3.215.9").json();
    assert_refused(&run, "backend-empty", "nothing configured");
    let login = "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme";
    run.assert_finding_contains("backend-empty", &[MISSING_SCHEME_ERROR, "3.216.0", login]);

    for version in ["3.209.0", "3.258.0", "3.259.0"] {
        let doctor = with_url(&world, "PULUMI_BACKEND_URL", "api.pulumi.com");
        let run = doctor.option("--pulumi-version", version).json();
        assert_refused(&run, "backend-scheme-missing", version);
        let export = "export PULUMI_BACKEND_URL=https://api.pulumi.com";
        run.assert_finding_contains(
            "backend-scheme-missing",
            &[MISSING_SCHEME_ERROR, "PULUMI_BACKEND_URL", export],
        );
        let evidence = run.finding("backend-scheme-missing")["evidence"].to_string();
        assert!(!evidence.contains("\\n"), "one line of a log each: {evidence}");
        let names_backend =
            run.finding_text("backend-scheme-missing").contains("could not log in to");
        assert_eq!(names_backend, version == "3.259.0", "{version}");
    }
}

#[cfg(unix)]
#[test]
fn installed_cli_without_default_backend_fails() {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    // The newest CLI defaults to the hosted Pulumi Cloud, which cannot reach an issuer on loopback.
    world.use_public_issuer();
    let doctor = || {
        let doctor = without_url(&world).without("--pulumi-version").arg("--offline");
        doctor.program("pulumi", "echo v3.210.0")
    };
    let run = doctor().env("TF_BUILD", "True").json();
    assert_eq!(run.root_cause(), Some("backend-empty"));
    run.assert_finding_contains("backend-empty", &["pulumi login https://api.pulumi.com"]);
    let run = doctor().json();
    assert_eq!((run.status, run.codes()), (0, vec!["backend-empty"]));
    assert_eq!(run.classification("backend-empty"), ["backend", "info", "backend"]);
    run.assert_finding_contains("backend-empty", &["3.210.0", "/bin/pulumi"]);
}

/// A URL, the code, and texts of the finding.
type Case = (&'static str, &'static str, &'static [&'static str]);

const UNUSABLE_URLS: [Case; 24] = [
    ("htps://api.pulumi.com", "backend-scheme-unknown", &["htps", "https://api.pulumi.com"]),
    ("htttps://api.pulumi.com", "backend-scheme-unknown", &["https://api.pulumi.com"]),
    ("ftp://api.pulumi.com", "backend-scheme-unknown", &["ftp"]),
    ("https://app.pulumi.com", "backend-is-console", &["app.pulumi.com", "https://api.pulumi.com"]),
    ("https://app.pulumi.com/acme", "backend-is-console", &["https://api.pulumi.com"]),
    ("https://pulumi.com", "backend-is-console", &["https://api.pulumi.com"]),
    ("https://www.pulumi.com", "backend-is-console", &["https://api.pulumi.com"]),
    ("s3://bucket", "backend-is-diy", &["s3://", "the URL of your own Pulumi Cloud"]),
    ("gs://bucket", "backend-is-diy", &["gs://"]),
    ("azblob://container", "backend-is-diy", &["azblob://"]),
    ("file://~", "backend-is-diy", &["file://"]),
    ("postgres://db/state", "backend-is-diy", &["postgres://", "oidc-token, oidc-org"]),
    ("$(PulumiUrl)", "backend-unexpanded", &["$(PulumiUrl)", "\"$PulumiUrl\"", "%PulumiUrl%"]),
    ("https://${HOST}", "backend-unexpanded", &["${HOST}", "\"$HOST\"", "\"$env:HOST\""]),
    ("https://%HOST%/", "backend-unexpanded", &["%HOST%", "\"$HOST\""]),
    ("${{ variables.url }}", "backend-unexpanded", &["${{ variables.url }}", "\"$url\""]),
    ("\"https://api.pulumi.com\"", "backend-malformed", &["quotes", "https://api.pulumi.com"]),
    (" https://api.pulumi.com", "backend-malformed", &["a space"]),
    ("https://api.pulumi.com --insecure", "backend-malformed", &["a space"]),
    ("https://api.pulumi.com\n", "backend-malformed", &["a line break"]),
    ("https://cloud.test:99999", "backend-malformed", &["the port `99999`"]),
    ("https://", "backend-malformed", &["no host"]),
    ("https:/api.pulumi.com", "backend-malformed", &["`:/`", "https://api.pulumi.com"]),
    ("https://clo*ud.test", "backend-malformed", &["the host `clo*ud.test`"]),
];

#[test]
fn unusable_urls_are_refused() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (url, code, words) in UNUSABLE_URLS {
        for source in ["--cloud-url", "PULUMI_BACKEND_URL"] {
            let run = with_url(&world, source, url).json();
            assert_refused(&run, code, &format!("{source} {url}"));
            run.assert_finding_contains(code, words);
            run.assert_finding_contains(code, &[source]);
        }
    }
    assert_eq!(world.cloud.requests().len(), 0);
}

#[test]
fn url_credentials_are_not_shown() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let password = "correct-horse-battery";
    for source in SOURCES {
        let url = format!("postgres://joe:{password}@db/state");
        let run = with_url(&world, source, &url).secret(password).json();
        assert_refused(&run, "backend-is-diy", source);
        run.assert_finding_contains("backend-is-diy", &["://…@"]);

        // The CLI sends them along.
        let url = world.cloud.url().replace("://", &format!("://joe:{password}@"));
        let run = with_url(&world, source, &url).secret(password).json();
        assert_eq!(run.root_cause(), None, "{source}: {:?}", run.codes());
        assert_eq!(run.classification("backend-malformed"), ["backend", "warning", "backend"]);
        run.assert_finding_contains(
            "backend-malformed",
            &["://…@", "credentials in it", world.cloud.url()],
        );
    }
}

#[test]
fn prefix_refused_url_works_in_environment() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let url = "https://pulumi.company.test";
    let run = with_url(&world, "--cloud-url", url).json();
    assert_refused(&run, "backend-is-console", "argument");
    let export = format!("export PULUMI_BACKEND_URL={url}");
    let words = [&export, "not a valid self-hosted backend", "--oidc-org acme"];
    run.assert_finding_contains("backend-is-console", &words);
    let run = with_url(&world, "PULUMI_BACKEND_URL", url).arg("--offline").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

/// From 3.274.0 on, only the stored URL is not checked. Applying the remedy must not touch the
/// credentials that are stored already.
#[cfg(unix)]
#[test]
fn prefix_refused_url_works_in_credentials() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let url = "https://pulumi.company.test";
    let newest = |source: &str| with_url(&world, source, url).option("--pulumi-version", "3.274.0");
    let run = newest("PULUMI_BACKEND_URL").json();
    assert_refused(&run, "backend-is-console", "variable");
    let commands = run.finding("backend-is-console")["remediation"]["commands"].clone();
    let commands: Vec<String> = serde_json::from_value(commands).unwrap();
    let (login, preparation) = commands.split_last().unwrap();
    assert!(login.starts_with("pulumi login --oidc-token"), "{login}");
    let script = format!(
        "{}\ncat \"$PULUMI_HOME/credentials.json\"; echo \"${{PULUMI_BACKEND_URL-unset}}\"; \
         rm -r \"$PULUMI_HOME\"",
        preparation.join("\n")
    );
    let bash = std::process::Command::new("bash")
        .args(["-ec", &script])
        .env("PULUMI_HOME", "/nonexistent")
        .env("PULUMI_BACKEND_URL", url)
        .output()
        .unwrap();
    let printed = String::from_utf8(bash.stdout).unwrap();
    assert_eq!(printed, format!("{{\"current\": \"{url}\"}}\nunset\n"));
    let run = newest("credentials.json:2").arg("--offline").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

#[test]
fn local_login_is_refused() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = without_url(&world).arg("--local").json();
    assert_refused(&run, "backend-is-diy", "--local");
    run.assert_finding_contains(
        "backend-is-diy",
        &["--local", "file://", "not supported for this type of backend"],
    );
}

#[test]
fn values_in_commands_are_quoted() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = with_url(&world, "PULUMI_BACKEND_URL", "cloud.test;touch$IFS/tmp/x&").json();
    for finding in run.report["findings"].as_array().unwrap() {
        for command in finding["remediation"]["commands"].as_array().unwrap() {
            let command = command.as_str().unwrap();
            let bare: String = command.split('\'').step_by(2).collect();
            assert!(!bare.contains(';') && !bare.contains('&'), "{command}");
        }
    }
}

#[test]
fn fix_uses_file_format() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = with_url(&world, "Pulumi.yaml:4", "api.pulumi.com").json();
    run.assert_finding_contains(
        "backend-scheme-missing",
        &["line 4", "backend:\n  url: \"https://api.pulumi.com\""],
    );
    let run = with_url(&world, "Pulumi.json:5", "api.pulumi.com").json();
    let snippet = "\"backend\": {\"url\": \"https://api.pulumi.com\"}";
    run.assert_finding_contains("backend-scheme-missing", &["line 5", snippet]);
}

// ------------------------------------------------------------------------ what is dubious

#[test]
fn trailing_slash_doubles_in_exchange_url() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.cloud.access_token();
    world.cloud.accept_access_token(token, "ci-bot", "acme");
    let urn = "urn:pulumi:token-type:access_token:organization";
    let minted = json!({
        "access_token": token,
        "issued_token_type": urn,
        "token_type": "token",
        "expires_in": 7200,
        "scope": "",
    });
    world.cloud.answer("//api/oauth/token", Response::json(200, &minted));
    for source in SOURCES {
        world.cloud.begin_run();
        // Outside of CI, no exchange is made with a backend that only a project file names.
        let run =
            with_url(&world, source, &format!("{}/", world.cloud.url())).env("CI", "true").json();
        assert_eq!((run.status, run.codes()), (0, vec!["backend-path-suspicious"]), "{source}");
        assert_eq!(
            run.classification("backend-path-suspicious"),
            ["backend", "warning", "backend"]
        );
        run.assert_finding_contains(
            "backend-path-suspicious",
            &["a trailing slash", world.cloud.url(), source],
        );
    }
    let requests = world.cloud.requests();
    let of = |method: &str, path: &str| {
        requests.iter().filter(|r| r.method == method && r.target == path).count()
    };
    assert_eq!((of("POST", "//api/oauth/token"), of("POST", EXCHANGE)), (5, 0));
    assert_eq!((of("GET", "/api/user"), of("GET", "//api/user")), (5, 0));
    assert_eq!(of("GET", CAPABILITIES), 5);
}

#[test]
fn parts_after_host_are_reported() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (rest, shown, what) in [
        ("/", "/", "a trailing slash"),
        ("/api", "/api", "the path /api"),
        ("/acme/web", "/acme/web", "the path /acme/web"),
        ("?x=1", "?x=…", "a query"),
        ("#top", "#…", "a fragment"),
    ] {
        let shown = format!("https://cloud.test{shown}");
        let url = format!("https://cloud.test{rest}");
        let run = with_url(&world, "--cloud-url", &url).arg("--offline").json();
        assert_eq!((run.status, run.codes()), (0, vec!["backend-path-suspicious"]), "{url}");
        let login = "pulumi login https://cloud.test --oidc-token";
        run.assert_finding_contains("backend-path-suspicious", &[what, &shown, login]);
    }
}

#[test]
fn unprotected_connection_warns() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = with_url(&world, "--cloud-url", "http://cloud.test").arg("--offline").json();
    assert_eq!((run.status, run.codes()), (0, vec!["backend-insecure"]));
    assert_eq!(run.classification("backend-insecure"), ["backend", "warning", "backend"]);
    run.assert_finding_contains(
        "backend-insecure",
        &["cloud.test", "plain HTTP", "https://cloud.test"],
    );

    // The issuer's certificate is still verified.
    let run = world.doctor().arg("--insecure").json();
    assert_eq!((run.status, run.codes()), (0, vec!["backend-insecure"]));
    run.assert_finding_contains("backend-insecure", &["--insecure", "SSL_CERT_FILE"]);

    for loopback in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1"] {
        let run = with_url(&world, "--cloud-url", loopback).arg("--offline").json();
        assert_eq!(run.codes(), Vec::<&str>::new(), "{loopback}");
    }
}

#[test]
fn disagreeing_url_sources_warn() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let own = world.cloud.url();
    let stored = |doctor: Doctor| {
        let content = json!({"current": "https://api.pulumi.com"}).to_string();
        doctor.file("../home/.pulumi/credentials.json", content)
    };
    let other = "https://other.test";
    let project = "name: web\nruntime: go\nbackend: {url: https://other.test}\n";
    let cases: [(Doctor, &str, &[&str]); 6] = [
        (stored(world.doctor()), "info", &["--cloud-url", "credentials.json", "api.pulumi.com"]),
        (stored(with_url(&world, "PULUMI_BACKEND_URL", own)), "info", &["PULUMI_BACKEND_URL wins"]),
        (
            world.doctor().env("PULUMI_BACKEND_URL", other),
            "warning",
            &["--cloud-url wins over PULUMI_BACKEND_URL", other],
        ),
        (
            with_url(&world, "PULUMI_BACKEND_URL", own).file("Pulumi.yaml", project),
            "warning",
            &["PULUMI_BACKEND_URL wins over", "Pulumi.yaml:3", other],
        ),
        (
            stored(world.doctor().file("Pulumi.yaml", project)),
            "warning",
            &["--cloud-url wins over", "Pulumi.yaml:3", "credentials.json"],
        ),
        (
            without_url(&world)
                .env("CI", "true")
                .env("PULUMI_OPTION_CLOUD_URL", own)
                .env("PULUMI_BACKEND_URL", other),
            "warning",
            &["PULUMI_OPTION_CLOUD_URL wins over PULUMI_BACKEND_URL"],
        ),
    ];
    for (doctor, severity, words) in cases {
        world.cloud.begin_run();
        let run = doctor.json();
        assert_eq!((run.status, run.codes()), (0, vec!["backend-overridden"]), "{words:?}");
        assert_eq!(run.classification("backend-overridden"), ["backend", severity, "backend"]);
        run.assert_finding_contains("backend-overridden", words);
        run.assert_finding_contains("backend-overridden", &[own]);
    }
    // Another spelling of the same URL is no disagreement.
    let run = world.doctor().env("PULUMI_BACKEND_URL", format!("{own}/")).json();
    assert_eq!(run.codes(), Vec::<&str>::new());
}

// ---------------------------------------------------------------------------------- files

#[test]
fn invalid_project_file_fails_login() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let cases: [(&str, &str, &[&str]); 5] = [
        ("../Pulumi.yaml", "runtime: nodejs\n", &["missing a 'name'", "Pulumi.yaml"]),
        ("Pulumi.yaml", "nmae: web\nruntime: go\n", &["missing a 'name'", "'nmae'", "yaml:1:"]),
        ("Pulumi.yaml", "name: web\nx: {a: }}\n", &["not valid YAML", "Pulumi.yaml:2:"]),
        ("Pulumi.json", "{\n  \"name\": \"web\",\n}", &["not valid JSON", "Pulumi.json:3:1"]),
        ("Pulumi.yml", "- a\n", &["not a mapping", "Pulumi.yml"]),
    ];
    for (name, content, words) in cases {
        let run = world.doctor().file(name, content).json();
        assert_refused(&run, "project-file-invalid", content);
        run.assert_finding_contains("project-file-invalid", words);
    }
}

#[test]
fn nearest_project_wins_json_first() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let valid = "name: web\nruntime: go\n";
    let doctor = world.doctor().file("../Pulumi.yaml", "broken: [").file("Pulumi.yml", valid);
    assert_eq!(doctor.json().codes(), Vec::<&str>::new());
    let run = world.doctor().file("Pulumi.json", "[]").file("Pulumi.yaml", valid).json();
    assert_eq!(run.root_cause(), Some("project-file-invalid"));
}

#[test]
fn invalid_credentials_hide_secrets() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let secret = "pul-0123456789abcdef0123456789abcdef01234567";
    for (content, place) in [
        (format!("{{\n  \"accessTokens\": {{\"https://a.test\": \"{secret}\"}},\n}}"), ":3:1"),
        (format!("{{\n  \"accessTokens\": \"{secret}\"\n}}"), ":2:"),
        (format!("{{\"accessTokens\": {{\"https://a.test\": \"{secret}"), ":1:"),
        ("[]".to_owned(), ":1:"),
    ] {
        let doctor = world.doctor().secret(secret);
        let run = doctor.file("../home/.pulumi/credentials.json", &content).json();
        assert_refused(&run, "credentials-file-invalid", place);
        let words = [&format!("credentials.json{place}"), "mv "];
        run.assert_finding_contains("credentials-file-invalid", &words);
    }
    let doctor = world.doctor().file("my home/credentials.json", "{");
    let run = doctor.env("PULUMI_HOME", "my home").json();
    assert_refused(&run, "credentials-file-invalid", "PULUMI_HOME");
    let file = run.finding_text("credentials-file-invalid");
    assert!(file.contains("my home/credentials.json' '"), "not quoted: {file}");
}

#[test]
fn encrypted_credentials_are_not_read() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let envelope = json!({
        "$pulumiSecureStore": 1, "backend": "keyring", "algo": "AES-256-GCM", "nonce": "AAAA",
        "data": "c2VjcmV0LXNlY3JldC1zZWNyZXQ",
    });
    let doctor = world.doctor().secret("c2VjcmV0LXNlY3JldC1zZWNyZXQ");
    let run = doctor.file("../home/.pulumi/credentials.json", envelope.to_string()).json();
    assert_eq!((run.status, run.codes()), (0, vec!["credentials-encrypted"]));
    assert_eq!(run.classification("credentials-encrypted"), ["backend", "info", "backend"]);
    run.assert_finding_contains("credentials-encrypted", &["credentials.json", "accounts"]);
}
