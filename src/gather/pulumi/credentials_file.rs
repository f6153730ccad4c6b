//! The stored credentials (sdk/go/common/workspace/creds.go).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::cli_folder;
use super::credential_helper::Saved;
use super::file::read_file;
use super::source::candidate;
use crate::evidence::{BackendCandidate, BackendSource, CredentialsFile, StoredAccount};
use crate::pulumi::go::decode::{Struct, Type, decode};
use crate::text::secret::{Scrubber, Secret};

/// The newest envelope of encrypted credentials that is known.
const ENVELOPE: i64 = 1;

// The structs as Go decodes them, for what it says to a value of another type.
const CREDENTIALS: Struct = Struct {
    name: "workspace.Credentials",
    fields: &[
        ("version", Type::Integer("int")),
        ("credentialHelper", Type::Object(&HELPER)),
        ("current", Type::Text),
        ("accounts", Type::Map(&ACCOUNT)),
    ],
};
const HELPER: Struct = Struct {
    name: "workspace.CredentialHelper",
    fields: &[("path", Type::Text), ("args", Type::TextList)],
};
const ACCOUNT: Struct = Struct {
    name: "workspace.Account",
    fields: &[
        ("accessToken", Type::Text),
        ("refreshToken", Type::Text),
        ("username", Type::Text),
        ("organizations", Type::TextList),
        ("lastValidatedAt", Type::Time),
        ("insecure", Type::Boolean),
        ("tokenInformation", Type::Object(&TOKEN_INFORMATION)),
    ],
};
const TOKEN_INFORMATION: Struct = Struct {
    name: "workspace.TokenInformation",
    fields: &[
        ("name", Type::Text),
        ("organization", Type::Text),
        ("team", Type::Text),
        ("expiresAt", Type::Time),
    ],
};

/// What the credentials file holds.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The file, without any credential.
    pub file: CredentialsFile,
    /// `current`, if there is one.
    pub current: Option<BackendCandidate>,
    /// The access tokens, by the backend's URL as the file has it.
    pub tokens: BTreeMap<String, Secret>,
    /// `credentialHelper`, if there is one.
    pub(crate) helper: Option<Saved>,
}

/// Reads the credentials file that the environment names.
pub(crate) fn read(environment: &BTreeMap<String, String>, cwd: &Path) -> Stored {
    let Some(folder) = cli_folder::location(environment, cwd) else { return Stored::default() };
    let path = folder.path.join("credentials.json");
    // Anything else that keeps it from being read stops the CLI as well. A folder that is none is told
    // of by itself.
    match path.try_exists() {
        Ok(false) => return Stored::default(),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Stored::default(),
        _ => {}
    }
    // A token may stand where a directory belongs.
    let shown = Scrubber::default().scrub(&path.to_string_lossy());
    let invalid = |reason, line, column, message| Stored {
        file: CredentialsFile::Invalid { path: shown.clone(), line, column, reason, message },
        ..Stored::default()
    };
    let bytes = match read_file(&path) {
        Ok(bytes) => bytes,
        Err(reason) => {
            let is_directory = path.is_dir();
            let message =
                is_directory.then(|| format!("reading '{shown}': read {shown}: is a directory"));
            return invalid(reason, None, None, message);
        }
    };
    // A write that was interrupted leaves an empty file behind: the CLI acts as if there were none.
    if bytes.is_empty() {
        return Stored::default();
    }
    if let Ok(Envelope { version: Some(version), backend }) = parse(&bytes) {
        let newer_version = Some(version).filter(|version| *version > ENVELOPE);
        let other_system = backend.filter(|store| is_of_another_system(store));
        let file = CredentialsFile::Encrypted { path: shown, newer_version, other_system };
        return Stored { file, ..Stored::default() };
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
            // Go's words do not.
            let message = decode(&bytes, &CREDENTIALS).err().map(|cause| {
                format!(
                    "failed to read Pulumi credentials file. Please fix or delete invalid \
                     credentials file: '{shown}': {cause}"
                )
            });
            invalid(reason.to_owned(), place(error.line()), place(error.column()), message)
        }
    }
}

/// Go takes `null` for any value, and any object at the top.
fn parse<T: DeserializeOwned + Default>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Option<T>>(bytes).map(Option::unwrap_or_default)
}

