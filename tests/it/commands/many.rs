//! `--ndjson`: many tokens, one per line.

use serde_json::{Value, json};

use crate::support::harmless::assert_harmless;
use crate::support::platforms::{AZURE_ENTRA, GITHUB};
use crate::support::{Doctor, KID, Run, SigningKey, World};

/// The answers of a run, one per line.
fn answers(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn policy_test(world: &World) -> Doctor {
    Doctor::bare()
        .args(["policy", "test", "--policy", "p.json", "--oidc-org", "acme"])
        .file("p.json", world.policy().to_string())
}

/// Removes the members that differ between runs.
fn without_times(mut report: Value) -> Value {
    for key in ["line", "startedAt", "durationMs"] {
        report.as_object_mut().unwrap().shift_remove(key);
    }
    report
}

#[test]
fn line_answers_equal_single_runs() {
    let mut world = World::new(&GITHUB);
    let allowed = world.token();
    let claims = Value::Object(world.shape.claims.clone()).to_string();
    world.shape.claims["sub"] = json!("repo:acme/other:ref:refs/heads/main");
    let denied = world.token();
    let (bare, _) = allowed.rsplit_once('.').unwrap();
    let tokens = [allowed.as_str(), &claims, &denied, bare, &format!("Bearer {allowed}")];
    let lines = tokens.join("\n");

    let alone: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let run = policy_test(&world).arg("-").stdin(*token).json();
            assert_eq!(run.status, i32::from(*token == denied), "{}", run.stderr);
            without_times(run.report)
        })
        .collect();
    let many =
        policy_test(&world).args(["--ndjson", "-"]).stdin(lines).secret(&allowed).secret(&denied);
    let many = many.run();
    assert_eq!((many.status, many.stderr.lines().count()), (0, 1));
    assert!(many.stderr.contains(" allowed"), "{}", many.stderr);
    let answers = answers(&many);
    let numbers: Vec<_> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    for (answer, alone) in answers.into_iter().zip(alone) {
        assert_eq!(answer.as_object().unwrap().keys().next().unwrap(), "line");
        assert_eq!(without_times(answer), alone);
    }
}

/// A token in JSON would stop the job's own login, but a line may be an object with `token`.
#[test]
fn object_with_token_is_not_wrapped() {
    let token = World::new(&GITHUB).token();
    let (bare, _) = token.rsplit_once('.').unwrap();
    let line = json!({"id": 1, "token": &bare[..bare.len() - 20]}).to_string();
    let doctor = Doctor::bare().args(["decode", "--ndjson", "-"]).env("CI", "true").stdin(line);
    let report: Value = serde_json::from_str(&doctor.run().stdout).unwrap();
    assert_eq!(report["rootCause"], "token-truncated");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
}

#[test]
fn lines_are_tokens_strings_or_objects() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let input = format!("\n\"{token}\"\r\n\r\n{}\n  \n{token}", json!({ "value": token }));
    let run = Doctor::bare()
        .args(["decode", "--ndjson", "file://t.ndjson"])
        .file("t.ndjson", input)
        .secret(&token)
        .run();
    assert_eq!((run.status, run.stderr.lines().count()), (0, 1), "{}", run.stderr);
    let seen: Vec<_> = answers(&run)
        .into_iter()
        .map(|answer| (answer["line"].clone(), answer["token"]["claims"]["sub"].clone()))
        .collect();
    let subject = &world.shape.claims["sub"];
    assert_eq!(seen, [2, 4, 6].map(|line| (json!(line), subject.clone())));
}

