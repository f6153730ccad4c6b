//! Which audience a platform's tokens have.

use super::{ALL, Platform};

/// The audience of a platform's tokens.
#[derive(Clone, Copy)]
pub(crate) enum Audience {
    /// The job cannot choose it: it is one of these spellings, or one for each customer.
    Fixed(&'static [&'static str]),
    /// The job chooses it.
    Chosen {
        /// What chooses an audience, to paste.
        request: Option<fn(&str) -> String>,
        default: Option<DefaultAudience>,
    },
    /// No way to get a token from this platform is known.
    Unknown,
}

/// The audience of a token that was requested without one.
#[derive(Clone, Copy)]
pub(crate) struct DefaultAudience {
    /// The customer's name follows.
    pub(crate) prefix: &'static str,
    pub(crate) whose: &'static str,
}

impl Audience {
    /// Whether a job can ask for another one.
    pub(crate) fn is_chosen(&self) -> bool {
        matches!(self, Self::Chosen { .. })
    }

    /// What chooses this audience, to paste.
    pub(crate) fn request(&self, audience: &str) -> Option<String> {
        match self {
            Self::Chosen { request: Some(request), .. } => Some(request(audience)),
            _ => None,
        }
    }
}

/// The platform whose tokens cannot have another audience than this one.
pub(crate) fn fixed_audience(audience: &str) -> Option<&'static Platform> {
    let is = |platform: &&&Platform| match platform.audience {
        Audience::Fixed(all) => all.iter().any(|own| own.eq_ignore_ascii_case(audience)),
        Audience::Chosen { .. } | Audience::Unknown => false,
    };
    ALL.iter().find(is).copied()
}

/// A platform's default audience: the platform, its default, and the customer's name.
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
