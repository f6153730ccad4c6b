//! What the claims of a token mean to people: times from now on, known ids and audiences.

use serde_json::Value;

use super::finding::{instant, span};
use crate::evidence::Token;
use crate::platform::api_audience::api;
use crate::platform::azure::{AUDIENCE, AUDIENCE_ID};
use crate::platform::default_audience;
use crate::pulumi::urn;

/// The names of claims with what they mean.
pub(super) fn of_claims(token: &Token, now: i64) -> Vec<(String, String)> {
    let of_claim = |(name, value): (&String, &Value)| {
        let meaning = match name.as_str() {
            "exp" | "nbf" | "iat" => time(name, value.as_i64()?, now),
            _ => known(value.as_str()?)?,
        };
        Some((name.clone(), meaning))
    };
    token.claims.iter().filter_map(of_claim).collect()
}

/// A `NumericDate` claim (RFC 7519 sections 4.1.4 to 4.1.6).
fn time(name: &str, seconds: i64, now: i64) -> String {
    let at = instant(seconds);
    let left = seconds.saturating_sub(now);
    match (name, left) {
        ("exp", 1..) => format!("{at}, expires in {}", span(left)),
        ("exp", _) => format!("{at}, expired {} ago", span(left)),
        (_, 1..) => format!("{at}, in {}", span(left)),
        _ => format!("{at}, {} ago", span(left)),
    }
}

/// What an id or an audience stands for.
fn known(value: &str) -> Option<String> {
    if value == AUDIENCE_ID {
        return Some(format!("the application {AUDIENCE}"));
    }
    if value == AUDIENCE {
        return Some(format!("the application {AUDIENCE_ID}"));
    }
    if let Some(organization) = urn::organization_of(value) {
        return Some(format!("Pulumi Cloud, organization {organization}"));
    }
    if let Some((_, default, owner)) = default_audience(value) {
        return Some(format!("{} default audience, of {owner}", default.possessive));
    }
    api(value).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_now() {
        assert_eq!(time("exp", 1_200, 960), "1970-01-01T00:20:00Z, expires in 4 min");
        assert_eq!(time("exp", 1_200, 1_260), "1970-01-01T00:20:00Z, expired 1 min ago");
        assert_eq!(time("iat", 1_200, 1_260), "1970-01-01T00:20:00Z, 1 min ago");
        assert_eq!(time("nbf", 1_200, 1_140), "1970-01-01T00:20:00Z, in 1 min");
    }

    #[test]
    fn known_values_are_named() {
        for (value, meaning) in [
            (AUDIENCE_ID, Some("the application api://AzureADTokenExchange")),
            ("urn:pulumi:org:acme", Some("Pulumi Cloud, organization acme")),
            ("https://github.com/acme", Some("GitHub's default audience, of acme")),
            ("499b84ac-1321-427f-aa17-267ca6975798", Some("Azure DevOps")),
            ("acme", None),
        ] {
            assert_eq!(known(value).as_deref(), meaning, "{value}");
        }
    }
}
