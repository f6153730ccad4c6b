//! The contents of support bundles. [`crate::support::Run`] checks for all diagnoses of the tests
//! that their bundles give the same result when they are judged again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::harmless::assert_harmless;
use crate::support::{Doctor, Response, Run, WHOAMI, World, platforms};

fn bundle(run: &Run) -> Value {
    serde_json::from_str(&run.file("bundle.json")).unwrap()
}

fn with_bundle(doctor: Doctor) -> Doctor {
    doctor.args(["--bundle", "bundle.json"])
}

/// Prepares a replay of a bundle with this text.
fn replay(text: impl AsRef<[u8]>) -> Doctor {
    Doctor::bare().file("b.json", text).args(["replay", "b.json"])
}

fn findings(run: &Run) -> String {
    run.report["findings"].to_string()
}

// ----------------------------------------------------------------------------- the file

#[cfg(unix)]
#[test]
fn bundle_is_private_and_follows_no_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new(&platforms::GITHUB);
    let doctor = with_bundle(world.doctor()).file("kept.json", "kept");
    let path = doctor.path("bundle.json");
    symlink(doctor.path("kept.json"), &path).unwrap();
    let run = doctor.json();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.file("kept.json"), "kept");
    let found = fs::symlink_metadata(path).unwrap();
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(bundle(&run)["bundleVersion"], 1);
    assert_eq!(bundle(&run)["doctorVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(run.file("bundle.json").lines().nth(1), Some("  \"bundleVersion\": 1,"));
}

