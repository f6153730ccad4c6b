//! The report as pretty-printed JSON (product contract, section 3).

use serde::Serialize;
use serde_json::json;

use super::value;
use crate::catalogue::{Code, Entry};
use crate::report::{Finding, Report, SCHEMA_VERSION};

/// The report as one JSON object and a line break. Escapes preserve every string.
pub(super) fn render(report: &Report) -> String {
    value(report)
}

/// Findings about a policy document.
pub(super) fn lint(found: &[Finding]) -> String {
    value(&json!({"schemaVersion": SCHEMA_VERSION, "findings": found}))
}

/// A failure code. As in the report, keys may be added within a version, but none removed.
pub(super) fn code(code: Code) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct One {
        schema_version: u32,
        #[serde(flatten)]
        entry: Entry,
    }
    value(&One { schema_version: SCHEMA_VERSION, entry: Entry::parse(code) })
}

pub(super) fn codes(codes: &[Code]) -> String {
    let codes: Vec<Entry> = codes.iter().map(|code| Entry::parse(*code)).collect();
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
    fn report_keys_are_in_order() {
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
    fn report_serializes_to_documented_shape() {
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
    fn dangerous_characters_are_escaped() {
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
        fn json_parses_back_to_report(text in hostile()) {
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
