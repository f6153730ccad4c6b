//! Reads the CLI's stored credentials (sdk/go/common/workspace/creds.go).

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
use super::credential_helper::SavedHelper;
use super::file::read_file;
use super::settings::candidate;
use crate::evidence::{
    BackendCandidate, BackendSource, CredentialsField, CredentialsFile, MistypedField,
    StoredAccount,
};
use crate::pulumi::go::decode::{Struct, Type, decode};
use crate::text::secret::{Scrubber, Secret};

/// The newest known version of the envelope of encrypted credentials.
const NEWEST_ENVELOPE: i64 = 1;

// Go's structs, for its error about a value of another type.
const CREDENTIALS: Struct = Struct {
    name: "workspace.Credentials",
    fields: &[
        VERSION,
        CREDENTIAL_HELPER,
        ("current", Type::Text),
        ("accounts", Type::Map(&ACCOUNT)),
    ],
};
const VERSION: (&str, Type) = ("version", Type::Integer("int"));
const CREDENTIAL_HELPER: (&str, Type) = ("credentialHelper", Type::Object(&HELPER));
const ACCESS_TOKENS: (&str, Type) = ("accessTokens", Type::TextMap);
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

/// The contents of the credentials file.
#[derive(Debug, Default)]
pub(crate) struct StoredCredentials {
    /// The file as evidence, without any credential.
    pub file: CredentialsFile,
    /// The backend that `current` names.
    pub current: Option<BackendCandidate>,
    /// The access tokens, by the backend's URL as written in the file.
    pub tokens: BTreeMap<String, Secret>,
    /// The saved credential helper.
    pub(crate) helper: Option<SavedHelper>,
}

/// Reads the credentials file in the folder that the environment names.
pub(crate) fn read_credentials(
    environment: &BTreeMap<String, String>,
    cwd: &Path,
) -> StoredCredentials {
    let Some(folder) = cli_folder::find_folder(environment, cwd) else {
        return StoredCredentials::default();
    };
    let path = folder.path.join("credentials.json");
    // Any other obstacle stops the CLI as well. `cli_folder` reports a folder that is a file.
    match path.try_exists() {
        Ok(false) => return StoredCredentials::default(),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return StoredCredentials::default();
        }
        _ => {}
    }
    // The variable for the directory may hold a token by mistake.
    let shown = Scrubber::default().scrub(&path.to_string_lossy());
    let invalid = |reason, line, column, message| StoredCredentials {
        file: CredentialsFile::Invalid { path: shown.clone(), line, column, reason, message },
        ..StoredCredentials::default()
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
    // An interrupted write leaves an empty file, which the CLI treats as missing.
    if bytes.is_empty() {
        return StoredCredentials::default();
    }
    if let Ok(Envelope { version: Some(version), backend }) = parse(&bytes) {
        let newer_version = Some(version).filter(|version| *version > NEWEST_ENVELOPE);
        let other_system = backend.filter(|store| is_store_of_other_system(store));
        let file = CredentialsFile::Encrypted { path: shown, newer_version, other_system };
        return StoredCredentials { file, ..StoredCredentials::default() };
    }
    match parse::<Credentials>(&bytes) {
        Ok(credentials) => credentials.into_stored(shown, &bytes),
        // serde's message may quote a value, which may be a secret.
        Err(error) => {
            let reason = match error.classify() {
                Category::Eof => "it ends too early",
                Category::Data => "a value is not of the type that the CLI expects there",
                Category::Syntax | Category::Io => "it is not valid JSON",
            };
            let place = |number: usize| Some(number.max(1) as u64);
            // Go's message quotes no value.
            let message = decode(&bytes, &CREDENTIALS).err().map(|cause| cli_error(&shown, &cause));
            invalid(reason.to_owned(), place(error.line()), place(error.column()), message)
        }
    }
}

/// The CLI's error for an invalid file.
fn cli_error(path: &str, cause: &str) -> String {
    format!(
        "failed to read Pulumi credentials file. Please fix or delete invalid credentials file: \
         '{path}': {cause}"
    )
}

/// Parses JSON. Like Go, it accepts `null` for a struct.
fn parse<T: DeserializeOwned + Default>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Option<T>>(bytes).map(Option::unwrap_or_default)
}

/// Defines a struct that deserializes as in Go: keys match in any case, and the last one of a name
/// counts.
macro_rules! go_struct {
    ($name:ident { $($key:literal => $field:ident: $kind:ty,)* }) => {
        // Some fields are decoded only to check their types.
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
                        let mut parsed = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            $(if key.eq_ignore_ascii_case($key) {
                                let value = map.next_value()?;
                                // As in Go, `null` does not change a field.
                                parsed.$field = Option::or(value, parsed.$field);
                                continue;
                            })*
                            map.next_value::<IgnoredAny>()?;
                        }
                        Ok(parsed)
                    }
                }
                deserializer.deserialize_map(Visitor)
            }
        }
    };
}

// An encrypted file has this member (sdk/go/common/util/securestore/envelope.go, `IsEnvelope`).
go_struct!(Envelope { "$pulumiSecureStore" => version: i64, "backend" => backend: String, });

/// Whether the store's name begins with another operating system (securestore.go, `Backend`).
fn is_store_of_other_system(store: &str) -> bool {
    ["macos", "windows", "linux"]
        .iter()
        .any(|system| store.starts_with(&format!("{system}-")) && std::env::consts::OS != *system)
}

