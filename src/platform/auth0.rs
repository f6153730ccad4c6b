//! Auth0: tenants of its customers.

use super::{Id, Issuer, Platform};

pub(super) const AUTH0: Platform = Platform {
    issuer: Some(Issuer::new("Auth0", &[], &["*.auth0.com"])),
    ..Platform::new(Id::Auth0, "Auth0")
};
