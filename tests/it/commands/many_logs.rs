//! `doctor triage --ndjson`: many logs, one per line.

use serde_json::{Value, json};

use crate::support::Doctor;

const FAILURE: &str = "+ pulumi login --oidc-token *** --oidc-org acme\n\
                       error: problem logging in: cannot perform token exchange when an access token \
                       is set as environment variable\n";

fn triage(lines: &[String]) -> Doctor {
    Doctor::bare().args(["triage", "--ndjson", "-"]).stdin(lines.join("\n"))
}

fn lines() -> Vec<String> {
    vec![
        json!({"id": "run 7", "log": FAILURE}).to_string(),
        json!("all is well").to_string(),
        "a plain line".to_owned(),
        "{\"log\": ".to_owned(),
    ]
}

#[test]
fn every_line_is_answered_in_order() {
    let run = triage(&lines()).run();
    assert_eq!((run.status, &*run.stderr), (0, "1 with a failure, 2 without, 1 bad\n"));
    let answers: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = answers
        .iter()
        .map(|answer| (answer["line"].clone(), answer["rootCause"].clone()))
        .collect();
    let null = Value::Null;
    assert_eq!(
        seen,
        [
            (json!(1), json!("access-token-set")),
            (json!(2), null.clone()),
            (json!(3), null.clone()),
            (json!(4), null),
        ]
    );
    assert_eq!(answers[0]["id"], "run 7");
    assert_eq!(answers[1].get("id"), None);
    let problems: Vec<bool> = answers.iter().map(|answer| answer["problem"].is_string()).collect();
    assert_eq!(problems, [false, false, false, true]);
}

#[test]
fn object_without_log_is_bad() {
    for line in [r#"{"id": 7}"#, r#"{"id": 7, "log": 1}"#, r#"{"id": 7, "token": "x"}"#] {
        let run = triage(&[line.to_owned()]).args(["--fail-on", "unhealthy"]).run();
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((run.status, &answer["id"]), (1, &json!(7)), "{line}");
        assert_eq!(answer["problem"], "the object has no log that is a string", "{line}");
    }
}

#[test]
fn answer_equals_single_triage() {
    let many = triage(&lines()[..1]).run();
    let mut answer: Value = serde_json::from_str(&many.stdout).unwrap();
    let alone = Doctor::bare().args(["triage", "--format", "json", "-"]).stdin(FAILURE).run();
    for key in ["line", "id"] {
        answer.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(answer, serde_json::from_str::<Value>(&alone.stdout).unwrap());
}

#[test]
fn fail_on_unhealthy_sets_status() {
    assert_eq!(triage(&lines()).args(["--fail-on", "unhealthy"]).run().status, 1);
    assert_eq!(triage(&lines()[1..3]).args(["--fail-on", "unhealthy"]).run().status, 0);
}

#[test]
fn secrets_and_hostile_text_stay_inside() {
    let secret = "pul-0123456789abcdef0123456789abcdef01234567";
    let log = format!("{FAILURE}PULUMI_ACCESS_TOKEN={secret}\n##vso[task.complete]\u{1b}[2J\n");
    let run = triage(&[json!({ "log": log }).to_string()]).secret(secret).run();
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(!run.stdout.contains("##vso["), "{}", run.stdout);
}
