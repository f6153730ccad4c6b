//! Tokens are limited to 128 KiB, from any source.

use doctor::limits::TOKEN;
use doctor::loopback::Server;
use serde_json::{Value, json};

use super::{TIMEOUT, TOKEN_MEMORY, in_time, policy, rule, token};
use crate::support::{Doctor, Response, Run, World, platforms};

/// A token of this many bytes.
fn token_of_size(bytes: usize) -> String {
    let bare = token(&json!({"x": ""}));
    let mut sized = token(&json!({"x": "a".repeat((bytes - bare.len()) / 4 * 3)}));
    // Three characters of the claim become four of base64.
    while sized.len() < bytes {
        sized.push('A');
    }
    assert_eq!(sized.len(), bytes);
    sized
}

fn assert_too_large(run: &Run) {
    run.assert_root_cause("token-not-a-token", "input", "input");
    run.assert_finding_contains("token-not-a-token", &["128 KiB"]);
    assert!(run.peak_memory.is_none_or(|peak| peak < TOKEN_MEMORY), "{:?}", run.peak_memory);
}

fn offline() -> Doctor {
    Doctor::bare().args(["--offline", "--oidc-org", "acme", "--timeout", TIMEOUT])
}

#[test]
fn files_and_pipes_are_capped() {
    for bytes in [TOKEN + 1, 900 << 10, 20 << 20] {
        let content = vec![b'a'; bytes];
        assert_too_large(&in_time(|| offline().arg("-").stdin(content.clone()), Doctor::json));
        let file = || offline().file("t", &content).arg("file://t");
        assert_too_large(&in_time(file, Doctor::json));
        let variable = || offline().file("t", &content).env("T", "file://t");
        assert_too_large(&in_time(|| variable().args(["--token-env", "T"]), Doctor::json));
    }
    // Control: a token of the largest allowed size.
    let whole = token_of_size(TOKEN);
    for doctor in [offline().arg("-").stdin(whole.clone()), offline().file("t", &whole)] {
        let named = doctor.arguments().iter().any(|argument| argument == "-");
        let doctor = if named { doctor } else { doctor.arg("file://t") };
        let run = doctor.args(["--bundle", "b.json"]).json();
        assert_eq!(run.report["token"]["claims"]["sub"], "s", "{}", run.stderr);
    }
}

#[test]
fn system_caps_arguments_and_variables() {
    // Linux itself refuses longer ones.
    let whole = token_of_size(120 << 10);
    for doctor in [
        offline().arg(&whole),
        offline().env("T", &whole).args(["--token-env", "T"]),
        offline().args(["--oidc-token", &whole]),
    ] {
        let run = doctor.secret(&whole).args(["--bundle", "b.json"]).json();
        assert_eq!(run.report["token"]["claims"]["sub"], "s", "{}", run.stderr);
    }
}

#[test]
fn platform_answer_is_capped() {
    let world = World::new(&platforms::GITHUB);
    let run = |value: String| {
        let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
        let answer = Response::json(200, &json!({"count": 1, "value": value}));
        let server = Server::start(identity, move |_| answer.clone()).unwrap();
        let url = format!("{}/idtoken/1/2?api-version=2.0", server.url());
        let doctor = || {
            world
                .doctor_without_token()
                .env("GITHUB_ACTIONS", "true")
                .env("ACTIONS_ID_TOKEN_REQUEST_URL", &url)
                .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token-9be27d10c5f3486a")
                .args(["--no-exchange", "--timeout", TIMEOUT])
        };
        in_time(doctor, Doctor::json)
    };
    assert_too_large(&run(token_of_size(TOKEN + 4)));
    let control = run(world.token());
    assert_eq!(control.codes(), [""; 0], "{}", control.stdout);
}

#[test]
fn each_ndjson_line_is_capped() {
    let lines = [
        token_of_size(TOKEN + 4),
        token(&json!({})),
        token_of_size(4 * TOKEN),
        token_of_size(TOKEN),
    ]
    .join("\n");
    let run = in_time(
        || Doctor::bare().args(["decode", "--ndjson", "-"]).stdin(lines.clone()),
        Doctor::run,
    );
    let answers: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decoded: Vec<bool> = answers.iter().map(|answer| answer["token"].is_object()).collect();
    assert_eq!(decoded, [false, true, false, true], "{}", run.stderr);
    assert!(answers[0]["findings"][0]["detail"].as_str().unwrap().contains("128 KiB"));
}

#[test]
fn large_tokens_are_read_in_time() {
    let rules = policy(&[rule("allow", "gone", "x")]);
    let encoded = |text: String| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        (0..6).fold(text, |text, _| STANDARD.encode(text))
    };
    let many: serde_json::Map<String, Value> =
        (0..8_000).map(|number| (format!("claim{number}"), json!(0))).collect();
    for (hostile, status) in [
        (token(&Value::Object(many)), 1),
        (token(&json!({"x": vec![json!([]); 30_000]})), 1),
        (encoded(token(&json!({"x": "a".repeat(15_000)}))), 1),
        ("[".repeat(TOKEN), 1),
        ("%41".repeat(TOKEN / 3), 1),
    ] {
        let run = in_time(|| super::judged(&hostile, &rules), Doctor::json);
        assert_eq!(run.status, status, "{}", run.stderr);
        assert!(run.peak_memory.is_none_or(|peak| peak < TOKEN_MEMORY), "{:?}", run.peak_memory);
        for command in ["decode", "suggest"] {
            let words: &[&str] =
                if command == "decode" { &["decode"] } else { &["policy", command] };
            let doctor = || Doctor::bare().args(words.to_vec()).file("t", &hostile).arg("file://t");
            in_time(doctor, Doctor::run);
        }
    }
}
