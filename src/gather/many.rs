//! Evidence for many tokens, one per line: everything else is gathered once.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::plan::{InputError, Plan, ProcessContext};
use super::scrub::{scrub, scrub_claims};
use super::token;
use super::{Gathered, gather_with_full_urls, issuer};
use crate::evidence::Evidence;
use crate::oidc::jwt;
use crate::text::secret::Scrubber;

/// The evidence and inputs that all tokens share.
pub(crate) struct SharedEvidence {
    /// Has full URLs.
    evidence: Evidence,
    /// Whether the policy document has URL parts that must not be shown.
    policy_has_hidden_urls: bool,
    jwks: Option<Value>,
    scrubber: Scrubber,
    /// Accept bare claims as a token.
    bare_claims: bool,
}

impl SharedEvidence {
    /// Gathers the shared evidence. The plan's token must be [`token::TokenLocation::Lines`].
    ///
    /// # Errors
    /// A file that an option names cannot be used.
    pub(crate) fn gather(
        plan: Plan,
        process: ProcessContext,
        bare_claims: bool,
    ) -> Result<Self, InputError> {
        let Gathered { evidence, jwks, scrubber, .. } = gather_with_full_urls(plan, process)?;
        let policy_has_hidden_urls = evidence.policy.document().is_some_and(|document| {
            let mut shown = document.clone();
            shown.hide_url_parts(None);
            shown != *document
        });
        Ok(Self { evidence, policy_has_hidden_urls, jwks, scrubber, bare_claims })
    }

    /// The evidence without a token, as a start for [`Self::replace_token`].
    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// A copy of the evidence with the token of a line. See [`Self::replace_token`].
    pub(crate) fn evidence_for_line(&self, line: &[u8]) -> Evidence {
        let mut evidence = self.evidence.clone();
        self.replace_token(&mut evidence, line);
        evidence
    }

    /// Replaces the token with the one on a line, or with the reason why the line has none.
    ///
    /// A line is a bare token, a JSON string that holds one, or a JSON object: with a member
    /// `token`, with claims, or with any wrapping that [`jwt::read`] knows.
    pub(crate) fn replace_token(&self, evidence: &mut Evidence, line: &[u8]) {
        let value = match line.first() {
            Some(b'"' | b'{') => serde_json::from_slice(line).ok(),
            _ => None,
        };
        let outcome = match value {
            Some(Value::String(text)) => jwt::read(Zeroizing::new(text).as_bytes(), true),
            Some(Value::Object(claims)) if self.bare_claims && are_claims(&claims) => {
                jwt::read(jwt::unsigned_token(&claims).as_bytes(), true)
            }
            Some(Value::Object(mut item)) => match item.remove("token") {
                Some(Value::String(text)) => jwt::read(Zeroizing::new(text).as_bytes(), true),
                _ => jwt::read(line, true),
            },
            _ => jwt::read(line, true),
        };
        let source = self.evidence.input.source.clone();
        let (input, mut decoded) = token::token_evidence(source, outcome);
        evidence.input = input;
        if evidence.input.problem.is_some() {
            scrub(&mut evidence.input.problem, &self.scrubber);
        }
        if let Some(keys) = &self.jwks {
            issuer::verify_signature(&mut evidence.issuer, keys, decoded.as_ref());
        }
        if let Some(decoded) = &mut decoded {
            let scrubber = self.scrubber.clone();
            scrubber.add_signature(decoded.compact.reveal());
            scrub_claims(&mut decoded.token, &scrubber);
        }
        evidence.token = decoded.map(|decoded| decoded.token);
        if self.policy_has_hidden_urls {
            evidence.policy = self.evidence.policy.clone();
        }
        evidence.hide_url_parts_of_next_token();
    }
}

/// Whether an object is a claims set. Without `iss`, `sub` and `aud` it is a wrapping of a token.
pub(crate) fn are_claims(object: &Map<String, Value>) -> bool {
    ["iss", "sub", "aud"].iter().any(|name| object.contains_key(*name))
}
