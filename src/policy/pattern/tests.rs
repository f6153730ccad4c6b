#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn wildcard_run_is_not_literal() {
    let cases: [(&str, &[usize]); 6] = [
        ("", &[]),
        ("a.b", &[1]),
        (".", &[0]),
        ("\u{e4}.b?", &[1, 3]),
        ("....-.?", &[]),
        ("{..}:web.shop", &[8]),
    ];
    for (pattern, places) in cases {
        assert_eq!(lone_wildcards(pattern), places, "{pattern}");
    }
}

#[test]
fn wildcards_match_as_documented() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("abc", "abc", true),
        ("abc", "ABC", false),
        ("abc", "abcd", false),
        ("*", "", true),
        ("a*c", "ac", true),
        ("a*c", "a/b/c", true),
        ("a*c", "a/b/cd", false),
        ("abc?", "abc", true),
        ("abc?", "abcd", true),
        ("abc?", "abcde", false),
        ("a?c", "ac", true),
        ("a.c", "ac", false),
        ("a.c", "a.c", true),
        ("https://api.pulumi.com", "https://apiXpulumi.com", true),
        (".*", "", false),
        (".*", "anything", true),
        ("*?", "", true),
        ("?.?", "", false),
        ("?.?", "abc", true),
        ("?.?", "abcd", false),
        ("*.*", "a", true),
        ("*.*", "", false),
        (".", "\u{1f600}", true),
        ("..", "\u{1f600}", false),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/infra:ref:refs/heads/main", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn blocks_of_64_join_seamlessly() {
    for length in 60..200 {
        let text = "x".repeat(length);
        assert!(matches(&text, &text), "{length}");
        assert!(matches(&".".repeat(length), &text), "{length}");
        assert!(matches(&"?".repeat(length), &text), "{length}");
        assert!(matches("x*x", &text), "{length}");
        assert!(!matches("x*y", &text), "{length}");
        assert!(!matches(&"?".repeat(length - 1), &text), "{length}");
        assert!(!matches(&".".repeat(length + 1), &text), "{length}");
        assert_eq!(divergence(&format!("{text}y"), &format!("{text}z")), length);
        assert_eq!(divergence("*", &text), length);
    }
}

#[test]
fn universal_and_literal() {
    for pattern in ["*", "**", "*?", "?*?"] {
        assert!(is_universal(pattern), "{pattern}");
    }
    for pattern in ["", "?", "??", "*.", ".*", "a*", "*a*"] {
        assert!(!is_universal(pattern), "{pattern}");
    }
    assert!(is_literal("repo:acme/infra") && is_literal(""));
    for pattern in ["api.pulumi.com", "a*", "a?"] {
        assert!(!is_literal(pattern), "{pattern}");
    }
}

#[test]
fn distance_counts_edits_of_the_text() {
    for (pattern, text, expected) in [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("a*c", "abbbc", 0),
        ("a*c", "abbbd", 1),
        ("a?c", "abbc", 1),
        ("...", "a", 2),
        ("...", "abcde", 2),
        ("???", "abcde", 2),
        ("*", "anything", 0),
        ("repo:acme/infra:ref:refs/heads/main", "repo:acme/infra:ref:refs/heads/dev", 4),
        ("repo:acme/*:environment:prod", "repo:acme/infra:environment:test", 4),
    ] {
        assert_eq!(distance(pattern, text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn distance_is_capped_for_long_text() {
    let (long, longer) = ("ab".repeat(4000), "ba".repeat(5000));
    assert_eq!(distance(&long, &longer), 2000);
    assert_eq!(distance(&format!("{long}*"), &longer), 1);
    assert_eq!(distance(&format!("*{}", ".".repeat(8000)), &longer), 0);
    // A common prefix or suffix does not count towards the limit.
    assert_eq!(distance(&format!("{long}x{long}"), &format!("{long}y{long}")), 1);
}

#[test]
fn divergence_is_position_of_first_difference() {
    for (pattern, text, expected) in [
        ("refs/heads/main", "refs/heads/dev", 11),
        ("refs/heads/*", "refs/tags/v1", 5),
        ("repo:*:ref", "repo:acme:environment", 21),
        ("main", "mai", 3),
        ("main", "main2", 4),
        ("ma?n", "mn", 1),
        ("ma?n", "manx", 3),
        ("Main", "main", 0),
        ("p://acme.x", "p://acme", 8),
        ("\u{e9}a", "\u{e9}b", 1),
    ] {
        assert_eq!(divergence(pattern, text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn surprising_wildcards_are_found() {
    let surprise = |position, wildcard, stood_for| Surprise { position, wildcard, stood_for };
    for (pattern, text, expected) in [
        ("api.pulumi.com", "api.pulumi.com", vec![]),
        ("api.pulumi.com", "apiXpulumi.com", vec![surprise(3, '.', Some('X'))]),
        ("abc?", "abc", vec![surprise(3, '?', None)]),
        ("abc?", "abcd", vec![surprise(3, '?', Some('d'))]),
        ("abc?", "abc?", vec![]),
        ("acme/.*", "acme/infra", vec![surprise(5, '.', Some('i'))]),
        ("*.?", "a.b?", vec![surprise(1, '.', Some('b'))]),
        ("*.*", "v1.2", vec![]),
        ("??", "?", vec![surprise(1, '?', None)]),
        ("?.", "?", vec![surprise(0, '?', None), surprise(1, '.', Some('?'))]),
        ("a.c", "abd", vec![]),
    ] {
        assert_eq!(surprises(pattern, text), expected, "{pattern:?} on {text:?}");
    }
    assert!(surprises(&".".repeat(4000), &"a".repeat(4000)).is_empty());
}
