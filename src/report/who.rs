//! Who a policy lets in, in the shape that `doctor policy who --format json` prints.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::platform::Kind;

/// Who a policy lets in.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// The version of this shape.
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
    /// The issuer; null where the policy does not name it.
    pub issuer: Option<String>,
    pub(crate) kind: Kind,
    /// The claims of such a job: one that is let in, where one is.
    pub claims: Map<String, Value>,
    /// `allow`, `deny` or `unknown`.
    pub decision: &'static str,
    /// The entries that decide, from 0.
    pub entries: Vec<usize>,
    /// The types of access token that it gets, or may get.
    pub token_types: Vec<&'static str>,
    /// Whether `--forbid` names the kind.
    pub forbidden: bool,
    /// What people call the issuer.
    #[serde(skip)]
    pub name: String,
    /// The lines of the entries that decide, in their order; 0 where the policy is no file.
    #[serde(skip)]
    pub lines: Vec<u64>,
}

impl KindOfJob {
    /// Whether it must not get in, and does or may.
    pub(crate) fn breach(&self) -> Option<&'static str> {
        (self.forbidden && self.decision != "deny").then_some(self.decision)
    }
}

impl Who {
    /// The exit status: 1 where a forbidden kind gets in, 3 where that is not known.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let breaches = || self.kinds.iter().filter_map(KindOfJob::breach);
        match (breaches().any(|decision| decision == "allow"), breaches().next()) {
            (true, _) => 1,
            (false, Some(_)) => 3,
            (false, None) => 0,
        }
    }
}
