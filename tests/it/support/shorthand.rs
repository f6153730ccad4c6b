//! What many tests say of a report, and of a policy with several entries.

use serde_json::Value;

use super::{Doctor, Run, World};

impl World {
    /// A diagnosis where the policy, the file and Pulumi Cloud's, has these entries.
    pub fn doctor_with(&self, entries: &[Value]) -> Doctor {
        let doctor = self.doctor();
        self.cloud.policies(entries.to_vec());
        let mut policy = self.policy();
        policy["issuers"][0]["policies"] = entries.into();
        doctor.file("policy.json", policy.to_string())
    }

    /// A diagnosis without a policy document, where Pulumi Cloud's policy is the shape's entry.
    pub fn doctor_without_policy(&self) -> Doctor {
        self.doctor().without("--policy")
    }
}

impl Run {
    /// Holds the run to be unhealthy because of this error, which this check found.
    #[track_caller]
    pub fn assert_root(&self, code: &str, category: &str, check: &str) {
        assert_eq!(self.root_cause(), Some(code), "{:?}\n{}", self.codes(), self.stderr);
        assert_eq!((self.status, &self.report["verdict"]), (1, &"unhealthy".into()), "{code}");
        assert_eq!(self.codes()[0], code);
        let finding = self.finding(code);
        assert_eq!(finding["category"], category, "{code}");
        assert_eq!(finding["severity"], "error", "{code}");
        assert_eq!(finding["check"], check, "{code}");
        assert_eq!(self.check(check)["status"], "fail", "{code}");
    }

    /// Holds the run to be healthy.
    #[track_caller]
    pub fn assert_healthy(&self) {
        assert_eq!(self.root_cause(), None, "{:?}\n{}", self.codes(), self.stderr);
        assert_eq!((self.status, &self.report["verdict"]), (0, &"healthy".into()));
    }

    /// Holds a finding to say all of this, in whatever part of it.
    #[track_caller]
    pub fn assert_says(&self, code: &str, telling: &[&str]) {
        let text = self.text(code);
        for words in telling {
            assert!(text.contains(words), "{code}: {words:?} is not in\n{text}");
        }
    }

    /// Everything that a finding says, a string per line.
    #[track_caller]
    pub fn text(&self, code: &str) -> String {
        let mut text = String::new();
        strings(self.finding(code), &mut text);
        text
    }

    /// The check that kept this one from running.
    #[track_caller]
    pub fn skipped(&self, check: &str) -> Option<&str> {
        let check = self.check(check);
        assert_eq!(check["status"] == "skip", check["skippedBecause"].is_string(), "{check}");
        check["skippedBecause"].as_str()
    }
}

fn strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(map) => map.values().for_each(|item| strings(item, into)),
        _ => {}
    }
}
