//! Takes secrets out of evidence.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::evidence::Token;
use crate::text::secret::Scrubber;

/// Takes the secrets out of every text of a part of the evidence: variables, files and servers are
/// named there, and people put a secret in the place of such a name.
pub(crate) fn clean<T: Serialize + DeserializeOwned>(part: &mut T, scrubber: &Scrubber) {
    let Ok(value) = serde_json::to_value(&*part) else { return };
    if let Ok(clean) = serde_json::from_value(scrubber.scrub_json(value)) {
        *part = clean;
    }
}

/// Claims are hostile text, and may be somebody's credential.
pub(super) fn clean_claims(token: &mut Token, scrubber: &Scrubber) {
    for part in [&mut token.header, &mut token.claims] {
        if let Value::Object(clean) = scrubber.scrub_json(Value::Object(std::mem::take(part))) {
            *part = clean;
        }
    }
}
