//! A remedy as data, for programs that apply it unchanged (product contract, section 3,
//! "Remediation for programs"). The sentences, diffs and commands of a remediation use the same
//! values.

use serde::Serialize;
use serde_json::Value;

/// One complete way to repair a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RemedyOption {
    /// The intent for which it is correct; null if there is only one way.
    pub when: Option<String>,
    /// Whether it lets in a kind of job that is often unwanted, such as pull requests.
    pub only_if_meant: bool,
    /// All changes that it needs.
    pub changes: Vec<Change>,
}

impl RemedyOption {
    /// The only way to repair a finding, with one change.
    pub(crate) fn only(change: Change) -> Self {
        Self { when: None, only_if_meant: false, changes: vec![change] }
    }

    /// A way that is correct for this intent, with one change.
    pub(crate) fn when(intent: impl Into<String>, change: Change) -> Self {
        Self { when: Some(intent.into()), ..Self::only(change) }
    }

    /// Adds a change that belongs to the same way.
    pub(crate) fn and(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Every text in its changes: values, keys, issuers and paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().flat_map(|change| {
            let values = [&change.before, &change.after].into_iter().flat_map(texts_in);
            values.chain(change.issuer.as_deref()).chain([&*change.path])
        })
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What to change.
    pub target: Target,
    /// The issuer whose policy or registration is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What of the target: a JSON Pointer into a policy (`/policies/0/rules/sub`, `/policies/-`), a
    /// registration or a file; a claim as a rule's key names it; a flag, or `url` for the argument;
    /// a variable; `trust-store`, `clock`, `proxy`, `network`, `cli` or `permissions` of the
    /// machine.
    pub path: String,
    /// The value before; null if it is absent, or hidden because it is a secret.
    pub before: Value,
    /// The value after the change; null to remove it.
    pub after: Value,
    /// The file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// What to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The policy of an issuer.
    Policy,
    /// The registration of an issuer.
    Registration,
    /// The token that the job gets.
    Token,
    /// The arguments of the login.
    Login,
    /// The environment of the login.
    Environment,
    /// A file.
    File,
    /// The machine that the login runs on.
    Machine,
}

impl Change {
    pub(crate) fn new(target: Target, path: impl Into<String>) -> Self {
        Self {
            target,
            issuer: None,
            path: path.into(),
            before: Value::Null,
            after: Value::Null,
            file: None,
            line: None,
        }
    }

    pub(crate) fn before(self, value: impl Into<Value>) -> Self {
        Self { before: value.into(), ..self }
    }

    pub(crate) fn after(self, value: impl Into<Value>) -> Self {
        Self { after: value.into(), ..self }
    }

    pub(crate) fn for_issuer(self, issuer: Option<&str>) -> Self {
        Self { issuer: issuer.map(str::to_owned), ..self }
    }

    /// Names the file that holds the value; a `line` of 0 means unknown.
    pub(crate) fn in_file(self, file: impl Into<String>, line: u64) -> Self {
        Self { file: Some(file.into()), line: (line > 0).then_some(line), ..self }
    }
}

/// Escapes a key as a reference token of a JSON Pointer (RFC 6901, section 3).
pub(crate) fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn texts_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts_in).collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| [vec![&**key], texts_in(value)].concat())
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn remedy_option_serializes_every_field() {
        let change = Change::new(Target::Policy, "/policies/-")
            .for_issuer(Some("https://token.actions.githubusercontent.com"))
            .after(json!({"decision": "allow"}))
            .in_file("policy.yaml", 15);
        let option = RemedyOption::when("branch main should be let in too", change);
        assert_eq!(
            serde_json::to_value(option).unwrap(),
            json!({ "when": "branch main should be let in too", "onlyIfMeant": false,
                "changes": [{ "target": "policy",
                    "issuer": "https://token.actions.githubusercontent.com",
                    "path": "/policies/-", "before": null, "after": {"decision": "allow"},
                    "file": "policy.yaml", "line": 15 }] })
        );
        let unset = RemedyOption::only(Change::new(Target::Environment, "PULUMI_ACCESS_TOKEN"));
        assert_eq!(
            serde_json::to_value(unset).unwrap(),
            json!({ "when": null, "onlyIfMeant": false, "changes": [{ "target": "environment",
                "path": "PULUMI_ACCESS_TOKEN", "before": null, "after": null }] })
        );
    }

    #[test]
    fn pointer_escapes_slash_and_tilde() {
        assert_eq!(pointer_token("\"a/b\".~c"), "\"a~1b\".~0c");
    }
}
