//! What the login asks for.
