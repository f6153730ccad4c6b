//! Claim paths: how a rule names a claim, which may be nested.
//!
//! Dots join the keys. Double quotes protect the dots inside a key: `"kubernetes.io".pod.name`
//! (Pulumi documentation, "OIDC issuers", section on policies). A path cannot name a key with a
//! double quote or an element of an array.

use std::fmt;

use serde_json::{Map, Value};

use crate::limits::Work;

/// [`nearest`] compares at most so many claims of a token.
const MAX_CANDIDATES: usize = 512;
/// [`nearest`] ignores longer paths.
const MAX_CANDIDATE_BYTES: usize = 256;
/// [`nearest`] returns at most so many paths.
const MAX_RESULTS: usize = 3;
/// The smallest similarity of a suggestion. Low enough for a typing error or a shortened name, high
/// enough to exclude unrelated claims.
const MIN_SIMILARITY: f64 = 0.8;

/// The path to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Parses the path of a rule.
    ///
    /// # Errors
    /// A key is empty, or a quote is not around a whole key. A rule with such a path never matches.
    pub fn parse(path: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        let mut rest = path;
        loop {
            let key;
            (key, rest) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').ok_or("a double quote is not closed")?
            } else {
                rest.split_at(rest.find('.').unwrap_or(rest.len()))
            };
            if key.is_empty() {
                return Err("a key between the dots is empty".into());
            }
            // A quoted key has lost its quotes.
            if key.contains('"') {
                return Err("a double quote stands inside a key".into());
            }
            keys.push(key.to_owned());
            if rest.is_empty() {
                return Ok(Self(keys));
            }
            rest = rest.strip_prefix('.').ok_or("something stands after a closing quote")?;
        }
    }

    /// The claim's value. A null counts as absent.
    #[must_use]
    pub fn lookup<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (last, parents) = self.0.split_last()?;
        let mut object = claims;
        for key in parents {
            object = object.get(key)?.as_object()?;
        }
        object.get(last).filter(|value| !value.is_null())
    }

    #[must_use]
    pub fn of_keys(keys: Vec<String>) -> Self {
        Self(keys)
    }

    /// The keys, outermost first.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// The keys joined by dots, without quotes.
    fn joined(&self) -> String {
        self.0.join(".")
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let quote = if key.contains('.') { "\"" } else { "" };
            write!(f, "{dot}{quote}{key}{quote}")?;
        }
        Ok(())
    }
}

/// The paths of the token's claims that are most similar to a path that it lacks, as rules write
/// them. At most three, the best first. The order is: paths that differ only in quotes
/// (`kubernetes.io.pod.name` for `"kubernetes.io".pod.name`), then in case, hyphens and
/// underscores, then paths with this end (`pod.name`), then similar ones.
#[must_use]
pub fn nearest(path: &str, claims: &Map<String, Value>) -> Vec<String> {
    nearest_within(path, claims, &mut Work::unlimited())
}

/// [`nearest`] with a work budget.
pub(crate) fn nearest_within(
    path: &str,
    claims: &Map<String, Value>,
    work: &mut Work,
) -> Vec<String> {
    let wanted = path.replace('"', "");
    if wanted.is_empty() || wanted.len() > MAX_CANDIDATE_BYTES {
        return Vec::new();
    }
    let folded = normalize(&wanted);
    let ending = format!(".{folded}");
    let mut ranked: Vec<(f64, ClaimPath)> = candidates(claims)
        .into_iter()
        .filter_map(|candidate| {
            let joined = candidate.joined();
            if !work.take(2 * joined.len()) {
                return None;
            }
            let found = normalize(&joined);
            let score = if joined == wanted {
                4.0
            } else if found == folded {
                3.0
            } else if found.ends_with(&ending) {
                2.0
            } else if work.take(found.len() * folded.len()) {
                strsim::jaro_winkler(&found, &folded)
            } else {
                0.0
            };
            (score >= MIN_SIMILARITY).then_some((score, candidate))
        })
        .collect();
    // The sort is stable, so equal paths keep the token's order.
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.into_iter().take(MAX_RESULTS).map(|(_, path)| path.to_string()).collect()
}