/// A struct as Go decodes it: an object whose keys are compared without regard to case, of which the
/// last of a name counts.
macro_rules! go_struct {
    ($name:ident { $($key:literal => $field:ident: $kind:ty,)* }) => {
        // Some fields are decoded for their types alone.
        #[allow(dead_code)]
        #[derive(Default)]
        struct $name {
            $($field: Option<$kind>,)*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut found = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            $(if key.eq_ignore_ascii_case($key) {
                                let value = map.next_value()?;
                                // `null` leaves a field as it is.
                                found.$field = Option::or(value, found.$field);
                                continue;
                            })*
                            map.next_value::<IgnoredAny>()?;
                        }
                        Ok(found)
                    }
                }
                deserializer.deserialize_map(Visitor)
            }
        }
    };
}

// The mark of an encrypted file (sdk/go/common/util/securestore/envelope.go, `IsEnvelope`).
go_struct!(Envelope { "$pulumiSecureStore" => version: i64, "backend" => backend: String, });

/// The stores by the systems that have them (securestore.go, `Backend`).
fn is_of_another_system(store: &str) -> bool {
    ["macos", "windows", "linux"]
        .iter()
        .any(|system| store.starts_with(&format!("{system}-")) && std::env::consts::OS != *system)
}

go_struct!(Credentials {
    "version" => version: i64,
    "credentialHelper" => helper: Helper,
    "current" => current: String,
    "accessTokens" => access_tokens: AccessTokens,
    "accounts" => accounts: BTreeMap<String, Option<Account>>,
});

go_struct!(Helper { "path" => path: String, "args" => arguments: Vec<Option<String>>, });

go_struct!(Account {
    "accessToken" => access_token: Hidden,
    "refreshToken" => refresh_token: Hidden,
    "username" => username: String,
    "organizations" => organizations: Vec<Option<String>>,
    "lastValidatedAt" => last_validated_at: Timestamp,
    "insecure" => insecure: bool,
    "tokenInformation" => token_information: TokenInformation,
});

go_struct!(TokenInformation {
    "name" => name: String,
    "organization" => organization: String,
    "team" => team: String,
    "expiresAt" => expires_at: Timestamp,
});

/// The newest CLIs do not look at what is in there; `None`: older ones stop at it.
struct AccessTokens(Option<BTreeMap<String, Option<Hidden>>>);

impl<'de> Deserialize<'de> for AccessTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl Credentials {
    fn stored(self, path: String, bytes: &[u8]) -> Stored {
        let current = self.current.filter(|url| !url.is_empty());
        let line = current.as_ref().and_then(|_| line_of("current", bytes)).unwrap_or(1);
        let source = BackendSource::Credentials { path: path.clone(), line };
        // An account hides the older map's entry even where it holds no token (`getAccountAt`).
        let mut accounts = self.accounts.unwrap_or_default();
        let is_bad = self.access_tokens.as_ref().is_some_and(|tokens| tokens.0.is_none());
        let bad_access_tokens = if is_bad { line_of("accessTokens", bytes) } else { None };
        let older = self.access_tokens.and_then(|tokens| tokens.0).unwrap_or_default();
        let mut only_older = BTreeSet::new();
        for (url, access_token) in older {
            accounts.entry(url).or_insert_with_key(|url| {
                only_older.insert(url.clone());
                Some(Account { access_token, ..Account::default() })
            });
        }
        let mut shown = Vec::new();
        let mut tokens = BTreeMap::new();
        for (url, account) in accounts {
            let Some(account) = account else { continue };
            let Some(token) = account.access_token.filter(|t| !t.0.reveal().is_empty()) else {
                continue;
            };
            let information = account.token_information.unwrap_or_default();
            let given = |text: Option<String>| text.filter(|text| !text.is_empty());
            shown.push(StoredAccount {
                url: Scrubber::default().scrub(&url),
                username: given(account.username),
                expires_at: information.expires_at,
                organization: given(information.organization),
                team: given(information.team),
                in_access_tokens: only_older.contains(&url),
            });
            tokens.insert(url, token.0);
        }
        let helper = self.helper.and_then(|helper| helper.path).filter(|path| !path.is_empty());
        Stored {
            helper: helper.map(|program| Saved { program, file: path.clone() }),
            file: CredentialsFile::Read { path, accounts: shown, bad_access_tokens },
            current: candidate(current.as_deref(), source),
            tokens,
        }
    }
}

/// Where a value stands is told by where its text begins. No copy is made of what else is there.
fn line_of(name: &str, bytes: &[u8]) -> Option<u64> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).ok()?;
    let (_, value) = members.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let offset = value.get().as_ptr().addr() - bytes.as_ptr().addr();
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
                    in_access_tokens: false,
                },
                StoredAccount {
                    url: "https://old.test".into(),
                    username: None,
                    expires_at: None,
                    organization: None,
                    team: None,
                    in_access_tokens: true,
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
    fn policy_errors_have_place_not_value() {
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