#[test]
fn unwritable_bundle_still_prints_report() {
    let world = World::new(&platforms::GITHUB);
    let run = world.doctor().args(["--bundle", "no/such/place.json"]).human();
    assert_eq!(run.status, 2);
    assert!(run.stdout.starts_with("ok Login to acme works"), "{}", run.stdout);
    assert!(run.stderr.contains("--bundle no/such/place.json: "), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn conflicting_options_are_refused() {
    let world = World::new(&platforms::GITHUB);
    let doctor = || world.doctor().arg("--no-exchange");
    for (doctor, words) in [
        (doctor().args(["--bundle", "-"]), "standard output is the report's"),
        (doctor().arg("--redact"), "add --bundle FILE or --report FILE.html"),
        (with_bundle(doctor()).args(["--output", "./bundle.json"]), "--output names the same file"),
        (replay("{}").args(["--bundle", "b", "--output", "b"]), "--output names the same file"),
    ] {
        let run = doctor.run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{words}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
}

#[test]
fn login_and_demo_write_bundles() {
    let mut world = World::new(&platforms::GITHUB);
    world.use_public_issuer();
    let token = world.token();
    let login = Doctor::bare().secret(&token).args(["login", "https://api.pulumi.com"]);
    let login = login.args(["--oidc-org=acme", "--offline", "--oidc-token", &token]);
    let run = login.args(["--bundle=bundle.json", "--redact"]).json();
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert_eq!(bundle(&run)["redacted"], true);

    let demo =
        with_bundle(Doctor::bare().args(["demo", "audience-mismatch"])).arg("--redact").json();
    let replayed = replay(demo.file("bundle.json")).json();
    assert_eq!(replayed.root_cause(), Some("audience-mismatch"));
}

// ------------------------------------------------------------------- what may be in it

#[test]
fn unread_values_are_left_out() {
    const UNKNOWN: &str = "a-value-of-an-unknown-claim";
    let mut world = World::new(&platforms::GITHUB);
    for (name, value) in [
        ("unknown", json!(UNKNOWN)),
        ("nested", json!({"inner": UNKNOWN, "list": [UNKNOWN]})),
        ("ruled", json!({"by": "the-rule", "beside": UNKNOWN})),
        ("email", json!(UNKNOWN)),
    ] {
        world.shape.claims.insert(name.to_owned(), value);
    }
    world.shape.header.insert("unknown".to_owned(), json!(UNKNOWN));
    world.shape.entry["rules"]["ruled.by"] = json!("the-rule");
    world.cloud.answer(
        WHOAMI,
        Response::json(
            200,
            &json!({
                "githubLogin": "jane", "email": UNKNOWN, "unknown": {"githubLogin": UNKNOWN},
                "organizations": [{"githubLogin": "acme", "name": UNKNOWN}],
                "tokenInfo": {"name": "ci", "organization": "acme", "unknown": UNKNOWN},
            }),
        ),
    );
    let run = with_bundle(world.doctor()).json();
    assert_eq!(run.status, 0, "{:?}", run.codes());
    let text = run.file("bundle.json");
    assert!(!text.contains(UNKNOWN), "{text}");
    let claims = &bundle(&run)["evidence"]["token"]["claims"];
    assert_eq!(claims["ruled"]["by"], "the-rule");
    // A finding may depend on whether a claim exists, and on its type.
    assert!(claims["nested"]["inner"].is_string() && claims["unknown"].is_string());
}

#[test]
fn answer_without_message_is_kept_truncated() {
    let world = World::new(&platforms::GITHUB);
    let long = "x".repeat(2000);
    world.cloud.answer(WHOAMI, Response::json(403, &json!({"detail": long, "last": "secretly"})));
    let run = with_bundle(world.doctor()).json();
    let text = run.file("bundle.json");
    assert!(text.contains("detail") && !text.contains("secretly"), "{text}");
    assert_eq!(findings(&run), findings(&replay(text).json()));
}

#[test]
fn strict_is_not_stored_in_bundle() {
    let world = World::new(&platforms::GITHUB);
    let doctor = || with_bundle(world.doctor()).arg("--insecure");
    let (lax, strict) = (doctor().json(), doctor().arg("--strict").json());
    assert_eq!((lax.status, strict.status), (0, 1));
    let again = replay(strict.file("bundle.json"));
    assert_eq!(again.json().status, 0);
    let again = replay(lax.file("bundle.json")).arg("--strict").json();
    assert_eq!((again.status, again.root_cause()), (1, Some("backend-insecure")));
}

// ---------------------------------------------------------------------------- redaction

/// Realistic names, long enough not to occur by chance.
const NAMES: [&str; 8] = [
    "umbrella-holdings",
    "umbrella",
    "holdings",
    "widget-factory",
    "janine-example",
    "skunkworks",
    "jane.doe@umbrella.example",
    "gitlab.umbrella.example",
];

fn world_with_names() -> World {
    let mut world = World::new(&platforms::GITHUB);
    let claims = &mut world.shape.claims;
    for (name, value) in [
        ("sub", "repo:umbrella-holdings/widget-factory:environment:skunkworks"),
        ("repository", "umbrella-holdings/widget-factory"),
        ("repository_owner", "umbrella-holdings"),
        ("actor", "janine-example"),
        ("email", "jane.doe@umbrella.example"),
        ("aud", "urn:pulumi:org:umbrella-holdings"),
    ] {
        claims.insert(name.to_owned(), json!(value));
    }
    world.shape.entry["rules"] = json!({
        "aud": "urn:pulumi:org:umbrella-holdings",
        "sub": "repo:umbrella-holdings/widget-?actory:environment:skunkworks-staging",
        "email": "*@UMBRELLA.example",
    });
    world
}

fn doctor_with_names(world: &World) -> Doctor {
    let mut policy = world.policy();
    policy["organization"] = json!("umbrella-holdings");
    with_bundle(world.doctor())
        .file("policy.json", policy.to_string())
        .option("--oidc-org", "umbrella-holdings")
        .args(["--oidc-team", "skunkworks", "--offline"])
        .env("PULUMI_BACKEND_URL", "https://pulumi.gitlab.umbrella.example")
        .file(
            "../home/.pulumi/credentials.json",
            "{\"current\": \"https://gitlab.umbrella.example\"}",
        )
}

fn assert_names_are_gone(text: &str) {
    let text = text.to_lowercase();
    for name in NAMES {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

#[test]
fn redacted_bundle_has_same_codes() {
    let mut world = world_with_names();
    let entry = &mut world.shape.entry;
    entry["tokenType"] = json!("team");
    entry["teamName"] = json!("skunk*");
    let run = doctor_with_names(&world).json();
    assert_eq!(run.root_cause(), Some("subject-mismatch"), "{:?}", run.codes());
    assert!(run.file("bundle.json").contains("umbrella-holdings"));
    let redacted = doctor_with_names(&world).arg("--redact").json();
    let text = redacted.file("bundle.json");
    assert_names_are_gone(&text);
    assert_eq!(findings(&redacted).len(), findings(&run).len(), "the report keeps the names");

    let again = replay(&text).json();
    assert_eq!(again.codes(), run.codes());
    let failing_claim = |run: &Run| {
        let proofs = run.finding("subject-mismatch")["evidence"].as_array().unwrap().clone();
        let differs = proofs
            .iter()
            .find(|proof| proof["what"] == "differs from")
            .unwrap_or_else(|| panic!("{proofs:?}"));
        differs["where"].as_str().unwrap().split(',').next().unwrap().to_owned()
    };
    assert_eq!(failing_claim(&again), failing_claim(&run));
    assert_eq!(
        run.report["policy"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| &r["matched"])
            .collect::<Vec<_>>(),
        again.report["policy"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| &r["matched"])
            .collect::<Vec<_>>(),
    );
    // A name has the same pseudonym everywhere.
    let evidence = &bundle(&redacted)["evidence"];
    let organization = evidence["login"]["organization"].as_str().unwrap();
    let claims = &evidence["token"]["claims"];
    assert_eq!(claims["aud"], format!("urn:pulumi:org:{organization}"));
    assert_eq!(claims["repository_owner"], organization);
    let subject = claims["sub"].as_str().unwrap();
    let repository = claims["repository"].as_str().unwrap();
    assert!(subject.starts_with(&format!("repo:{repository}:environment:")), "{subject}");
}

/// A pseudonym shows the kind of the name.
#[test]
fn pseudonyms_have_kind_and_number() {
    let run = doctor_with_names(&world_with_names()).arg("--redact").json();
    let evidence = &bundle(&run)["evidence"];
    let organization = evidence["login"]["organization"].as_str().unwrap();
    assert!(organization.starts_with("org-"), "{organization}");
    let team = evidence["login"]["team"].as_str().unwrap();
    assert!(team.starts_with("env-") || team.starts_with("team-"), "{team}");
    let claims = &evidence["token"]["claims"];
    let repository = claims["repository"].as_str().unwrap();
    assert!(repository.starts_with(&format!("{organization}/repo-")), "{repository}");
    assert!(claims["actor"].as_str().unwrap().starts_with("user-"), "{claims}");
    // A pattern keeps its wildcard, and has the same beginning as the value.
    let rules = &evidence["policy"]["document"]["issuers"][0]["policies"][0]["rules"];
    let rule = rules.as_array().unwrap().iter().find(|rule| rule["claim"] == "sub").unwrap();
    let (start, _) = rule["pattern"].as_str().unwrap().split_once('?').unwrap();
    assert!(claims["sub"].as_str().unwrap().starts_with(start), "{start} {claims}");
}

/// If the codes of the run and the replay differ, both are shown.
#[test]
fn replay_shows_recorded_codes_that_differ() {
    let run = doctor_with_names(&world_with_names()).arg("--redact").json();
    let mut written = bundle(&run);
    assert_eq!(written["recorded"]["rootCause"], json!(run.root_cause()));
    assert_eq!(written["recorded"]["codes"], json!(run.codes()));
    assert_eq!(replay(written.to_string()).json().report["recorded"], written["recorded"]);
    let sentence = "With the original names, the run found policy-denied";
    assert!(!replay(written.to_string()).human().stdout.contains(sentence));
    written["recorded"]["codes"] = json!(["policy-denied", "##vso[x]\u{202e}"]);
    for format in ["human", "markdown"] {
        let shown = replay(written.to_string()).args(["--format", format]).run().stdout;
        assert!(shown.contains("With the original names, the run found policy-denied"), "{shown}");
        assert_harmless(&shown, format);
    }
}

#[test]
fn replay_can_redact_and_stays_redacted() {
    let world = world_with_names();
    let text = doctor_with_names(&world).json().file("bundle.json");
    let replayed = with_bundle(replay(&text)).json();
    assert_eq!(replayed.file("bundle.json"), text);
    let redacted = with_bundle(replay(&text)).arg("--redact").json().file("bundle.json");
    assert_names_are_gone(&redacted);
    let again = with_bundle(replay(&redacted)).json();
    assert_eq!(bundle(&again)["redacted"], true);
    assert_eq!(again.file("bundle.json"), redacted);
}

/// The names of every kind are in a claim, in a rule on it, in a file's name and in an answer.
#[test]
fn no_kind_of_name_survives() {
    const VALUES: [(&str, &str); 9] = [
        ("email", "jane.doe@umbrella.example"),
        ("tenant", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3"),
        (
            "url",
            "https://gitlab.umbrella.example:8443/holdings/widget-factory?user=janine-example#x",
        ),
        ("internal", "https://10.20.30.40/skunkworks"),
        ("address", "192.168.47.11"),
        ("address6", "fd12:3456:789a::1"),
        ("path", "/home/janine-example/skunkworks/token.jwt"),
        ("windows", "C:\\Users\\janine-example\\skunkworks"),
        ("spiffe", "spiffe://umbrella.example/ns/skunkworks/sa/janine-example"),
    ];
    let mut world = World::new(&platforms::GITHUB);
    for (name, value) in VALUES {
        world.shape.claims.insert(name.to_owned(), json!(value));
        world.shape.entry["rules"][name] = json!(value);
    }
    let message = VALUES.map(|(_, value)| format!("not {value}.")).join(" ");
    world.cloud.answer(WHOAMI, Response::json(403, &json!({ "message": message })));
    let doctor = || {
        let policy = "skunkworks-policy.json";
        let doctor = with_bundle(world.doctor()).file(policy, world.policy().to_string());
        doctor.option("--policy", policy)
    };
    let (run, redacted) = (doctor().json(), doctor().arg("--redact").json());
    let text = redacted.file("bundle.json");
    assert_names_are_gone(&text);
    let ids = ["8e3b2c4d", "10.20.30.40", "192.168.47.11", "fd12:3456", "umbrella.example", "doe"];
    for id in ids {
        assert!(run.file("bundle.json").contains(id), "{id}");
        assert!(!text.contains(id), "{id} in {text}");
    }
    // Equal values stay equal, so every rule still matches.
    let claims = &bundle(&redacted)["evidence"]["token"]["claims"];
    let rules = &bundle(&redacted)["evidence"]["policy"]["document"]["issuers"][0]["policies"][0];
    let values: Vec<&Value> = claims.as_object().unwrap().values().collect();
    let rules = rules["rules"].as_array().unwrap();
    assert!(rules.len() > VALUES.len());
    for rule in rules {
        assert_eq!(rule["compared"], true, "{rule}");
        assert!(values.contains(&&rule["pattern"]), "{rule} {claims}");
    }
    assert_eq!(replay(&text).json().codes(), run.codes());
}

/// The message of a refusal contains names, and Entra's subjects contain them in base64.
#[test]
fn redaction_covers_messages_and_entra() {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.shape.entry["rules"]["sub"] = json!("sc://umbrella-holdings/widget-factory/skunkworks");
    let message = "organization umbrella-holdings: access denied to janine-example";
    world.cloud.answer(WHOAMI, Response::json(403, &json!({ "message": message })));
    let run = with_bundle(world.doctor()).args(["--redact", "--no-exchange"]).json();
    let text = run.file("bundle.json");
    assert_names_are_gone(&text);
    let tenant = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
    for name in [tenant, "TSw7jmAffkqbUsDU5vihsw", "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    let again = replay(&text).json();
    let says = |run: &Run, code: &str| run.finding(code)["evidence"].to_string();
    let pseudonym = bundle(&run)["evidence"]["token"]["claims"]["tid"].as_str().unwrap().to_owned();
    assert!(says(&again, "subject-mismatch").contains(&pseudonym));
    assert!(again.report["findings"].to_string().contains("the same as token claim tid"));
}

/// Fields of standards keep the values that the standards define, and no others.
#[test]
fn nonstandard_values_of_standard_fields_are_replaced() {
    let mut world = World::new(&platforms::GITHUB);
    for name in ["typ", "cty"] {
        world.shape.header.insert(name.to_owned(), json!("umbrella"));
    }
    world.shape.claims.insert("event_name".to_owned(), json!("workflow_dispatch"));
    world.shape.claims.insert("runner_environment".to_owned(), json!("umbrella"));
    world.shape.entry["rules"]["event_name"] = json!("workflow_*");
    let doctor = || {
        let doctor = world.doctor().args(["--oidc-expiration", "umbrella", "--no-exchange"]);
        with_bundle(doctor.option("--pulumi-version", "3.259.0-umbrella.1+umbrella"))
    };
    let (plain, run) = (doctor().json(), doctor().arg("--redact").json());
    let text = run.file("bundle.json");
    assert_names_are_gone(&text);
    let evidence = &bundle(&run)["evidence"];
    let claims = &evidence["token"]["claims"];
    assert_eq!(evidence["token"]["header"]["alg"], "RS256");
    assert_eq!(
        (&claims["event_name"], &claims["ref_type"]),
        (&json!("workflow_dispatch"), &json!("branch"))
    );
    let version = evidence["login"]["cli"]["version"].as_str().unwrap();
    assert!(version.starts_with("3.259.0-") && version.contains(".1+"), "{version}");
    assert_eq!(replay(text).json().codes(), plain.codes());
}

/// A rule's pattern still matches a boolean claim.
#[test]
fn booleans_are_not_replaced() {
    for pattern in ["true", "false"] {
        let mut world = World::new(&platforms::GITHUB);
        world.shape.claims.insert("nightly".to_owned(), json!(true));
        world.shape.entry["rules"]["nightly"] = json!(pattern);
        let run = with_bundle(world.doctor()).arg("--redact").json();
        let again = replay(run.file("bundle.json")).json();
        assert_eq!(again.codes(), run.codes(), "{pattern}");
        assert_eq!(run.root_cause().is_none(), pattern == "true");
    }
}

/// The name of an organization may be a number, or a word of platforms or messages.
#[test]
fn names_that_are_also_words_are_replaced() {
    for name in ["4711", "admin", "openid", "cloud", "agent", "pull_request"] {
        let mut world = World::new(&platforms::GITHUB);
        let subject = format!("repo:{name}/{name}:ref:refs/heads/{name}");
        let audience = format!("urn:pulumi:org:{name}");
        world.shape.claims.insert("sub".to_owned(), json!(subject));
        world.shape.claims.insert("aud".to_owned(), json!(audience));
        world.shape.claims.insert("repository_owner".to_owned(), json!(name));
        world.shape.entry["rules"] = json!({"aud": audience, "sub": subject});
        let mut policy = world.policy();
        policy["organization"] = json!(name);
        let doctor = with_bundle(world.doctor()).file("policy.json", policy.to_string());
        let run = doctor.option("--oidc-org", name).arg("--redact").json();
        // The message of the test's Pulumi Cloud contains the name.
        assert_eq!(run.root_cause(), Some("organization-unknown"), "{name}: {:?}", run.codes());
        assert_eq!(replay(run.file("bundle.json")).json().codes(), run.codes());
        let evidence = &bundle(&run)["evidence"];
        let organization = evidence["login"]["organization"].as_str().unwrap();
        assert_ne!(organization, name);
        let claims = &evidence["token"]["claims"];
        assert_eq!(claims["aud"], format!("urn:pulumi:org:{organization}"));
        assert_eq!(
            claims["sub"],
            format!("repo:{organization}/{organization}:ref:refs/heads/{organization}")
        );
        let exchange = evidence["cloud"]["exchange"].to_string();
        assert!(exchange.contains(&format!("invalid organization {organization}")), "{exchange}");
    }
}

#[test]
fn only_documented_kubernetes_claims_are_kept() {
    let mut world = World::new(&platforms::GITHUB);
    let claim = json!({
        "namespace": "ci", "pod": {"name": "up-0", "secret": "left-out"}, "secret": "left-out",
    });
    world.shape.claims.insert("kubernetes.io".to_owned(), claim);
    let run = with_bundle(world.doctor()).json();
    let claim = &bundle(&run)["evidence"]["token"]["claims"]["kubernetes.io"];
    assert_eq!((&claim["namespace"], &claim["pod"]["name"]), (&json!("ci"), &json!("up-0")));
    assert!(claim["secret"].is_string() && !run.file("bundle.json").contains("left-out"));
}

// ---------------------------------------------------------------------- what can be read

#[test]
fn bundle_version_zero_is_refused() {
    let text = fixture("healthy.json").replace("\"bundleVersion\": 1", "\"bundleVersion\": 0");
    let run = replay(text).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("replay b.json: bundle versions begin with 1"), "{}", run.stderr);
}

#[test]
fn newer_bundle_names_its_doctor_once() {
    let doctor = format!("9.1.0-{}", "x".repeat(5000));
    let newer = json!({"bundleVersion": 2, "doctorVersion": doctor, "evidence": []});
    let run = replay(newer.to_string()).run();
    assert!(run.stderr.len() < 300, "{}", run.stderr);
    assert_eq!(run.stderr.matches("9.1.0").count(), 1, "{}", run.stderr);
}

#[test]
fn bundle_from_stdin_is_capped() {
    let run = Doctor::bare().args(["replay", "-"]).stdin(" ".repeat((128 << 20) + 1)).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("standard input is longer than"), "{}", run.stderr);
}

#[test]
fn token_given_as_bundle_is_reported() {
    let token = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl";
    let run = Doctor::bare().args(["replay", token]).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("that is a token, not a bundle: `doctor TOKEN`"), "{}", run.stderr);
    assert!(!run.stderr.contains("eyJ"), "{}", run.stderr);
}

#[test]
fn malformed_bundle_is_refused_with_place() {
    let newer = json!({"bundleVersion": 2, "doctorVersion": "9.1.0", "evidence": []});
    let broken = json!({
        "bundleVersion": 1, "doctorVersion": "0.1.0", "redacted": false, "evidence": {"now": 7},
    });
    for (text, words) in [
        ("", "replay b.json:1:0: "),
        ("{\n  \"bundleVersion\": 1,\n  oops", "replay b.json:3:3: "),
        (
            "{}",
            "replay b.json:1:2: not a support bundle (--bundle writes one): missing field \
             `bundleVersion`",
        ),
        ("eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl", "replay b.json:1:1: "),
        (&broken.to_string(), "replay b.json:1:"),
        (&newer.to_string(), "replay b.json: doctor 9.1.0 wrote it"),
        ("\u{feff}{}", "missing field"),
    ] {
        let run = replay(text).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{text}");
        assert!(run.stderr.contains(words), "{text}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    let run = replay(b"\xff").run();
    assert!(run.status == 2 && run.stderr.contains("not UTF-8"), "{}", run.stderr);
    let run = Doctor::bare().args(["replay", "nowhere.json"]).run();
    assert!(run.status == 2 && run.stderr.contains("nowhere.json: no such file"), "{}", run.stderr);
    let run = Doctor::bare().args(["replay", "."]).run();
    assert!(run.status == 2 && run.stderr.contains("directory"), "{}", run.stderr);
}

#[test]
fn bundle_is_read_from_stdin() {
    let run = Doctor::bare().args(["replay", "-"]).stdin(fixture("healthy.json")).json();
    assert_eq!((run.status, run.root_cause()), (0, None));
}

/// Bundles as version 1 wrote them. They are never edited: the program must read them and reach the
/// same verdict.
const VERSION_1: [(&str, Option<&str>, i32); 6] = [
    ("azure-audience-mismatch.json", Some("audience-mismatch"), 1),
    ("azure-audience-mismatch-redacted.json", Some("audience-mismatch"), 1),
    ("github-subject-mismatch.json", Some("subject-mismatch"), 1),
    ("github-subject-mismatch-redacted.json", Some("subject-mismatch"), 1),
    ("healthy.json", None, 0),
    ("unreachable-issuer.json", Some("issuer-unreachable"), 1),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles/v1")
}

fn fixture(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap()
}

#[test]
fn old_bundles_replay_the_same() {
    for (name, root_cause, status) in VERSION_1 {
        let run = replay(fixture(name)).json();
        assert_eq!((run.root_cause(), run.status), (root_cause, status), "{name}");
        assert_eq!(serde_json::from_str::<Value>(&fixture(name)).unwrap()["bundleVersion"], 1);
    }
    let mut known: Vec<&str> = VERSION_1.iter().map(|(name, ..)| *name).collect();
    let mut existing: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    known.sort_unstable();
    existing.sort_unstable();
    assert_eq!(existing, known);
}

/// Each release has a bundle of its demo with the codes that it found. `UPDATE=1` writes that of
/// this version; those of earlier ones are never changed.
#[test]
fn every_release_has_bundle_that_replays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles/releases");
    let own = folder.join(format!("{}.json", env!("CARGO_PKG_VERSION")));
    if std::env::var_os("UPDATE").is_some() && !own.exists() {
        fs::create_dir_all(&folder).unwrap();
        let words = ["demo", "--redact", "--bundle", own.to_str().unwrap()];
        assert_eq!(Doctor::bare().args(words).run().status, 1);
    }
    assert!(own.exists(), "{}: UPDATE=1 writes it", own.display());
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let text = fs::read_to_string(&file).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        let version = file.file_stem().unwrap().to_str().unwrap();
        assert_eq!(kept["doctorVersion"], version);
        let run = replay(&text).json();
        assert_eq!(run.root_cause(), kept["recorded"]["rootCause"].as_str(), "{version}");
        assert_eq!(json!(run.codes()), kept["recorded"]["codes"], "{version}");
        let expected = format!("doctor {version}; its names are pseudonyms.");
        assert!(replay(&text).human().stdout.replace("\n ", "").contains(&expected), "{version}");
    }
}
