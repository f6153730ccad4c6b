//! A double of Pulumi Cloud. It decides by the registrations, by the documents that the issuer
//! serves, and by the independent evaluator of `crate::reference`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doctor::loopback::{Connection, Identity, Request, Response, Server, verify};
use serde_json::{Map, Value, json};

use super::issuer::{Issuer, ServedResponses};
use super::openapi;
use crate::reference;

/// The path of the token exchange.
pub const EXCHANGE: &str = "/api/oauth/token";
/// The path of whoami.
pub const WHOAMI: &str = "/api/user";
/// The path by which a Pulumi Cloud is recognised.
pub const CAPABILITIES: &str = "/api/capabilities";

/// A Pulumi Cloud on loopback.
pub struct Cloud {
    server: Server,
    state: Arc<Mutex<State>>,
    access_token: String,
}

struct State {
    registrations: Vec<Registration>,
    /// Users by their access token.
    users: BTreeMap<String, Value>,
    /// The responses that a test has set, by path.
    set_responses: BTreeMap<String, Response>,
    /// The access token that exchanges return.
    access_token: String,
    exchanged: bool,
    /// Whether requests must be exactly the CLI's.
    requires_cli_requests: bool,
}

struct Registration {
    organization: String,
    /// The registration in the API's form.
    json: Value,
    policies: Vec<Value>,
    version: u32,
    fetch: Fetch,
}

/// Fetches what an issuer serves at a URL.
type Fetch = Box<dyn Fn(&str) -> Option<Value> + Send>;

impl Cloud {
    /// Starts a Pulumi Cloud without organizations.
    pub fn start(identity: Identity) -> Self {
        let access_token = new_access_token();
        let state = Arc::new(Mutex::new(State {
            registrations: Vec::new(),
            users: BTreeMap::new(),
            set_responses: BTreeMap::new(),
            access_token: access_token.clone(),
            exchanged: false,
            requires_cli_requests: true,
        }));
        let server_state = Arc::clone(&state);
        let server =
            Server::start(identity, move |request| lock(&server_state).answer(request)).unwrap();
        Self { server, state, access_token }
    }

    /// The URL, without a trailing slash.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Registers an issuer without policies, and creates the organization.
    pub fn register(&self, organization: &str, issuer: &Issuer) {
        let responses = issuer.responses();
        self.register_external(organization, issuer.url(), move |url| fetch(&responses, url));
    }

    /// Registers an issuer that is no double; `fetch` gets what it serves at a URL.
    pub fn register_external(
        &self,
        organization: &str,
        issuer: &str,
        fetch: impl Fn(&str) -> Option<Value> + Send + 'static,
    ) {
        let mut state = self.lock();
        let json = json!({
            "id": format!("issuer-{}", state.registrations.len()),
            "name": "ci",
            "url": issuer,
            "issuer": issuer,
        });
        state.registrations.push(Registration {
            organization: organization.to_owned(),
            json,
            policies: Vec::new(),
            version: 1,
            fetch: Box::new(fetch),
        });
    }

    /// The first registration, in the API's form.
    pub fn first_registration(&self) -> Value {
        self.lock().registrations[0].json.clone()
    }

