//! The token's sources, values that are no token, and wrappings around tokens.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Authority, Doctor, ORGANIZATION, Run, World, platforms, program};

/// The variables of two CI platforms.
const IN_CI: [(&str, &str); 2] = [("TF_BUILD", "True"), ("GITHUB_ACTIONS", "true")];

fn offline() -> Doctor {
    Doctor::bare().args(["--offline", "--oidc-org", ORGANIZATION, "--pulumi-version", "3.259.0"])
}

/// Asserts that the run stopped at the token.
fn assert_stopped(run: &Run, code: &str, case: &str) {
    assert_eq!(run.root_cause(), Some(code), "{case}: {:?}", run.codes());
    assert_eq!((run.status, &run.report["verdict"]), (1, &json!("unhealthy")), "{case}");
    assert_eq!(run.classification(code), ["input", "error", "input"], "{case}");
    assert_eq!(run.check("input")["status"], "fail", "{case}");
    assert_eq!(run.skipped_because("signature"), Some("input"), "{case}");
    // A token whose signature is missing or cut off is judged as far as possible.
    if code == "token-truncated" && !run.report["token"].is_null() {
        return;
    }
    for check in ["token", "policy"] {
        assert_eq!(run.skipped_because(check), Some("input"), "{case}: {check}");
    }
    assert_eq!(run.report["token"], Value::Null, "{case}");
}

// ------------------------------------------------------------------------------- sources

#[test]
fn every_source_is_read() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    let with = |doctor: Doctor| doctor.secret(&token);
    let cases = [
        (with(world.doctor_without_token().arg(&token)), "argument"),
        (with(world.doctor_without_token().arg("-").stdin(format!("{token}\n"))), "stdin"),
        (
            with(world.doctor_without_token().file("t.jwt", &token).arg("file://t.jwt")),
            "file://t.jwt",
        ),
        (with(world.doctor_without_token().args(["--oidc-token", &token])), "--oidc-token"),
        (
            with(world.doctor_without_token().file("t.jwt", format!("\n{token}\r\n")))
                .args(["--oidc-token", "file://t.jwt"]),
            "file://t.jwt",
        ),
        (
            with(
                world
                    .doctor_without_token()
                    .env("idToken", &token)
                    .args(["--token-env", "idToken"]),
            ),
            "env:idToken",
        ),
    ];
    for (doctor, source) in cases {
        world.cloud.begin_run();
        let run = doctor.json();
        assert_eq!((run.status, run.codes()), (0, vec![]), "{source}");
        assert_eq!(run.report["token"]["source"], source);
        assert_eq!(run.check("exchange")["status"], "pass", "{source}");
    }
}

#[test]
fn environment_option_counts_in_ci_only() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    let doctor =
        || world.doctor_without_token().env("PULUMI_OPTION_OIDC_TOKEN", &token).secret(&token);
    let run = doctor().json();
    assert_stopped(&run, "token-missing", "outside");
    run.assert_finding_contains(
        "token-missing",
        &["PULUMI_OPTION_OIDC_TOKEN", "read only inside a CI platform"],
    );
    let run = doctor().env("GITHUB_ACTIONS", "true").json();
    assert_eq!((run.status, run.root_cause()), (0, None));
    assert_eq!(run.report["token"]["source"], "env:PULUMI_OPTION_OIDC_TOKEN");
}

#[test]
fn missing_source_lists_places() {
    let run = Doctor::bare().arg("--offline").json();
    assert_stopped(&run, "token-missing", "nothing");
    run.assert_finding_contains(
        "token-missing",
        &["TOKEN", "--oidc-token", "--token-env", "not given", "doctor -"],
    );
    let run = Doctor::bare().arg("--offline").env("TEAMCITY_VERSION", "2026.1").json();
    run.assert_finding_contains("token-missing", &["PULUMI_OPTION_OIDC_TOKEN", "not set"]);
}

#[test]
fn empty_token_source_names_fallback() {
    let no_login = "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions";
    let cases = [
        (offline().args(["--oidc-token", ""]), "--oidc-token"),
        (offline().arg("-").stdin(""), "stdin"),
        (offline().arg("-").stdin("\r\n"), "stdin"),
        (offline().args(["--token-env", "idToken"]), "env:idToken"),
        (offline().args(["--token-env", "idToken"]).env("idToken", ""), "env:idToken"),
    ];
    for (doctor, source) in cases {
        let run = doctor.json();
        assert_stopped(&run, "token-empty", source);
        run.assert_finding_contains("token-empty", &[source, no_login]);
    }
}