#[test]
fn bad_line_does_not_end_run() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let input = format!("null\n{token}\n$(idToken)\n{{\"a\": \n{}\n", "x".repeat(3 << 20));
    for (command, ok) in
        [(Doctor::bare().command("decode"), "inconclusive"), (policy_test(&world), "healthy")]
    {
        let run = command.args(["--ndjson", "-"]).stdin(input.clone()).secret(&token).run();
        assert_eq!((run.status, run.stderr.lines().count()), (0, 1), "{}", run.stderr);
        let seen: Vec<_> = answers(&run)
            .iter()
            .map(|answer| {
                let text = |key: &str| answer[key].as_str().map(str::to_owned);
                (answer["line"].as_u64().unwrap(), text("verdict").unwrap(), text("rootCause"))
            })
            .collect();
        let bad = |line, code: &str| (line, "unhealthy".to_owned(), Some(code.to_owned()));
        assert_eq!(
            seen,
            [
                bad(1, "token-not-a-token"),
                (2, ok.to_owned(), None),
                bad(3, "token-variable-unexpanded"),
                bad(4, "token-not-a-token"),
                bad(5, "token-not-a-token"),
            ]
        );
        let checks = answers(&run)[0]["checks"].as_array().unwrap().clone();
        let skipped: Vec<_> = checks.iter().skip(1).map(|check| &check["skippedBecause"]).collect();
        assert!(skipped.iter().all(|because| **because == "input"), "{skipped:?}");
    }
}

#[test]
fn fail_on_sets_status() {
    let claims = |subject: &str| json!({"iss": "https://ci.example", "sub": subject}).to_string();
    let document = "name: p\nruntime: yaml\nresources:\n  i:\n    type: pulumiservice:OidcIssuer\n    \
                    properties:\n      organization: acme\n      name: n\n      \
                    url: https://ci.example\n      policies:\n      - decision: allow\n        \
                    tokenType: organization\n        rules: {sub: good}\n      - decision: allow\n        \
                    tokenType: organization\n        rules: {sub: \"${config.team}\"}\n      \
                    - decision: deny\n        tokenType: organization\n        rules: {sub: bad}\n";
    let (good, bad, unknown) = (claims("good"), claims("bad"), claims("unknown"));
    for (lines, [unhealthy, inconclusive]) in [
        (vec![&good, &good], [0, 0]),
        (vec![&good, &unknown], [0, 3]),
        (vec![&unknown, &good, &bad], [1, 1]),
        (vec![&bad, &unknown], [1, 1]),
    ] {
        for (option, status) in
            [(None, 0), (Some("unhealthy"), unhealthy), (Some("inconclusive"), inconclusive)]
        {
            let doctor = Doctor::bare()
                .args(["policy", "test", "--policy", "p.yaml", "--oidc-org", "acme"])
                .args(["--ndjson", "-"])
                .file("p.yaml", document)
                .stdin(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            let run = option.into_iter().fold(doctor, |d, on| d.option("--fail-on", on)).run();
            let case = format!("{lines:?} {option:?}\n{}", run.stdout);
            assert_eq!((run.status, run.stderr.lines().count()), (status, 1), "{case}");
            assert_eq!(answers(&run).len(), lines.len());
        }
    }
}

#[test]
fn id_of_line_is_repeated() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let lines = format!(
        "{}\n{token}\n{}\n",
        json!({"id": "run 7", "token": token}),
        json!({"id": 8, "token": "null"})
    );
    let run = Doctor::bare().args(["decode", "--ndjson", "-"]).stdin(lines).secret(&token).run();
    let answers = answers(&run);
    let ids: Vec<_> = answers.iter().map(|answer| answer.get("id").cloned()).collect();
    assert_eq!(ids, [Some(json!("run 7")), None, Some(json!(8))]);
    assert_eq!(answers[0]["token"]["claims"]["sub"], world.shape.claims["sub"]);
}

#[test]
fn secret_in_id_is_not_shown() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let signature = token.rsplit('.').next().unwrap();
    for id in [token.as_str(), &signature[..40], &token[10..]] {
        let line = json!({"id": id, "token": token, "log": token}).to_string();
        for command in ["decode", "triage"] {
            let doctor = Doctor::bare().args([command, "--ndjson", "-"]).stdin(line.clone());
            // A piece of a signature is recognised because the line contains the whole token.
            let run = doctor.secret(&token).run();
            assert!(!run.stdout.contains(&signature[..20]), "{command}: {}", run.stdout);
        }
    }
}

