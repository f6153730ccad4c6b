//! A Pulumi Cloud that decides for itself: by what is registered, by what the issuer serves now,
//! and by the independent evaluator of `crate::reference`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doctor::loopback::{Connection, Identity, Request, Response, Server, verify};
use serde_json::{Map, Value, json};

use super::issuer::{Issuer, ServedBy};
use super::openapi;
use crate::reference;

/// The path of the token exchange.
pub const EXCHANGE: &str = "/api/oauth/token";
/// The path of whoami.
pub const WHOAMI: &str = "/api/user";
/// The path that tells a Pulumi Cloud from something else.
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
    /// Answers that a test put in the place of the double's own, by path.
    overridden: BTreeMap<String, Response>,
    /// The access token that the next exchange gives.
    access_token: String,
    exchanged: bool,
    /// Whether requests have to be the CLI's, to the letter.
    only_the_cli: bool,
}

struct Registration {
    organization: String,
    /// As the API shows it.
    shown: Value,
    policies: Vec<Value>,
    version: u32,
    fetch: Fetch,
}

/// What an issuer serves at a URL.
type Fetch = Box<dyn Fn(&str) -> Option<Value> + Send>;

impl Cloud {
    /// Starts a Pulumi Cloud without organizations.
    pub fn start(identity: Identity) -> Self {
        let access_token = access_token();
        let state = Arc::new(Mutex::new(State {
            registrations: Vec::new(),
            users: BTreeMap::new(),
            overridden: BTreeMap::new(),
            access_token: access_token.clone(),
            exchanged: false,
            only_the_cli: true,
        }));
        let answering = Arc::clone(&state);
        let server =
            Server::start(identity, move |request| lock(&answering).answer(request)).unwrap();
        Self { server, state, access_token }
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Registers an issuer, without policies, in an organization that is there from now on.
    pub fn register(&self, organization: &str, issuer: &Issuer) {
        let served = issuer.served();
        self.register_served(organization, issuer.url(), move |url| fetch(&served, url));
    }

    /// The same for an issuer that is none of the doubles; `fetch` gets what it serves at a URL.
    pub fn register_served(
        &self,
        organization: &str,
        issuer: &str,
        fetch: impl Fn(&str) -> Option<Value> + Send + 'static,
    ) {
        let mut state = self.lock();
        let shown = json!({
            "id": format!("issuer-{}", state.registrations.len()),
            "name": "ci",
            "url": issuer,
            "issuer": issuer,
        });
        state.registrations.push(Registration {
            organization: organization.to_owned(),
            shown,
            policies: Vec::new(),
            version: 1,
            fetch: Box::new(fetch),
        });
    }

    /// The first registration, as the API shows it.
    pub fn registered(&self) -> Value {
        self.lock().registrations[0].shown.clone()
    }

    /// Changes the first registration.
    pub fn registration(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.lock().registrations[0].shown);
    }

    /// Sets the policy entries of the first registration.
    pub fn policies(&self, entries: Vec<Value>) {
        self.lock().registrations[0].policies = entries;
    }

    /// The access token that an exchange gives.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Accepts an access token that no exchange gave: a stored one, say.
    pub fn grant(&self, access_token: &str, login: &str, organization: &str) {
        self.lock().users.insert(access_token.to_owned(), user(login, organization, ""));
    }

    /// Answers a path like this from now on. Nothing checks such an answer.
    pub fn answer(&self, path: &str, response: Response) {
        self.lock().overridden.insert(path.to_owned(), response);
    }

    /// What answers in its place, for a server in front of it.
    pub fn handler(&self) -> impl Fn(&Request) -> Response + Send + Sync + use<> {
        let state = Arc::clone(&self.state);
        move |request| lock(&state).answer(request)
    }

    /// Allows one exchange: a run makes at most one.
    pub fn begin_run(&self) {
        self.lock().exchanged = false;
    }

