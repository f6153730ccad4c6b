//! Changes to a login, its environment, its files and its machine: the one constructor of each.
//!
//! Changes to a policy are made in `judge::policy::change`.

use serde_json::{Value, json};

use crate::evidence::{BackendSource, HelperSource};
use crate::report::{Change, Target};

/// A flag of the login.
pub(crate) fn flag(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    Change::new(Target::Login, name).before(json!(before)).after(json!(after))
}

/// One of two URLs of a login is taken away.
pub(crate) fn drop_url(source: &BackendSource, url: &str) -> Option<Change> {
    match source {
        BackendSource::Local => Some(flag("--local", None, None).before(true)),
        _ => backend(source, url, None),
    }
}

/// The backend's URL where it stands. Stored credentials are left as they are: the argument comes
/// before them.
pub(crate) fn backend(source: &BackendSource, before: &str, after: Option<&str>) -> Option<Change> {
    Some(match source {
        BackendSource::Argument => flag("url", Some(before), after),
        BackendSource::Flag => flag("--cloud-url", Some(before), after),
        BackendSource::Environment { name } => variable(name, Some(before), after),
        BackendSource::Project { path, line } => Change::new(Target::File, "/backend/url")
            .before(before)
            .after(json!(after))
            .at(path, *line),
        BackendSource::Default | BackendSource::Credentials { .. } | BackendSource::Local => {
            flag("url", None, Some(after?))
        }
    })
}

/// An environment variable.
pub(crate) fn variable(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    Change::new(Target::Environment, name).before(json!(before)).after(json!(after))
}

/// A file is moved away.
pub(crate) fn without_file(path: &str) -> Change {
    Change::new(Target::File, "").at(path, 0)
}

/// A claim that the job's token must get, as a rule's key names it.
pub(crate) fn claim(path: &str, before: Option<&Value>, after: impl Into<Value>) -> Change {
    Change::new(Target::Token, path).before(before.cloned().unwrap_or_default()).after(after)
}

/// The machine that the login runs on.
pub(crate) fn machine(what: Machine) -> Change {
    Change::new(
        Target::Machine,
        match what {
            Machine::TrustStore => "trust-store",
            Machine::Clock => "clock",
            Machine::Proxy => "proxy",
            Machine::Network => "network",
            Machine::Cli => "cli",
        },
    )
}

/// What of a machine is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    TrustStore,
    Clock,
    Proxy,
    Network,
    Cli,
}

/// What keeps the CLI from using a credential helper: the flag excludes it, everything else can be
/// switched off.
pub(crate) fn without_helper(source: &HelperSource, path: &str) -> Change {
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
