//! Finds out from its text what a refusal of the token exchange is about.
//!
//! The service's texts are not documented. A single word can mislead (`Your trial has expired` is
//! not about a token), so only whole phrases and the error codes of RFC 6749 section 5.2 count.

use crate::catalogue::Category;

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Audience,
    /// The token's times.
    Times,
    /// The issuer's registration.
    Registration,
    Signature,
    Policy,
}

impl Subject {
    pub(crate) fn category(self) -> Category {
        match self {
            Self::Audience => Category::Audience,
            Self::Times => Category::Token,
            Self::Registration | Self::Signature => Category::Issuer,
            Self::Policy => Category::Policy,
        }
    }
}

/// The phrases in lower case, with the most specific subject first.
const PHRASES: &[(Subject, &[&str])] = &[
    (
        Subject::Times,
        &[
            "token expired",
            "token is expired",
            "token has expired",
            "token is not yet valid",
            "token used before issued",
            "expired token",
            "jwt expired",
        ],
    ),
    (
        Subject::Audience,
        &[
            "invalid audience",
            "unexpected audience",
            "wrong audience",
            "audience mismatch",
            "audience not allowed",
            "audience is not allowed",
            "audience does not match",
            "audience claim",
            "expected audience",
        ],
    ),
    (
        Subject::Signature,
        &[
            "invalid signature",
            "signature is invalid",
            "signature invalid",
            "signature verification failed",
            "failed to verify signature",
            "could not verify signature",
            "signing key",
        ],
    ),
    (
        Subject::Registration,
        &[
            "unknown issuer",
            "invalid issuer",
            "untrusted issuer",
            "unregistered issuer",
            "issuer not found",
            "issuer not registered",
            "issuer is not registered",
            "issuer not allowed",
            "issuer is not allowed",
            "issuer does not exist",
            "no issuer",
            "no oidc issuer",
        ],
    ),
    (
        Subject::Policy,
        &[
            "denied by policy",
            "not allowed by policy",
            "policy denied",
            "policy does not allow",
            "policies do not allow",
            "no policy",
            "no matching policy",
            "auth policy",
            "auth policies",
            "access_denied",
            "unauthorized_client",
            "invalid_scope",
        ],
    ),
];

/// The subject of a refusal with this status and these messages. A 402 has none: it is about the
/// organization's subscription.
pub(crate) fn find_subject(status: u16, messages: &[String]) -> Option<Subject> {
    if status == 402 {
        return None;
    }
    let is_present =
        |phrase: &&str| messages.iter().any(|text| has_phrase(&text.to_lowercase(), phrase));
    PHRASES.iter().find(|(_, phrases)| phrases.iter().any(is_present)).map(|(subject, _)| *subject)
}

/// Whether the text contains the phrase as whole words.
fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(phrase).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + phrase.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject_of(status: u16, text: &str) -> Option<Subject> {
        find_subject(status, &[text.to_owned()])
    }

    #[test]
    fn only_whole_phrases_count() {
        for (text, subject) in [
            ("The token has expired.", Some(Subject::Times)),
            ("Invalid audience", Some(Subject::Audience)),
            ("unknown issuer https://x.test", Some(Subject::Registration)),
            ("signature verification failed", Some(Subject::Signature)),
            ("access_denied", Some(Subject::Policy)),
            ("Your trial has expired", None),
            ("see our privacy policy", None),
            ("the certificate issuer", None),
            ("no policyholder", None),
            ("my_access_denied", None),
            ("", None),
        ] {
            assert_eq!(subject_of(403, text), subject, "{text}");
        }
    }

    #[test]
    fn payment_required_has_no_subject() {
        assert_eq!(subject_of(402, "token has expired"), None);
    }
}
