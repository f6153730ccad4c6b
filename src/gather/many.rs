//! Many tokens, one a line, with everything else the same: read once, completed for every line.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::clean::{clean, clean_claims};
use super::plan::{InputError, Plan, ProcessContext};
use super::token;
use super::{Gathered, all, issuer};
use crate::evidence::Evidence;
use crate::oidc::jwt;
use crate::text::secret::Scrubber;

/// What the tokens have in common.
pub(crate) struct Common {
    /// With whole URLs.
    evidence: Evidence,
    /// Whether the policy document has URLs with parts that are not shown.
    policy_hides: bool,
    jwks: Option<Value>,
    scrubber: Scrubber,
    /// Claims alone count as a token.
    bare_claims: bool,
}

impl Common {
    /// Gathers it; the plan's token must be [`token::Choice::Lines`].
    ///
    /// # Errors
    /// A file that an option names cannot be used.
    pub(crate) fn gather(
        plan: Plan,
        around: ProcessContext,
        bare_claims: bool,
    ) -> Result<Self, InputError> {
        let Gathered { evidence, jwks, scrubber, .. } = all(plan, around)?;
        let policy_hides = evidence.policy.document().is_some_and(|document| {
            let mut shown = document.clone();
            shown.hide_url_parts(None);
            shown != *document
        });
        Ok(Self { evidence, policy_hides, jwks, scrubber, bare_claims })
    }

    /// The evidence without a token: for [`Self::complete`].
    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The evidence with the token of a line: see [`Self::complete`].
    pub(crate) fn with(&self, line: &[u8]) -> Evidence {
        let mut evidence = self.evidence.clone();
        self.complete(&mut evidence, line);
        evidence
    }

    /// Replaces the token by that of the next line, or by the reason why it has none.
    ///
    /// A line is a token as it stands, a JSON string that holds one, or a JSON object: one with a
    /// `token`, claims, or what a token came wrapped in.
    pub(crate) fn complete(&self, evidence: &mut Evidence, line: &[u8]) {
        let value = match line.first() {
            Some(b'"' | b'{') => serde_json::from_slice(line).ok(),
            _ => None,
        };
        let outcome = match value {
            Some(Value::String(text)) => jwt::read(Zeroizing::new(text).as_bytes(), true),
            Some(Value::Object(claims)) if self.bare_claims && are_claims(&claims) => {
                jwt::read(jwt::unsigned(&claims).as_bytes(), true)
            }
            Some(Value::Object(mut item)) => match item.remove("token") {
                Some(Value::String(text)) => jwt::read(Zeroizing::new(text).as_bytes(), true),
                _ => jwt::read(line, true),
            },
            _ => jwt::read(line, true),
        };
        let source = self.evidence.input.source.clone();
        let (input, mut decoded) = token::finish(source, outcome);
        evidence.input = input;
        if evidence.input.problem.is_some() {
            clean(&mut evidence.input.problem, &self.scrubber);
        }
        if let Some(keys) = &self.jwks {
            issuer::verify(&mut evidence.issuer, keys, decoded.as_ref());
        }
        if let Some(decoded) = &mut decoded {
            let scrubber = self.scrubber.clone();
            scrubber.add_signature(decoded.compact.reveal());
            clean_claims(&mut decoded.token, &scrubber);
        }
        evidence.token = decoded.map(|decoded| decoded.token);
        if self.policy_hides {
            evidence.policy = self.evidence.policy.clone();
        }
        evidence.hide_url_parts_of_next_token();
    }
}

/// Whether an object is bare claims: one that names no issuer, subject or audience is what a token
/// came wrapped in.
pub(crate) fn are_claims(object: &Map<String, Value>) -> bool {
    ["iss", "sub", "aud"].iter().any(|name| object.contains_key(*name))
}