    /// Changes the first registration.
    pub fn change_registration(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.lock().registrations[0].json);
    }

    /// Sets the policy entries of the first registration.
    pub fn set_policies(&self, entries: Vec<Value>) {
        self.lock().registrations[0].policies = entries;
    }

    /// The access token that exchanges return.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Accepts an access token that no exchange returned, such as a stored one.
    pub fn accept_access_token(&self, access_token: &str, login: &str, organization: &str) {
        self.lock().users.insert(access_token.to_owned(), user(login, organization, ""));
    }

    /// Sets the response to requests for a path. It is not validated.
    pub fn answer(&self, path: &str, response: Response) {
        self.lock().set_responses.insert(path.to_owned(), response);
    }

    /// A handler with this Pulumi Cloud's answers, for a server in front of it.
    pub fn handler(&self) -> impl Fn(&Request) -> Response + Send + Sync + use<> {
        let state = Arc::clone(&self.state);
        move |request| lock(&state).answer(request)
    }

    /// Allows one exchange: a run makes at most one.
    pub fn begin_run(&self) {
        self.lock().exchanged = false;
    }

    /// Accepts the requests of any client of the API, not only the CLI's.
    pub fn accept_any_client(&self) {
        self.lock().requires_cli_requests = false;
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The connections so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.server.connections()
    }

    /// The forms of the exchanges so far.
    pub fn exchanges(&self) -> Vec<BTreeMap<String, String>> {
        let requests = self.requests();
        requests.iter().filter(|request| request.method == "POST").map(form).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Locks the state, also after a panic of the handler, which is resumed when the server is dropped.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let is_exchange = request.path().ends_with(EXCHANGE);
        if is_exchange {
            assert!(!self.exchanged, "a run makes at most one exchange");
            self.exchanged = true;
            if self.requires_cli_requests {
                assert_cli_exchange_request(request);
            }
        }
        if let Some(response) = self.set_responses.get(request.path()) {
            return response.clone();
        }
        let (status, body) = match self.decide(request) {
            Ok(body) => (200, body),
            Err(refusal) => refusal,
        };
        if status != 404 {
            openapi::validate(&request.method, request.path(), status, &body);
        }
        Response::json(status, &body)
    }

    fn decide(&mut self, request: &Request) -> Result<Value, (u16, Value)> {
        let segments: Vec<&str> = request.path().split('/').skip(1).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "capabilities"]) => Ok(json!({"capabilities": []})),
            ("GET", ["api", "cli", "version"]) => Ok(json!({
                "latestVersion": "3.259.0",
                "latestDevVersion": "3.260.0",
                "oldestWithoutWarning": "3.200.0",
            })),
            ("POST", ["api", "oauth", "token"]) => self
                .exchange(&form(request))
                .map_err(|(error, text)| (400, json!({"error": error, "error_description": text}))),
            ("GET", ["api", "user"]) => {
                let accept = request.header("accept").unwrap_or_default();
                let is_cli = accept.starts_with("application/vnd.pulumi+");
                assert!(is_cli || !self.requires_cli_requests, "Accept: {accept}");
                self.user(request).cloned()
            }
            ("GET", ["api", "orgs", organization, "oidc", "issuers"]) => {
                self.user(request)?;
                let registrations: Vec<_> = self
                    .registrations_in(organization)
                    .map(|registration| &registration.json)
                    .collect();
                Ok(json!({"oidcIssuers": registrations}))
            }
            ("GET", ["api", "orgs", organization, "auth", "policies", "oidcissuers", id]) => {
                self.user(request)?;
                Ok(self.registration(organization, id)?.policy())
            }
            ("GET", ["api", "orgs", organization, "oidc", "issuers", id]) => {
                self.user(request)?;
                Ok(self.registration(organization, id)?.json.clone())
            }
            ("PATCH", ["api", "orgs", organization, "auth", "policies", id]) => {
                self.user(request)?;
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let policies = body["policies"].as_array().filter(|entries| !entries.is_empty());
                let policies =
                    policies.ok_or_else(|| failure(400, "policy definition can not be empty"))?;
                let registration =
                    self.registration(organization, id.strip_prefix("policy-").unwrap())?;
                registration.policies = policies.iter().map(without_nulls).collect();
                registration.version += 1;
                Ok(registration.policy())
            }
            _ => Err(failure(404, "Not Found")),
        }
    }

    fn registrations_in(&self, organization: &str) -> impl Iterator<Item = &Registration> {
        self.registrations
            .iter()
            .filter(move |registration| registration.organization == organization)
    }

    fn registration(
        &mut self,
        organization: &str,
        id: &str,
    ) -> Result<&mut Registration, (u16, Value)> {
        let mut all = self.registrations.iter_mut();
        all.find(|registration| {
            registration.organization == organization && registration.json["id"] == *id
        })
        .ok_or_else(|| failure(400, "Invalid issuer ID"))
    }

    fn user(&self, request: &Request) -> Result<&Value, (u16, Value)> {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("token "));
        let user = token.and_then(|token| self.users.get(token));
        user.ok_or_else(|| failure(401, "Unauthorized: No credentials provided or are invalid."))
    }

    /// Checks in the service's documented order: issuer, expiry, keys, signature, policies.
    fn exchange(
        &mut self,
        form: &BTreeMap<String, String>,
    ) -> Result<Value, (&'static str, String)> {
        let organization = form["audience"].strip_prefix("urn:pulumi:org:").unwrap();
        if self.registrations_in(organization).next().is_none() {
            return Err(("invalid_request", format!("invalid organization {organization}")));
        }
        let refuse = |text: &str| ("invalid_grant", text.to_owned());
        let token = &form["subject_token"];
        let claims = decode_claims(token).ok_or_else(|| refuse("malformed token"))?;
        let issuer = claims.get("iss").unwrap_or(&Value::Null);
        let registration = self
            .registrations_in(organization)
            .find(|registration| registration.json["issuer"] == *issuer)
            .ok_or_else(|| refuse("unknown issuer"))?;
        // A NumericDate may have a fraction (RFC 7519 section 2).
        let expires = claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
        if expires <= jiff::Timestamp::now().as_second() as f64 {
            return Err(refuse("token expired"));
        }
        let keys = registration.keys().ok_or_else(|| refuse("no keys"))?;
        if !verify(token, &keys) {
            return Err(refuse("bad signature"));
        }

        let (token_type, scope) = (form["requested_token_type"].as_str(), form["scope"].as_str());
        let token_type = token_type.strip_prefix("urn:pulumi:token-type:access_token:").unwrap();
        let named = |prefix: &str| scope.strip_prefix(prefix);
        let (team, user_login) = (named("team:"), named("user:"));
        let allowed = reference::decide(
            &registration.policies,
            &claims,
            token_type,
            team,
            user_login,
            named("runner:"),
            scope == "admin",
        );
        if !allowed {
            return Err(("access_denied", "denied by policy".to_owned()));
        }

        let max_expiration = registration.json["maxExpiration"].as_i64().unwrap_or(25 * 60 * 60);
        let user = user(user_login.unwrap_or("ci-bot"), organization, team.unwrap_or_default());
        self.users.insert(self.access_token.clone(), user);
        Ok(json!({
            "access_token": self.access_token,
            "issued_token_type": form["requested_token_type"],
            "token_type": "token",
            "expires_in": form["expiration"].parse::<i64>().unwrap().min(max_expiration),
            "scope": scope,
        }))
    }
}

