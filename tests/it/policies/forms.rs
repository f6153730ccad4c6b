//! `--policy` accepts every form of policy document and recognizes them by content.

use serde_json::{Value, json};

use crate::support::platforms::{AZURE_ENTRA, GITHUB};
use crate::support::{Run, World};

/// The statuses of the checks `registration` and `policy`, and the policy's decision.
fn statuses_and_decision(run: &Run) -> [&str; 3] {
    let text = |value: &'_ Value| -> &'static str {
        ["pass", "skip", "fail", "allow", "deny", "unknown"]
            .into_iter()
            .find(|known| value == known)
            .unwrap_or_else(|| panic!("{value}"))
    };
    let status = |check: &str| text(&run.check(check)["status"]);
    [status("registration"), status("policy"), text(&run.report["policy"]["decision"])]
}

#[test]
fn every_form_is_recognised() {
    let world = World::new(&GITHUB);
    let own = world.policy();
    let registration = world.cloud.first_registration();
    let bare = json!({"id": "p", "version": 3, "policies": [world.shape.entry], "new": 1});
    let list = json!({"oidcIssuers": [registration], "continuationToken": null});
    let one_issuer = own["issuers"][0].clone();
    let all = ["pass", "pass", "allow"];
    let cases = [
        ("own", own, all),
        ("own, one issuer", one_issuer, all),
        ("AuthPolicy", bare, ["skip", "pass", "allow"]),
        ("ListOidcIssuersResponse", list, ["pass", "skip", "unknown"]),
        ("one registration", registration, ["pass", "skip", "unknown"]),
    ];
    for (form, document, expected) in cases {
        let json = document.to_string();
        let pretty = serde_json::to_string_pretty(&document).unwrap();
        for text in [json, pretty, yaml(&document)] {
            let run = world.doctor().file("policy.json", &text).json();
            assert_eq!(run.status, 0, "{form}: {} {:?}\n{text}", run.stderr, run.codes());
            assert_eq!(statuses_and_decision(&run), expected, "{form}\n{text}");
            assert_eq!(run.report["policy"]["source"], "file");
        }
    }
}

/// Writes YAML in block style.
fn yaml(value: &Value) -> String {
    fn block(value: &Value, indent: usize, out: &mut String) {
        let pad = " ".repeat(indent);
        let item = |key: &str, value: &Value, out: &mut String| {
            let nested = value.as_object().is_some_and(|m| !m.is_empty())
                || value.as_array().is_some_and(|a| !a.is_empty());
            out.push_str(&format!("{pad}{key}"));
            if nested {
                out.push('\n');
                block(value, indent + 2, out);
            } else {
                out.push_str(&format!(" {value}\n"));
            }
        };
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(k, v)| item(&format!("{}:", json!(k)), v, out))
            }
            Value::Array(items) => items.iter().for_each(|v| item("-", v, out)),
            _ => unreachable!(),
        }
    }
    let mut out = "# Our CI.\n".to_owned();
    block(value, 0, &mut out);
    out
}

#[test]
fn bare_policy_names_no_issuer() {
    let world = World::new(&AZURE_ENTRA);
    let mut entry = world.shape.entry.clone();
    entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
    let bare = json!({"id": "p", "version": 3, "policies": [entry]}).to_string();
    let run = world.doctor().file("policy.json", bare).arg("--offline").json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
    assert_eq!(run.skipped_because("registration"), Some("--policy"));
    assert_eq!(run.report["policy"]["issuer"], Value::Null);
}

#[test]
fn environment_variable_names_policy() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"]["sub"] = "else".into();
    let run = world.doctor_without_policy().env("DOCTOR_POLICY", "policy.json").json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    run.assert_finding_contains("subject-mismatch", &["policy.json:1"]);
    // The option wins; an empty value counts as not set.
    let run = world.doctor().env("DOCTOR_POLICY", "nothing.json").json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    let run = world.doctor_without_policy().env("DOCTOR_POLICY", "").arg("--offline").json();
    assert_eq!(run.report["policy"]["source"], "none");
    let run = world.doctor_without_policy().env("DOCTOR_POLICY", "nothing.json").json();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("DOCTOR_POLICY nothing.json"), "{}", run.stderr);
}