#[test]
fn unreadable_line_is_answered() {
    let decode = || Doctor::bare().args(["decode", "--ndjson"]);
    for (doctor, words) in [
        (decode().arg("e30.e30.e30"), "--ndjson: the tokens come from file://PATH or from -"),
        (decode().arg("file://gone"), "file://gone: no such file"),
        (decode().arg("file://."), "file://.: is a directory"),
        (decode().arg("-").stdin("\n \n"), "standard input: it contains no token"),
        (decode().args(["-", "--format", "human"]).stdin("x"), "leave --format out"),
        (decode().args(["-", "--jwks", "none"]).stdin("x"), "--jwks none: no such file"),
    ] {
        let run = doctor.run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{words}: {}", run.stderr);
        assert!(run.stderr.contains(words) && run.stderr.lines().count() == 1, "{}", run.stderr);
    }
    for words in [&["--ndjson"] as &[&str], &["--ndjson", "-", "--output", "x"]] {
        let run = Doctor::bare().command("decode").args(words.iter().copied()).run();
        assert_eq!(run.status, 2, "{words:?}");
        assert!(run.stderr.contains("--ndjson"), "{}", run.stderr);
    }
}

#[test]
fn several_tokens_name_ndjson_option() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let run = Doctor::bare().args(["decode", "-"]).stdin(format!("{token}\n{token}\n")).run();
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("one a line, with"), "{}", run.stdout);
}

/// Claims and lines without a token contain text that a log viewer or CI agent would act on.
#[test]
fn hostile_lines_get_harmless_answers() {
    let mut world = World::new(&GITHUB);
    let hostile = "a\r\n##vso[task.setvariable variable=x]y\n::error::z\u{1b}[2J\u{202e}\u{2028}";
    world.shape.claims["sub"] = json!(hostile);
    let token = world.token();
    let lines =
        [token.clone(), json!(hostile).to_string(), json!({ "error": hostile }).to_string()];
    for doctor in [Doctor::bare().command("decode"), policy_test(&world)] {
        let run = doctor.args(["--ndjson", "-"]).stdin(lines.join("\n")).secret(&token).run();
        assert_eq!((run.status, run.stderr.lines().count()), (0, 1), "{}", run.stderr);
        assert_harmless(&run.stdout, "answers");
        let answers = answers(&run);
        assert_eq!(answers.len(), lines.len());
        assert_eq!(answers[0]["token"]["claims"]["sub"], hostile);
    }
}

// -------------------------------------------------------------------------------- signatures

/// A token of the world, one with an altered signature, and one without its signature.
fn token_variants(world: &World) -> [String; 3] {
    let token = world.token();
    let (bare, signature) = token.rsplit_once('.').unwrap();
    let altered: String = signature.chars().rev().collect();
    let (altered, bare) = (format!("{bare}.{altered}"), bare.to_owned());
    [token, altered, bare]
}

