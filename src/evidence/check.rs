//! The ids of checks, and why a check did not run. Reports and bundles hold both by name, so the
//! names are part of the contract.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::catalogue::Category;

/// A check of the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckId {
    Input,
    Login,
    Cli,
    Backend,
    Cloud,
    Token,
    Registration,
    Issuer,
    Keys,
    Signature,
    Thumbprints,
    Policy,
    Exchange,
    Whoami,
}

impl CheckId {
    /// Every check, in the order of running and reporting.
    pub const ALL: [Self; 14] = [
        Self::Input,
        Self::Login,
        Self::Cli,
        Self::Backend,
        Self::Cloud,
        Self::Token,
        Self::Registration,
        Self::Issuer,
        Self::Keys,
        Self::Signature,
        Self::Thumbprints,
        Self::Policy,
        Self::Exchange,
        Self::Whoami,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Login => "login",
            Self::Cli => "cli",
            Self::Backend => "backend",
            Self::Cloud => "cloud",
            Self::Token => "token",
            Self::Registration => "registration",
            Self::Issuer => "issuer",
            Self::Keys => "keys",
            Self::Signature => "signature",
            Self::Thumbprints => "thumbprints",
            Self::Policy => "policy",
            Self::Exchange => "exchange",
            Self::Whoami => "whoami",
        }
    }

    pub fn category(self) -> Category {
        match self {
            Self::Input => Category::Input,
            Self::Login | Self::Cli => Category::Login,
            Self::Backend | Self::Cloud => Category::Backend,
            Self::Token => Category::Token,
            Self::Registration
            | Self::Issuer
            | Self::Keys
            | Self::Signature
            | Self::Thumbprints => Category::Issuer,
            Self::Policy => Category::Policy,
            Self::Exchange => Category::Exchange,
            Self::Whoami => Category::Whoami,
        }
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for CheckId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why a check did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Another check failed or could not run.
    Check(CheckId),
    /// `--offline` was given.
    Offline,
    /// `--now` was given.
    Now,
    /// `--no-exchange` was given.
    NoExchange,
    /// It needs `--policy`.
    Policy,
    /// It needs `--cloud-url`, because only a project file names the backend.
    CloudUrl,
}

impl SkipReason {
    const OPTIONS: [Self; 5] =
        [Self::Offline, Self::Now, Self::NoExchange, Self::Policy, Self::CloudUrl];

    /// The check's id or the option, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check(check) => check.name(),
            Self::Offline => "--offline",
            Self::Now => "--now",
            Self::NoExchange => "--no-exchange",
            Self::Policy => "--policy",
            Self::CloudUrl => "--cloud-url",
        }
    }
}

impl From<CheckId> for SkipReason {
    fn from(check: CheckId) -> Self {
        Self::Check(check)
    }
}

impl Serialize for SkipReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for SkipReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        CheckId::ALL
            .into_iter()
            .map(Self::Check)
            .chain(Self::OPTIONS)
            .find(|reason| reason.name() == name)
            .ok_or_else(|| de::Error::custom("neither a check nor an option"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn skip_reasons_round_trip_in_bundles() {
        let checks = CheckId::ALL.into_iter().map(SkipReason::Check);
        for reason in checks.chain(SkipReason::OPTIONS) {
            let written = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<SkipReason>(&written).unwrap(), reason);
        }
        assert!(serde_json::from_str::<SkipReason>("\"backend-url\"").is_err());
    }
}