#[test]
fn places_are_file_and_line() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"]["sub"] = "else".into();
    let text = yaml(&world.policy());
    let line = text.lines().position(|line| line.contains("\"sub\": \"else\"")).unwrap() + 1;
    let run = world.doctor().file("ci/policy.yaml", text).option("--policy", "ci/policy.yaml");
    let place = format!("ci/policy.yaml:{line}");
    run.json().assert_finding_contains("subject-mismatch", &[&place, "policy 1, rule sub"]);
}

#[test]
fn unusable_policy_ends_run() {
    let world = World::new(&GITHUB);
    let own = world.policy();
    let changed = |path: &str, value: Value| {
        let mut document = own.clone();
        *document.pointer_mut(path).unwrap() = value;
        serde_json::to_string_pretty(&document).unwrap()
    };
    let unknown_key = |at: &str, key: &str| {
        let mut document = own.clone();
        document.pointer_mut(at).unwrap()[key] = json!([]);
        serde_json::to_string_pretty(&document).unwrap()
    };
    let entry = "/issuers/0/policies/0";
    let cases: [(String, &str); 10] = [
        (changed(&format!("{entry}/decision"), json!("permit")), "permit"),
        (changed(&format!("{entry}/tokenType"), json!("robot")), "robot"),
        (changed(&format!("{entry}/rules/sub"), json!(7)), "sub"),
        (changed("/issuers", json!({})), "issuers"),
        (unknown_key(entry, "rule"), "rules"),
        (unknown_key("/issuers/0", "policy"), "policies"),
        (unknown_key("", "isuers"), "issuers"),
        ("{\"issuers\": [],\n \"issuers\": []}".to_owned(), "issuers"),
        ("{\"issuers\": [".to_owned(), ""),
        ("just: something".to_owned(), ""),
    ];
    for (text, telling) in cases {
        let run = world.doctor().file("policy.json", &text).json();
        assert_eq!((run.status, run.stderr.lines().count()), (2, 1), "{}\n{text}", run.stderr);
        let message = run.stderr.strip_prefix("doctor: --policy policy.json: ").unwrap_or("");
        assert!(message.contains(telling) && !message.is_empty(), "{}", run.stderr);
        let place = message.split(':').take(2).all(|number| number.trim().parse::<u32>().is_ok());
        assert!(place, "line and column: {}", run.stderr);
        assert!(world.cloud.requests().is_empty(), "a run that cannot be made asks nobody");
    }
}

/// A Pulumi YAML program with the world's issuer and these entries.
fn program(world: &World, entries: &[String]) -> String {
    let list: String = entries.iter().map(|entry| format!("        - {entry}\n")).collect();
    format!(
        "name: access\nruntime: yaml\nresources:\n  ci:\n    type: pulumiservice:index:OidcIssuer\n    \
         properties:\n      organization: acme\n      name: ci\n      url: {}\n      policies:\n{list}",
        world.issuer.url()
    )
}

fn entry(decision: &str, rules: &str) -> String {
    format!(
        "{{decision: {decision}, tokenType: organization, authorizedPermissions: [], rules: {{{rules}}}}}"
    )
}

#[test]
fn pulumi_yaml_decides_with_resolved_values() {
    const MATCHES: &str = "iss: '*'";
    const FAILS: &str = "sub: nobody";
    const OPEN: &str = "sub: '${config.subject}'";
    let team = |decision: &str, team: &str| {
        format!("{{decision: {decision}, tokenType: {team}, teamName: '${{t}}', rules: {{}}}}")
    };
    let cases: [(&[String], &str); 12] = [
        (&[entry("allow", MATCHES)], "allow"),
        (&[entry("allow", FAILS)], "deny"),
        (&[entry("allow", OPEN)], "unknown"),
        // The unresolved values cannot change these decisions.
        (&[entry("allow", MATCHES), entry("allow", OPEN)], "allow"),
        (&[entry("allow", OPEN), entry("deny", MATCHES)], "deny"),
        (&[entry("allow", MATCHES), entry("deny", "iss: nobody, sub: '${x}'")], "allow"),
        (&[entry("allow", MATCHES), entry("deny", "sub: 'project_path:${x}'")], "allow"),
        (&[entry("allow", MATCHES), team("deny", "team")], "allow"),
        (&[entry("allow", MATCHES), team("allow", "organization")], "allow"),
        // The unresolved values can change these decisions.
        (&[entry("allow", MATCHES), team("deny", "'${type}'")], "unknown"),
        (&[entry("allow", MATCHES), entry("deny", OPEN)], "unknown"),
        (&[entry("allow", MATCHES), "${entry}".to_owned()], "unknown"),
    ];
    for (entries, decision) in cases {
        let world = World::new(&GITHUB);
        let run =
            world.doctor().arg("--offline").file("policy.json", program(&world, entries)).json();
        assert_eq!(run.report["policy"]["decision"], decision, "{entries:?}");
        assert_eq!(run.report["policy"]["source"], "file");
        let (status, verdict) = match decision {
            "allow" => (0, "healthy"),
            "deny" => (1, "unhealthy"),
            _ => (3, "inconclusive"),
        };
        assert_eq!((run.status, &run.report["verdict"]), (status, &json!(verdict)), "{entries:?}");
        if decision == "unknown" {
            run.assert_finding_contains("policy-unknown", &["policy.json:1", "not resolved", "${"]);
            assert_eq!(run.skipped_because("policy"), Some("--policy"));
        }
    }
}

