//! A double of an issuer: discovery, keys, signatures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use doctor::loopback::{Connection, Identity, Request, Response, Server, SigningKey};
use serde_json::{Map, Value, json};

/// The `kid` of the signing key.
pub const KID: &str = "the-key";

/// An issuer on loopback. Its URL is the server's URL with a path.
pub struct Issuer {
    server: Server,
    responses: ServedResponses,
    key: Arc<SigningKey>,
    url: String,
    algorithm: String,
}

/// The responses that an issuer serves, by path. They are shared with the double of Pulumi Cloud,
/// which reads them as the real one would fetch them.
#[derive(Clone, Default)]
pub struct ServedResponses(Arc<Mutex<BTreeMap<String, Response>>>);

impl ServedResponses {
    /// The response to a GET of a path; by default 404.
    pub fn get(&self, path: &str) -> Response {
        let answers = self.0.lock().unwrap();
        answers.get(path).cloned().unwrap_or_else(|| Response::new(404, "text/plain", "not here"))
    }

    fn set(&self, path: String, response: Response) {
        self.0.lock().unwrap().insert(path, response);
    }
}

impl Issuer {
    /// Starts an issuer. All issuers of one algorithm sign with the same key: see [`signing_key`].
    pub fn start(identity: Identity, path: &str, algorithm: &str) -> Self {
        let responses = ServedResponses::default();
        let shared = responses.clone();
        let server = Server::start(identity, move |request| shared.get(request.path())).unwrap();
        let key = signing_key(algorithm);
        let url = format!("{}{path}", server.url());
        let issuer = Self { server, responses, key, url, algorithm: algorithm.to_owned() };
        issuer.answer(&issuer.discovery_path(), Response::json(200, &issuer.discovery()));
        issuer.answer(&issuer.jwks_path(), Response::json(200, &issuer.jwks()));
        issuer
    }

    /// The issuer's identifier: `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of the discovery document.
    pub fn discovery_path(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.path())
    }

    /// The path of the key set.
    pub fn jwks_path(&self) -> String {
        format!("{}/keys", self.path())
    }

    /// The discovery document that the issuer serves by default.
    pub fn discovery(&self) -> Value {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/keys", self.url),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm],
        })
    }

    /// The key set that the issuer serves by default.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.key.jwk(KID).unwrap()]})
    }

    /// Sets the response to requests for a path.
    pub fn answer(&self, path: &str, response: Response) {
        self.responses.set(path.to_owned(), response);
    }

    /// Signs a token. The header gets a `kid` unless it has one; a null value removes it.
    pub fn sign(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let mut full_header = Map::from_iter([("kid".to_owned(), json!(KID))]);
        full_header.extend(header.clone());
        full_header.retain(|_, value| !value.is_null());
        self.key.sign(&full_header, claims).unwrap()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The connections so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.server.connections()
    }

    /// The responses, shared with the issuer.
    pub fn responses(&self) -> ServedResponses {
        self.responses.clone()
    }

    fn path(&self) -> &str {
        self.url.strip_prefix(self.server.url()).unwrap()
    }
}

/// The signing key of all issuers with this algorithm. It is generated once per test process,
/// because generating an RSA key takes longer than a diagnosis. A test about other keys generates
/// its own.
fn signing_key(algorithm: &str) -> Arc<SigningKey> {
    static KEYS: OnceLock<Mutex<BTreeMap<String, Arc<SigningKey>>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap();
    if let Some(key) = keys.get(algorithm) {
        return Arc::clone(key);
    }
    let key = Arc::new(SigningKey::generate(algorithm).unwrap());
    keys.insert(algorithm.to_owned(), Arc::clone(&key));
    key
}
