//! Judging: evidence in, report out.
