#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;
use crate::policy::Place;

fn entry(decision: Decision, token_type: TokenType, rules: &[(&str, &str)]) -> Entry {
    Entry {
        decision,
        token_type,
        team_name: None,
        user_login: None,
        runner_id: None,
        role_id: None,
        authorized_permissions: Vec::new(),
        rules: rules
            .iter()
            .map(|(claim, pattern)| Rule {
                claim: (*claim).into(),
                pattern: (*pattern).into(),
                undetermined: false,
                compared: None,
                place: Place::default(),
            })
            .collect(),
        place: Place::default(),
    }
}

fn allow(rules: &[(&str, &str)]) -> Entry {
    entry(Decision::Allow, TokenType::Organization, rules)
}

fn deny(rules: &[(&str, &str)]) -> Entry {
    entry(Decision::Deny, TokenType::Organization, rules)
}

fn token() -> Map<String, Value> {
    json!({
        "aud": ["urn:pulumi:org:acme", "other"],
        "sub": "repo:acme/infra:ref:refs/heads/main",
        "run": 42,
        "ok": true,
        "nil": null,
        "kubernetes.io": { "pod": { "name": "web-0" } },
        "nested": [["a"], { "b": "c" }, null],
    })
    .as_object()
    .unwrap()
    .clone()
}

fn judged(entries: &[Entry], ask: &RequestedToken) -> Evaluation {
    evaluate(entries, &token(), ask)
}

fn outcome(entries: &[Entry]) -> PolicyOutcome {
    judged(entries, &RequestedToken::default()).outcome
}

#[test]
fn long_values_are_shown_partly() {
    let claims = json!({ "sub": format!("{}b", "a".repeat(100_000)) });
    let entry = Entry {
        decision: Decision::Allow,
        token_type: TokenType::Organization,
        team_name: None,
        user_login: None,
        runner_id: None,
        role_id: None,
        authorized_permissions: Vec::new(),
        rules: vec![Rule {
            claim: "sub".into(),
            pattern: "*b".into(),
            undetermined: false,
            compared: None,
            place: Default::default(),
        }],
        place: Default::default(),
    };
    let result = evaluate(&[entry], claims.as_object().unwrap(), &RequestedToken::default());
    let rule = &result.entries[0].rules[0];
    assert!(rule.matched);
    let actual = rule.actual.as_deref().unwrap();
    assert!(actual.ends_with("... (95905 more characters)"), "{}", actual.len());
}

#[test]
fn deny_overrides_allow_in_any_order() {
    let sub = [("sub", "repo:acme/*")];
    let entries = [allow(&sub), deny(&[("sub", "nobody")]), deny(&sub)];
    let evaluation = judged(&entries, &RequestedToken::default());
    assert_eq!(evaluation.outcome, PolicyOutcome::Denied { entry: 2 });
    assert_eq!(evaluation.decision(), Some(Decision::Deny));
    assert_eq!(evaluation.closest, Some(0), "the allow entry that would let it in");
    assert_eq!(outcome(&[deny(&sub), allow(&sub)]), PolicyOutcome::Denied { entry: 0 });
    assert_eq!(outcome(&entries[..2]), PolicyOutcome::Allowed { entry: 0 });
    let alone = judged(&[deny(&sub)], &RequestedToken::default());
    assert_eq!((alone.outcome, alone.closest), (PolicyOutcome::Denied { entry: 0 }, Some(0)));
}

#[test]
fn token_without_allow_is_denied() {
    assert_eq!(outcome(&[]), PolicyOutcome::NoAllowEntry);
    let evaluation = judged(&[deny(&[("sub", "nobody")])], &RequestedToken::default());
    assert_eq!((evaluation.outcome, evaluation.closest), (PolicyOutcome::NoAllowEntry, None));
    assert_eq!(outcome(&[allow(&[])]), PolicyOutcome::Allowed { entry: 0 });
}