impl Registration {
    /// The policy in the API's form.
    fn policy(&self) -> Value {
        let id = self.json["id"].as_str().unwrap();
        json!({"id": format!("policy-{id}"), "version": self.version, "policies": self.policies})
    }

    /// The registered keys, or those that the issuer serves.
    fn keys(&self) -> Option<Value> {
        if let Some(keys) = self.json.get("jwks") {
            return Some(keys.clone());
        }
        let url = self.json["url"].as_str()?.trim_end_matches('/');
        let discovery = (self.fetch)(&format!("{url}/.well-known/openid-configuration"))?;
        (self.fetch)(discovery["jwks_uri"].as_str()?)
    }
}

fn fetch(responses: &ServedResponses, url: &str) -> Option<Value> {
    let response = responses.get(url::Url::parse(url).ok()?.path());
    let body = serde_json::from_slice(&response.body).ok()?;
    (response.status == 200).then_some(body)
}

/// Asserts that a request is exactly the CLI's (`pkg/backend/httpstate/client/client.go`).
fn assert_cli_exchange_request(request: &Request) {
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = form(request);
    let names: BTreeSet<&str> = form.keys().map(String::as_str).collect();
    let expected = [
        "audience",
        "expiration",
        "grant_type",
        "requested_token_type",
        "scope",
        "subject_token",
        "subject_token_type",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert!(form["audience"].starts_with("urn:pulumi:org:"), "{}", form["audience"]);
    assert!(form["expiration"].parse::<i64>().is_ok(), "{}", form["expiration"]);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(form["subject_token_type"], "urn:ietf:params:oauth:token-type:id_token");
    let kind = form["requested_token_type"].strip_prefix("urn:pulumi:token-type:access_token:");
    let kind = kind.unwrap_or_default();
    assert!(["organization", "team", "personal", "runner"].contains(&kind), "{kind}");
}

/// The fields of an exchange request: a form, as the CLI sends, or JSON, as the API describes.
fn form(request: &Request) -> BTreeMap<String, String> {
    if request.header("content-type") == Some("application/json") {
        return serde_json::from_slice(&request.body).unwrap();
    }
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

/// Removes null members, which the service leaves out of its answers.
fn without_nulls(entry: &Value) -> Value {
    let members = entry.as_object().unwrap().clone();
    members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn decode_claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn failure(status: u16, message: &str) -> (u16, Value) {
    (status, json!({"code": status, "message": message}))
}

fn user(login: &str, organization: &str, team: &str) -> Value {
    json!({
        "id": "6f1d0c52-8b7e-4a39-90d4-e2c5b3a7f186",
        "githubLogin": login,
        "name": login,
        "email": "ci@example.test",
        "avatarUrl": "https://example.test/avatar",
        "hasMFA": false,
        "identities": ["Pulumi"],
        "isManagedByMultiOrg": false,
        "isOrgManaged": false,
        "organizations": [{
            "githubLogin": organization,
            "name": organization,
            "avatarUrl": "https://example.test/avatar",
            "role": "member",
        }],
        "tokenInfo": {"name": "ci", "organization": organization, "team": team},
    })
}

fn new_access_token() -> String {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().fold("pul-".to_owned(), |token, byte| format!("{token}{byte:02x}"))
}
