//! The demo's Pulumi Cloud. It applies the documented checks, in the documented order, to the
//! registrations and the token; no answer is canned.
//!
//! Sources: the Pulumi CLI's client (`pkg/backend/httpstate/client/client.go`) for the requests,
//! Pulumi's OpenAPI document for the answers, and the documentation's "OIDC issuers" for the order
//! of the checks. The form of a refusal is not documented; RFC 6749 section 5.2 is used.

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

/// The form fields with a fixed value (RFC 8693 section 2.1).
const FIXED_FIELDS: [(&str, &str); 2] = [
    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
];

/// A Pulumi Cloud with one organization.
pub(super) struct Cloud {
    document: Document,
    jwks: Value,
    minted: Mutex<Option<Minted>>,
}

/// The last access token that was issued, and the request for it.
struct Minted {
    token: String,
    ask: RequestedToken,
}

/// The error response to a token exchange.
struct Refusal {
    error: &'static str,
    description: String,
}

fn refusal(error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal { error, description: description.into() }
}

impl Cloud {
    /// A Pulumi Cloud with the registrations of a document, whose issuers publish `jwks`.
    pub(super) fn new(document: Document, jwks: Value) -> Self {
        Self { document, jwks, minted: Mutex::default() }
    }

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
                .ok_or_else(|| refusal("invalid_request", format!("{name} is missing")))
        };
        for (name, value) in FIXED_FIELDS {
            if field(name)? != value {
                return Err(refusal("invalid_request", format!("{name} has to be {value}")));
            }
        }
        if urn::organization_of(field("audience")?) != Some(ORGANIZATION) {
            return Err(refusal("invalid_request", "invalid organization"));
        }
        let ask = parse_ask(field("requested_token_type")?, field("scope")?)
            .ok_or_else(|| refusal("invalid_scope", "scope and token type do not fit together"))?;
        let expiration = field("expiration")?.parse::<u32>();
        let expiration =
            expiration.map_err(|_| refusal("invalid_request", "expiration is not a number"))?;

        self.check_token(field("subject_token")?, &ask)?;
        let token = new_access_token()
            .ok_or_else(|| refusal("server_error", "no access token to be had"))?;
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

    /// Checks issuer, expiry, signature and policy, in the order that the service documents.
    fn check_token(&self, token: &str, ask: &RequestedToken) -> Result<(), Refusal> {
        let claims =
            decode_claims(token).ok_or_else(|| refusal("invalid_request", "not a token"))?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        let registration =
            self.document.issuers.iter().find(|registered| registered.identifier() == issuer);
        let registration =
            registration.ok_or_else(|| refusal("invalid_grant", "no issuer matches the token"))?;
        let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        if expires <= Timestamp::now().as_second() {
            return Err(refusal("invalid_grant", "the token has expired"));
        }
        if !verify(token, &self.jwks) {
            return Err(refusal("invalid_grant", "the token's signature cannot be verified"));
        }
        let entries = registration.policies.as_deref().unwrap_or_default();
        match evaluate(entries, &claims, ask).decision() {
            Some(Decision::Allow) => Ok(()),
            _ => Err(refusal("access_denied", "no policy allows this token")),
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

/// Reads the requested token type and scope; nothing if they do not fit together.
fn parse_ask(token_type: &str, scope: &str) -> Option<RequestedToken> {
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

fn decode_claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn new_access_token() -> Option<String> {
    let mut bytes = [0; 20];
    rand::fill(&mut bytes).ok()?;
    Some(format!("pul-{}", text::hex(&bytes)))
}
