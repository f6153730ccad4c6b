//! Google: ID tokens of service accounts.

use super::{Id, Issuer, Platform};

pub(super) const GOOGLE: Platform = Platform {
    issuer: Some(Issuer::new("Google", &["https://accounts.google.com"], &["accounts.google.com"])),
    ..Platform::new(Id::Google, "Google")
};
