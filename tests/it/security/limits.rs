//! Computation ends within the time limit, and sizes are limited where values are read.
//!
//! The tests run the debug program, with `--timeout 2s` if the command has the option; no run takes
//! longer than 2.5 s. Every attack has a control of the same shape, just below the limit, which is
//! judged normally.

mod counts;
mod packed;
mod patterns;
mod tokens;
mod work;

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::{Doctor, Run};

/// The limit of these runs.
const TIMEOUT: &str = "2s";
const TIME: Duration = Duration::from_millis(2_500);
/// The limit of memory for any input, in bytes.
const MEMORY: u64 = 256 << 20;
/// The limit of memory for a token alone, in bytes.
const TOKEN_MEMORY: u64 = 64 << 20;

const ISSUER: &str = "https://ci.example";

/// Runs the program and asserts that it ends in time. Other processes can only make a run longer,
/// so the shortest of a few runs counts.
fn in_time(prepare: impl Fn() -> Doctor, run: impl Fn(Doctor) -> Run) -> Run {
    let mut shortest = Duration::MAX;
    for _ in 0..8 {
        let run = run(prepare());
        if run.elapsed < TIME {
            assert!(run.peak_memory.is_none_or(|peak| peak < MEMORY), "{:?}", run.peak_memory);
            return run;
        }
        shortest = shortest.min(run.elapsed);
    }
    panic!("it took {shortest:?}");
}

/// A token whose signature cannot be verified.
fn token(claims: &Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut all = json!({"iss": ISSUER, "sub": "s", "aud": "a", "exp": 4_000_000_000_u32});
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    // The signature has the length of RSA with 2048 bits. It must differ from all claims, because
    // text that looks like it is hidden.
    let signature = "Bk3x".repeat(85) + "Bg";
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(all.to_string()))
}

/// A policy entry with these rules.
fn entry(decision: &str, rules: impl IntoIterator<Item = (String, String)>) -> Value {
    let rules: Map<String, Value> =
        rules.into_iter().map(|(claim, pattern)| (claim, pattern.into())).collect();
    json!({"decision": decision, "tokenType": "organization", "rules": rules})
}

fn rule(decision: &str, claim: &str, pattern: &str) -> Value {
    entry(decision, [(claim.to_owned(), pattern.to_owned())])
}

/// A policy file with one issuer.
fn policy(entries: &[Value]) -> String {
    json!({"issuers": [{"url": ISSUER, "policies": entries}]}).to_string()
}

/// An offline diagnosis of a token with a policy file. The `--bundle` prevents that the bundle is
/// judged again.
fn judged(token: &str, policy: &str) -> Doctor {
    Doctor::bare()
        .file("t.jwt", token)
        .file("policy.json", policy)
        .args(["--offline", "--policy", "policy.json", "--oidc-org", "acme", "--timeout", TIMEOUT])
        .args(["--pulumi-version", "3.259.0", "--bundle", "bundle.json", "file://t.jwt"])
}

/// Asserts that the policy file is refused with these texts.
fn assert_refused(policy: &str, expected: &[&str]) {
    let run = in_time(|| judged(&token(&json!({})), policy), Doctor::json);
    assert_eq!(run.status, 2, "{}", run.stdout);
    for part in expected {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}
