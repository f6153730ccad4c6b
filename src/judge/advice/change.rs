//! Changes to a login, its environment, its files and its machine. Each kind has one constructor.
//! `judge::advice::policy_change` has those for policies.

use serde_json::{Value, json};

use crate::evidence::{BackendSource, HelperSource};
use crate::report::{Change, Target};

/// Changes a flag of the login.
pub(crate) fn flag(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    Change::new(Target::Login, name).before(json!(before)).after(json!(after))
}

/// Removes one of the two backend URLs of a login.
pub(crate) fn remove_url(source: &BackendSource, url: &str) -> Option<Change> {
    match source {
        BackendSource::Local => Some(flag("--local", None, None).before(true)),
        _ => backend_url(source, url, None),
    }
}

/// Changes the backend URL in its source. Stored credentials stay as they are, since the URL
/// argument overrides them.
pub(crate) fn backend_url(
    source: &BackendSource,
    before: &str,
    after: Option<&str>,
) -> Option<Change> {
    Some(match source {
        BackendSource::Argument => flag("url", Some(before), after),
        BackendSource::Flag => flag("--cloud-url", Some(before), after),
        BackendSource::Environment { name } => variable(name, Some(before), after),
        BackendSource::Project { path, line } => Change::new(Target::File, "/backend/url")
            .before(before)
            .after(json!(after))
            .in_file(path, *line),
        BackendSource::Default | BackendSource::Credentials { .. } | BackendSource::Local => {
            flag("url", None, Some(after?))
        }
    })
}

pub(crate) fn variable(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    Change::new(Target::Environment, name).before(json!(before)).after(json!(after))
}

pub(crate) fn move_file_away(path: &str) -> Change {
    Change::new(Target::File, "").in_file(path, 0)
}

/// Changes a claim of the job's token. `path`: the claim as the key of a rule.
pub(crate) fn claim(path: &str, before: Option<&Value>, after: impl Into<Value>) -> Change {
    Change::new(Target::Token, path).before(before.cloned().unwrap_or_default()).after(after)
}

/// Repairs a part of the machine that the login runs on.
pub(crate) fn fix_machine(part: MachinePart) -> Change {
    Change::new(
        Target::Machine,
        match part {
            MachinePart::TrustStore => "trust-store",
            MachinePart::Clock => "clock",
            MachinePart::Proxy => "proxy",
            MachinePart::Network => "network",
            MachinePart::Cli => "cli",
        },
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MachinePart {
    TrustStore,
    Clock,
    Proxy,
    Network,
    Cli,
}

/// Prevents the use of a credential helper. A flag or `PULUMI_OPTION_` variable is removed; for any
/// other source, `none` switches the helper off.
pub(crate) fn disable_helper(source: &HelperSource, path: &str) -> Change {
    match source {
        HelperSource::Flag => flag("--credential-helper", Some(path), None),
        HelperSource::Environment { name } if name.starts_with("PULUMI_OPTION_") => {
            variable(name, Some(path), None)
        }
        HelperSource::Environment { name } => variable(name, Some(path), Some("none")),
        HelperSource::Credentials { .. } | HelperSource::BesideCli | HelperSource::Path => {
            variable("PULUMI_CREDENTIAL_HELPER", None, Some("none"))
        }
    }
}
