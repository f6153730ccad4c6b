//! The smallest change that lets a token in: to a rule, to the policy, or to the token.
//!
//! Pure functions of plain values. A pattern is replaced only when no token of this issuer can match
//! it; otherwise other jobs may use the entry, and another one is added (product contract, sections
//! 4 and 5).

pub(crate) mod correction;
pub(crate) mod dead;
pub(crate) mod respell;
pub(crate) mod steer;
pub(crate) mod ways;