go_struct!(Credentials {
    "version" => version: ByVersion<i64>,
    "credentialHelper" => helper: ByVersion<Helper>,
    "current" => current: String,
    "accessTokens" => access_tokens: ByVersion<BTreeMap<String, Option<SecretString>>>,
    "accounts" => accounts: BTreeMap<String, Option<Account>>,
});

go_struct!(Helper { "path" => path: String, "args" => arguments: Vec<Option<String>>, });

go_struct!(Account {
    "accessToken" => access_token: SecretString,
    "refreshToken" => refresh_token: SecretString,
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

/// A field that only some versions of the CLI read; `None` if its value has the wrong type.
struct ByVersion<T>(Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for ByVersion<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl Credentials {
    fn into_stored(self, path: String, bytes: &[u8]) -> StoredCredentials {
        let current = self.current.filter(|url| !url.is_empty());
        let line = current.as_ref().and_then(|_| find_line("current", bytes)).unwrap_or(1);
        let source = BackendSource::Credentials { path: path.clone(), line };
        // An account overrides the older map's entry even if it has no token (`getAccountAt`).
        let mut accounts = self.accounts.unwrap_or_default();
        let mistyped = mistyped_fields(&path, bytes);
        let older_map = self.access_tokens.and_then(|tokens| tokens.0).unwrap_or_default();
        let mut only_in_older_map = BTreeSet::new();
        for (url, access_token) in older_map {
            accounts.entry(url).or_insert_with_key(|url| {
                only_in_older_map.insert(url.clone());
                Some(Account { access_token, ..Account::default() })
            });
        }
        let mut stored_accounts = Vec::new();
        let mut tokens = BTreeMap::new();
        for (url, account) in accounts {
            let Some(account) = account else { continue };
            let Some(token) = account.access_token.filter(|t| !t.0.reveal().is_empty()) else {
                continue;
            };
            let information = account.token_information.unwrap_or_default();
            let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
            stored_accounts.push(StoredAccount {
                url: Scrubber::default().scrub(&url),
                username: non_empty(account.username),
                expires_at: information.expires_at,
                organization: non_empty(information.organization),
                team: non_empty(information.team),
                in_access_tokens: only_in_older_map.contains(&url),
            });
            tokens.insert(url, token.0);
        }
        let helper = self.helper.and_then(|helper| helper.0?.path).filter(|path| !path.is_empty());
        StoredCredentials {
            helper: helper.map(|program| SavedHelper { program, file: path.clone() }),
            file: CredentialsFile::Read { path, accounts: stored_accounts, mistyped },
            current: candidate(current.as_deref(), source),
            tokens,
        }
    }
}

fn mistyped_fields(path: &str, bytes: &[u8]) -> Vec<MistypedField> {
    let fields = [
        (CredentialsField::Version, &[VERSION]),
        (CredentialsField::CredentialHelper, &[CREDENTIAL_HELPER]),
        (CredentialsField::AccessTokens, &[ACCESS_TOKENS]),
    ];
    let mistyped = |(field, fields): (CredentialsField, &'static [(&'static str, Type); 1])| {
        let cause = decode(bytes, &Struct { name: CREDENTIALS.name, fields }).err()?;
        let line = find_line(field.name(), bytes);
        Some(MistypedField { field, line, message: cli_error(path, &cause) })
    };
    fields.into_iter().filter_map(mistyped).collect()
}

/// The line of a member's value, found by the address of its raw text, so that no secret is copied.
fn find_line(name: &str, bytes: &[u8]) -> Option<u64> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).ok()?;
    let (_, value) = members.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let offset = value.get().as_ptr().addr() - bytes.as_ptr().addr();
    Some(memchr::memchr_iter(b'\n', &bytes[..offset]).count() as u64 + 1)
}

/// A secret string, deserialized without an intermediate copy that would not be wiped.
struct SecretString(Secret);

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = SecretString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<SecretString, E> {
                Ok(SecretString(Secret::new(text.to_owned())))
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

    fn stored(text: &str) -> StoredCredentials {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("credentials.json"), text).unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        let found =
            read_credentials(&BTreeMap::from([("PULUMI_HOME".to_owned(), path)]), home.path());
        assert!(!format!("{found:?}").contains(TOKEN), "{found:?}");
        found
    }

    #[test]
    fn accounts_and_current_backend_are_read() {
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
    fn files_without_credentials_are_accepted() {
        for text in ["null", "{}", "{\"current\": null, \"accounts\": null, \"x\": 1}"] {
            let found = stored(text);
            assert!(matches!(found.file, CredentialsFile::Read { .. }), "{text}");
            assert_eq!(found.current, None, "{text}");
        }
        assert_eq!(stored("").file, CredentialsFile::NotFound);
        let text = "{\"$pulumiSecureStore\": 2, \"data\": \"x\"}";
        assert!(matches!(stored(text).file, CredentialsFile::Encrypted { .. }));
        let nowhere = BTreeMap::from([("PULUMI_HOME".to_owned(), "/nonexistent".to_owned())]);
        assert_eq!(read_credentials(&nowhere, Path::new("/")).file, CredentialsFile::NotFound);
    }

    #[test]
    fn errors_have_position_not_value() {
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
        let found =
            read_credentials(&BTreeMap::from([("PULUMI_HOME".to_owned(), path)]), directory.path());
        assert!(matches!(found.file, CredentialsFile::Invalid { line: None, .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn reading_never_panics(text in "([{}\\[\\],:\" \n0-9]|\"current\"|\"accounts\"|null){0,30}") {
            let _ = stored(&text);
        }
    }
}
