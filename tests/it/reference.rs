//! A second evaluator of policies, slow and plain, to hold the real one to. It works on the API's
//! JSON and uses nothing of the crate: what it shares with the real one is the documentation.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Whether a pattern matches a whole text: `*` any number of characters, `?` one or none, `.` one.
pub fn pattern_matches(pattern: &str, text: &str) -> bool {
    fn from(pattern: &[char], text: &[char], known: &mut HashMap<(usize, usize), bool>) -> bool {
        let key = (pattern.len(), text.len());
        if let Some(answer) = known.get(&key) {
            return *answer;
        }
        let answer = match pattern.first() {
            None => text.is_empty(),
            Some('*') => (0..=text.len()).any(|n| from(&pattern[1..], &text[n..], known)),
            Some('?') => {
                from(&pattern[1..], text, known)
                    || (!text.is_empty() && from(&pattern[1..], &text[1..], known))
            }
            Some('.') => !text.is_empty() && from(&pattern[1..], &text[1..], known),
            Some(c) => text.first() == Some(c) && from(&pattern[1..], &text[1..], known),
        };
        known.insert(key, answer);
        answer
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    from(&pattern, &text, &mut HashMap::new())
}

/// Whether a policy (the API's `policies`) lets a token in that asks for this.
pub fn decide(
    policies: &[Value],
    claims: &Map<String, Value>,
    token_type: &str,
    team: Option<&str>,
    user: Option<&str>,
    runner: Option<&str>,
    admin: bool,
) -> bool {
    let is_for_request = |entry: &Value| {
        let named = |key: &str| entry.get(key).and_then(Value::as_str);
        let entry_type = match named("tokenType") {
            Some("org") => "organization",
            Some("deployment-runner") => "runner",
            Some(other) => other,
            None => return false,
        };
        if entry_type != token_type {
            return false;
        }
        match token_type {
            "organization" => true,
            "team" => match (named("teamName"), team) {
                (Some(pattern), Some(team)) => pattern_matches(pattern, team),
                _ => false,
            },
            "personal" => user.is_some() && named("userLogin") == user,
            "runner" => runner.is_some() && named("runnerID") == runner,
            _ => false,
        }
    };
    let rules_match = |entry: &Value| {
        let Some(rules) = entry.get("rules").and_then(Value::as_object) else {
            return true;
        };
        rules.iter().all(|(path, pattern)| rule_matches(claims, path, pattern))
    };
    let grants_admin = |entry: &Value| {
        let permissions = entry.get("authorizedPermissions").and_then(Value::as_array);
        permissions.is_some_and(|all| all.contains(&Value::from("admin")))
    };

    let mut allowed = false;
    for entry in policies {
        if is_for_request(entry) && rules_match(entry) {
            if entry["decision"] == "deny" {
                return false;
            }
            if entry["decision"] == "allow" && (!admin || grants_admin(entry)) {
                allowed = true;
            }
        }
    }
    allowed
}

/// Whether a claim, or an element of it, matches.
pub fn rule_matches(claims: &Map<String, Value>, path: &str, pattern: &Value) -> bool {
    match find(claims, path) {
        Some(Value::Array(items)) => items.iter().any(|item| value_matches(pattern, item)),
        Some(value) => value_matches(pattern, value),
        None => false,
    }
}

fn value_matches(pattern: &Value, value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Number(number) => format!("{number}"),
        _ => return false,
    };
    pattern_matches(pattern.as_str().unwrap(), &text)
}

fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let keys = keys(path)?;
    let mut value = claims.get(&keys[0])?;
    for key in &keys[1..] {
        value = value.as_object()?.get(key)?;
    }
    Some(value)
}

/// The keys of a path; none where a key is empty or a quote is not around a whole key.
fn keys(path: &str) -> Option<Vec<String>> {
    #[derive(PartialEq)]
    enum At {
        Start,
        Bare,
        Quoted,
        Closed,
    }
    let mut keys = Vec::new();
    let mut key = String::new();
    let mut at = At::Start;
    // A dot at the end closes the last key like every other.
    for c in path.chars().chain(['.']) {
        at = match (at, c) {
            (At::Start, '"') => At::Quoted,
            (At::Quoted, '"') => At::Closed,
            (At::Bare | At::Closed, '.') => {
                if key.is_empty() {
                    return None;
                }
                keys.push(std::mem::take(&mut key));
                At::Start
            }
            (At::Start, '.') | (At::Bare, '"') | (At::Closed, _) => return None,
            (At::Quoted, c) => {
                key.push(c);
                At::Quoted
            }
            (At::Start | At::Bare, c) => {
                key.push(c);
                At::Bare
            }
        };
    }
    (at == At::Start).then_some(keys)
}
