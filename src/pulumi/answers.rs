//! What the CLI makes of Pulumi Cloud's answers in a login.
//!
//! Sources: pkg/backend/httpstate/client/client.go (`ExchangeOidcToken`, `GetPulumiAccountDetails`),
//! client/api.go (`pulumiAPICall`, `decodeError`) and sdk/go/common/apitype (the types).

use semver::Version;
use serde_json::{Map, Value};

use super::go::decode::{Struct, Type, decode};
use super::go::json::field;
use super::versions;

/// Whoami refuses the access token.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized: No credentials provided or are invalid.";

const EXCHANGE: Struct = Struct {
    name: "apitype.TokenExchangeGrantResponse",
    fields: &[
        ("access_token", Type::Text),
        ("issued_token_type", Type::Text),
        ("token_type", Type::Text),
        ("expires_in", Type::Whole("int64")),
        ("scope", Type::Text),
        ("refresh_token", Type::Text),
    ],
};

const USER: Struct = Struct {
    name: "client.serviceUser",
    fields: &[
        ("id", Type::Text),
        ("githubLogin", Type::Text),
        ("name", Type::Text),
        ("email", Type::Text),
        ("avatarUrl", Type::Text),
        ("organizations", Type::List(&ORGANIZATION)),
        ("identities", Type::Texts),
        ("siteAdmin", Type::Switch),
        ("tokenInfo", Type::Object(&TOKEN)),
    ],
};

const ORGANIZATION: Struct = Struct {
    name: "client.serviceUserInfo",
    fields: &[
        ("name", Type::Text),
        ("githubLogin", Type::Text),
        ("avatarUrl", Type::Text),
        ("email", Type::Text),
    ],
};

const TOKEN: Struct = Struct {
    name: "client.serviceTokenInfo",
    fields: &[("name", Type::Text), ("organization", Type::Text), ("team", Type::Text)],
};

/// The exchange's answer, or what the CLI says after `OIDC token exchange failed: `.
pub(crate) fn exchange(status: u16, body: &[u8]) -> Result<Map<String, Value>, String> {
    if status != 200 {
        return Err(String::from_utf8_lossy(body).into_owned());
    }
    decode(body, &EXCHANGE)
}

/// Who is logged in, as Pulumi Cloud says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) login: String,
    pub(crate) organizations: Vec<String>,
    pub(crate) token: Option<Map<String, Value>>,
}

/// Why whoami fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WhoamiError {
    /// What the CLI says.
    pub(crate) message: String,
    pub(crate) is_forbidden: bool,
}

impl From<String> for WhoamiError {
    fn from(message: String) -> Self {
        Self { message, is_forbidden: false }
    }
}

/// Whoami's answer, by the CLI's version (`None`: the newest). Every status below 400 is a success.
pub(crate) fn whoami(
    status: u16,
    body: &[u8],
    request_id: Option<&str>,
    version: Option<&Version>,
) -> Result<User, WhoamiError> {
    if status == 429 {
        return Err("pulumi service: request rate-limit exceeded".to_owned().into());
    }
    if status >= 400 {
        return Err(refusal(status, body, request_id, version));
    }
    let user =
        decode(body, &USER).map_err(|error| format!("unmarshalling response object: {error}"))?;
    user_of(&user).ok_or_else(|| "unexpected response from server".to_owned().into())
}

/// The user in whoami's answer; `None` where the CLI refuses it.
pub(crate) fn user_of(user: &Map<String, Value>) -> Option<User> {
    let login = |object: &Map<String, Value>| {
        let login = field(object, "githubLogin").and_then(Value::as_str)?;
        (!login.is_empty()).then(|| login.to_owned())
    };
    let organizations = field(user, "organizations").and_then(Value::as_array);
    Some(User {
        login: login(user)?,
        organizations: organizations
            .into_iter()
            .flatten()
            .map(|organization| login(organization.as_object()?))
            .collect::<Option<_>>()?,
        token: field(user, "tokenInfo").and_then(Value::as_object).cloned(),
    })
}

