//! The demo's issuer: Microsoft Entra as Azure DevOps' service connections use it.
//!
//! The token has the form of Azure DevOps' workload identity federation with the Entra issuer
//! (Microsoft, "Troubleshoot an Azure Resource Manager workload identity service connection"). Only
//! the host differs: the real one cannot be served on loopback.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::loopback::{Error, Request, Response, SigningKey};

/// The audience that Entra puts into such a token: `api://AzureADTokenExchange`, by its id.
pub(super) const AUDIENCE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// Tenant and application in base64url, then organization and service connection.
pub(super) const SUBJECT: &str = "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA\
    /sc/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815/c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8";

const TENANT: &str = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// The lifetime of Entra's tokens in seconds: 24 hours and 5 minutes.
const LIFETIME: i64 = 86_700;

/// The signing key of an issuer, and the key set that it publishes.
pub(super) struct Issuer {
    key: SigningKey,
    jwks: Value,
}

impl Issuer {
    /// Makes an issuer. If its key was rotated, it publishes another key than it signs with.
    pub(super) fn new(key_rotated: bool) -> Result<Self, Error> {
        let key = SigningKey::generate("RS256")?;
        let jwk = if key_rotated {
            SigningKey::generate("RS256")?.jwk("2026-11-b")?
        } else {
            key.jwk(KID)?
        };
        Ok(Self { key, jwks: json!({"keys": [jwk]}) })
    }

    pub(super) fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// A token that was issued `issued_ago` seconds ago.
    pub(super) fn token(&self, url: &str, issued_ago: i64) -> Result<String, Error> {
        let issued = Timestamp::now().as_second() - issued_ago;
        let claims = [
            ("aud", json!(AUDIENCE)),
            ("iss", json!(url)),
            ("iat", json!(issued)),
            ("nbf", json!(issued)),
            ("exp", json!(issued + LIFETIME)),
            ("azp", json!(AZURE_DEVOPS)),
            ("idtyp", json!("app")),
            ("oid", json!("2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42")),
            ("sub", json!(SUBJECT)),
            ("tid", json!(TENANT)),
            ("uti", json!("q8ZkXw3nT0GvYb5RkLsPAA")),
            ("ver", json!("2.0")),
        ];
        let claims = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.key.sign(&Map::from_iter([("kid".to_owned(), json!(KID))]), &claims)
    }

    /// Serves the discovery document (OpenID Connect Discovery 1.0, section 4) and the key set.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let url = url(&request.origin);
        let jwks_uri = format!("{}/{TENANT}/discovery/v2.0/keys", request.origin);
        let requested = format!("{}{}", request.origin, request.target);
        if requested == jwks_uri {
            Response::json(200, &self.jwks)
        } else if requested == format!("{url}/.well-known/openid-configuration") {
            let document = json!({
                "issuer": url,
                "jwks_uri": jwks_uri,
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            });
            Response::json(200, &document)
        } else {
            Response::json(404, &json!({"error": "not_found"}))
        }
    }
}

/// The identifier of the issuer that a server at `origin` serves.
pub(super) fn url(origin: &str) -> String {
    format!("{origin}/{TENANT}/v2.0")
}

const KID: &str = "2026-11-a";
