//! `doctor triage` finds common forms of secrets in logs, reports kind, file and line, and prints
//! none of them. Placeholders, names and words are no secrets.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Doctor;

const OPAQUE: &str = "q7X2mlk9Fhd3vbZ8w4nCt6yr";
const HEX: &str = "5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f90125ec4e7a1b2c3d4e5f6071829";

/// Lines in which a name marks the secret. `@` stands for [`OPAQUE`].
const NAMED: &[&str] = &[
    "SYSTEM_ACCESSTOKEN=@",
    "export SYSTEM_ACCESSTOKEN=\"@\"",
    "  SYSTEM_ACCESSTOKEN: @",
    "token: @",
    "  - password: '@'",
    "  access_token: \"@\",",
    "{\"accessToken\":\"@\"}",
    "{\"level\":\"debug\", \"client-secret\" : \"@\"}",
    "DEBUG env {'clientSecret': '@'}",
    "body={\\\"refreshToken\\\":\\\"@\\\"}",
    "+ mysql --password @ --host db",
    "+ deploy --api-token=@ --verbose",
    "+ app -token @",
    "GET /callback?code=@&state=1",
    "GET /x?a=1&access_token=@",
    "+ curl -u jenkins:@ https://nexus.test/x",
    "curl --user 'jenkins:@' https://nexus.test/x",
    "curl -sSf -H 'PRIVATE-TOKEN: @' https://gitlab.test/api/v4",
    "> PRIVATE-TOKEN: @",
    "X-Api-Key: @",
    "> x-api-key: @",
    "JOB-TOKEN: @",
    "X-Vault-Token: @",
    "//registry.npmjs.org/:_authToken=@",
    "_auth = @",
    "Endpoint=sb://acme.servicebus.test/;SharedAccessKeyName=Root;SharedAccessKey=@=",
    "AccountName=acme;AccountKey=@/@==;EndpointSuffix=core.test",
    "$env:CLIENT_SECRET = '@'",
    "$Env:ARM_ACCESS_KEY=\"@\"",
    "set DB_PASSWORD=@",
    "PUT https://acme.blob.test/c?sv=2024&sig=@%2Bab%3D&se=2026",
    "Set-Cookie: session=@; Path=/",
    "<password>@</password>",
    "client_secret%3D@",
    "docker login -u ci -p @ registry.test",
    "AZURE_DEVOPS_EXT_PAT=@",
    "npm config set apiKey=@",
    "servicePrincipalKey=@",
    "password := \"@\"",
    "{\"SecretAccessKey\": \"@\"}",
    "client_assertion=@",
];

/// Lines with a secret of a known form, and the secret.
const SHAPED: &[(&str, &str)] = &[
    ("got glptt-0123456789abcdef0123456789abcdef01234567", "glptt-0123456789abcdef"),
    (
        "using dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef",
    ),
    ("auth dapi0123456789abcdef0123456789abcdef", "0123456789abcdef"),
    (
        "POST https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/q7X2mlk9Fhd3vbZ8",
        "B0BBBBBBB/q7X2mlk9Fhd3vbZ8",
    ),
    ("path ghp_0123456789abcdefghijABCDEFGHIJ012345/repo", "ghp_0123456789abcdefghij"),
    ("xoxb-123456789012-q7X2mlk9Fhd3vbZ8", "q7X2mlk9Fhd3vbZ8"),
    ("npm_0123456789abcdefghijABCDEFGHIJ012345", "0123456789abcdefghij"),
    ("pypi-AgEIcHlwaS5vcmcCJDAxMjM0NTY3ODlh", "cHlwaS5vcmcCJDAxMjM0NTY3ODlh"),
    ("hvs.CAESIJ0123456789abcdefABCDEF0123", "0123456789abcdefABCDEF"),
    ("sk-proj-q7X2mlk9Fhd3vbZ8w4nCt6yr0123", "q7X2mlk9Fhd3vbZ8w4nCt6yr"),
    ("key id AKIAIOSFODNN7EXAMPL3 was used", "AKIAIOSFODNN7EXAMPL3"),
    ("token%3Dghs_0123456789abcdefghijABCDEFGHIJ012345", "0123456789abcdefghij"),
];

/// Lines without a secret.
const HARMLESS: &[&str] = &[
    "SYSTEM_ACCESSTOKEN=***",
    "SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
    "  PULUMI_ACCESS_TOKEN: ${{ secrets.PULUMI_ACCESS_TOKEN }}",
    "export TOKEN=$TOKEN_OF_THE_JOB",
    "export TOKEN=\"${TOKEN_OF_THE_JOB}\"",
    "$env:TOKEN = $env:SYSTEM_ACCESSTOKEN",
    "set TOKEN=%SYSTEM_ACCESSTOKEN%",
    "--password <your-password>",
    "--password xxxxxxxx",
    "password=changeme",
    "password=[REDACTED]",
    "token: [MASKED]",
    "client_secret=REDACTED",
    "{\"accessToken\":null,\"idToken\":\"undefined\"}",
    "{\"token\":\"***\",\"password\":\"\"}",
    "token: null",
    "password: wrong, try again",
    "SYSTEM_ACCESSTOKEN: unbound variable",
    "the access token is not valid; the token was issued for another audience",
    "requested_token_type=urn:pulumi:token-type:access_token:organization",
    "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
    "secret=my-secret-name secretName: my-secret",
    "token_file=/var/run/secrets/pulumi/token",
    "--token file:///var/run/secrets/pulumi/token",
    "Cache restored from key: Linux-node-5ec4e7a1b2c3d4e5f60718293a4b5c6d",
    "token expires: 2026-01-31T12:00:00Z, token: 1700000000",
    "if token == \"something1234\": pass",
    "curl -u $USER:$PASSWORD https://a.test; set -u; sort -u user:pw12345x",
    "curl -u user:password https://a.test/",
    "docker login -u ci -p $PASSWORD registry.test; mkdir -p build/x1y2z3",
    "PWD=/home/vsts/work/1/s OLDPWD=/home/vsts/work/1/a1b2c3",
    "PASS: TestToken1234 (0.00s)",
    "GET /callback?code=***&state=1",
    "HTTP status code=404 exit code=12345678",
    "https://docs.test/tokens?sig=none",
    "commit 5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012",
    "layer sha256:5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f90125ec4e7a1b2c3d4e5f6071829: Pull complete",
    "sk-telecom-infrastructure-production pul-production ghs_short dapihost",
    "https://hooks.slack.com/services/$SLACK_HOOK",
];