#[test]
fn entry_applies_to_its_type_and_name() {
    let ask = |token_type, name: &str| RequestedToken {
        token_type,
        team: Some(name.into()),
        user: Some(name.into()),
        runner: Some(name.into()),
        admin: false,
    };
    let mut team = entry(Decision::Allow, TokenType::Team, &[]);
    assert_eq!(judged(&[team.clone()], &ask(TokenType::Team, "a")).outcome, PolicyOutcome::Team);
    team.team_name = Some("plat*".into());
    let mut user = entry(Decision::Allow, TokenType::Personal, &[]);
    user.user_login = Some("ann*".into());
    let mut runner = entry(Decision::Allow, TokenType::Runner, &[]);
    runner.runner_id = Some("r1".into());
    let entries = [team, user, runner];
    for (token_type, name, expected) in [
        (TokenType::Team, "platform", PolicyOutcome::Allowed { entry: 0 }),
        (TokenType::Team, "web", PolicyOutcome::Team),
        (TokenType::Personal, "ann*", PolicyOutcome::Allowed { entry: 1 }),
        (TokenType::Personal, "anna", PolicyOutcome::User),
        (TokenType::Runner, "r1", PolicyOutcome::Allowed { entry: 2 }),
        (TokenType::Runner, "r2", PolicyOutcome::Runner),
        (TokenType::Organization, "", PolicyOutcome::TokenType),
    ] {
        assert_eq!(judged(&entries, &ask(token_type, name)).outcome, expected, "{name}");
    }
    let unnamed = RequestedToken { token_type: TokenType::Team, ..RequestedToken::default() };
    assert_eq!(judged(&entries, &unnamed).outcome, PolicyOutcome::Team);
    let results = judged(&entries, &ask(TokenType::Runner, "r1")).entries;
    let applying: Vec<bool> = results.iter().map(|result| result.applies).collect();
    assert_eq!(applying, [false, false, true]);
}

#[test]
fn deny_for_other_token_type_is_ignored() {
    let mut other = deny(&[]);
    other.token_type = TokenType::Team;
    other.team_name = Some("*".into());
    assert_eq!(outcome(&[other, allow(&[])]), PolicyOutcome::Allowed { entry: 1 });
}

#[test]
fn admin_must_be_granted() {
    let ask = RequestedToken { admin: true, ..RequestedToken::default() };
    let plain = allow(&[("sub", "repo:*")]);
    let mut granting = plain.clone();
    granting.authorized_permissions = vec!["read".into(), "admin".into()];
    let mut failing = granting.clone();
    failing.rules[0].pattern = "nobody".into();
    let entries = [plain, failing, granting];
    assert_eq!(judged(&entries, &ask).outcome, PolicyOutcome::Allowed { entry: 2 });
    let denied = judged(&entries[..2], &ask);
    assert_eq!((denied.outcome, denied.closest), (PolicyOutcome::Admin { entry: 0 }, Some(0)));
    assert_eq!(judged(&entries[1..2], &ask).outcome, PolicyOutcome::Rules { entry: 0 });
    assert_eq!(outcome(&entries), PolicyOutcome::Allowed { entry: 0 });
}

#[test]
fn values_are_compared_as_text() {
    for (claim, pattern, expected) in [
        ("aud", "urn:pulumi:org:acme", true),
        ("aud", "other", true),
        ("aud", "*acme*other*", false),
        ("run", "42", true),
        ("run", "4.", true),
        ("ok", "true", true),
        ("nil", "*", false),
        ("nil", "null", false),
        ("absent", "*", false),
        ("kubernetes.io", "*", false),
        ("\"kubernetes.io\"", "*", false),
        ("\"kubernetes.io\".pod.name", "web-.", true),
        ("kubernetes.io.pod.name", "*", false),
        ("nested", "*", false),
        ("sub.", "*", false),
    ] {
        let result =
            &judged(&[allow(&[(claim, pattern)])], &RequestedToken::default()).entries[0].rules[0];
        assert_eq!(result.matched, expected, "{claim}: {pattern}");
    }
}