#[test]
fn empty_token_uses_other_identity() {
    let secret = "pul-0123456789abcdef0123456789abcdef01234567";
    let empty = || offline().args(["--oidc-token", ""]).secret(secret);
    let run = empty().env("PULUMI_ACCESS_TOKEN", secret).json();
    assert_stopped(&run, "token-empty", "PULUMI_ACCESS_TOKEN");
    run.assert_finding_contains(
        "token-empty",
        &["would use PULUMI_ACCESS_TOKEN", "another identity"],
    );
    assert!(!run.codes().contains(&"access-token-set"), "no exchange is asked for");
    let run = empty().env("TF_BUILD", "True").env("PULUMI_ACCESS_TOKEN", secret).json();
    assert!(!run.codes().contains(&"access-token-set"), "{:?}", run.codes());

    let stored = json!({
        "current": "https://api.pulumi.com",
        "accounts": {"https://api.pulumi.com": {"accessToken": secret, "username": "octocat"}},
    });
    let run = empty().file("../home/.pulumi/credentials.json", stored.to_string()).json();
    assert_stopped(&run, "token-empty", "stored");
    run.assert_finding_contains(
        "token-empty",
        &["octocat", "https://api.pulumi.com", "another identity"],
    );
}

#[test]
fn empty_azure_token_names_both_shells() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for shell in ["bash", "pwsh"] {
        let job =
            offline().command("login").arg("https://api.pulumi.com").args(["--oidc-token", ""]);
        let job = job.args(["--oidc-org", "acme", "--shell", shell]).env("TF_BUILD", "True");
        let run = job.env("idToken", world.token()).secret(&world.token()).json();
        assert_eq!(
            commands(&run, "token-empty"),
            [
                "pulumi login https://api.pulumi.com --oidc-token \"$env:idToken\" --oidc-org acme",
                "pulumi login https://api.pulumi.com --oidc-token \"$idToken\" --oidc-org acme",
            ]
        );
        run.assert_finding_contains(
            "token-empty",
            &["In PowerShell, $idToken is empty", "In bash:"],
        );
    }
}

#[test]
fn silent_pipe_ends_in_time() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = world.doctor_without_token().arg("-").args(["--timeout", "1s"]).json();
    assert_stopped(&run, "token-empty", "silent");
    assert!(run.elapsed.as_millis() < 1_500, "{:?}", run.elapsed);
    run.assert_finding_contains("token-empty", &["Standard input", "did not end within"]);
    // There is time left for the other checks, which are not blamed for the wait.
    let run = world.doctor_without_token().arg("-").args(["--timeout", "6s"]).json();
    assert_eq!(run.codes(), ["token-empty"]);
}

#[test]
fn unreadable_token_files_say_why() {
    for (path, why) in [
        ("missing.jwt", "no such file"),
        ("folder", "is a directory"),
        ("empty.jwt", "is empty"),
        ("empty.jwt/token", "not a directory"),
        ("", "no path follows file://"),
        ("/dev/zero", "not a regular file"),
    ] {
        let doctor = offline().file("empty.jwt", "\n").file("folder/file", "");
        let absolute = doctor.path(path);
        let absolute = absolute.to_str().unwrap().trim_end_matches('/').to_owned();
        let run = doctor.args(["--oidc-token", &format!("file://{path}")]).json();
        assert_stopped(&run, "token-file-unreadable", path);
        run.assert_finding_contains(
            "token-file-unreadable",
            &[why, path, &absolute, "working directory"],
        );
    }
}

// -------------------------------------------------------------------------- not a token