fn refusal(
    status: u16,
    body: &[u8],
    request_id: Option<&str>,
    version: Option<&Version>,
) -> WhoamiError {
    let text = String::from_utf8_lossy(body);
    let said = serde_json::from_str::<Option<Map<String, Value>>>(&text).ok().map(|said| {
        let said = said.unwrap_or_default();
        let code = field(&said, "code").map_or(Some(0), Value::as_i64);
        let message = field(&said, "message").map_or(Some(""), Value::as_str);
        code.zip(message.map(str::to_owned))
    });
    let (code, mut message) =
        said.flatten().unwrap_or_else(|| (i64::from(status), text.trim().to_owned()));
    let by_status = versions::WHOAMI_BY_STATUS.holds(version);
    if status == 401 && (by_status || code == 401) {
        return UNAUTHORIZED.to_owned().into();
    }
    if let Some(id) = request_id.filter(|_| status >= 500) {
        message += &format!(" (Request ID: {id})");
    }
    WhoamiError { message: format!("[{code}] {message}"), is_forbidden: status == 403 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exchange_answers_are_decoded_as_go_does() {
        let into = "into Go struct field TokenExchangeGrantResponse";
        let table = [
            (r#"{"access_token":"a","expires_in":7200}"#, String::new()),
            (r#"{"ACCESS_TOKEN":"a","expires_in":null,"x":[]}"#, String::new()),
            ("null", String::new()),
            ("", "unexpected end of JSON input".to_owned()),
            ("<html>", "invalid character '<' looking for beginning of value".to_owned()),
            (
                "[]",
                "json: cannot unmarshal array into Go value of type \
                 apitype.TokenExchangeGrantResponse"
                    .to_owned(),
            ),
            (
                r#"{"expires_in":"7200"}"#,
                format!("json: cannot unmarshal string {into}.expires_in of type int64"),
            ),
            (
                r#"{"expires_in":7200.0}"#,
                format!("json: cannot unmarshal number 7200.0 {into}.expires_in of type int64"),
            ),
            (
                r#"{"scope":[],"access_token":1}"#,
                format!("json: cannot unmarshal array {into}.scope of type string"),
            ),
        ];
        for (body, expected) in table {
            assert_eq!(
                exchange(200, body.as_bytes()).err().unwrap_or_default(),
                expected,
                "{body}"
            );
        }
        assert_eq!(exchange(201, b"{}\n").unwrap_err(), "{}\n");
    }

    fn said(status: u16, body: &str) -> String {
        whoami(status, body.as_bytes(), Some("r-1"), None).unwrap_err().message
    }

    #[test]
    fn whoami_answers_are_told_in_the_words_of_the_cli() {
        let unauthorized = "Unauthorized: No credentials provided or are invalid.";
        assert_eq!(said(401, "no"), unauthorized);
        assert_eq!(said(403, r#"{"code":403,"message":"Forbidden"}"#), "[403] Forbidden");
        assert_eq!(said(404, " no \n"), "[404] no");
        assert_eq!(said(404, r#"{"code":"x"}"#), r#"[404] {"code":"x"}"#);
        assert_eq!(said(503, ""), "[503]  (Request ID: r-1)");
        assert_eq!(said(429, ""), "pulumi service: request rate-limit exceeded");
        assert_eq!(said(200, "{}"), "unexpected response from server");
        let empty = r#"{"githubLogin":"a","organizations":[{"githubLogin":""}]}"#;
        assert_eq!(said(200, empty), "unexpected response from server");
        assert_eq!(said(204, ""), "unmarshalling response object: unexpected end of JSON input");
        assert!(whoami(403, b"", None, None).unwrap_err().is_forbidden);
        let old = Version::new(3, 225, 1);
        let error = whoami(401, br#"{"code":7,"message":"m"}"#, None, Some(&old)).unwrap_err();
        assert_eq!(error.message, "[7] m");
    }

    #[test]
    fn names_are_read_in_any_case() {
        let body = br#"{"GITHUBLOGIN":"ci","Organizations":[{"githublogin":"acme"}]}"#;
        let user = whoami(201, body, None, None).unwrap();
        assert_eq!((user.login.as_str(), user.organizations), ("ci", vec!["acme".to_owned()]));
    }
}
