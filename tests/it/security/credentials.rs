//! Credentials go only where the user sent them.
