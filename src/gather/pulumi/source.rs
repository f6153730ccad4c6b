//! The variables that the CLI reads, and the URLs that its settings name.

use std::collections::BTreeMap;

use crate::evidence::{BackendCandidate, BackendSource};
use crate::text::secret::Scrubber;

/// A source that names a URL. An empty one counts as not set.
pub(crate) fn candidate(url: Option<&str>, source: BackendSource) -> Option<BackendCandidate> {
    let url = url.filter(|url| !url.is_empty())?;
    // A token may stand where a host or a path belongs.
    Some(BackendCandidate::new(Scrubber::default().scrub(url), source))
}

/// A variable that is set to something.
pub(crate) fn variable<'a>(
    environment: &'a BTreeMap<String, String>,
    name: &str,
) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// How the CLI reads a boolean option from the environment (pkg/cmd/pulumi/pulumi.go,
/// `declareFlagsAsEnvironmentVariables`).
pub(crate) fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}
