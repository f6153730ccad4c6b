//! How the CLI reads Pulumi Cloud's answers in a login.
//!
//! Sources: pkg/backend/httpstate/client/client.go (`ExchangeOidcToken`,
//! `GetPulumiAccountDetails`), client/api.go (`pulumiAPICall`, `decodeError`) and
//! sdk/go/common/apitype (the types).

use semver::Version;
use serde_json::{Map, Value};

use super::go::decode::{Struct, Type, decode};
use super::go::json::field;
use super::versions;
use crate::evidence::{Answer, Body};

/// The CLI's error if whoami refuses the access token.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized: No credentials provided or are invalid.";

const EXCHANGE: Struct = Struct {
    name: "apitype.TokenExchangeGrantResponse",
    fields: &[
        ("access_token", Type::Text),
        ("issued_token_type", Type::Text),
        ("token_type", Type::Text),
        ("expires_in", Type::Integer("int64")),
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
        ("identities", Type::TextList),
        ("siteAdmin", Type::Boolean),
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

/// Decodes the answer to a token exchange. The error is the CLI's text after
/// `OIDC token exchange failed: `.
pub(crate) fn decode_exchange(status: u16, body: &[u8]) -> Result<Map<String, Value>, String> {
    if status != 200 {
        return Err(String::from_utf8_lossy(body).into_owned());
    }
    decode(body, &EXCHANGE)
}

/// The body of a refused exchange, as the CLI prints it; nothing for a web page, of which only the
/// title is kept.
pub(crate) fn printed_body(answer: &Answer) -> Option<String> {
    match &answer.body {
        Body::Empty => Some(String::new()),
        Body::Json(value) => Some(value.to_string()),
        Body::Text(text) => Some(text.clone()),
        Body::Html(_) => None,
    }
}

/// Whether the CLI accepts whoami's answer.
pub(crate) fn whoami_succeeds(answer: &Answer) -> bool {
    let Body::Json(body) = &answer.body else { return false };
    answer.is_success() && decode_whoami(200, body.to_string().as_bytes(), None, None).is_ok()
}

/// The CLI's error for whoami's answer; nothing if the CLI accepts it or its text is not known.
pub(crate) fn whoami_error(answer: &Answer, version: Option<&Version>) -> Option<String> {
    // The CLI follows redirects.
    if (300..400).contains(&answer.status) {
        return None;
    }
    let body = match &answer.body {
        // A JSON decoder stops at the first character of HTML.
        Body::Html(_) if answer.status < 400 || answer.status == 401 => "<".to_owned(),
        _ => printed_body(answer)?,
    };
    let request_id = answer.request_id.as_deref();
    decode_whoami(answer.status, body.as_bytes(), request_id, version).err()
}

/// The user that Pulumi Cloud reports as logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) login: String,
    pub(crate) organizations: Vec<String>,
    pub(crate) token: Option<Map<String, Value>>,
}

/// Decodes whoami's answer as a version of the CLI does (`None`: the newest). Every status below
/// 400 is a success. The error is the CLI's text.
pub(crate) fn decode_whoami(
    status: u16,
    body: &[u8],
    request_id: Option<&str>,
    version: Option<&Version>,
) -> Result<User, String> {
    if status == 429 {
        return Err("pulumi service: request rate-limit exceeded".to_owned());
    }
    if status >= 400 {
        return Err(whoami_refusal(status, body, request_id, version));
    }
    let user =
        decode(body, &USER).map_err(|error| format!("unmarshalling response object: {error}"))?;
    user_from(&user).ok_or_else(|| "unexpected response from server".to_owned())
}

/// The user in whoami's answer; nothing if the CLI refuses the answer.
pub(crate) fn user_from(user: &Map<String, Value>) -> Option<User> {
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

/// The CLI's error for a status of 400 or more.
fn whoami_refusal(
    status: u16,
    body: &[u8],
    request_id: Option<&str>,
    version: Option<&Version>,
) -> String {
    let text = String::from_utf8_lossy(body);
    let error = serde_json::from_str::<Option<Map<String, Value>>>(&text).ok().map(|object| {
        let object = object.unwrap_or_default();
        let code = field(&object, "code").map_or(Some(0), Value::as_i64);
        let message = field(&object, "message").map_or(Some(""), Value::as_str);
        code.zip(message.map(str::to_owned))
    });
    let (code, mut message) =
        error.flatten().unwrap_or_else(|| (i64::from(status), text.trim().to_owned()));
    let by_status = versions::WHOAMI_BY_STATUS.holds(version);
    if status == 401 && (by_status || code == 401) {
        return UNAUTHORIZED.to_owned();
    }
    if let Some(id) = request_id.filter(|_| status >= 500) {
        message += &format!(" (Request ID: {id})");
    }
    format!("[{code}] {message}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exchange_answers_decode_as_in_go() {
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
                decode_exchange(200, body.as_bytes()).err().unwrap_or_default(),
                expected,
                "{body}"
            );
        }
        assert_eq!(decode_exchange(201, b"{}\n").unwrap_err(), "{}\n");
    }

    fn whoami_error_text(status: u16, body: &str) -> String {
        decode_whoami(status, body.as_bytes(), Some("r-1"), None).unwrap_err()
    }

    #[test]
    fn whoami_answers_use_cli_wording() {
        let unauthorized = "Unauthorized: No credentials provided or are invalid.";
        assert_eq!(whoami_error_text(401, "no"), unauthorized);
        assert_eq!(
            whoami_error_text(403, r#"{"code":403,"message":"Forbidden"}"#),
            "[403] Forbidden"
        );
        assert_eq!(whoami_error_text(404, " no \n"), "[404] no");
        assert_eq!(whoami_error_text(404, r#"{"code":"x"}"#), r#"[404] {"code":"x"}"#);
        assert_eq!(whoami_error_text(503, ""), "[503]  (Request ID: r-1)");
        assert_eq!(whoami_error_text(429, ""), "pulumi service: request rate-limit exceeded");
        assert_eq!(whoami_error_text(200, "{}"), "unexpected response from server");
        let empty = r#"{"githubLogin":"a","organizations":[{"githubLogin":""}]}"#;
        assert_eq!(whoami_error_text(200, empty), "unexpected response from server");
        assert_eq!(
            whoami_error_text(204, ""),
            "unmarshalling response object: unexpected end of JSON input"
        );
        let old = Version::new(3, 225, 1);
        let error =
            decode_whoami(401, br#"{"code":7,"message":"m"}"#, None, Some(&old)).unwrap_err();
        assert_eq!(error, "[7] m");
    }

    #[test]
    fn member_names_ignore_case() {
        let body = br#"{"GITHUBLOGIN":"ci","Organizations":[{"githublogin":"acme"}]}"#;
        let user = decode_whoami(201, body, None, None).unwrap();
        assert_eq!((user.login.as_str(), user.organizations), ("ci", vec!["acme".to_owned()]));
    }
}
