//! Measures how many tokens the program judges per minute: `cargo bench --bench many`.
//!
//! `doctor policy test --ndjson --jwks`, which verifies each token and evaluates the policy, and
//! `doctor decode --ndjson`, which does neither, read tokens with RS256 signatures. They are
//! compared with the time for only verifying the same signatures on the same cores.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use doctor::loopback::SigningKey;
use doctor::oidc::jwt;
use doctor::oidc::signature::verify;
use serde_json::{Value, json};
use support::{KID, doctor, is_listing, print_machine, row, token};

const TOKENS: usize = 100_000;
/// The number of different tokens, which are repeated: signing takes ten times as long as
/// verifying.
const DIFFERENT_TOKENS: usize = 1_000;
const ROUNDS: usize = 3;

fn main() {
    if is_listing() {
        return;
    }
    let key = SigningKey::generate("RS256").unwrap();
    let keys = json!({"keys": [key.jwk(KID).unwrap()]});
    let tokens: Vec<String> = (0..DIFFERENT_TOKENS)
        .map(|number| token(&key, &format!("repo:acme/app-{number}:ref:refs/heads/main")))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut lines = BufWriter::new(File::create(here.join("tokens")).unwrap());
    for token in tokens.iter().cycle().take(TOKENS) {
        writeln!(lines, "{token}").unwrap();
    }
    lines.into_inner().unwrap();
    std::fs::write(here.join("keys.json"), keys.to_string()).unwrap();
    let entry = json!({
        "decision": "allow", "tokenType": "organization",
        "rules": {"aud": "urn:pulumi:org:acme", "sub": "repo:acme/*:ref:refs/heads/main"},
    });
    let issuer = "https://token.actions.githubusercontent.com";
    let policy = json!({"issuers": [{"url": issuer, "policies": [entry]}]});
    std::fs::write(here.join("policy.json"), policy.to_string()).unwrap();

    let run = |arguments: &str| {
        let started = Instant::now();
        let status = Command::new(doctor())
            .args(arguments.split(' '))
            .args(["--ndjson", "file://tokens"])
            .env_clear()
            .current_dir(here)
            .stdout(File::create(here.join("answers")).unwrap())
            .stderr(Stdio::inherit())
            .status();
        let elapsed = started.elapsed();
        assert!(status.unwrap().success());
        elapsed
    };
    let test = "policy test --policy policy.json --jwks keys.json --oidc-org acme";
    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        let round = [run(test), run("decode"), verify_all(&tokens, &keys)];
        best = [0, 1, 2].map(|index| best[index].min(round[index]));
    }
    print_machine();
    let [tested, decoded, verified] = best;
    for (name, took) in
        [("`doctor policy test --ndjson --jwks`", tested), ("`doctor decode --ndjson`", decoded)]
    {
        let minute = TOKENS as f64 / took.as_secs_f64() * 60.0;
        let ratio = took.as_secs_f64() / verified.as_secs_f64();
        row(name, &format!("{minute:.0} tokens a minute"), ratio, "verifying alone");
    }
}

/// Verifies the same number of signatures on all cores. Returns the time.
fn verify_all(tokens: &[String], keys: &Value) -> Duration {
    let decoded: Vec<_> =
        tokens.iter().map(|token| jwt::read(token.as_bytes(), true).unwrap()).collect();
    let cores = thread::available_parallelism().unwrap().get();
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                for decoded in decoded.iter().cycle().take(TOKENS / cores) {
                    let result = verify(&decoded.compact, &decoded.token, keys);
                    assert!(matches!(result, doctor::evidence::Signature::Verified { .. }));
                }
            });
        }
    });
    started.elapsed()
}
