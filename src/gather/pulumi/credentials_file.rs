//! The stored credentials (sdk/go/common/workspace/creds.go).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::file::read_file;
use super::source::{candidate, variable};
use crate::evidence::{BackendCandidate, BackendSource, CredentialsFile, StoredAccount};
use crate::text::secret::{Scrubber, Secret};

/// What the credentials file holds.
#[derive(Debug, Default)]
pub struct Stored {
    /// The file, without any credential.
    pub file: CredentialsFile,
    /// `current`, if there is one.
    pub current: Option<BackendCandidate>,
    /// The access tokens, by the backend's URL as the file has it.
    pub tokens: BTreeMap<String, Secret>,
}

/// Reads the credentials file that the environment names.
#[must_use]
pub fn read(environment: &BTreeMap<String, String>, cwd: &Path) -> Stored {
    let Some(path) = location(environment, cwd) else { return Stored::default() };
    // Anything else that keeps it from being read stops the CLI as well.
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Stored::default();
    }
    // A token may stand where a directory belongs.
    let shown = Scrubber::default().scrub(&path.to_string_lossy());
    let invalid = |reason, line, column| Stored {
        file: CredentialsFile::Invalid { path: shown.clone(), line, column, reason },
        ..Stored::default()
    };
    let bytes = match read_file(&path) {
        Ok(bytes) => bytes,
        Err(reason) => return invalid(reason, None, None),
    };
    // A write that was interrupted leaves an empty file behind: the CLI acts as if there were none.
    if bytes.is_empty() {
        return Stored::default();
    }
    if parse::<Envelope>(&bytes).is_ok_and(|envelope| envelope.version.is_some()) {
        return Stored { file: CredentialsFile::Encrypted { path: shown }, ..Stored::default() };
    }
    match parse::<Credentials>(&bytes) {
        Ok(credentials) => credentials.stored(shown, &bytes),
        // The parser's own words quote values, which are secrets here.
        Err(error) => {
            let reason = match error.classify() {
                Category::Eof => "it ends too early",
                Category::Data => "a value is not of the type that the CLI expects there",
                Category::Syntax | Category::Io => "it is not valid JSON",
            };
            let place = |number: usize| Some(number.max(1) as u64);
            invalid(reason.to_owned(), place(error.line()), place(error.column()))
        }
    }
}

/// Where the file is (`getCredsFilePath`, and sdk/go/common/util/pulumihome).
fn location(environment: &BTreeMap<String, String>, cwd: &Path) -> Option<PathBuf> {
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let folder = variable(environment, "PULUMI_CREDENTIALS_PATH")
        .or_else(|| variable(environment, "PULUMI_HOME"))
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(variable(environment, home)?).join(".pulumi")))?;
    Some(cwd.join(folder).join("credentials.json"))
}

/// Go takes `null` for any value, and any object at the top.
fn parse<T: DeserializeOwned + Default>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Option<Object<T>>>(bytes)
        .map(|object| object.map_or_else(T::default, |object| object.0))
}

