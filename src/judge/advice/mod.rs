//! Advice that several checks, or the checks and triage, share.

pub(crate) mod api_request;
pub(crate) mod backend_url;
pub(crate) mod change;
pub(crate) mod clock;
pub(crate) mod job;
pub(crate) mod missing_token;
pub(crate) mod policy_change;
pub(crate) mod project_backend;
pub(crate) mod refused_exchange;
pub(crate) mod token_request;
pub(crate) mod token_value;
pub(crate) mod unknown_policy;
pub(crate) mod variables;
pub(crate) mod without_token;
