//! The numbers of issuers, entries, rules and values that a policy file may have.

use doctor::limits::{ENTRIES, FILE, REGISTRATIONS, RULES, RULES_IN_POLICY, VALUES};
use serde_json::{Value, json};

use super::{MEMORY, assert_refused, entry, in_time, judged, policy, rule, token};
use crate::support::Doctor;

fn rules(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|number| (format!("claim{number}"), "x".to_owned()))
}

fn issuers(count: usize) -> String {
    let entry = rule("allow", "aud", "a");
    let issuer =
        |number| json!({"url": format!("https://ci{number}.example"), "policies": [entry]});
    json!({"issuers": (0..count).map(issuer).collect::<Vec<_>>()}).to_string()
}

#[test]
fn oversized_files_are_refused() {
    let entries = |count| policy(&vec![rule("deny", "aud", "x"); count]);
    assert_refused(
        &entries(ENTRIES + 1),
        &["policy.json: 1:", "more than 1000 entries in one policy"],
    );
    assert_refused(&issuers(REGISTRATIONS + 1), &["policy.json: 1:", "more than 2000 issuers"]);
    let wide = policy(&[entry("allow", rules(RULES + 1))]);
    assert_refused(&wide, &["policy.json: 1:", "more than 100 rules in one policy entry"]);
    let many = policy(&vec![entry("allow", rules(10)); RULES_IN_POLICY / 10 + 1]);
    assert_refused(&many, &["policy.json: 1:", "more than 5000 rules in one policy"]);
    // The message has the line.
    let yaml = format!(
        "url: https://ci.example\npolicies:\n{}",
        "- {decision: deny, tokenType: org, rules: {}}\n".repeat(ENTRIES + 1)
    );
    assert_refused(&yaml, &["policy.json: 1003:3: more than 1000 entries"]);
}

#[test]
fn files_at_the_limits_are_judged() {
    let mut entries = vec![rule("deny", "aud", "x"); ENTRIES - 1];
    entries.push(rule("allow", "sub", "s"));
    let claims = json!(
        (0..100).map(|n| (format!("claim{n}"), json!("x"))).collect::<serde_json::Map<_, _>>()
    );
    let last = issuers(REGISTRATIONS).replace("https://ci7.example", super::ISSUER);
    for (name, policy) in [
        ("entries", policy(&entries)),
        ("rules", policy(&[entry("allow", rules(RULES))])),
        ("rules in all", policy(&vec![entry("allow", rules(RULES)); RULES_IN_POLICY / RULES])),
        ("issuers", last),
    ] {
        let run = in_time(|| judged(&token(&claims), &policy), Doctor::json);
        assert_eq!(run.report["policy"]["decision"], "allow", "{name}: {}", run.stderr);
    }
}

#[test]
fn organization_with_500_issuers_is_judged() {
    let issuer = |number: usize| {
        let entry = |branch: usize| {
            entry(
                "allow",
                [
                    ("aud".to_owned(), "urn:pulumi:org:acme".to_owned()),
                    ("sub".to_owned(), format!("repo:acme/web-{number}:ref:refs/heads/{branch}")),
                ],
            )
        };
        let entries: Vec<Value> = (0..8).map(entry).collect();
        json!({"name": format!("ci-{number}"), "url": format!("https://ci{number}.example"),
               "policies": entries})
    };
    let issuers: Vec<Value> = (0..500).map(issuer).collect();
    let policy = json!({"organization": "acme", "issuers": issuers}).to_string();
    let claims = json!({"iss": "https://ci499.example", "aud": "urn:pulumi:org:acme",
                        "sub": "repo:acme/web-499:ref:refs/heads/7"});
    let run = in_time(|| judged(&token(&claims), &policy), Doctor::json);
    run.assert_healthy();
    assert_eq!(run.report["policy"]["closest"], 7);
}