#[test]
fn given_keys_verify_signature() {
    let mut world = World::new(&AZURE_ENTRA);
    world.shape.claims["exp"] = json!(4_000_000_000_u32);
    let keys = world.issuer.jwks().to_string();
    let [token, altered, bare] = token_variants(&world);
    let other_keys =
        json!({"keys": [SigningKey::generate("RS256").unwrap().jwk("other").unwrap()]});
    let with_keys = |command: Doctor, keys: &str| command.args(["--jwks", "k"]).file("k", keys);
    for (given, keys, [decoded, allowed], words) in [
        (&token, &keys, [0, 0], "the signature verifies"),
        (&altered, &keys, [1, 1], "does not verify"),
        (&bare, &keys, [1, 3], "cut off"),
        (&token, &other_keys.to_string(), [1, 1], KID),
    ] {
        let run = with_keys(Doctor::bare().args(["decode", given]), keys).human();
        assert_eq!(run.status, decoded, "{words}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
        let run = with_keys(policy_test(&world).arg(given.clone()), keys).json();
        assert_eq!(run.status, allowed, "{words}: {}", run.stdout);
        let ids: Vec<_> = run.report["checks"].as_array().unwrap().iter().collect();
        let ids: Vec<_> = ids.iter().map(|check| check["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["registration", "keys", "signature", "policy"]);
        assert_eq!(run.report["policy"]["decision"], "allow");
    }
    let run = with_keys(policy_test(&world).arg(altered.clone()), &keys).human();
    assert!(run.stdout.starts_with("policy: denied - "), "{}", run.stdout);
    assert!(run.stdout.contains("signature-invalid"), "{}", run.stdout);
    let run = with_keys(policy_test(&world).arg(bare.clone()), &keys).human();
    assert!(run.stdout.starts_with("policy: undecided - "), "{}", run.stdout);
    assert!(run.stdout.contains("not decided: the signature is cut off"), "{}", run.stdout);
}

#[test]
fn each_signature_is_verified() {
    let world = World::new(&GITHUB);
    let [token, altered, bare] = token_variants(&world);
    let input = [&token, &altered, &bare, &token].map(|line| format!("{line}\n")).concat();
    let run = Doctor::bare()
        .args(["decode", "--jwks", "k", "--ndjson", "-"])
        .file("k", world.issuer.jwks().to_string())
        .stdin(input)
        .secret(&token)
        .secret(&altered)
        .run();
    assert_eq!((run.status, run.stderr.lines().count()), (0, 1), "{}", run.stderr);
    let statuses: Vec<_> = answers(&run)
        .iter()
        .map(|answer| {
            let checks = answer["checks"].as_array().unwrap();
            let signature = checks.iter().find(|check| check["id"] == "signature").unwrap();
            signature["status"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(statuses, ["pass", "fail", "skip", "pass"]);
}

// ----------------------------------------------------------------------------------- streaming

#[cfg(unix)]
mod streaming {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::Path;
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::support::last_screen_line;

    fn make_pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn answers_stream_before_next_token() {
        let doctor = Doctor::bare()
            .args(["decode", "--ndjson", "file://tokens"])
            .script("doctor > answers.ndjson");
        make_pipe(&doctor.path("tokens"));
        let mut running = doctor.start();
        let mut tokens = File::options().write(true).open(running.path("tokens")).unwrap();
        let written = || fs::read_to_string(running.path("answers.ndjson")).unwrap_or_default();
        for count in 1..4 {
            tokens.write_all(b"null\n").unwrap();
            let started = Instant::now();
            while written().lines().count() < count || !written().ends_with('\n') {
                assert!(started.elapsed() < Duration::from_secs(50), "answer {count}");
                thread::sleep(Duration::from_millis(5));
            }
        }
        drop(tokens);
        assert_eq!(running.end().status.code(), Some(0));
    }

    #[test]
    fn terminal_shows_progress_and_result() {
        let doctor =
            Doctor::bare().args(["decode", "--ndjson", "file://tokens"]).env("TERM", "xterm");
        make_pipe(&doctor.path("tokens"));
        let mut running = doctor.terminal().start();
        let mut tokens = File::options().write(true).open(running.path("tokens")).unwrap();
        for _ in 0..2 {
            tokens.write_all(b"null\n").unwrap();
            // The progress line appears after one second.
            thread::sleep(Duration::from_millis(1500));
        }
        drop(tokens);
        let ended = running.end();
        assert_eq!((ended.status.code(), ended.stdout.lines().count()), (Some(0), 2));
        assert!(ended.stderr.contains("2 tokens, "), "{:?}", ended.stderr);
        assert!(ended.stderr.ends_with("2 not decoded or not verified\r\n"), "{:?}", ended.stderr);
        let line = ended.stderr.strip_suffix("2 not decoded or not verified\r\n").unwrap();
        assert_eq!(last_screen_line(line), "", "the line is gone");
    }

    #[test]
    fn closed_output_ends_run() {
        let doctor = Doctor::bare()
            .args(["decode", "--ndjson", "file://tokens"])
            .script("doctor | head -n 1; exit \"${PIPESTATUS[0]}\"");
        make_pipe(&doctor.path("tokens"));
        let mut running = doctor.start();
        let mut tokens = File::options().write(true).open(running.path("tokens")).unwrap();
        // The input stays open, so that only the closed output can end the program.
        let writing = thread::spawn(move || while tokens.write_all(b"null\n").is_ok() {});
        assert_eq!(running.end().status.code(), Some(141));
        writing.join().unwrap();
    }
}
