//! The environment variables of a run, and the CI platform that they tell.

use std::collections::BTreeMap;

use super::network::client::Proxies;
use crate::evidence::RunContext;
use crate::platform;
use crate::platform::Platform;
use crate::text::command::Shell;
use crate::text::secret::{Scrubber, is_plain, looks_random, names_secret};

/// The variables whose values are always secrets: Pulumi's, ours, and those of
/// the platforms.
pub(super) fn secrets() -> impl Iterator<Item = &'static str> {
    let platforms = platform::ALL.iter().flat_map(|platform| platform.secrets).copied();
    ["PULUMI_ACCESS_TOKEN", "DOCTOR_ACCESS_TOKEN"].into_iter().chain(platforms)
}

/// Environment variables by name.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. What is not Unicode is converted with replacement characters.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect()
    }

    /// A variable that is set and not empty. Names are case-sensitive except on Windows.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = if cfg!(windows) {
            self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        } else {
            self.0.get(name)
        };
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Knows the secrets of this environment: the variables of [`secrets`], those whose names say
    /// that they hold one, tokens, and the passwords of proxies. A value is not a secret because of its
    /// variable's name where it also stands in one of the `claims` of the token, or, unless it looks
    /// random, in one of the `names` of the command line: evidence would disappear.
    pub fn scrubber(&self, names: &[&str], claims: &[&str]) -> Scrubber {
        let scrubber = Scrubber::default();
        for (name, value) in &self.0 {
            let is_known = secrets().any(|known| known.eq_ignore_ascii_case(name));
            let is_token = value.trim_start().starts_with("eyJ");
            let stands_in = |texts: &[&str]| texts.iter().any(|text| text.contains(value.trim()));
            let is_named = || {
                names_secret(name)
                    && is_credential(name, value)
                    && !stands_in(claims)
                    && (looks_random(value) || !stands_in(names))
            };
            if is_known || is_token || is_named() {
                scrubber.add(value);
            }
        }
        Proxies::hide(|name| self.get(name).map(str::to_owned), &scrubber);
        scrubber
    }

    /// The same less one variable.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|known, _| known != name);
        self
    }

    /// All of them.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The platform that this is a job of.
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

    /// Where the program runs.
    pub fn run_context(&self) -> RunContext {
        match self.platform() {
            Some(platform) => RunContext::CiJob { platform: platform.id },
            None => RunContext::Workstation,
        }
    }

    /// Whether a variable that is a switch is set, and not to `false` or `0`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| !v.eq_ignore_ascii_case("false") && v != "0")
    }
}

/// Whether the value of a variable with the name of a secret is one, and not a name or an address.
/// Names end with `key` that hold the key of a cache, or a file's name.
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
    fn platforms() {
        assert_eq!(run_context("HOME", "/root"), RunContext::Workstation);
        assert_eq!(run_context("CI", "false"), RunContext::Workstation);
        assert_eq!(run_context("TF_BUILD", ""), RunContext::Workstation);
        let azure = RunContext::CiJob { platform: platform::Id::AzurePipelines };
        assert_eq!(run_context("TF_BUILD", "True"), azure);
    }
}
