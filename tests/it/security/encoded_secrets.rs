//! Secrets that a server echoes in another encoding are never shown.