/// Removes differences in case, hyphens and underscores.
fn normalize(path: &str) -> String {
    path.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The paths of all claims that a rule can name and match, level by level.
fn candidates(claims: &Map<String, Value>) -> Vec<ClaimPath> {
    let mut found = Vec::new();
    let mut objects = std::collections::VecDeque::from([(Vec::new(), claims)]);
    let mut looked_at = 0;
    while let Some((parents, object)) = objects.pop_front() {
        for (key, value) in object {
            looked_at += 1;
            if looked_at > MAX_CANDIDATES {
                return found;
            }
            let mut keys: Vec<String> = parents.clone();
            keys.push(key.clone());
            let length: usize = keys.iter().map(|key| key.len() + 1).sum();
            if key.is_empty() || key.contains('"') || length > MAX_CANDIDATE_BYTES {
                continue;
            }
            match value {
                Value::Null => {}
                Value::Object(inner) => objects.push_back((keys, inner)),
                _ => found.push(ClaimPath(keys)),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn paths_reach_nested_claims() {
        let claims = claims(json!({
            "sub": "s",
            "kubernetes.io": { "pod": { "name": "web-0", "ready": null } },
            "https://acme.test/role": "deploy",
            "groups": ["a", { "b": 1 }],
        }));
        let at = |path: &str| ClaimPath::parse(path).unwrap().lookup(&claims);
        assert_eq!(at("sub"), Some(&json!("s")));
        assert_eq!(at("\"sub\""), Some(&json!("s")));
        assert_eq!(at("\"kubernetes.io\".pod.name"), Some(&json!("web-0")));
        assert_eq!(at("\"https://acme.test/role\""), Some(&json!("deploy")));
        assert_eq!(at("\"kubernetes.io\".pod.ready"), None, "null is absent");
        for absent in ["kubernetes.io.pod.name", "Sub", " sub", "sub.sub", "groups.0", "groups.b"] {
            assert_eq!(at(absent), None, "{absent}");
        }
    }

    #[test]
    fn invalid_paths_are_refused() {
        for path in
            ["", ".", "a.", ".a", "a..b", "\"\"", "\"a", "a\"", "a\"b\"", "\"a\"b", "\"a\".", "\""]
        {
            assert!(ClaimPath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn unquoted_dots_are_found_first() {
        let claims = claims(json!({
            "kubernetes_io_pod_name": "decoy",
            "kubernetes.io": { "pod": { "name": "web-0", "names": ["x"] }, "namespace": "n" },
        }));
        let named = nearest("kubernetes.io.pod.name", &claims);
        assert_eq!(named[0], "\"kubernetes.io\".pod.name");
        assert!(named.len() <= 3);
        // Misplaced and unclosed quotes are the same mistake.
        assert_eq!(nearest("\"kubernetes.io.pod\".name", &claims)[0], named[0]);
        assert_eq!(nearest("\"kubernetes.io.pod.name", &claims)[0], named[0]);
    }

    #[test]
    fn misspelled_claims_are_found() {
        let claims = claims(json!({
            "repository_owner": "acme",
            "repository": "acme/infra",
            "environment": "prod",
            "pod": { "name": "web-0" },
            "gone": null,
            "we\"ird": 1,
            "sub": "s",
        }));
        assert_eq!(nearest("repositoryOwner", &claims)[0], "repository_owner");
        assert_eq!(nearest("repo", &claims)[0], "repository");
        assert_eq!(nearest("enviroment", &claims), ["environment"]);
        assert_eq!(nearest("name", &claims), ["pod.name"]);
        for nothing in ["gone", "we\"ird", "zzz", "", &"x".repeat(300)] {
            assert_eq!(nearest(nothing, &claims), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn huge_token_is_read_partly() {
        let many: Map<String, Value> =
            (0..100_000).map(|n| (format!("claim{n}"), json!(n))).collect();
        assert_eq!(nearest("claim_1", &many)[0], "claim1");
        let named = nearest("claim99999", &many);
        assert_eq!(named.len(), 3);
        assert!(!named.contains(&"claim99999".to_owned()), "beyond what is looked at: {named:?}");
    }

    proptest! {
        #[test]
        fn displayed_path_parses_back(keys in prop::collection::vec("[^\"]{1,6}", 1..5)) {
            let path = ClaimPath(keys);
            prop_assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn parser_never_panics(path in "[a\".\u{e9}]{0,8}") {
            let claims = claims(json!({ "a": { "a.\u{e9}": 1 }, "a.a": [2] }));
            if let Ok(read) = ClaimPath::parse(&path) {
                prop_assert!(read.to_string().len() <= path.len() + 2 * path.matches('.').count());
                prop_assert_ne!(read.lookup(&claims), Some(&Value::Null));
            }
            for named in nearest(&path, &claims) {
                prop_assert!(ClaimPath::parse(&named).unwrap().lookup(&claims).is_some());
            }
        }
    }
}