    /// Takes what any client of the API sends, not only what the CLI does.
    pub fn admit_any_client(&self) {
        self.lock().only_the_cli = false;
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

/// A panic of the handler is raised when the server is dropped; until then it is no news.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let is_exchange = request.path().ends_with(EXCHANGE);
        if is_exchange {
            assert!(!self.exchanged, "a run makes at most one exchange");
            self.exchanged = true;
            if self.only_the_cli {
                assert_is_what_the_cli_sends(request);
            }
        }
        if let Some(response) = self.overridden.get(request.path()) {
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
                let is_the_clis = accept.starts_with("application/vnd.pulumi+");
                assert!(is_the_clis || !self.only_the_cli, "Accept: {accept}");
                self.user(request).cloned()
            }
            ("GET", ["api", "orgs", organization, "oidc", "issuers"]) => {
                self.user(request)?;
                let shown: Vec<_> = self.of(organization).map(|one| &one.shown).collect();
                Ok(json!({"oidcIssuers": shown}))
            }
            ("GET", ["api", "orgs", organization, "auth", "policies", "oidcissuers", id]) => {
                self.user(request)?;
                Ok(self.registration(organization, id)?.policy())
            }
            ("GET", ["api", "orgs", organization, "oidc", "issuers", id]) => {
                self.user(request)?;
                Ok(self.registration(organization, id)?.shown.clone())
            }
            ("PATCH", ["api", "orgs", organization, "auth", "policies", id]) => {
                self.user(request)?;
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let policies = body["policies"].as_array().filter(|entries| !entries.is_empty());
                let policies =
                    policies.ok_or_else(|| failure(400, "policy definition can not be empty"))?;
                let one = self.registration(organization, id.strip_prefix("policy-").unwrap())?;
                one.policies = policies.iter().map(without_nulls).collect();
                one.version += 1;
                Ok(one.policy())
            }
            _ => Err(failure(404, "Not Found")),
        }
    }

    fn of(&self, organization: &str) -> impl Iterator<Item = &Registration> {
        self.registrations.iter().filter(move |one| one.organization == organization)
    }

    fn registration(
        &mut self,
        organization: &str,
        id: &str,
    ) -> Result<&mut Registration, (u16, Value)> {
        let mut all = self.registrations.iter_mut();
        all.find(|one| one.organization == organization && one.shown["id"] == *id)
            .ok_or_else(|| failure(400, "Invalid issuer ID"))
    }

    fn user(&self, request: &Request) -> Result<&Value, (u16, Value)> {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("token "));
        let user = token.and_then(|token| self.users.get(token));
        user.ok_or_else(|| failure(401, "Unauthorized: No credentials provided or are invalid."))
    }

    /// The service's documented order: issuer, expiry, keys, signature, policies.
    fn exchange(
        &mut self,
        form: &BTreeMap<String, String>,
    ) -> Result<Value, (&'static str, String)> {
        let organization = form["audience"].strip_prefix("urn:pulumi:org:").unwrap();
        if self.of(organization).next().is_none() {
            return Err(("invalid_request", format!("invalid organization {organization}")));
        }
        let refuse = |text: &str| ("invalid_grant", text.to_owned());
        let token = &form["subject_token"];
        let claims = claims(token).ok_or_else(|| refuse("malformed token"))?;
        let issuer = claims.get("iss").unwrap_or(&Value::Null);
        let registration = self
            .of(organization)
            .find(|one| one.shown["issuer"] == *issuer)
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

        let longest = registration.shown["maxExpiration"].as_i64().unwrap_or(25 * 60 * 60);
        let user = user(user_login.unwrap_or("ci-bot"), organization, team.unwrap_or_default());
        self.users.insert(self.access_token.clone(), user);
        Ok(json!({
            "access_token": self.access_token,
            "issued_token_type": form["requested_token_type"],
            "token_type": "token",
            "expires_in": form["expiration"].parse::<i64>().unwrap().min(longest),
            "scope": scope,
        }))
    }
}

impl Registration {
    /// Its policy, as the API shows it.
    fn policy(&self) -> Value {
        let id = self.shown["id"].as_str().unwrap();
        json!({"id": format!("policy-{id}"), "version": self.version, "policies": self.policies})
    }

    /// The registered keys, else those that the issuer serves.
    fn keys(&self) -> Option<Value> {
        if let Some(keys) = self.shown.get("jwks") {
            return Some(keys.clone());
        }
        let url = self.shown["url"].as_str()?.trim_end_matches('/');
        let discovery = (self.fetch)(&format!("{url}/.well-known/openid-configuration"))?;
        (self.fetch)(discovery["jwks_uri"].as_str()?)
    }
}

fn fetch(served: &ServedBy, url: &str) -> Option<Value> {
    let response = served.get(url::Url::parse(url).ok()?.path());
    let body = serde_json::from_slice(&response.body).ok()?;
    (response.status == 200).then_some(body)
}

/// The CLI's request (`pkg/backend/httpstate/client/client.go`), to the letter.
fn assert_is_what_the_cli_sends(request: &Request) {
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

/// The fields of an exchange: a form, as the CLI sends it, or JSON, as the API describes it.
fn form(request: &Request) -> BTreeMap<String, String> {
    if request.header("content-type") == Some("application/json") {
        return serde_json::from_slice(&request.body).unwrap();
    }
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

/// What is given as null is not there: the service leaves it out of its answers.
fn without_nulls(entry: &Value) -> Value {
    let members = entry.as_object().unwrap().clone();
    members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn claims(token: &str) -> Option<Map<String, Value>> {
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

fn access_token() -> String {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().fold("pul-".to_owned(), |token, byte| format!("{token}{byte:02x}"))
}
