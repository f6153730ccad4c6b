//! Assertions on reports and setups of policies that many tests use.

use serde_json::Value;

use super::{Doctor, Run, World};

impl World {
    /// Prepares a diagnosis where the policy file and Pulumi Cloud's policy have these entries.
    pub fn doctor_with_entries(&self, entries: &[Value]) -> Doctor {
        let doctor = self.doctor();
        self.cloud.set_policies(entries.to_vec());
        let mut policy = self.policy();
        policy["issuers"][0]["policies"] = entries.into();
        doctor.file("policy.json", policy.to_string())
    }

    /// Prepares a diagnosis without a policy document. Pulumi Cloud's policy has the shape's entry.
    pub fn doctor_without_policy(&self) -> Doctor {
        self.doctor().without("--policy")
    }
}

impl Run {
    /// Asserts that the run is unhealthy, with this error of this check as root cause.
    #[track_caller]
    pub fn assert_root_cause(&self, code: &str, category: &str, check: &str) {
        assert_eq!(self.root_cause(), Some(code), "{:?}\n{}", self.codes(), self.stderr);
        assert_eq!((self.status, &self.report["verdict"]), (1, &"unhealthy".into()), "{code}");
        assert_eq!(self.codes()[0], code);
        let finding = self.finding(code);
        assert_eq!(finding["category"], category, "{code}");
        assert_eq!(finding["severity"], "error", "{code}");
        assert_eq!(finding["check"], check, "{code}");
        assert_eq!(self.check(check)["status"], "fail", "{code}");
    }

    /// Asserts that the run is healthy.
    #[track_caller]
    pub fn assert_healthy(&self) {
        assert_eq!(self.root_cause(), None, "{:?}\n{}", self.codes(), self.stderr);
        assert_eq!((self.status, &self.report["verdict"]), (0, &"healthy".into()));
    }

    /// Asserts that a finding contains all these texts, in any of its parts.
    #[track_caller]
    pub fn assert_finding_contains(&self, code: &str, expected: &[&str]) {
        let finding = self.finding_text(code);
        for text in expected {
            assert!(finding.contains(text), "{code}: {text:?} is not in\n{finding}");
        }
    }

    /// All strings of a finding, one per line.
    #[track_caller]
    pub fn finding_text(&self, code: &str) -> String {
        let mut text = String::new();
        collect_strings(self.finding(code), &mut text);
        text
    }

    /// The check or option because of which a check was skipped.
    #[track_caller]
    pub fn skipped_because(&self, check: &str) -> Option<&str> {
        let check = self.check(check);
        assert_eq!(check["status"] == "skip", check["skippedBecause"].is_string(), "{check}");
        check["skippedBecause"].as_str()
    }
}

fn collect_strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, into)),
        Value::Object(map) => map.values().for_each(|item| collect_strings(item, into)),
        _ => {}
    }
}
