//! The demo's Pulumi Cloud: it decides by the documented rules, in the documented order, on what
//! is registered and what the token says. No answer is written down beforehand.
//!
//! Sources: the Pulumi CLI's client (`pkg/backend/httpstate/client/client.go`) for the requests,
//! Pulumi's OpenAPI document for the answers, the documentation's "OIDC issuers" for the order of
//! the checks. How the service words a refusal is not documented: the form is that of RFC 6749
//! section 5.2.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::ORGANIZATION;
use crate::loopback::{Request, Response, verify};
use crate::policy::evaluate::evaluate;
use crate::policy::{Decision, Document, RequestedToken, TokenType};
use crate::pulumi::urn;
use crate::text;

/// The form fields that have to say exactly this (RFC 8693 section 2.1).
const FIXED: [(&str, &str); 2] = [
    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
];

/// A Pulumi Cloud with one organization.
pub(super) struct Cloud {
    document: Document,
    jwks: Value,
    minted: Mutex<Option<Minted>>,
}

/// The access token that was issued last.
struct Minted {
    token: String,
    ask: RequestedToken,
}

/// A refused exchange.
struct Refusal {
    error: &'static str,
    description: String,
}

fn refuse(error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal { error, description: description.into() }
}

impl Cloud {
    /// A Pulumi Cloud with these registrations, whose issuers publish these keys.
    pub(super) fn new(document: Document, jwks: Value) -> Self {
        Self { document, jwks, minted: Mutex::default() }
    }

    /// Answers a request.
    pub(super) fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/api/capabilities") => Response::json(200, &json!({"capabilities": []})),
            ("POST", "/api/oauth/token") => match self.exchange(&request.body) {
                Ok(answer) => Response::json(200, &answer),
                Err(Refusal { error, description }) => {
                    Response::json(400, &json!({"error": error, "error_description": description}))
                }
            },
            ("GET", "/api/user") => self.user(request.header("authorization")),
            _ => Response::json(404, &json!({"code": 404, "message": "Not Found"})),
        }
    }

    fn exchange(&self, body: &[u8]) -> Result<Value, Refusal> {
        let form: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| {
            form.get(name)
                .map(String::as_str)
                .ok_or_else(|| refuse("invalid_request", format!("{name} is missing")))
        };
        for (name, value) in FIXED {
            if field(name)? != value {
                return Err(refuse("invalid_request", format!("{name} has to be {value}")));
            }
        }
        if urn::organization_of(field("audience")?) != Some(ORGANIZATION) {
            return Err(refuse("invalid_request", "invalid organization"));
        }
        let ask = ask(field("requested_token_type")?, field("scope")?)
            .ok_or_else(|| refuse("invalid_scope", "scope and token type do not fit together"))?;
        let expiration = field("expiration")?.parse::<u32>();
        let expiration =
            expiration.map_err(|_| refuse("invalid_request", "expiration is not a number"))?;

        self.admit(field("subject_token")?, &ask)?;
        let token = mint().ok_or_else(|| refuse("server_error", "no access token to be had"))?;
        let answer = json!({
            "access_token": token,
            "issued_token_type": field("requested_token_type")?,
            "token_type": "token",
            "expires_in": expiration,
            "scope": field("scope")?,
        });
        *self.minted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Minted { token, ask });
        Ok(answer)
    }

    /// Issuer, expiry, signature, policy: in the order that the service documents.
    fn admit(&self, token: &str, ask: &RequestedToken) -> Result<(), Refusal> {
        let claims = claims(token).ok_or_else(|| refuse("invalid_request", "not a token"))?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        let registration = self.document.issuers.iter().find(|one| one.identifier() == issuer);
        let registration =
            registration.ok_or_else(|| refuse("invalid_grant", "no issuer matches the token"))?;
        let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        if expires <= Timestamp::now().as_second() {
            return Err(refuse("invalid_grant", "the token has expired"));
        }
        if !verify(token, &self.jwks) {
            return Err(refuse("invalid_grant", "the token's signature cannot be verified"));
        }
        let entries = registration.policies.as_deref().unwrap_or_default();
        match evaluate(entries, &claims, ask).decision() {
            Some(Decision::Allow) => Ok(()),
            _ => Err(refuse("access_denied", "no policy allows this token")),
        }
    }

    fn user(&self, authorization: Option<&str>) -> Response {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let token = authorization.and_then(|value| value.strip_prefix("token "));
        let Some(minted) = minted.as_ref().filter(|minted| Some(&*minted.token) == token) else {
            return Response::json(401, &json!({"code": 401, "message": "Unauthorized"}));
        };
        let login = minted.ask.user.as_deref().unwrap_or(ORGANIZATION);
        let user = json!({
            "id": "6f1d0c52-8b7e-4a39-90d4-e2c5b3a7f186",
            "githubLogin": login,
            "name": login,
            "email": "",
            "avatarUrl": "",
            "hasMFA": false,
            "identities": [],
            "isManagedByMultiOrg": false,
            "isOrgManaged": false,
            "organizations": [
                {"githubLogin": ORGANIZATION, "name": ORGANIZATION, "avatarUrl": "", "role": "member"},
            ],
            "tokenInfo": {
                "name": "demo",
                "organization": ORGANIZATION,
                "team": minted.ask.team.as_deref().unwrap_or_default(),
            },
        });
        Response::json(200, &user)
    }
}

/// What is asked for; none where the scope is not one of the token type's.
fn ask(token_type: &str, scope: &str) -> Option<RequestedToken> {
    let name = |prefix: &str| scope.strip_prefix(prefix).map(str::to_owned).map(Some);
    let ask = match token_type.strip_prefix(urn::ACCESS_TOKEN)? {
        "organization" if matches!(scope, "" | "admin") => RequestedToken {
            token_type: TokenType::Organization,
            admin: scope == "admin",
            ..RequestedToken::default()
        },
        "team" => RequestedToken {
            token_type: TokenType::Team,
            team: name("team:")?,
            ..RequestedToken::default()
        },
        "personal" => RequestedToken {
            token_type: TokenType::Personal,
            user: name("user:")?,
            ..RequestedToken::default()
        },
        "runner" => RequestedToken {
            token_type: TokenType::Runner,
            runner: name("runner:")?,
            ..RequestedToken::default()
        },
        _ => return None,
    };
    Some(ask)
}

fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn mint() -> Option<String> {
    let mut bytes = [0; 20];
    rand::fill(&mut bytes).ok()?;
    Some(format!("pul-{}", text::hex(&bytes)))
}
