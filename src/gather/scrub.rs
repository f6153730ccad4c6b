//! Removes secrets from evidence.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::evidence::Token;
use crate::text::secret::Scrubber;

/// Removes secrets from every text in a part of the evidence. It names variables, files and
/// servers, and people put a secret in place of such a name.
pub(crate) fn scrub<T: Serialize + DeserializeOwned>(part: &mut T, scrubber: &Scrubber) {
    let Ok(value) = serde_json::to_value(&*part) else { return };
    if let Ok(clean) = serde_json::from_value(scrubber.scrub_json(value)) {
        *part = clean;
    }
}

/// Removes secrets from the claims, which may hold a credential.
pub(super) fn scrub_claims(token: &mut Token, scrubber: &Scrubber) {
    for part in [&mut token.header, &mut token.claims] {
        if let Value::Object(clean) = scrubber.scrub_json(Value::Object(std::mem::take(part))) {
            *part = clean;
        }
    }
}
