//! The time limit binds computation too, and sizes are capped where values enter.
//!
//! The built debug program, with `--timeout 2s` where a command has it: no run of these takes longer
//! than 2.5 s. Every attack has a control of the same shape, just below the cap, that is judged like
//! any other.

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
/// No input makes the program hold more, in bytes.
const MEMORY: u64 = 256 << 20;
/// A token alone does not make it hold more.
const TOKEN_MEMORY: u64 = 64 << 20;

const ISSUER: &str = "https://ci.example";

/// The run, which ends in time. Other processes can only make it longer, so that the shortest of
/// a few counts.
fn in_time(prepare: impl Fn() -> Doctor, run: impl Fn(Doctor) -> Run) -> Run {
    let mut last = Duration::MAX;
    for _ in 0..8 {
        let run = run(prepare());
        if run.elapsed < TIME {
            assert!(run.peak_memory.is_none_or(|peak| peak < MEMORY), "{:?}", run.peak_memory);
            return run;
        }
        last = last.min(run.elapsed);
    }
    panic!("it took {last:?}");
}

/// A token without a signature that anybody could check.
fn token(claims: &Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut all = json!({"iss": ISSUER, "sub": "s", "aud": "a", "exp": 4_000_000_000_u32});
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    // A signature of the length that RSA with 2048 bits makes, and unlike all claims here: whatever
    // looks like it is hidden.
    let signature = "Bk3x".repeat(85) + "Bg";
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(all.to_string()))
}

/// An entry with these rules.
fn entry(decision: &str, rules: impl IntoIterator<Item = (String, String)>) -> Value {
    let rules: Map<String, Value> =
        rules.into_iter().map(|(claim, pattern)| (claim, pattern.into())).collect();
    json!({"decision": decision, "tokenType": "organization", "rules": rules})
}

fn rule(decision: &str, claim: &str, pattern: &str) -> Value {
    entry(decision, [(claim.to_owned(), pattern.to_owned())])
}

/// A policy file of one issuer.
fn policy(entries: &[Value]) -> String {
    json!({"issuers": [{"url": ISSUER, "policies": entries}]}).to_string()
}

/// A diagnosis of a token by a policy file, without a network. The bundle's own tests are elsewhere:
/// here it is only written.
fn judged(token: &str, policy: &str) -> Doctor {
    Doctor::bare()
        .file("t.jwt", token)
        .file("policy.json", policy)
        .args(["--offline", "--policy", "policy.json", "--oidc-org", "acme", "--timeout", TIMEOUT])
        .args(["--pulumi-version", "3.259.0", "--bundle", "bundle.json", "file://t.jwt"])
}

/// The run is refused because of its policy file, with place and words.
fn refused(policy: &str, told: &[&str]) {
    let run = in_time(|| judged(&token(&json!({})), policy), Doctor::json);
    assert_eq!(run.status, 2, "{}", run.stdout);
    for part in told {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}
