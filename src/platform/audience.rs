//! The audiences of the platforms' tokens.

use super::{ALL, Platform};

/// The audience of a platform's tokens.
#[derive(Clone, Copy)]
pub(crate) enum Audience {
    /// The job cannot choose it: it has one of these values, or one per customer.
    Fixed(&'static [&'static str]),
    /// The job chooses it.
    Chosen {
        /// The snippet that requests an audience, to paste.
        request: Option<fn(&str) -> String>,
        default: Option<DefaultAudience>,
    },
    /// No way to get a token from this platform is known.
    Unknown,
}

/// The audience of a token that was requested without one.
#[derive(Clone, Copy)]
pub(crate) struct DefaultAudience {
    /// The part before the customer's name.
    pub(crate) prefix: &'static str,
    pub(crate) possessive: &'static str,
}

impl Audience {
    /// Whether a job can choose the audience.
    pub(crate) fn is_chosen(&self) -> bool {
        matches!(self, Self::Chosen { .. })
    }

    /// The snippet that requests this audience, to paste.
    pub(crate) fn request(&self, audience: &str) -> Option<String> {
        match self {
            Self::Chosen { request: Some(request), .. } => Some(request(audience)),
            _ => None,
        }
    }
}

/// The platform whose tokens always have this audience.
pub(crate) fn fixed_audience(audience: &str) -> Option<&'static Platform> {
    let has_audience = |platform: &&&Platform| match platform.audience {
        Audience::Fixed(all) => all.iter().any(|own| own.eq_ignore_ascii_case(audience)),
        Audience::Chosen { .. } | Audience::Unknown => false,
    };
    ALL.iter().find(has_audience).copied()
}

/// Recognises a platform's default audience. Returns the platform, its default, and the customer.
pub(crate) fn default_audience(
    audience: &str,
) -> Option<(&'static Platform, &'static DefaultAudience, &str)> {
    ALL.iter().find_map(|platform| match &platform.audience {
        Audience::Chosen { default: Some(default), .. } => {
            Some((*platform, default, audience.strip_prefix(default.prefix)?))
        }
        _ => None,
    })
}
