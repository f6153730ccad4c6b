//! The demo: an issuer and a Pulumi Cloud on loopback, and logins that work or fail there.
//!
//! The demo only starts servers and writes files. The diagnosis is the ordinary one, over real TLS
//! and with ordinary options; it does not know that it runs in a demo.

mod cloud;
mod issuer;
mod scenarios;

pub use scenarios::{Scenario, find, nearest, scenarios};

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use crate::console::signals::uninterrupted;
use crate::loopback;
use crate::loopback::{Authority, Server};
use crate::policy::document;

/// The scenario that runs if none is named: the most common mistake.
pub const DEFAULT: &str = "audience-mismatch";

/// The output of `--list`: one line per scenario, with its name and title.
pub fn list() -> String {
    let scenarios = scenarios();
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    scenarios.iter().map(|s| format!("{:width$}  {}\n", s.name, s.title)).collect()
}

/// The organization of every scenario.
pub const ORGANIZATION: &str = "acme";

/// Why a demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server, certificate or key could not be made.
    #[error(transparent)]
    Loopback(#[from] loopback::Error),
    /// The token, the policy or the certificate could not be written to a temporary directory.
    #[error("{}: {}; set TMPDIR to a folder for temporary files", std::env::temp_dir().display(), .0.kind())]
    Write(#[from] io::Error),
    /// A scenario's policy is not a policy document.
    #[error("the scenario's policy: {0}")]
    Policy(#[from] document::DocumentError),
}

/// The servers and files of a scenario. Dropping them stops the servers and deletes the files.
pub struct DemoServers {
    scenario: Scenario,
    directory: TempDir,
    cloud: Server,
    /// Kept alive until the demo ends.
    _issuer: Server,
}

impl DemoServers {
    /// Starts the servers of a scenario and writes its files.
    ///
    /// # Errors
    /// Loopback or the temporary directory cannot be used.
    pub fn start(scenario: Scenario) -> Result<Self, Error> {
        let authority = Authority::new()?;
        let issuer = Arc::new(issuer::Issuer::new(scenario.key_rotated)?);
        let served_issuer = Arc::clone(&issuer);
        let identity = authority.issue(&["127.0.0.1"])?;
        let issuer_server = Server::start(identity, move |request| served_issuer.answer(request))?;

        let url = issuer::url(issuer_server.url());
        let registered = format!("{url}{}", scenario.registered_suffix);
        let policy = json!({"organization": ORGANIZATION, "issuers": [{
            "name": "azure-devops",
            "url": registered,
            "issuer": registered,
            "policies": scenario.policies,
        }]});
        let policy = format!("{policy:#}\n");
        let pulumi = cloud::Cloud::new(document::parse(&policy)?, issuer.jwks().clone());
        let identity = authority.issue(&["127.0.0.1"])?;
        let cloud = Server::start(identity, move |request| pulumi.answer(request))?;

        let token = issuer.token(&url, scenario.issued_ago)?;
        let directory = uninterrupted(|temporary| {
            let directory = tempfile::Builder::new().prefix("doctor-demo-").tempdir()?;
            temporary.directory = Some(directory.path().to_owned());
            for (name, text) in
                [(TOKEN_FILE, token), (POLICY_FILE, policy), (AUTHORITY_FILE, authority.pem())]
            {
                fs::write(directory.path().join(name), text)?;
            }
            io::Result::Ok(directory)
        })?;
        Ok(Self { scenario, directory, cloud, _issuer: issuer_server })
    }

    /// The arguments that diagnose the scenario, without the program's name.
    pub fn arguments(&self) -> Vec<String> {
        let common = [
            &format!("file://{}", self.file_path(TOKEN_FILE)),
            "--oidc-org",
            ORGANIZATION,
            "--policy",
            &self.file_path(POLICY_FILE),
            "--ca-cert",
            &self.file_path(AUTHORITY_FILE),
            "--allow-private-issuer",
            "--pulumi-version",
            self.scenario.pulumi_version,
        ]
        .map(str::to_owned);
        let scenario = self.scenario.arguments.iter().map(|argument| self.fill_in(argument));
        common.into_iter().chain(scenario).collect()
    }

    /// The environment of the run, which replaces the real one.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = self.scenario.environment.iter();
        variables.map(|(name, value)| ((*name).to_owned(), self.fill_in(value))).collect()
    }

    /// The working directory of the run. Neither it nor its parents have a project file.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Replaces the placeholders for Pulumi Cloud's URL.
    fn fill_in(&self, text: &str) -> String {
        let url = self.cloud.url();
        let address = url.strip_prefix("https://").unwrap_or(url);
        text.replace("{cloud}", url).replace("{cloud-address}", address)
    }

    fn file_path(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }
}

const TOKEN_FILE: &str = "token.jwt";
const POLICY_FILE: &str = "policy.json";
const AUTHORITY_FILE: &str = "ca.pem";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::Value;

    use super::*;
    use crate::catalogue::{Category, Code};
    use crate::loopback::testing;

    /// A client that makes the CLI's requests, with the files of a demo.
    struct Login {
        client: reqwest::Client,
        cloud: String,
        form: Vec<(&'static str, String)>,
    }

    impl Login {
        fn new(servers: &DemoServers) -> Self {
            let arguments = servers.arguments();
            let option = |name: &str| {
                let index = arguments.iter().position(|argument| argument == name);
                index.map(|index| arguments[index + 1].clone())
            };
            let token = fs::read_to_string(arguments[0].strip_prefix("file://").unwrap()).unwrap();
            let form = vec![
                ("audience", format!("urn:pulumi:org:{}", option("--oidc-org").unwrap())),
                ("expiration", "7200".to_owned()),
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
                (
                    "requested_token_type",
                    "urn:pulumi:token-type:access_token:organization".to_owned(),
                ),
                ("scope", option("--scope").unwrap_or_default()),
                ("subject_token", token),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token".to_owned()),
            ];
            let client =
                testing::client(&fs::read_to_string(option("--ca-cert").unwrap()).unwrap());
            Self { client, cloud: servers.cloud.url().to_owned(), form }
        }

        fn exchange(&self) -> (u16, Value) {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(&self.form);
            let request = self.client.post(format!("{}/api/oauth/token", self.cloud));
            self.send(
                request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.finish()),
            )
        }

        fn whoami(&self, token: &str) -> (u16, Value) {
            let request = self.client.get(format!("{}/api/user", self.cloud));
            self.send(request.header("authorization", format!("token {token}")))
        }

        fn get(&self, url: &str) -> (u16, Value) {
            self.send(self.client.get(url))
        }

        fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
            testing::block_on(async {
                let answer = request.send().await.unwrap();
                let status = answer.status().as_u16();
                (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
            })
        }

        fn set_field(&mut self, name: &str, value: &str) {
            let field = self.form.iter_mut().find(|(field, _)| *field == name).unwrap();
            field.1 = value.to_owned();
        }
    }

    /// The refusal that a root cause leads to; nothing if Pulumi Cloud lets the token in.
    fn expected_refusal(root_cause: Option<Code>) -> Option<&'static str> {
        Some(match root_cause? {
            code if code.category() == Category::Backend => return None,
            Code::IssuerNotRegistered => "no issuer matches the token",
            Code::TokenExpired => "the token has expired",
            Code::SigningKeyNotFound => "the token's signature cannot be verified",
            _ => "no policy allows this token",
        })
    }

    #[test]
    fn pulumi_cloud_decides_as_scenarios_expect() {
        for scenario in scenarios() {
            let servers = DemoServers::start(scenario.clone()).unwrap();
            let login = Login::new(&servers);
            let (status, answer) = login.exchange();
            let Some(refusal) = expected_refusal(scenario.expected_root_cause) else {
                assert_eq!(status, 200, "{}: {answer}", scenario.name);
                let (status, user) = login.whoami(answer["access_token"].as_str().unwrap());
                assert_eq!((status, &user["githubLogin"]), (200, &json!(ORGANIZATION)));
                continue;
            };
            assert_eq!(status, 400, "{}: {answer}", scenario.name);
            assert_eq!(answer["error_description"], refusal, "{}", scenario.name);
            assert_eq!(login.whoami("pul-0").0, 401, "{}", scenario.name);
        }
    }

    #[test]
    fn issuer_serves_discovery_and_keys() {
        let servers = DemoServers::start(Scenario::default()).unwrap();
        let login = Login::new(&servers);
        let token = &login.form.iter().find(|(name, _)| *name == "subject_token").unwrap().1;
        let url = issuer::url(servers._issuer.url());
        let (status, document) = login.get(&format!("{url}/.well-known/openid-configuration"));
        assert_eq!((status, &document["issuer"]), (200, &json!(url)));
        let (status, keys) = login.get(document["jwks_uri"].as_str().unwrap());
        assert_eq!(status, 200);
        assert!(loopback::verify(token, &keys));
        assert_eq!(login.get(&format!("{url}/elsewhere")).0, 404);
    }

    #[test]
    fn cloud_refuses_malformed_exchange() {
        let servers = DemoServers::start(Scenario::default()).unwrap();
        for (field, value, error) in [
            ("audience", "urn:pulumi:org:other", "invalid_request"),
            ("expiration", "2h", "invalid_request"),
            ("grant_type", "client_credentials", "invalid_request"),
            ("requested_token_type", "urn:pulumi:token-type:access_token:team", "invalid_scope"),
            ("requested_token_type", "organization", "invalid_scope"),
            ("scope", "team:platform", "invalid_scope"),
            ("subject_token", "a.b.c", "invalid_request"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt", "invalid_request"),
        ] {
            let mut login = Login::new(&servers);
            login.set_field(field, value);
            let (status, answer) = login.exchange();
            assert_eq!((status, &answer["error"]), (400, &json!(error)), "{field}={value}");

            let mut login = Login::new(&servers);
            login.form.retain(|(name, _)| *name != field);
            let (status, answer) = login.exchange();
            assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{field}");
        }
    }

    #[test]
    fn scenarios_have_no_open_placeholder() {
        for scenario in scenarios() {
            assert_eq!(find(scenario.name).unwrap().title, scenario.title);
            assert!(scenario.title.is_ascii() && !scenario.title.ends_with('.'));
            let servers = DemoServers::start(scenario).unwrap();
            let environment = servers.environment();
            let values = environment.iter().map(|(_, value)| value);
            for text in servers.arguments().iter().chain(values) {
                assert!(!text.contains('{'), "{text}");
            }
        }
        assert!(find("no such scenario").is_none());
    }

    #[test]
    fn dropped_demo_deletes_its_files() {
        let servers = DemoServers::start(Scenario::default()).unwrap();
        let policy = servers.file_path(POLICY_FILE);
        assert!(Path::new(&policy).exists());
        drop(servers);
        assert!(!Path::new(&policy).exists());
    }
}
