//! Okta: organizations of its customers.

use super::{Id, Issuer, Platform};

pub(super) const OKTA: Platform = Platform {
    issuer: Some(Issuer::new("Okta", &[], &["*.okta.com", "*.okta-emea.com", "*.oktapreview.com"])),
    ..Platform::new(Id::Okta, "Okta")
};