/// A JSON object: left to itself, serde takes an array for a struct as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// The mark of an encrypted file (sdk/go/common/util/securestore/envelope.go, `IsEnvelope`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "$pulumiSecureStore")]
    version: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Credentials {
    current: Option<String>,
    access_tokens: Option<BTreeMap<String, Option<Hidden>>>,
    accounts: Option<BTreeMap<String, Option<Object<Account>>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Account {
    access_token: Option<Hidden>,
    #[serde(rename = "refreshToken")]
    _refresh_token: Option<Hidden>,
    username: Option<String>,
    #[serde(rename = "organizations")]
    _organizations: Option<Vec<Option<String>>>,
    #[serde(rename = "lastValidatedAt")]
    _last_validated_at: Option<Timestamp>,
    #[serde(rename = "insecure")]
    _insecure: Option<bool>,
    token_information: Option<Object<TokenInformation>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TokenInformation {
    #[serde(rename = "name")]
    _name: Option<String>,
    organization: Option<String>,
    team: Option<String>,
    expires_at: Option<Timestamp>,
}

impl Credentials {
    fn stored(self, path: String, bytes: &[u8]) -> Stored {
        let current = self.current.filter(|url| !url.is_empty());
        let line = current.as_ref().and_then(|_| line_of_current(bytes)).unwrap_or(1);
        let source = BackendSource::Credentials { path: path.clone(), line };
        // An account hides the older map's entry even where it holds no token (`getAccountAt`).
        let mut accounts = self.accounts.unwrap_or_default();
        for (url, token) in self.access_tokens.unwrap_or_default() {
            accounts.entry(url).or_insert_with(|| {
                Some(Object(Account { access_token: token, ..Account::default() }))
            });
        }
        let mut shown = Vec::new();
        let mut tokens = BTreeMap::new();
        for (url, account) in accounts {
            let Some(Object(account)) = account else { continue };
            let Some(token) = account.access_token.filter(|t| !t.0.reveal().is_empty()) else {
                continue;
            };
            let information = account.token_information.map(|object| object.0).unwrap_or_default();
            let given = |text: Option<String>| text.filter(|text| !text.is_empty());
            shown.push(StoredAccount {
                url: Scrubber::default().scrub(&url),
                username: given(account.username),
                expires_at: information.expires_at,
                organization: given(information.organization),
                team: given(information.team),
            });
            tokens.insert(url, token.0);
        }
        Stored {
            file: CredentialsFile::Read { path, accounts: shown },
            current: candidate(current.as_deref(), source),
            tokens,
        }
    }
}

/// Where a value stands is told by where its text begins. No copy is made of what else is there.
fn line_of_current(bytes: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Places<'a> {
        #[serde(borrow)]
        current: &'a RawValue,
    }
    let places: Places = serde_json::from_slice(bytes).ok()?;
    let offset = places.current.get().as_ptr().addr() - bytes.as_ptr().addr();
    Some(memchr::memchr_iter(b'\n', &bytes[..offset]).count() as u64 + 1)
}

/// A secret string, taken over without a copy that is not wiped.
struct Hidden(Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Hidden;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Hidden, E> {
                Ok(Hidden(Secret::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "pul-0123456789abcdef0123456789abcdef01234567";

    fn stored(text: &str) -> Stored {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("credentials.json"), text).unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        let found = read(&BTreeMap::from([("PULUMI_HOME".to_owned(), path)]), home.path());
        assert!(!format!("{found:?}").contains(TOKEN), "{found:?}");
        found
    }

    #[test]
    fn the_path_follows_the_environment() {
        let environment = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), format!("/{}", name.to_lowercase())))
                .collect()
        };
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let table: [(&[&str], &str); 3] = [
            (
                &["PULUMI_CREDENTIALS_PATH", "PULUMI_HOME", home],
                "/pulumi_credentials_path/credentials.json",
            ),
            (&["PULUMI_HOME", home], "/pulumi_home/credentials.json"),
            (&[home], &format!("/{}/.pulumi/credentials.json", home.to_lowercase())),
        ];
        for (names, expected) in table {
            let found = location(&environment(names), Path::new("/job"));
            assert_eq!(found.as_deref(), Some(Path::new(expected)));
        }
        assert_eq!(location(&BTreeMap::new(), Path::new("/job")), None);
        let relative = BTreeMap::from([("PULUMI_HOME".to_owned(), "state".to_owned())]);
        let found = location(&relative, Path::new("/job")).unwrap();
        assert_eq!(found, Path::new("/job/state/credentials.json"));
    }

    #[test]
    fn accounts_and_the_current_backend() {
        let found = stored(&format!(
            r#"{{
    "current": "https://api.pulumi.com",
    "accessTokens": {{ "https://api.pulumi.com": "pul-older", "https://old.test": "pul-old" }},
    "accounts": {{
        "https://api.pulumi.com": {{
            "accessToken": "{TOKEN}", "username": "jane", "insecure": false,
            "lastValidatedAt": "2026-08-01T10:00:00.123456789+02:00",
            "tokenInformation": {{ "name": "ci", "organization": "acme",
                                   "expiresAt": "2026-08-01T12:00:00Z" }}
        }},
        "https://u:pw@empty.test": {{ "accessToken": "", "lastValidatedAt": "0001-01-01T00:00:00Z" }}
    }}
}}"#
        ));
        let current = found.current.unwrap();
        assert_eq!(current.url, "https://api.pulumi.com");
        let BackendSource::Credentials { line, .. } = current.source else { panic!() };
        assert_eq!(line, 2);
        let CredentialsFile::Read { accounts, .. } = found.file else { panic!() };
        assert_eq!(
            accounts,
            [
                StoredAccount {
                    url: "https://api.pulumi.com".into(),
                    username: Some("jane".into()),
                    expires_at: Some("2026-08-01T12:00:00Z".parse().unwrap()),
                    organization: Some("acme".into()),
                    team: None,
                },
                StoredAccount {
                    url: "https://old.test".into(),
                    username: None,
                    expires_at: None,
                    organization: None,
                    team: None,
                },
            ]
        );
        let tokens: Vec<_> = found.tokens.iter().map(|(u, t)| (u.as_str(), t.reveal())).collect();
        assert_eq!(tokens, [("https://api.pulumi.com", TOKEN), ("https://old.test", "pul-old")]);
    }

    #[test]
    fn what_is_no_credential() {
        for text in ["null", "{}", "{\"current\": null, \"accounts\": null, \"x\": 1}"] {
            let found = stored(text);
            assert!(matches!(found.file, CredentialsFile::Read { .. }), "{text}");
            assert_eq!(found.current, None, "{text}");
        }
        assert_eq!(stored("").file, CredentialsFile::NotFound);
        let text = "{\"$pulumiSecureStore\": 2, \"data\": \"x\"}";
        assert!(matches!(stored(text).file, CredentialsFile::Encrypted { .. }));
        let nowhere = BTreeMap::from([("PULUMI_HOME".to_owned(), "/nonexistent".to_owned())]);
        assert_eq!(read(&nowhere, Path::new("/")).file, CredentialsFile::NotFound);
    }

    #[test]
    fn faults_have_a_place_and_show_no_value() {
        let table = [
            ("{\n  \"current\": }".to_owned(), "it is not valid JSON", 2),
            ("{\n\"current\": \"x".to_owned(), "it ends too early", 2),
            (" ".to_owned(), "it ends too early", 1),
            ("[]".to_owned(), "a value is not of the type that the CLI expects there", 1),
            (
                format!("{{\n\n\"accounts\": {{\"x\": \"{TOKEN}\"}}}}"),
                "a value is not of the type that the CLI expects there",
                3,
            ),
            (
                format!("{{\"accounts\": {{\"x\": [\"{TOKEN}\"]}}}}"),
                "a value is not of the type that the CLI expects there",
                1,
            ),
            (
                format!("{{\"accessTokens\": \"{TOKEN}\"}}"),
                "a value is not of the type that the CLI expects there",
                1,
            ),
            ("\u{feff}{}".to_owned(), "it is not valid JSON", 1),
        ];
        for (text, expected, expected_line) in table {
            let CredentialsFile::Invalid { reason, line, column, .. } = stored(&text).file else {
                panic!("{text}");
            };
            assert_eq!(reason, expected, "{text}");
            assert_eq!(line, Some(expected_line), "{text}");
            assert!(column.unwrap() > 0);
        }
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("credentials.json")).unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        let found = read(&BTreeMap::from([("PULUMI_HOME".to_owned(), path)]), directory.path());
        assert!(matches!(found.file, CredentialsFile::Invalid { line: None, .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_panics(text in "([{}\\[\\],:\" \n0-9]|\"current\"|\"accounts\"|null){0,30}") {
            let _ = stored(&text);
        }
    }
}