#[test]
fn undetermined_policy_permits_exchange() {
    let world = World::new(&GITHUB);
    let policy = program(&world, &[entry("allow", "sub: '${config.subject}'")]);
    world.doctor().file("policy.json", policy).json().assert_healthy();
}

#[test]
fn unresolved_issuer_url_leaves_policy_undetermined() {
    let world = World::new(&GITHUB);
    let policy = program(&world, &[]).replace(world.issuer.url(), "${config.issuer}");
    let run = world.doctor().arg("--offline").file("policy.json", policy).json();
    assert_eq!((run.status, run.codes()), (3, vec!["policy-unknown"]));
    run.assert_finding_contains(
        "policy-unknown",
        &["${config.issuer}", "policy.json:9, an OidcIssuer's url"],
    );
    assert_eq!(run.skipped_because("registration"), Some("--policy"));
}

#[test]
fn program_for_other_organization_fails() {
    let world = World::new(&GITHUB);
    let policy = program(&world, &[entry("allow", "iss: '*'")])
        .replace("organization: acme", "organization: other");
    let run = world.doctor().arg("--offline").file("policy.json", policy).json();
    run.assert_root_cause("issuer-wrong-organization", "issuer", "registration");
}

#[test]
fn stack_state_is_judged() {
    let world = World::new(&GITHUB);
    let outputs = json!({
        "organization": "acme", "name": "ci", "url": world.issuer.url(),
        "policies": [world.shape.entry],
    });
    let resource = json!({
        "urn": "urn:pulumi:prod::access::pulumiservice:index:OidcIssuer::ci", "custom": true,
        "id": "acme/1", "type": "pulumiservice:index:OidcIssuer", "outputs": outputs,
    });
    let state = json!({"version": 3, "deployment": {"resources": [resource]}});
    let run = world.doctor().arg("--offline").file("policy.json", state.to_string()).json();
    assert_eq!(statuses_and_decision(&run), ["pass", "pass", "allow"]);
    let empty = json!({"version": 3, "deployment": {"resources": null}}).to_string();
    let run = world.doctor().arg("--offline").file("policy.json", empty).run();
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("policy.json: 1:1: there is no OidcIssuer resource"),
        "{}",
        run.stderr
    );
}

#[test]
fn unresolved_foreign_issuer_leaves_policy_decided() {
    let world = World::new(&GITHUB);
    let policy = program(&world, &[]).replace(world.issuer.url(), "https://gitlab.${config.host}");
    let run = world.doctor().arg("--offline").file("policy.json", policy).json();
    run.assert_root_cause("issuer-not-registered", "issuer", "registration");
}

#[test]
fn registration_of_requested_organization_decides() {
    let world = World::new(&GITHUB);
    let first = program(&world, &[entry("allow", "sub: nobody")])
        .replace("organization: acme", "organization: other");
    let second = program(&world, &[entry("allow", "iss: '*'")]).replace("  ci:", "  ci-2:");
    let policy = first + second.split_once("resources:\n").unwrap().1;
    let run = world.doctor().arg("--offline").file("policy.json", policy).json();
    run.assert_healthy();
}

#[test]
fn undecided_document_is_not_missing() {
    let world = World::new(&GITHUB);
    let policy = program(&world, &[entry("allow", "sub: '${config.subject}'")]);
    let run = world.doctor().arg("--offline").file("policy.json", policy).human();
    assert!(run.stdout.contains("what the policy leaves open could decide"), "{}", run.stdout);
    assert!(!run.stdout.contains("no --policy given"), "{}", run.stdout);
}
