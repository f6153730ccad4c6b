//! `doctor decode`: it explains a token without a network or a policy.

use serde_json::{Value, json};

use crate::support::platforms::{AZURE_ENTRA, GITHUB};
use crate::support::{Doctor, World};

fn decode(token: &str) -> Doctor {
    Doctor::bare().args(["decode", token]).secret(token)
}

#[test]
fn decode_shows_subject_parts() {
    let world = World::new(&AZURE_ENTRA);
    let run = decode(&world.token()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("token: decoded - the signature was not checked\n"));
    for part in ["Subject\n", "Azure DevOps", "service connection", "tenant", "claims", "RS256"] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    // No request is made.
    assert_eq!(world.cloud.requests().len() + world.issuer.requests().len(), 0);
}

#[test]
fn token_sources_are_all_read() {
    let token = World::new(&GITHUB).token();
    let bare = || Doctor::bare().command("decode").secret(&token);
    assert_eq!(bare().arg("-").stdin(token.clone()).run().status, 0);
    assert_eq!(bare().arg("file://t").file("t", &token).run().status, 0);
    assert_eq!(bare().args(["--token-env", "T"]).env("T", &token).run().status, 0);
    let azure = bare().env("TF_BUILD", "True").env("idToken", &token).run();
    assert_eq!(azure.status, 0, "{}", azure.stdout);
    // The policy is ignored.
    assert_eq!(bare().arg(&token).env("DOCTOR_POLICY", "none.json").run().status, 0);
}

#[test]
fn faulty_token_is_decoded_with_findings() {
    let mut world = World::new(&GITHUB);
    world.shape.claims["exp"] = json!(1);
    let run = decode(&world.token()).args(["--format", "json"]).run();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.status, 0);
    assert_eq!(report["findings"][0]["code"], "token-expired");
    assert_eq!(report["token"]["claims"]["exp"], 1);
    let checks: Vec<&Value> =
        report["checks"].as_array().unwrap().iter().map(|check| &check["id"]).collect();
    assert_eq!(checks, ["input", "token"]);
}

#[test]
fn value_without_token_ends_with_1() {
    let cases = [
        ("null", "token-not-a-token"),
        ("$(idToken)", "token-variable-unexpanded"),
        ("file://gone", "token-file-unreadable"),
        ("***", "token-masked"),
    ];
    for (value, code) in cases {
        let run = Doctor::bare().args(["decode", value]).run();
        assert_eq!(run.status, 1, "{value}: {}", run.stderr);
        assert!(run.stdout.contains(&format!("[{code}]")), "{value}: {}", run.stdout);
    }
    assert_eq!(Doctor::bare().args(["decode", "--nonsense"]).run().status, 2);
}
