//! TLS servers on loopback.
