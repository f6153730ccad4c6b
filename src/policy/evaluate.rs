//! Evaluating policies.
