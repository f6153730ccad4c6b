//! What a token's header says beside its algorithm that keeps verifiers from using the token.

use serde_json::{Map, Value};

/// A header that verifiers refuse with any key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A parameter of the wrong form.
    Malformed {
        /// Its name.
        parameter: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// `crit` names parameters that a verifier has to understand and does not (RFC 7515 section
    /// 4.1.11).
    Critical {
        /// The names.
        names: Vec<String>,
    },
    /// `b64` is false, which a JWT must not have (RFC 7797 section 7).
    Unencoded,
}

/// A parameter, its JSON type in words, and whether a value has it.
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

/// The first fault of a header. go-jose takes a null for an absent parameter, except in `crit`.
pub(crate) fn fault(header: &Map<String, Value>) -> Option<Fault> {
    for (parameter, wanted, fits) in TYPED {
        let value = header.get(parameter).filter(|value| !value.is_null());
        if value.is_some_and(|value| !fits(value)) {
            return Some(Fault::Malformed { parameter, problem: format!("is not {wanted}") });
        }
    }
    let unencoded = header.get("b64") == Some(&Value::Bool(false));
    let Some(critical) = header.get("crit") else { return unencoded.then_some(Fault::Unencoded) };
    let malformed =
        |problem: &str| Some(Fault::Malformed { parameter: "crit", problem: problem.to_owned() });
    let names = match critical.as_array() {
        Some(names) if is_strings(critical) => names,
        _ => return malformed("is not a list of strings"),
    };
    if names.is_empty() {
        return malformed("is an empty list");
    }
    // The one extension that go-jose understands (RFC 7797).
    let unknown: Vec<String> = names
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| *name != "b64")
        .map(str::to_owned)
        .collect();
    if !unknown.is_empty() {
        return Some(Fault::Critical { names: unknown });
    }
    unencoded.then_some(Fault::Unencoded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(header: &Value) -> Option<Fault> {
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
            assert_eq!(of(&header), None, "{header}");
        }
    }

    #[test]
    fn parameters_of_the_wrong_form_are_named() {
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
            let found = of(&header);
            assert!(
                matches!(&found, Some(Fault::Malformed { parameter: p, .. }) if *p == parameter),
                "{header}: {found:?}"
            );
        }
    }

    #[test]
    fn critical_parameters_that_are_unknown_are_named() {
        let names = vec!["exp".to_owned(), "x".to_owned()];
        let header = json!({"crit": ["exp", "b64", "x"], "b64": false});
        assert_eq!(of(&header), Some(Fault::Critical { names }));
        assert_eq!(of(&json!({"crit": ["b64"], "b64": false})), Some(Fault::Unencoded));
        assert_eq!(of(&json!({"b64": false})), Some(Fault::Unencoded));
    }
}
