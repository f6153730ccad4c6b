//! The smallest change that lets a token in: to a rule, to the policy, or to the token.
//!
//! Replaces a pattern only if no token of this issuer can match it. Otherwise other jobs may depend
//! on the entry, so another entry is added (product contract, sections 4 and 5).

pub(crate) mod correction;
pub(crate) mod respell;
pub(crate) mod token_change;
pub(crate) mod unmatchable;
pub(crate) mod ways;
