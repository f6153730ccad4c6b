//! The environment variables of a run, and the CI platform that they reveal.

use std::collections::BTreeMap;

use super::network::client::Proxies;
use crate::evidence::RunContext;
use crate::platform;
use crate::platform::Platform;
use crate::text::command::Shell;
use crate::text::secret::{Scrubber, is_plain, looks_random, names_secret};

/// The variables whose values are always secrets: Pulumi's, the doctor's and the platforms'.
pub(super) fn secret_variables() -> impl Iterator<Item = &'static str> {
    let platforms = platform::ALL.iter().flat_map(|platform| platform.secrets).copied();
    ["PULUMI_ACCESS_TOKEN", "DOCTOR_ACCESS_TOKEN"].into_iter().chain(platforms)
}

/// Environment variables by name.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Invalid Unicode becomes replacement characters.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect()
    }

    /// The value of a variable that is set and not empty. Names ignore case on Windows only.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = if cfg!(windows) {
            self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        } else {
            self.0.get(name)
        };
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A scrubber for the secrets of this environment: the variables of [`secret_variables`], those
    /// with a secret's name, tokens, and proxy passwords.
    ///
    /// A variable's name does not make its value a secret if the value occurs in one of the token's
    /// `claims`, or in one of the command line's `names` without looking random. Otherwise evidence
    /// would disappear.
    pub fn scrubber(&self, names: &[&str], claims: &[&str]) -> Scrubber {
        let scrubber = Scrubber::default();
        for (name, value) in &self.0 {
            let is_known = secret_variables().any(|known| known.eq_ignore_ascii_case(name));
            let is_token = value.trim_start().starts_with("eyJ");
            let occurs_in = |texts: &[&str]| texts.iter().any(|text| text.contains(value.trim()));
            let is_named = || {
                names_secret(name)
                    && is_credential(name, value)
                    && !occurs_in(claims)
                    && (looks_random(value) || !occurs_in(names))
            };
            if is_known || is_token || is_named() {
                scrubber.add(value);
            }
        }
        Proxies::hide_credentials(|name| self.get(name).map(str::to_owned), &scrubber);
        scrubber
    }

    /// This environment without one variable.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|known, _| known != name);
        self
    }

    /// All variables, empty ones included.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The CI platform whose job this environment belongs to.
    pub(crate) fn platform(&self) -> Option<&'static Platform> {
        let is_here = |platform: &&&Platform| {
            let has_value = |(name, value): (&str, &str)| self.get(name) == Some(value);
            platform.marker.is_some_and(|name| self.is_on(name))
                || platform.marked_by.is_some_and(has_value)
        };
        platform::ALL.iter().find(is_here).copied()
    }

    /// The shell that started this program, if it can be recognised.
    pub(crate) fn shell(&self) -> Shell {
        match cfg!(windows) || self.get("PSModulePath").is_some() {
            true => Shell::PowerShell,
            false => Shell::Posix,
        }
    }

    /// Whether the program runs in a CI job or on a workstation.
    pub fn run_context(&self) -> RunContext {
        match self.platform() {
            Some(platform) => RunContext::CiJob { platform: platform.id },
            None => RunContext::Workstation,
        }
    }

    /// Whether a boolean variable is set to anything but `false` or `0`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| !v.eq_ignore_ascii_case("false") && v != "0")
    }
}

/// Whether the value of a variable with a secret's name is a credential, not a name or an address.
/// Variables that end with `key` may also hold a cache key or a file name.
fn is_credential(name: &str, value: &str) -> bool {
    const SHORTEST: usize = 12;
    let is_key = name.to_ascii_lowercase().ends_with("key");
    looks_random(value) || !is_key && value.trim().len() >= SHORTEST && !is_plain(value.trim())
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_context(name: &str, value: &str) -> RunContext {
        Environment::from_iter([(name.to_owned(), value.to_owned())]).run_context()
    }

    #[test]
    fn marker_variable_tells_run_context() {
        assert_eq!(run_context("HOME", "/root"), RunContext::Workstation);
        assert_eq!(run_context("CI", "false"), RunContext::Workstation);
        assert_eq!(run_context("TF_BUILD", ""), RunContext::Workstation);
        let azure = RunContext::CiJob { platform: platform::Id::AzurePipelines };
        assert_eq!(run_context("TF_BUILD", "True"), azure);
    }
}
