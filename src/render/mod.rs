//! Rendering: a report in one format.
