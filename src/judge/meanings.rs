//! Explains claims of a token for people: times relative to now, known ids and audiences.

use serde_json::Value;

use super::finding::{format_instant, human_duration};
use crate::evidence::Token;
use crate::platform::api_audience::api;
use crate::platform::azure::{AUDIENCE, AUDIENCE_ID};
use crate::platform::default_audience;
use crate::pulumi::urn;

/// The names of claims that can be explained, each with its explanation.
pub(super) fn explain_claims(token: &Token, now: i64) -> Vec<(String, String)> {
    let explain = |(name, value): (&String, &Value)| {
        let meaning = match name.as_str() {
            "exp" | "nbf" | "iat" => time_meaning(name, value.as_i64()?, now),
            _ => value_meaning(value.as_str()?)?,
        };
        Some((name.clone(), meaning))
    };
    token.claims.iter().filter_map(explain).collect()
}

/// Explains a `NumericDate` claim (RFC 7519 sections 4.1.4 to 4.1.6).
fn time_meaning(name: &str, seconds: i64, now: i64) -> String {
    let at = format_instant(seconds);
    let left = seconds.saturating_sub(now);
    match (name, left) {
        ("exp", 1..) => format!("{at}, expires in {}", human_duration(left)),
        ("exp", _) => format!("{at}, expired {} ago", human_duration(left)),
        (_, 1..) => format!("{at}, in {}", human_duration(left)),
        _ => format!("{at}, {} ago", human_duration(left)),
    }
}

/// Explains an id or an audience.
fn value_meaning(value: &str) -> Option<String> {
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
    fn times_are_relative_to_now() {
        assert_eq!(time_meaning("exp", 1_200, 960), "1970-01-01T00:20:00Z, expires in 4 min");
        assert_eq!(time_meaning("exp", 1_200, 1_260), "1970-01-01T00:20:00Z, expired 1 min ago");
        assert_eq!(time_meaning("iat", 1_200, 1_260), "1970-01-01T00:20:00Z, 1 min ago");
        assert_eq!(time_meaning("nbf", 1_200, 1_140), "1970-01-01T00:20:00Z, in 1 min");
    }

    #[test]
    fn known_values_are_explained() {
        for (value, meaning) in [
            (AUDIENCE_ID, Some("the application api://AzureADTokenExchange")),
            ("urn:pulumi:org:acme", Some("Pulumi Cloud, organization acme")),
            ("https://github.com/acme", Some("GitHub's default audience, of acme")),
            ("499b84ac-1321-427f-aa17-267ca6975798", Some("Azure DevOps")),
            ("acme", None),
        ] {
            assert_eq!(value_meaning(value).as_deref(), meaning, "{value}");
        }
    }
}