#[test]
fn non_tokens_are_identified() {
    let azure = r#"{"count":151,"value":"There is no explicit reference to the connection."}"#;
    let oauth = r#"{"error":"invalid_client","error_description":"AADSTS700016: not found"}"#;
    let html = "<!DOCTYPE html><html><head><title>Sign in to your account</title></head></html>";
    let jwe =
        format!("{}.a.b.c.d", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#));
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "null",
            "token-not-a-token",
            &["the word null", "curl --fail-with-body --silent --show-error \"$URL\""],
        ),
        ("undefined", "token-not-a-token", &["the word undefined"]),
        ("None", "token-not-a-token", &["the word none"]),
        ("[object Object]", "token-not-a-token", &["[object Object]"]),
        (azure, "token-not-a-token", &["error answer", "There is no explicit reference"]),
        (oauth, "token-not-a-token", &["invalid_client", "AADSTS700016"]),
        (html, "token-not-a-token", &["HTML page", "Sign in to your account"]),
        ("abc def", "token-not-a-token", &["three parts"]),
        ("/tmp/token.jwt", "token-not-a-token", &["doctor file:///tmp/token.jwt"]),
        ("/tmp/my token.jwt", "token-not-a-token", &["doctor 'file:///tmp/my token.jwt'"]),
        ("file:gh.jwt", "token-not-a-token", &["doctor file://gh.jwt", "Write file://"]),
        ("file:/tmp/gh.jwt", "token-not-a-token", &["doctor file:///tmp/gh.jwt"]),
        ("ghs_0123456789abcdefghij", "token-not-a-token", &["GITHUB_TOKEN"]),
        ("***", "token-masked", &["***", "job itself"]),
        ("eyJhbGciOiJSUzI1NiJ9.***.***", "token-masked", &["***"]),
        ("pul-0123456789abcdef0123456789abcdef01234567", "token-is-pulumi-token", &["pul-"]),
        (&jwe, "token-encrypted", &["five parts", "JWE"]),
    ];
    for (value, code, words) in cases {
        let run = offline().arg(*value).json();
        assert_stopped(&run, code, value);
        run.assert_finding_contains(code, words);
        assert_eq!(run.skipped_because("exchange"), Some("--offline"));
    }
}

fn steps(run: &Run, code: &str) -> Vec<String> {
    let steps = run.finding(code)["remediation"]["steps"].as_array().unwrap();
    steps.iter().map(|step| step.as_str().unwrap().to_owned()).collect()
}

fn commands(run: &Run, code: &str) -> Vec<String> {
    let commands = run.finding(code)["remediation"]["commands"].as_array().unwrap();
    commands.iter().map(|command| command.as_str().unwrap().to_owned()).collect()
}

#[test]
fn unexpanded_variables_are_reported() {
    let code = "token-variable-unexpanded";
    for (value, syntax) in [
        ("$(myToken)", "Azure Pipelines macro"),
        ("$env:myToken", "PowerShell variable"),
        ("$myToken", "POSIX shell variable"),
        ("${myToken}", "POSIX shell variable"),
        ("${{ env.myToken }}", "template expression"),
        ("%myToken%", "cmd.exe variable"),
    ] {
        let run = offline().arg(value).json();
        assert_stopped(&run, code, value);
        let own = [value, syntax, "\"$myToken\"", "\"$env:myToken\"", "\"%myToken%\"", "earlier"];
        run.assert_finding_contains(code, &own);
        assert_eq!(steps(&run, code).last().unwrap(), "In a script, write:");
    }
    let yaml = |marker: &str| {
        let run = offline().env(marker, "true").arg("$(myToken)").json();
        steps(&run, code).into_iter().find(|step| step.starts_with("In YAML"))
    };
    let in_yaml = "In YAML, outside scripts, it is";
    assert_eq!(yaml("TF_BUILD").unwrap(), format!("{in_yaml} $(myToken) in Azure Pipelines."));
    let github = format!("{in_yaml} ${{{{ env.myToken }}}} in GitHub Actions.");
    assert_eq!(yaml("GITHUB_ACTIONS").unwrap(), github);
    assert_eq!(yaml("CIRCLECI"), None);
}

#[test]
fn azure_id_token_exists_only_in_script() {
    let code = "token-variable-unexpanded";
    for value in ["$(idToken)", "$(IDTOKEN)", "%idToken%", "${{ variables.idToken }}"] {
        let run = offline().arg(value).json();
        let [step] = &steps(&run, code)[..] else { panic!("{:?}", steps(&run, code)) };
        assert!(step.contains("of the script of AzureCLI@2, not a pipeline variable"), "{step}");
        let commands = commands(&run, code);
        assert_eq!(commands.len(), 3);
        for (command, start) in
            commands.iter().zip(["\"$idToken\" ", "\"$env:idToken\" ", "\"%idToken%\" "])
        {
            assert!(command.starts_with(start), "{command}");
        }
    }
}

#[test]
fn expression_is_not_called_variable() {
    let code = "token-variable-unexpanded";
    for (value, says) in [
        ("${{ steps.auth.outputs.token }}", "replaces in a workflow file only"),
        ("$(auth.token)", "auth.token has a value"),
    ] {
        let run = offline().arg(value).json();
        assert!(commands(&run, code).is_empty());
        assert!(steps(&run, code)[0].contains(says), "{:?}", steps(&run, code));
    }
}

