//! The report as JSON: the contract's object (section 3), pretty-printed.

use serde::Serialize;
use serde_json::json;

use super::value;
use crate::catalogue::{Code, Entry};
use crate::report::{Finding, Report, SCHEMA_VERSION};

/// The report as one JSON object and a line break. Parsing it gives back every string as it was.
pub(super) fn render(report: &Report) -> String {
    value(report)
}

/// Findings about a policy document.
pub(super) fn lint(found: &[Finding]) -> String {
    value(&json!({"schemaVersion": SCHEMA_VERSION, "findings": found}))
}

/// A code; keys as in the report's: some may come, none go within a version.
pub(super) fn code(code: Code) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct One {
        schema_version: u32,
        #[serde(flatten)]
        entry: Entry,
    }
    value(&One { schema_version: SCHEMA_VERSION, entry: Entry::of(code) })
}

/// Several codes.
pub(super) fn codes(codes: &[Code]) -> String {
    let codes: Vec<Entry> = codes.iter().map(|code| Entry::of(*code)).collect();
    value(&json!({"schemaVersion": SCHEMA_VERSION, "codes": codes}))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::render::samples;
    use crate::text;
    use crate::text::inert;
    use crate::text::tests::hostile;

    #[test]
    fn every_key_is_there_and_in_order() {
        let mut report = samples::inconclusive();
        report.token = None;
        let value: Value = serde_json::from_str(&render(&report)).unwrap();
        let keys = value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(
            keys,
            [
                "schemaVersion",
                "doctorVersion",
                "startedAt",
                "durationMs",
                "verdict",
                "rootCause",
                "checks",
                "findings",
                "token",
                "request",
                "policy",
                "identity",
                "recorded",
            ]
        );
        assert_eq!(value["rootCause"], Value::Null);
        assert_eq!(value["token"], Value::Null);
        assert_eq!(value["identity"], Value::Null);
        assert_eq!(value["policy"]["closest"], Value::Null);
    }

    #[test]
    fn shapes_are_the_contract_s() {
        let value: Value = serde_json::from_str(&render(&samples::audience_mismatch())).unwrap();
        assert_eq!(value["schemaVersion"], 1);
        assert_eq!(value["verdict"], "unhealthy");
        assert_eq!(value["rootCause"], "audience-mismatch");
        assert_eq!(
            value["checks"][9],
            json!({
                "id": "exchange", "category": "exchange", "status": "skip", "summary": "",
                "durationMs": 0, "skippedBecause": "policy",
            })
        );
        assert_eq!(
            value["findings"][0]["evidence"][0],
            json!({
                "what": "expected", "value": "api://AzureADTokenExchange", "where": "policy.yaml:12",
            })
        );
        assert_eq!(
            value["policy"]["entries"][1],
            json!({
                "index": 1, "decision": "deny", "tokenType": "team", "applies": false, "rules": [],
            })
        );
    }

    #[test]
    fn json_layout_is_stable() {
        let text = render(&samples::healthy());
        assert!(text.starts_with("{\n  \"schemaVersion\": 1,\n  \"doctorVersion\": \"0.1.0\",\n"));
        assert!(text.ends_with("\n}\n"));
    }

    #[test]
    fn escapes_are_the_contract_s() {
        assert_eq!(
            text::json(&[samples::HOSTILE]),
            concat!(
                "[\n  \"\\r\\n::error::x\\n#\\u0023vso[task.complete result=Succeeded]",
                "#\\u0023[error]\\u001b[2J\\u202e\\udb40\\udc41\\u0085y\"\n]"
            )
        );
    }

    proptest! {
        #[test]
        fn what_is_read_back_is_what_was_written(text in hostile()) {
            let report = samples::with_text(&text);
            let written = render(&report);
            for line in written.lines() {
                prop_assert_eq!(inert(line), line);
            }
            let value: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(value, serde_json::to_value(&report).unwrap());
        }
    }
}
