//! Which jobs a policy lets in, in the shape that `doctor policy who --format json` prints.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::platform::Kind;

/// The report of `doctor policy who`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    pub schema_version: u32,
    /// Every issuer's kinds of job, in the policy's order.
    pub kinds: Vec<KindOfJob>,
    /// The file that holds the policy.
    #[serde(skip)]
    pub file: Option<String>,
}

/// A kind of job of one issuer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindOfJob {
    /// The issuer; null if the policy does not name it.
    pub issuer: Option<String>,
    pub(crate) kind: Kind,
    /// The claims of such a job, if possible of one that is let in.
    pub claims: Map<String, Value>,
    /// `allow`, `deny` or `unknown`.
    pub decision: &'static str,
    /// The indexes of the entries that decide.
    pub entries: Vec<usize>,
    /// The types of access token that it gets or may get.
    pub token_types: Vec<&'static str>,
    /// Whether `--forbid` names the kind.
    pub forbidden: bool,
    /// The issuer's display name.
    #[serde(skip)]
    pub name: String,
    /// The lines of the entries that decide, in their order; 0 if the policy is not in a file.
    #[serde(skip)]
    pub lines: Vec<u64>,
}

impl KindOfJob {
    /// The decision, if the kind is forbidden and not denied.
    pub(crate) fn forbidden_decision(&self) -> Option<&'static str> {
        (self.forbidden && self.decision != "deny").then_some(self.decision)
    }
}

impl Who {
    /// The exit status: 1 if a forbidden kind gets in, 3 if that is unknown.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let decisions: Vec<_> =
            self.kinds.iter().filter_map(KindOfJob::forbidden_decision).collect();
        if decisions.contains(&"allow") {
            1
        } else if decisions.is_empty() {
            0
        } else {
            3
        }
    }
}