/// Hostile files of the largest allowed size, and one that is a byte larger.
#[test]
fn largest_files_stay_within_limits() {
    let size = usize::try_from(FILE).unwrap();
    let filled = |start: &str, piece: &str, end: &str| {
        let room = size - start.len() - end.len();
        format!("{start}{}{end}", piece.repeat(room / piece.len()))
    };
    let values =
        |start: &str, piece: &str, end: &str| format!("{start}{}{end}", piece.repeat(VALUES - 10));
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("\"{number}\":1")).collect();
        format!("{{\"policies\":[],\"x\":{{{}}}}}", keys.join(","))
    };
    let files = [
        filled("[", "[],", "[]]"),
        values("[", "[],", "[]]"),
        filled("{\"issuers\":[],\"x\":[", "1,", "1]}"),
        keys(VALUES - 10),
        filled(
            "{\"issuers\":[{\"url\":\"https://ci.example\",\"policies\":[],\"name\":\"",
            "x",
            "\"}]}",
        ),
        filled(
            "{\"issuers\":[{\"url\":\"https://ci.example\",\"policies\":[],\"thumbprints\":[",
            "\"a\",",
            "\"\"]}]}",
        ),
        filled(
            "{\"policies\":[",
            "{\"decision\":\"deny\",\"tokenType\":\"team\",\"rules\":{}},",
            "{}]}",
        ),
        filled("{\"issuers\":[", "\n", "]}"),
        filled("issuers: []\n", "# x\n", ""),
        filled("issuers: ", "a b ", ""),
        filled("issuers: [", "a,", "]"),
        filled("issuers:\n", "- {}\n", ""),
        filled("issuers: |\n", " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ""),
        filled("", "- ", ""),
        filled("", "---\n", ""),
        aliases(),
        filled("", "x", "") + "x",
    ];
    let token = token(&json!({}));
    for file in files {
        let start: String = file.chars().take(60).collect();
        let run = in_time(|| judged(&token, &file), Doctor::json);
        assert!([1, 2, 3].contains(&run.status), "{start}: {}", run.stderr);
        assert!(run.peak_memory.is_none_or(|peak| peak < MEMORY), "{start}: {:?}", run.peak_memory);
        in_time(|| Doctor::bare().args(["policy", "lint", "p"]).file("p", &file), Doctor::run);
    }
}

/// A short file that becomes long by its aliases.
fn aliases() -> String {
    let entry =
        |rules: &str| format!("- {{decision: allow, tokenType: org, rules: {{{rules}}}}}\n");
    let repeated: Vec<String> = (0..40).map(|number| format!("c{number}: *a")).collect();
    format!(
        "policies:\n{}{}",
        entry(&format!("aud: &a {}", "a".repeat(4_000))),
        entry(&repeated.join(", ")).repeat(900)
    )
}

#[test]
fn multiplying_programs_are_bounded() {
    let doubled: String = (0..30)
        .map(|number| format!("  v{number}: ${{v{}}}${{v{}}}\n", number + 1, number + 1))
        .collect();
    let resources = |issuers: usize, policies: usize, id: &str| -> String {
        let issuer = |n| {
            format!(
                "  i{n}:\n    type: pulumiservice:api/auth:OidcIssuer\n    properties: {{url: 'https://ci{n}.example'}}\n"
            )
        };
        let policy = |n| {
            format!(
                "  p{n}:\n    type: pulumiservice:api/auth:Policy\n    properties: {{issuerId: '{id}', policies: []}}\n"
            )
        };
        (0..issuers).map(issuer).chain((0..policies).map(policy)).collect()
    };
    let program = |variables: &str, resources: &str| {
        format!("name: a\nruntime: yaml\nvariables:\n  v30: x\n{variables}resources:\n{resources}")
    };
    let entry = "        - {decision: allow, tokenType: organization, rules: {sub: '${v0}'}}\n";
    let one = format!(
        "  i:\n    type: pulumiservice:index:OidcIssuer\n    properties:\n      url: https://ci.example\n      policies:\n{}",
        entry.repeat(900)
    );
    let members = |start: &str| {
        let members: serde_json::Map<String, Value> =
            (0..20_000).map(|number| (format!("{start}{number}"), json!(1))).collect();
        Value::Object(members)
    };
    let mut outputs = members("o");
    outputs["url"] = json!("https://ci.example");
    let state = json!({"version": 3, "deployment": {"resources": [
        {"type": "pulumiservice:index:OidcIssuer", "outputs": outputs, "inputs": members("i")}]}});
    for file in [
        program(&doubled, &one),
        program("", &resources(1_900, 2_500, "${x.y.z}")),
        program("", &resources(1_900, 2_500, "${i1.id}")),
        state.to_string(),
    ] {
        let run = in_time(|| judged(&token(&json!({})), &file), Doctor::json);
        assert!([1, 3].contains(&run.status), "{}: {}", run.status, run.stderr);
    }
}

#[test]
fn key_sets_are_capped() {
    let run = |keys: &str| {
        let doctor =
            || judged(&token(&json!({})), &policy(&[])).file("k", keys).args(["--jwks", "k"]);
        in_time(doctor, Doctor::json)
    };
    let many = format!("{{\"keys\":[{}]}}", vec!["[]"; VALUES].join(","));
    let refused = run(&many);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("too many values"), "{}", refused.stderr);
    let key = format!("{{\"kty\":\"RSA\",\"n\":\"w{}\",\"e\":\"AQAB\"}}", "A".repeat(341));
    let kept = run(&format!("{{\"keys\":[{}]}}", vec![key; 10_000].join(",")));
    // All keys would fit, but the doctor does not try so many.
    kept.assert_check("signature", "skip", Some("keys"));
}
