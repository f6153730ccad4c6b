//! A rule is never made from a claim's value that holds a wildcard.
