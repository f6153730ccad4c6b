//! Reads the cases of a policy's regression test: `[{name, claims, expect, tokenType?}]` in JSON or
//! YAML.

use serde_json::{Map as Object, Value};

use super::reading::{Fault, Map, Read, object, one_of, read_items, text, unique_keys, wrong_type};
use super::tree::{Kind, Node};
use super::{DECISIONS, DocumentError, TOKEN_TYPES, parse_tree};
use crate::policy::{Decision, RequestedToken, TokenType};

const KEYS: [&str; 7] =
    ["name", "claims", "expect", "tokenType", "teamName", "userLogin", "runnerID"];

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: String,
    /// The claims of the token.
    pub claims: Object<String, Value>,
    /// The expected decision.
    pub expect: Decision,
    /// The requested access token.
    pub ask: RequestedToken,
    /// The first line of the case.
    pub line: u64,
}

/// Reads a file of cases.
///
/// # Errors
/// The first error: the text is neither JSON nor YAML, or not a list of cases.
pub fn parse(text: &str) -> Result<Vec<Case>, DocumentError> {
    parse_tree(text, |tree| unique_keys(tree).and_then(|()| cases(tree)).map_err(Fault::into_error))
}

fn cases(tree: &Node) -> Read<Vec<Case>> {
    match &tree.kind {
        Kind::List(items) => read_items(items, case),
        _ => Err(wrong_type(tree, "a list of cases ({name, claims, expect, tokenType?})")),
    }
}

fn case(node: &Node) -> Read<Case> {
    let map = Map::of(node)?;
    map.allow_keys(&KEYS)?;
    let named = |key, token_type: TokenType, asked: TokenType| {
        let name = map.optional(key, text)?;
        match (&name, map.get(key)) {
            (Some(_), Some((place, _))) if token_type != asked => {
                let message = format!("a case for another token type ({}) has none", asked.name());
                Err(Fault::new(place.place, message).within_key(place))
            }
            (None, _) if token_type == asked => Err(map.missing(key)),
            _ => Ok(name),
        }
    };
    let token_type = map.optional("tokenType", |node| one_of(node, &TOKEN_TYPES))?;
    let token_type = token_type.unwrap_or_default();
    let claims = map.required("claims", object)?;
    Ok(Case {
        name: map.required("name", text)?,
        claims: match claims {
            Value::Object(claims) => claims,
            _ => Object::new(),
        },
        expect: map.required("expect", |node| one_of(node, &DECISIONS))?,
        ask: RequestedToken {
            token_type,
            team: named("teamName", TokenType::Team, token_type)?,
            user: named("userLogin", TokenType::Personal, token_type)?,
            runner: named("runnerID", TokenType::Runner, token_type)?,
            admin: false,
        },
        line: node.place.line,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cases_are_read_from_yaml_and_json() {
        let yaml = "- name: main\n  claims: {sub: a, n: {b: 1}}\n  expect: allow\n\
                    - {name: t, claims: {}, expect: deny, tokenType: team, teamName: ops}\n";
        let cases = parse(yaml).unwrap();
        assert_eq!((cases[0].line, cases[1].line), (1, 4));
        assert_eq!(cases[0].claims["n"]["b"], 1);
        assert_eq!(cases[1].ask.team.as_deref(), Some("ops"));
        let json = r#"[{"name": "main", "claims": {"sub": "a"}, "expect": "allow"}]"#;
        assert_eq!(parse(json).unwrap()[0].expect, Decision::Allow);
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn errors_have_a_place() {
        for (text, expected) in [
            ("name: x", "1:1: must be a list of cases"),
            ("- {name: x, claims: {}}", "1:3: [0]: the key \"expect\" is missing"),
            ("- {name: x, claims: {}, expect: alow}", "did you mean \"allow\"?"),
            ("- {name: x, claim: {}, expect: allow}", "did you mean \"claims\"?"),
            ("- {name: x, claims: [], expect: allow}", "must be an object, not a list"),
            (
                "- {name: x, claims: {}, expect: allow, tokenType: team}",
                "the key \"teamName\" is missing",
            ),
            (
                "- {name: x, claims: {}, expect: allow, teamName: ops}",
                "teamName: a case for another token type (organization) has none",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
