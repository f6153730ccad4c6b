//! Helpers for reading the CLI's variables and the URLs in its settings.

use std::collections::BTreeMap;

use crate::evidence::{BackendCandidate, BackendSource};
use crate::text::secret::Scrubber;

/// A source with the URL that it names; nothing if the URL is empty.
pub(crate) fn candidate(url: Option<&str>, source: BackendSource) -> Option<BackendCandidate> {
    let url = url.filter(|url| !url.is_empty())?;
    // The URL may contain a token by mistake.
    Some(BackendCandidate::new(Scrubber::default().scrub(url), source))
}

/// The value of a variable, unless it is empty.
pub(crate) fn variable<'a>(
    environment: &'a BTreeMap<String, String>,
    name: &str,
) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Whether the CLI reads a boolean option's variable as true (pkg/cmd/pulumi/pulumi.go,
/// `declareFlagsAsEnvironmentVariables`).
pub(crate) fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}