#[test]
fn actual_shows_what_the_token_has() {
    let rules = ["sub", "run", "aud", "nil", "\"kubernetes.io\".pod", "a..b"];
    let rules: Vec<_> = rules.iter().map(|claim| (*claim, "-")).collect();
    let result = &judged(&[deny(&rules)], &RequestedToken::default()).entries[0];
    let actual: Vec<_> = result.rules.iter().map(|rule| rule.actual.as_deref()).collect();
    assert_eq!(
        actual,
        [
            Some("repo:acme/infra:ref:refs/heads/main"),
            Some("42"),
            Some(r#"["urn:pulumi:org:acme","other"]"#),
            None,
            Some(r#"{"name":"web-0"}"#),
            None,
        ]
    );
}

#[test]
fn closest_entry_order() {
    let near = ("sub", "repo:acme/infra:ref:refs/heads/dev");
    let far = ("sub", "repo:other/thing:environment:prod");
    for (rules, expected) in [
        (vec![vec![near, ("run", "43")], vec![far]], 1),
        (vec![vec![far], vec![near]], 1),
        (vec![vec![near], vec![near]], 0),
        // An absent claim is as far away as its pattern is long.
        (vec![vec![("gone", "123456")], vec![near]], 1),
        (vec![vec![("gone", "1")], vec![near]], 0),
        // Of an array, the element that comes closest.
        (vec![vec![("run", "9999")], vec![("aud", "urn:pulumi:org:acmE")]], 1),
    ] {
        let entries: Vec<Entry> = rules.iter().map(|rules| allow(rules)).collect();
        let evaluation = judged(&entries, &RequestedToken::default());
        assert_eq!(evaluation.closest, Some(expected), "{rules:?}");
        assert_eq!(evaluation.outcome, PolicyOutcome::Rules { entry: expected });
    }
}

#[test]
fn hostile_token_is_still_judged() {
    let mut claims = token();
    claims.insert("aud".into(), (0..500).map(|_| json!("ab".repeat(200))).collect());
    let entries = vec![allow(&[("aud", "*a*a*a*a*a*a*b*c?????????????????")]); 10];
    let evaluation = evaluate(&entries, &claims, &RequestedToken::default());
    assert_eq!(evaluation.outcome, PolicyOutcome::Rules { entry: 0 });
}

mod limits {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{PATTERN, Work};
    use crate::report::Limit;

    #[test]
    fn overlong_pattern_is_undetermined() {
        let long = "*".repeat(PATTERN + 1);
        let whole = "*".repeat(PATTERN);
        let evaluation = |pattern: &str, others: &[Entry]| {
            let entries = [&[allow(&[("sub", pattern)])], others].concat();
            judged(&entries, &RequestedToken::default())
        };
        assert_eq!(evaluation(&whole, &[]).outcome, PolicyOutcome::Allowed { entry: 0 });
        let open = evaluation(&long, &[]);
        assert_eq!((open.decision(), open.limited), (None, 1));
        assert_eq!(open.entries[0].rules[0].limit, Some(Limit::Length));
        // Another entry decides.
        let known = evaluation(&long, &[allow(&[("aud", "other")])]);
        assert_eq!((known.outcome, known.limited), (PolicyOutcome::Allowed { entry: 1 }, 1));
        // A rule on an absent claim never matches.
        let absent = judged(&[allow(&[("gone", &long)])], &RequestedToken::default());
        assert_eq!((absent.decision(), absent.limited), (Some(Decision::Deny), 0));
    }

    #[test]
    fn uncompared_team_is_undetermined() {
        let mut entry = allow(&[]);
        entry.token_type = TokenType::Team;
        entry.team_name = Some("*".repeat(PATTERN + 1));
        let ask = RequestedToken {
            token_type: TokenType::Team,
            team: Some("web".to_owned()),
            ..RequestedToken::default()
        };
        let open = evaluate(std::slice::from_ref(&entry), &token(), &ask);
        assert_eq!((open.decision(), open.limited), (None, 1));
        let certain = Entry { team_name: Some("web".to_owned()), ..entry.clone() };
        let known = evaluate(&[entry, certain], &token(), &ask);
        assert_eq!(known.outcome, PolicyOutcome::Allowed { entry: 1 });
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let rule = (prop::sample::select(vec!["sub", "aud", "gone"]), "[a*?.]{0,6}");
        let rules = prop::collection::vec(rule, 0..3);
        let entry = (any::<bool>(), rules).prop_map(|(allows, rules)| {
            let rules: Vec<(&str, &str)> =
                rules.iter().map(|(claim, pattern)| (*claim, pattern.as_str())).collect();
            if allows { allow(&rules) } else { deny(&rules) }
        });
        prop::collection::vec(entry, 0..5)
    }

    proptest! {
        /// A smaller budget may leave the decision undetermined, but never changes it.
        #[test]
        fn smaller_budget_never_changes_decision(
            entries in entries(), text in "a{0,80}", steps in 0..1_200_u64,
        ) {
            let claims = json!({"sub": text, "aud": ["a", text]});
            let claims = claims.as_object().unwrap();
            let ask = RequestedToken::default();
            let full = evaluate_within(&entries, claims, &ask, &mut Work::unlimited());
            prop_assert_eq!(&evaluate(&entries, claims, &ask), &full);
            let limited = evaluate_within(&entries, claims, &ask, &mut Work::new(steps));
            prop_assert!(
                limited.decision().is_none() || limited.decision() == full.decision(),
                "{:?}, {:?}", limited.outcome, full.outcome
            );
            prop_assert!(limited.limited > 0 || limited == full);
        }
    }
}