#[test]
fn missing_token_sends_nothing() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for value in ["null", "$(idToken)", "***", "pul-0123456789abcdef0123"] {
        let run = world.doctor_without_token().arg(value).json();
        assert_eq!(run.skipped_because("exchange"), Some("input"), "{value}");
        assert_eq!(run.skipped_because("whoami"), Some("input"), "{value}");
    }
    assert!(world.cloud.exchanges().is_empty());
    assert!(world.issuer.requests().is_empty());
}

#[test]
fn huge_or_binary_input_is_not_token() {
    let garbage: Vec<u8> = (0..4096_u32).map(|n| (n * 197 % 251) as u8 | 0x80).collect();
    for (content, words) in [(vec![b'a'; 10 << 20], "128 KiB"), (garbage, "binary data")] {
        for doctor in [
            offline().arg("-").stdin(content.clone()),
            offline().file("t.jwt", &content).arg("file://t.jwt"),
        ] {
            let run = doctor.json();
            assert_stopped(&run, "token-not-a-token", words);
            run.assert_finding_contains("token-not-a-token", &[words]);
            assert!(run.elapsed.as_secs() < 5, "{:?}", run.elapsed);
        }
    }
}

#[test]
fn access_tokens_are_not_identity_tokens() {
    let cases: &[(&str, &str, Value, &[&str])] = &[
        ("claims", "aud", json!("https://management.azure.com/"), &["Azure Resource Manager"]),
        ("claims", "aud", json!("00000003-0000-0000-c000-000000000000"), &["Microsoft Graph"]),
        ("claims", "scp", json!("user_impersonation"), &["scp", "user_impersonation"]),
        ("header", "typ", json!("at+jwt"), &["at+jwt", "typ"]),
        ("claims", "typ", json!("Bearer"), &["Bearer", "claim typ"]),
        ("claims", "token_use", json!("access"), &["token_use"]),
        ("claims", "aud", json!("https://vault.usgovcloudapi.net"), &["Azure Key Vault"]),
        ("claims", "aud", json!("https://database.chinacloudapi.cn/"), &["Azure SQL"]),
    ];
    for (part, key, value, words) in cases {
        let mut world = World::new(&platforms::AZURE_ENTRA);
        let target =
            if *part == "header" { &mut world.shape.header } else { &mut world.shape.claims };
        target.insert((*key).to_owned(), value.clone());
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("token-is-access-token"), "{value}");
        assert_eq!(run.classification("token-is-access-token"), ["input", "error", "input"]);
        run.assert_finding_contains("token-is-access-token", words);
        assert_eq!(run.skipped_because("exchange"), Some("input"));
        assert!(world.cloud.exchanges().is_empty(), "{value}");
    }
}

// ---------------------------------------------------------------------------- truncation

#[test]
fn token_cut_anywhere_is_truncated() {
    for algorithm in ["RS256", "ES256"] {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let world = World::with_identity(&platforms::AZURE_ENTRA, authority, identity, algorithm);
        let token = world.token();
        let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
        let places = [8, 20, dots[0], dots[0] + 1, dots[0] + 20, dots[1] - 1, dots[1], dots[1] + 1];
        let end = token.len() - 12..token.len();
        for length in places.into_iter().chain(dots[1] + 1..dots[1] + 4).chain(end) {
            let run = offline().arg(&token[..length]).json();
            let case = format!("{algorithm} cut at {length}");
            assert_stopped(&run, "token-truncated", &case);
            // Tokens that are cut after the claims have all claims.
            assert_eq!(run.report["token"].is_null(), length < dots[1], "{case}");
            run.assert_finding_contains(
                "token-truncated",
                &["cut off", "pass the token through a file or a pipe"],
            );
        }
        // The middle is missing.
        let without_middle = format!("{}{}", &token[..dots[0] + 13], &token[dots[1]..]);
        let run = offline().arg(without_middle).json();
        assert_stopped(&run, "token-truncated", "middle");
        run.assert_finding_contains("token-truncated", &["payload ends early"]);
    }
}

#[test]
fn short_signature_is_truncated() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    // 224 bytes would be the signature of another RSA key size than the issuer's.
    let run = world.doctor_for(&token[..token.len() - 43]).json();
    assert_eq!(run.root_cause(), Some("token-truncated"), "{:?}", run.codes());
    run.assert_finding_contains("token-truncated", &["224 bytes", "256"]);
    assert!(!run.codes().contains(&"signature-invalid"));
}

