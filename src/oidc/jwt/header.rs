//! Faults in a token's header that make verifiers reject the token.

use serde_json::{Map, Value};

/// A fault for which verifiers reject the token with any key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// A parameter has the wrong form.
    Malformed { parameter: &'static str, problem: String },
    /// `crit` names parameters that verifiers do not understand (RFC 7515 section 4.1.11).
    Critical { names: Vec<String> },
    /// `b64` is false, which is forbidden in a JWT (RFC 7797 section 7).
    Unencoded,
}

/// A parameter, the name of its JSON type, and a check for that type.
type Typed = (&'static str, &'static str, fn(&Value) -> bool);

/// The parameters whose type go-jose checks (`sanitized` in shared.go; RFC 7515 section 4.1).
const TYPED: [Typed; 4] = [
    ("kid", "a string", Value::is_string),
    ("jwk", "an object", Value::is_object),
    ("x5c", "a list of strings", is_strings),
    ("nonce", "a string", Value::is_string),
];

fn is_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// Finds the first fault of a header. go-jose treats null as absent, except in `crit`.
pub(crate) fn fault(header: &Map<String, Value>) -> Option<HeaderFault> {
    for (parameter, wanted, has_type) in TYPED {
        let value = header.get(parameter).filter(|value| !value.is_null());
        if value.is_some_and(|value| !has_type(value)) {
            return Some(HeaderFault::Malformed { parameter, problem: format!("is not {wanted}") });
        }
    }
    let unencoded = header.get("b64") == Some(&Value::Bool(false));
    let Some(critical) = header.get("crit") else {
        return unencoded.then_some(HeaderFault::Unencoded);
    };
    let malformed = |problem: &str| {
        Some(HeaderFault::Malformed { parameter: "crit", problem: problem.to_owned() })
    };
    let names = match critical.as_array() {
        Some(names) if is_strings(critical) => names,
        _ => return malformed("is not a list of strings"),
    };
    if names.is_empty() {
        return malformed("is an empty list");
    }
    // go-jose understands only the extension `b64` (RFC 7797).
    let unknown: Vec<String> = names
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| *name != "b64")
        .map(str::to_owned)
        .collect();
    if !unknown.is_empty() {
        return Some(HeaderFault::Critical { names: unknown });
    }
    unencoded.then_some(HeaderFault::Unencoded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find_fault(header: &Value) -> Option<HeaderFault> {
        fault(header.as_object()?)
    }

    #[test]
    fn usual_headers_have_no_fault() {
        for header in [
            json!({"alg": "RS256", "typ": "JWT", "kid": "a"}),
            json!({"kid": "", "x5t": "AAAA", "x5c": ["MIIB"], "jwk": {}}),
            json!({"kid": null}),
            json!({"crit": ["b64"], "b64": true}),
            json!({"b64": true}),
        ] {
            assert_eq!(find_fault(&header), None, "{header}");
        }
    }

    #[test]
    fn malformed_parameters_are_named() {
        for (parameter, header) in [
            ("kid", json!({"kid": 5})),
            ("kid", json!({"kid": ["a"]})),
            ("jwk", json!({"jwk": "a"})),
            ("x5c", json!({"x5c": "a"})),
            ("crit", json!({"crit": []})),
            ("crit", json!({"crit": "exp"})),
            ("crit", json!({"crit": null})),
            ("crit", json!({"crit": {"exp": 1}})),
            ("crit", json!({"crit": ["exp", 1]})),
        ] {
            let found = find_fault(&header);
            assert!(
                matches!(&found, Some(HeaderFault::Malformed { parameter: p, .. }) if *p == parameter),
                "{header}: {found:?}"
            );
        }
    }

    #[test]
    fn unknown_critical_parameters_are_named() {
        let names = vec!["exp".to_owned(), "x".to_owned()];
        let header = json!({"crit": ["exp", "b64", "x"], "b64": false});
        assert_eq!(find_fault(&header), Some(HeaderFault::Critical { names }));
        assert_eq!(
            find_fault(&json!({"crit": ["b64"], "b64": false})),
            Some(HeaderFault::Unencoded)
        );
        assert_eq!(find_fault(&json!({"b64": false})), Some(HeaderFault::Unencoded));
    }
}
