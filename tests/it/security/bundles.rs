//! Bundles are as inert as reports.