// -------------------------------------------------------------------------------- wrapped

/// The wrapping, the value, and texts of the finding.
type Wrapped = (&'static str, Vec<u8>, &'static [&'static str]);

fn wrapped(token: &str) -> Vec<Wrapped> {
    let utf16: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [vec![0xFF, 0xFE], utf16].concat();
    let (start, end) = token.split_at(100);
    vec![
        ("quotes", format!("\"{token}\"").into(), &["quotes", "jq -er"]),
        ("apostrophes", format!("'{token}'").into(), &["quotes"]),
        ("bearer", format!("Bearer {token}").into(), &["`Bearer`"]),
        ("header", format!("Authorization: Bearer {token}").into(), &["`Bearer`"]),
        ("json", json!({"oidcToken": token}).to_string().into(), &["JSON", "jq -er .oidcToken"]),
        ("base64", BASE64_STANDARD.encode(token).into(), &["base64", "base64 -d"]),
        ("percent", token.replace('.', "%2E").into(), &["percent-encoding"]),
        ("mark", format!("\u{feff}{token}").into(), &["byte order mark", "WriteAllText"]),
        ("utf-16", with_mark, &["UTF-16", "WriteAllText"]),
        ("line break", format!("{start}\r\n{end}").into(), &["line breaks inside", "tr -d"]),
        ("space", format!("{start} {end}").into(), &["white space", "tr -d"]),
    ]
}

#[test]
fn wrapped_token_outside_ci_warns() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (case, value, words) in wrapped(&world.token()) {
        let run = world.doctor_without_token().arg("-").stdin(value).json();
        assert_eq!((run.status, run.codes()), (0, vec!["token-wrapped"]), "{case}");
        assert_eq!(run.classification("token-wrapped"), ["input", "warning", "input"], "{case}");
        assert_eq!(run.check("input")["status"], "warn", "{case}");
        run.assert_finding_contains("token-wrapped", words);
        assert_eq!(run.report["token"]["claims"]["sub"], world.shape.claims["sub"], "{case}");
        assert_eq!(run.check("exchange")["status"], "pass", "{case}");
    }
    let run = world.doctor_without_token().arg(format!(" {}\n", world.token())).json();
    assert_eq!((run.status, run.codes()), (0, vec!["token-wrapped"]));
    run.assert_finding_contains(
        "token-wrapped",
        &["white space around it", "would refuse", "print it"],
    );
}

#[test]
fn wrapped_token_inside_ci_fails() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (case, value, words) in wrapped(&world.token()) {
        for (name, set) in IN_CI {
            let run =
                world.doctor_without_token().arg("-").stdin(value.clone()).env(name, set).json();
            assert_eq!((run.status, run.root_cause()), (1, Some("token-wrapped")), "{case}");
            assert_eq!(run.classification("token-wrapped"), ["input", "error", "input"], "{case}");
            run.assert_finding_contains("token-wrapped", words);
            // The token is still decoded, so that other failures are found too.
            assert_eq!(run.check("policy")["status"], "pass", "{case}");
            assert_eq!(run.skipped_because("exchange"), Some("input"), "{case}");
        }
    }
    assert!(world.cloud.exchanges().is_empty());
}

// ------------------------------------------------------------------------------- terminal

/// Uses the pseudo-terminal of util-linux, if that is installed.
#[cfg(target_os = "linux")]
#[test]
fn token_typed_at_terminal_warns() {
    use std::process::{Command, Stdio};
    let script = std::path::Path::new("/usr/bin/script");
    let version = Command::new(script).arg("--version").output();
    if !version.is_ok_and(|v| String::from_utf8_lossy(&v.stdout).contains("util-linux")) {
        return;
    }
    let world = World::new(&platforms::GITHUB);
    let typed = |token: &str, ci: &str| {
        let doctor = program();
        let output = Command::new(script)
            .args(["-qec", &format!("'{doctor}' --offline --format json '{token}'"), "/dev/null"])
            .env_clear()
            .env("CI", ci)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let finding = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["code"] == "token-on-command-line").cloned()
    };
    let report = typed(&world.token(), "");
    let found = finding(&report).unwrap();
    assert_eq!((&found["category"], &found["severity"]), (&json!("input"), &json!("info")));
    assert!(found.to_string().contains("doctor -"), "{found}");
    assert_ne!(report["rootCause"], "token-on-command-line");
    assert_eq!(finding(&typed(&world.token(), "true")), None);
}