fn triage(log: &str, secrets: &[&str]) -> Value {
    let mut doctor = Doctor::bare().args(["triage", "-"]).stdin(log);
    for secret in secrets {
        doctor = doctor.secret(secret);
    }
    let run = doctor.args(["--format", "json"]).run();
    serde_json::from_str(&run.stdout).unwrap()
}

/// The lines with secrets of a kind, and the secrets of all other kinds.
fn lines_with(triage: &Value, kind: &str) -> (BTreeSet<u64>, Vec<String>) {
    let (mut found, mut others) = (BTreeSet::new(), Vec::new());
    for secret in triage["secrets"].as_array().unwrap() {
        let places = secret["places"].as_array().unwrap();
        let lines = places.iter().map(|place| place["line"].as_u64().unwrap());
        match secret["kind"] == kind {
            true => found.extend(lines),
            false => others.push(secret.to_string()),
        }
    }
    (found, others)
}

fn log(lines: impl IntoIterator<Item = String>) -> String {
    let stamped = |line| format!("2026-01-31T12:00:00.0000000Z {line}\n");
    lines.into_iter().map(stamped).collect()
}

/// The lines whose numbers, from 1, are not among those found.
fn missing(found: &BTreeSet<u64>, lines: &[String]) -> Vec<String> {
    let is_missing = |(index, _): &(usize, &String)| !found.contains(&(*index as u64 + 1));
    lines.iter().enumerate().filter(is_missing).map(|(_, line)| line.clone()).collect()
}

#[test]
fn named_secrets_are_found() {
    let secrets: Vec<String> = NAMED.iter().map(|line| line.replace('@', OPAQUE)).collect();
    for plain in [true, false] {
        let text = match plain {
            true => secrets.iter().map(|line| format!("{line}\n")).collect(),
            false => log(secrets.clone()),
        };
        let found = triage(&text, &[OPAQUE]);
        let (found, others) = lines_with(&found, "other-token");
        assert_eq!(missing(&found, &secrets), [""; 0]);
        assert_eq!(others, [""; 0]);
    }
    // The signature of a signed URL is hexadecimal.
    let aws = format!("GET https://s3.test/x?X-Amz-Credential=a&X-Amz-Signature={HEX}\n");
    let found = triage(&aws, &[HEX]);
    assert_eq!(lines_with(&found, "other-token").0, BTreeSet::from([1]));
}

#[test]
fn secrets_of_known_forms_are_found() {
    let all: Vec<String> = SHAPED.iter().map(|(line, _)| (*line).to_owned()).collect();
    let secrets: Vec<&str> = SHAPED.iter().map(|(_, secret)| *secret).collect();
    let found = triage(&log(all.clone()), &secrets);
    let (found, others) = lines_with(&found, "other-token");
    assert_eq!(missing(&found, &all), [""; 0]);
    assert_eq!(others, [""; 0]);
}

#[test]
fn placeholders_and_words_are_no_secrets() {
    for plain in [true, false] {
        let all = HARMLESS.iter().map(|line| (*line).to_owned());
        let text = match plain {
            true => all.map(|line| line + "\n").collect(),
            false => log(all),
        };
        let found = triage(&text, &[]);
        let secrets = found["secrets"].as_array().unwrap();
        let places = secrets.iter().flat_map(|secret| secret["places"].as_array().unwrap());
        let lines = places.map(|place| HARMLESS[place["line"].as_u64().unwrap() as usize - 1]);
        assert_eq!(lines.collect::<Vec<_>>(), [""; 0]);
    }
}

/// Triage quotes the message of a line, but no secret in it.
#[test]
fn quoted_messages_contain_no_secrets() {
    for (lines, planted) in [(NAMED.len(), true), (HARMLESS.len(), false)] {
        for at in 0..lines {
            let rest =
                if planted { NAMED[at].replace('@', OPAQUE) } else { HARMLESS[at].to_owned() };
            let line = format!(
                "error: problem logging in: OIDC token exchange failed: denied {rest}\n\
                 error: problem logging in: organization must be specified for token exchange\n"
            );
            if at % 4 == 0 {
                let markdown = Doctor::bare().args(["triage", "-", "--format", "markdown"]);
                let run = markdown.stdin(line.as_str()).secret(OPAQUE).run();
                assert!(run.stdout.contains("organization-missing"), "{}", run.stdout);
            }
            let found = triage(&line, &[OPAQUE]);
            assert!(found["rootCause"].is_string(), "{line}");
        }
    }
}

#[test]
fn healthy_logs_hold_no_secrets() {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/healthy");
    let healthy: Vec<String> = fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().unwrap() != "expect")
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    assert!(healthy.len() >= 30, "{} logs", healthy.len());
    let run = Doctor::bare().arg("triage").args(healthy).args(["--format", "json"]).run();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["secrets"], Value::Array(Vec::new()));
}
