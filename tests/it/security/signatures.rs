//! Keys and signatures as RFC 7515 and RFC 7517 have them.
