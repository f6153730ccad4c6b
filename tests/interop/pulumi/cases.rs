//! The logins for which the doctor is compared with the real CLI.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::combinations;

/// A server's answer.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub headers: Vec<(String, String)>,
}

impl Answer {
    pub fn new(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), headers: Vec::new() }
    }
}

/// A login, its environment, and the answers of the server.
pub struct Case {
    pub name: String,
    pub arguments: Vec<String>,
    /// Variables that are set or, without a value, removed.
    pub environment: Vec<(&'static str, Option<String>)>,
    /// Name, content, mode.
    pub files: Vec<(&'static str, Vec<u8>, u32)>,
    pub token: String,
    pub exchange: Answer,
    pub user: Answer,
    /// Whether the server compares only the end of a path.
    pub answers_anywhere: bool,
}

pub const MINTED: &str = r#"{"access_token":"pul-0123456789abcdef0123456789abcdef01234567","issued_token_type":"urn:pulumi:token-type:access_token:organization","token_type":"Bearer","expires_in":7200,"scope":""}"#;
pub const USER: &str = r#"{"id":"1","githubLogin":"ci-bot","name":"CI","organizations":[{"githubLogin":"acme","name":"Acme"}],"tokenInfo":{"name":"t","organization":"acme"}}"#;
const HEADER: &str = r#"{"alg":"RS256","kid":"k"}"#;
/// Claims whose audience names no organization.
const CLAIMS: &str =
    r#"{"iss":"https://127.0.0.1:1","sub":"s","aud":"api://x","iat":1700000000,"exp":4000000000}"#;

fn jwt(header: &str, claims: &str, signature: &str) -> String {
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// A signature of 256 bytes, as of RS256 with 2048 bits.
fn signature() -> String {
    URL_SAFE_NO_PAD.encode([7; 256])
}

/// A login with these arguments, which are split at spaces. The servers answer as for a healthy
/// login.
fn case(name: impl Into<String>, arguments: &str) -> Case {
    Case {
        name: name.into(),
        arguments: arguments
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        environment: Vec::new(),
        files: Vec::new(),
        token: jwt(HEADER, CLAIMS, &signature()),
        exchange: Answer::new(200, MINTED),
        user: Answer::new(200, USER),
        answers_anywhere: false,
    }
}

impl Case {
    /// Adds an argument, which may contain spaces.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, Some(value.to_owned())));
        self
    }

    pub fn file(self, name: &'static str, content: &str) -> Self {
        self.bytes(name, content.as_bytes())
    }

    fn bytes(mut self, name: &'static str, content: &[u8]) -> Self {
        self.files.push((name, content.to_vec(), 0o644));
        self
    }

    pub fn program(mut self, name: &'static str) -> Self {
        self.files.push((name, b"#!/bin/sh\necho {}\n".to_vec(), 0o755));
        self
    }

    pub fn credentials(self, content: &str) -> Self {
        self.file("home/.pulumi/credentials.json", content)
    }

    pub fn project(self, content: &str) -> Self {
        self.file("work/Pulumi.yaml", content)
    }

    fn token(mut self, token: String) -> Self {
        self.token = token;
        self
    }

    fn header(self, header: &str) -> Self {
        self.token(jwt(header, CLAIMS, &signature()))
    }

    pub fn claims(self, claims: &str) -> Self {
        let claims = format!(
            r#"{{"iss":"https://127.0.0.1:1","sub":"s","iat":1700000000,"exp":4000000000,{claims}}}"#
        );
        self.token(jwt(HEADER, &claims, &signature()))
    }

    fn signed(self, signature: &str) -> Self {
        self.token(jwt(HEADER, CLAIMS, signature))
    }

    pub fn exchange(mut self, status: u16, body: &str) -> Self {
        self.exchange = Answer::new(status, body);
        self
    }

    pub fn user(mut self, status: u16, body: &str) -> Self {
        self.user = Answer::new(status, body);
        self
    }

    /// Removes all arguments with this text.
    pub fn without(mut self, argument: &str) -> Self {
        self.arguments.retain(|known| known != argument);
        self
    }

    /// Replaces all arguments with this text.
    pub fn replacing(mut self, argument: &str, replacement: &str) -> Self {
        let arguments = self.arguments.iter_mut().filter(|known| *known == argument);
        arguments.for_each(|argument| replacement.clone_into(argument));
        self
    }

    fn anywhere(mut self) -> Self {
        self.answers_anywhere = true;
        self
    }
}

pub fn good(name: String) -> Case {
    case(name, GOOD)
}

/// The arguments of a login that works.
const GOOD: &str = "{url} --oidc-token {token} --oidc-org acme";
/// The arguments without the URL.
const NO_URL: &str = "--oidc-token {token} --oidc-org acme";

pub fn all() -> Vec<Case> {
    [
        plain(),
        helpers(),
        urls(),
        homes(),
        credentials(),
        projects(),
        tokens(),
        claims(),
        flags(),
        exchanges(),
        users(),
        orders(),
        combinations::pairs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn plain() -> Vec<Case> {
    vec![
        case("good", GOOD),
        case("good-cloud-url", "--cloud-url {url} --oidc-token {token} --oidc-org acme"),
        case("good-short-flag", "-c {url} --oidc-token={token} --oidc-org=acme"),
        case("good-variable", NO_URL).env("PULUMI_BACKEND_URL", "{url}"),
        case("good-option-variables", "")
            .env("PULUMI_OPTION_CLOUD_URL", "{url}")
            .env("PULUMI_OPTION_OIDC_TOKEN", "{token}")
            .env("PULUMI_OPTION_OIDC_ORG", "acme"),
        case("good-project", NO_URL).project("name: x\nbackend:\n  url: {url}\n"),
        case("good-current", NO_URL).credentials(r#"{"current":"{url}"}"#),
        case("good-file", "{url} --oidc-token file://t.jwt --oidc-org acme")
            .file("work/t.jwt", "{token}\n"),
        case("good-insecure", "{url} --oidc-token {token} --oidc-org acme --insecure"),
        case("good-api-variable", GOOD).env("PULUMI_API", "https://other.test"),
        case("good-empty-url", "")
            .arg("")
            .arg("--oidc-token={token}")
            .arg("--oidc-org=acme")
            .env("PULUMI_BACKEND_URL", "{url}"),
        case("conflicting-variable", GOOD).env("PULUMI_BACKEND_URL", "https://other.test"),
    ]
}

fn helpers() -> Vec<Case> {
    vec![
        case("helper-flag-with-token", GOOD)
            .arg("--credential-helper")
            .arg("{dir}/bin/h")
            .program("bin/h"),
        case("helper-flag-with-empty-token", "{url} --oidc-token= --credential-helper {dir}/bin/h")
            .program("bin/h"),
        case("helper-option-with-token", GOOD)
            .env("PULUMI_OPTION_CREDENTIAL_HELPER", "{dir}/bin/h")
            .program("bin/h"),
        case("helper-option-empty-with-token", GOOD).env("PULUMI_OPTION_CREDENTIAL_HELPER", ""),
        case("helper-argument-alone", GOOD).arg("--credential-helper-arg=x"),
        case("helper-argument-option-alone", GOOD).env("PULUMI_OPTION_CREDENTIAL_HELPER_ARG", ""),
        case("helper-variable", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "{dir}/bin/h")
            .program("bin/h"),
        case("helper-variable-by-name", GOOD).env("PULUMI_CREDENTIAL_HELPER", "h").program("bin/h"),
        case("helper-variable-empty", GOOD).env("PULUMI_CREDENTIAL_HELPER", ""),
        case("helper-variable-none", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "none")
            .program("bin/pulumi-credential-helper"),
        case("helper-variable-none-in-capitals", GOOD).env("PULUMI_CREDENTIAL_HELPER", "NONE"),
        case("helper-variable-not-on-path", GOOD).env("PULUMI_CREDENTIAL_HELPER", "h"),
        case("helper-variable-missing", GOOD).env("PULUMI_CREDENTIAL_HELPER", "{dir}/bin/h"),
        case("helper-variable-directory", GOOD).env("PULUMI_CREDENTIAL_HELPER", "{dir}/bin"),
        case("helper-variable-not-executable", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "{dir}/bin/h")
            .file("bin/h", "x"),
        case("helper-arguments", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "h")
            .env("PULUMI_CREDENTIAL_HELPER_ARGS", "[]")
            .program("bin/h"),
        case("helper-arguments-invalid", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "h")
            .env("PULUMI_CREDENTIAL_HELPER_ARGS", "a b")
            .program("bin/h"),
        case("helper-arguments-empty", GOOD)
            .env("PULUMI_CREDENTIAL_HELPER", "h")
            .env("PULUMI_CREDENTIAL_HELPER_ARGS", "")
            .program("bin/h"),
        case("helper-arguments-without-helper", GOOD).env("PULUMI_CREDENTIAL_HELPER_ARGS", "a b"),
        case("helper-saved", GOOD)
            .credentials(
                r#"{"version":1,"credentialHelper":{"path":"{dir}/bin/h"},"current":"{url}"}"#,
            )
            .program("bin/h"),
        case("helper-saved-missing", GOOD)
            .credentials(r#"{"version":1,"credentialHelper":{"path":"{dir}/bin/h","args":["x"]}}"#),
        case("helper-saved-and-none", GOOD)
            .credentials(r#"{"version":1,"credentialHelper":{"path":"{dir}/bin/h"}}"#)
            .program("bin/h")
            .env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("helper-on-path", GOOD).program("bin/pulumi-credential-helper"),
        case("helper-on-path-not-executable", GOOD).file("bin/pulumi-credential-helper", "x"),
        case(
            "helper-before-everything",
            "ftp://x --oidc-token {token} --oidc-team t --oidc-user u",
        )
        .program("bin/pulumi-credential-helper")
        .env("PULUMI_ACCESS_TOKEN", "pul-x"),
    ]
}

fn urls() -> Vec<Case> {
    let argument = |name, url: &str| {
        case(name, "").arg(url).arg("--oidc-token={token}").arg("--oidc-org=acme")
    };
    let variable = |name, url: &str| case(name, NO_URL).env("PULUMI_BACKEND_URL", url);
    let project =
        |name, url: &str| case(name, NO_URL).project(&format!("name: x\nbackend:\n  url: {url}\n"));
    let current =
        |name, url: &str| case(name, NO_URL).credentials(&format!(r#"{{"current":"{url}"}}"#));
    vec![
        argument("slash", "{url}/"),
        argument("slash-anywhere", "{url}/").anywhere(),
        argument("two-slashes", "{url}//"),
        argument("two-slashes-anywhere", "{url}//").anywhere(),
        variable("slash-variable", "{url}/"),
        project("slash-project", "{url}/"),
        current("slash-current", "{url}/"),
        argument("no-scheme", "api.pulumi.com"),
        argument("no-scheme-port", "localhost:8080"),
        argument("no-scheme-slashes", "//api.pulumi.com"),
        variable("no-scheme-variable", "api.pulumi.com"),
        variable("no-scheme-port-variable", "127.0.0.1:8080"),
        project("no-scheme-project", "api.pulumi.com"),
        current("no-scheme-current", "api.pulumi.com"),
        current("no-scheme-port-current", "localhost:8080"),
        current("no-scheme-address-current", "127.0.0.1:8080"),
        argument("unknown-scheme", "htps://x.test"),
        argument("upper-case-scheme", "HTTP://127.0.0.1:{port}"),
        current("upper-case-scheme-current", "HTTP://127.0.0.1:{port}"),
        variable("unknown-scheme-variable", "htps://x.test"),
        current("unknown-scheme-current", "htps://x.test"),
        argument("console", "https://app.pulumi.com/acme"),
        argument("console-prefix", "https://pulumi.company.test"),
        argument("console-domain", "https://pulumi.com"),
        variable("console-prefix-variable", "https://pulumi.company.test"),
        project("console-prefix-project", "https://pulumi.company.test"),
        variable("console-variable", "https://app.pulumi.com/acme"),
        argument("diy", "s3://bucket"),
        argument("diy-file", "file://~"),
        variable("diy-variable", "gs://bucket"),
        current("diy-current", "s3://bucket"),
        case("diy-local", "--local --oidc-token {token} --oidc-org acme"),
        case("diy-org-only", "file://~ --oidc-org acme"),
        argument("bad-port", "http://127.0.0.1:abc"),
        argument("port-out-of-range", "http://127.0.0.1:99999"),
        argument("two-ports", "http://127.0.0.1:80:80"),
        argument("blank-in-host", "http://a b"),
        argument("trailing-blank", "{url} "),
        argument("leading-blank", " {url}"),
        argument("blank-in-path", "{url}/a b").anywhere(),
        argument("control-character", "{url}\n"),
        argument("bad-escape", "{url}/%zz"),
        argument("escape-in-host", "http://%41"),
        argument("unexpanded", "https://$(Url)"),
        argument("no-host", "http://"),
        argument("one-slash", "http:/127.0.0.1:{port}"),
        argument("missing-bracket", "http://[::1"),
        argument("user-information", "http://u:p@127.0.0.1:{port}"),
        argument("hex-address", "http://0x7f000001:{port}"),
        argument("number-address", "http://2130706433:{port}"),
        argument("short-address", "http://127.1:{port}"),
        argument("dot-segment", "{url}/%2e"),
        argument("dot-dot-segment", "{url}/x/../"),
        argument("path", "{url}/api"),
        argument("path-anywhere", "{url}/api").anywhere(),
        argument("query", "{url}/?q=1"),
        argument("fragment", "{url}/#x"),
        argument("refused", "http://127.0.0.1:1"),
        variable("refused-variable", "http://127.0.0.1:1"),
        case("twice", "{url} --cloud-url {url} --oidc-token {token} --oidc-org acme"),
        case("twice-option", GOOD).env("PULUMI_OPTION_CLOUD_URL", "{url}"),
        case("twice-empty-argument", "")
            .arg("")
            .arg("-c={url}")
            .arg("--oidc-token={token}")
            .arg("--oidc-org=acme"),
        case("url-and-local", "{url} --local --oidc-token {token} --oidc-org acme"),
    ]
}

fn homes() -> Vec<Case> {
    vec![
        case("home-missing", GOOD).env("PULUMI_HOME", "{dir}/new/home"),
        case("home-is-a-file", GOOD).env("PULUMI_HOME", "{dir}/f").file("f", "x"),
        case("home-below-a-file", GOOD).env("PULUMI_HOME", "{dir}/f/home").file("f", "x"),
        case("credentials-path", NO_URL)
            .env("PULUMI_CREDENTIALS_PATH", "{dir}/c")
            .file("c/credentials.json", r#"{"current":"{url}"}"#),
        case("credentials-path-is-a-file", GOOD)
            .env("PULUMI_CREDENTIALS_PATH", "{dir}/f")
            .file("f", "x"),
        case("home-is-a-file-helper-none", GOOD)
            .env("PULUMI_HOME", "{dir}/f")
            .file("f", "x")
            .env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("home-is-a-file-helper-none-no-url", NO_URL)
            .env("PULUMI_HOME", "{dir}/f")
            .file("f", "x")
            .env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("credentials-is-a-directory", GOOD).file("home/.pulumi/credentials.json/x", ""),
    ]
}

fn credentials() -> Vec<Case> {
    vec![
        case("credentials-broken", GOOD).credentials("{"),
        case("credentials-broken-character", GOOD).credentials("{\n  \"current\": }"),
        case("credentials-broken-no-url", NO_URL).credentials("nope"),
        case("credentials-broken-helper-none", GOOD).credentials("{").env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("credentials-broken-helper-none-no-url", NO_URL)
            .credentials("{").env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("credentials-empty", GOOD).credentials(""),
        case("credentials-blank", GOOD).credentials(" "),
        case("credentials-null", GOOD).credentials("null"),
        case("credentials-list", GOOD).credentials("[]"),
        case("credentials-account-text", GOOD).credentials(r#"{"accounts":{"x":"y"}}"#),
        case("credentials-tokens-of-wrong-type", GOOD).credentials(r#"{"accessTokens":"x"}"#),
        case("credentials-version-text", GOOD).credentials(r#"{"version":"1"}"#),
        case("credentials-version-fraction", GOOD).credentials(r#"{"version":1.5}"#),
        case("credentials-version-two", GOOD).credentials(r#"{"version":2}"#),
        case("credentials-duplicate-keys", NO_URL).credentials(r#"{"current":"ftp://x","current":"{url}"}"#),
        case("credentials-other-case", NO_URL).credentials(r#"{"Current":"{url}"}"#),
        case("credentials-current-number", GOOD).credentials(r#"{"current":1}"#),
        case("credentials-byte-order-mark", GOOD).credentials("\u{feff}{}"),
        case("credentials-encrypted-newer", GOOD).credentials(r#"{"$pulumiSecureStore":2,"data":"x"}"#),
        case("credentials-encrypted-elsewhere", GOOD)
            .credentials(r#"{"$pulumiSecureStore":1,"backend":"windows-credman","algo":"AES-256-GCM","nonce":"AAAAAAAAAAAAAAAA","data":"AAAA"}"#),
        case("store-bogus", GOOD).env("PULUMI_CREDENTIAL_STORE", "keyring"),
        case("store-bogus-helper-none", GOOD)
            .env("PULUMI_CREDENTIAL_STORE", "keyring").env("PULUMI_CREDENTIAL_HELPER", "none"),
        case("store-plaintext", GOOD).env("PULUMI_CREDENTIAL_STORE", " PlainText "),
        case("store-auto", GOOD).env("PULUMI_CREDENTIAL_STORE", "auto"),
        case("store-os", GOOD).env("PULUMI_CREDENTIAL_STORE", "os"),
        case("config-broken", GOOD).file("home/.pulumi/config.json", "{"),
        case("config-empty", GOOD).file("home/.pulumi/config.json", ""),
        case("config-list", GOOD).file("home/.pulumi/config.json", "[]"),
        case("config-good", GOOD).file("home/.pulumi/config.json", r#"{"backends":{}}"#),
    ]
}

fn projects() -> Vec<Case> {
    let utf16: Vec<u8> = "\u{feff}name: x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        case("project-without-runtime", GOOD).project("name: x\n"),
        case("project-without-name", GOOD).project("runtime: nodejs\n"),
        case("project-broken", GOOD).project("name: [\n"),
        case("project-name-number", GOOD).project("name: 1\n"),
        case("project-empty", GOOD).project(""),
        case("project-utf-16", GOOD).bytes("work/Pulumi.yaml", &utf16),
        case("project-duplicate-keys", GOOD).project("name: x\nname: y\n"),
        case("project-json-duplicate-keys", GOOD)
            .file("work/Pulumi.json", r#"{"name":"x","name":"y"}"#),
        case("project-json-broken", GOOD).file("work/Pulumi.json", "{"),
        case("project-backend-text", GOOD).project("name: x\nbackend: y\n"),
        case("project-above", NO_URL).file("Pulumi.yaml", "name: x\nbackend: {url: '{url}'}\n"),
    ]
}

fn tokens() -> Vec<Case> {
    let whole = jwt(HEADER, CLAIMS, &signature());
    let direct = |name, token: &str| case(name, "{url} --oidc-org acme --oidc-token").arg(token);
    vec![
        case("alg-none", GOOD).token(jwt(r#"{"alg":"none"}"#, CLAIMS, "")),
        case("alg-absent", GOOD).header(r#"{"kid":"k"}"#),
        case("alg-empty-header", GOOD).header("{}"),
        case("alg-number", GOOD).header(r#"{"alg":256}"#),
        case("alg-lower-case", GOOD).header(r#"{"alg":"rs256"}"#),
        case("alg-unknown", GOOD).header(r#"{"alg":"XX256"}"#),
        case("alg-ed25519", GOOD).header(r#"{"alg":"Ed25519"}"#),
        case("alg-eddsa", GOOD).token(jwt(
            r#"{"alg":"EdDSA"}"#,
            CLAIMS,
            &URL_SAFE_NO_PAD.encode([7; 64]),
        )),
        case("alg-es256k", GOOD).header(r#"{"alg":"ES256K"}"#),
        case("header-null", GOOD).header("null"),
        case("crit", GOOD).header(r#"{"alg":"RS256","crit":["b64"]}"#),
        case("claims-list", GOOD).token(jwt(HEADER, "[]", &signature())),
        case("signature-stars", GOOD).signed("***"),
        case("signature-padding", GOOD).signed(&format!("{}=", signature())),
        direct("token-line-break-at-end", "{token}\n"),
        case("token-line-breaks", GOOD).token(format!(
            "{}\n{}\r\n{}",
            &whole[..20],
            &whole[20..60],
            &whole[60..]
        )),
        direct("token-blank-at-end", "{token} "),
        direct("token-blank-at-start", " {token}"),
        direct("token-quoted", "\"{token}\""),
        direct("token-bearer", "Bearer {token}"),
        direct("token-blank-alone", " "),
        direct("token-null", "null"),
        direct("token-unexpanded", "$(idToken)"),
        direct("token-masked", "***"),
        direct("token-two-parts", "a.b"),
        direct("token-four-parts", "{token}.x"),
        direct("token-percent", "{token}%0A"),
        case("token-broken-no-org", "{url} --oidc-token x.y.z"),
        case("token-blank-no-org", "{url} --oidc-token").arg(" "),
        case("token-empty", "{url} --oidc-org acme --oidc-token="),
        case("token-empty-with-access-token", "{url} --oidc-org acme --oidc-token=")
            .env("PULUMI_ACCESS_TOKEN", "pul-x"),
        case("token-file-missing", "{url} --oidc-org acme --oidc-token file://t.jwt"),
        case("token-file-empty", "{url} --oidc-org acme --oidc-token file://t.jwt")
            .file("work/t.jwt", "\n"),
        case("token-file-bad", "{url} --oidc-org acme --oidc-token file://t.jwt")
            .file("work/t.jwt", "null"),
        case("token-file-quoted", "{url} --oidc-org acme --oidc-token file://t.jwt")
            .file("work/t.jwt", "\"{token}\""),
        case("token-file-byte-order-mark", "{url} --oidc-org acme --oidc-token file://t.jwt")
            .file("work/t.jwt", "\u{feff}{token}"),
        case("token-file-directory", "{url} --oidc-org acme --oidc-token file://."),
        case("token-file-no-org", "{url} --oidc-token file://t.jwt").file("work/t.jwt", "{token}"),
        case("token-file-upper-case", "{url} --oidc-org acme --oidc-token FILE://t.jwt")
            .file("work/t.jwt", "{token}"),
        case("token-file-tilde", "{url} --oidc-org acme --oidc-token file://~/t.jwt")
            .file("home/t.jwt", "{token}"),
    ]
}

fn claims() -> Vec<Case> {
    let no_org = "{url} --oidc-token {token}";
    vec![
        case("org-from-aud", no_org).claims(r#""aud":"urn:pulumi:org:acme""#),
        case("org-from-aud-list", no_org).claims(r#""aud":["urn:pulumi:org:acme"]"#),
        case("org-missing", no_org),
        case("org-five-parts", no_org).claims(r#""aud":"urn:pulumi:org:acme:x""#),
        case("org-conflict", GOOD).claims(r#""aud":"urn:pulumi:org:other""#),
        case("org-agrees", GOOD).claims(r#""aud":"urn:pulumi:org:acme""#),
        case("scope-team", GOOD).claims(r#""aud":"x","scope":"openid team:ops""#),
        case("scope-user-list", GOOD)
            .claims(r#""aud":"x","scope":["user:jane"]"#)
            .user(200, r#"{"githubLogin":"jane","organizations":[{"githubLogin":"acme"}]}"#),
        case("scope-team-and-user", GOOD).claims(r#""aud":"x","scope":"team:ops user:jane""#),
        case("team-conflict", GOOD)
            .arg("--oidc-team=dev")
            .claims(r#""aud":"x","scope":"team:ops""#),
        case("user-conflict", GOOD)
            .arg("--oidc-user=joe")
            .claims(r#""aud":"x","scope":"user:jane""#),
        case("team-flag-user-claim", GOOD)
            .arg("--oidc-team=dev")
            .claims(r#""aud":"x","scope":"user:jane""#),
        case("team-and-user", GOOD).arg("--oidc-team=dev").arg("--oidc-user=jane"),
        case("team", GOOD).arg("--oidc-team=ops"),
        case("user", GOOD).arg("--oidc-user=ci-bot"),
    ]
}

fn flags() -> Vec<Case> {
    vec![
        case("expiration", GOOD).arg("--oidc-expiration=15m"),
        case("expiration-days", GOOD).arg("--oidc-expiration=1d"),
        case("expiration-number", GOOD).arg("--oidc-expiration=3600"),
        case("expiration-negative", GOOD).arg("--oidc-expiration=-1h"),
        case("expiration-zero", GOOD).arg("--oidc-expiration=0"),
        case("access-token", GOOD).env("PULUMI_ACCESS_TOKEN", "pul-x"),
        case("access-token-empty", GOOD).env("PULUMI_ACCESS_TOKEN", ""),
        case("unknown-flag", GOOD).arg("--oidc-tokn=x"),
        case("unknown-shorthand", GOOD).arg("-o"),
        case("flag-without-value", GOOD).arg("--oidc-user"),
        case("two-arguments", GOOD).arg("{url}"),
        case("bad-boolean", GOOD).arg("--insecure=maybe"),
        case("bad-color", GOOD).arg("--color=blue"),
        case("cwd-missing", GOOD).arg("--cwd=missing"),
        case("default-org", GOOD).arg("--default-org=acme"),
        case("boolean-with-word", "{url} --insecure true --oidc-token {token} --oidc-org acme"),
        case("flag-twice", GOOD)
            .arg("--oidc-org=other")
            .user(200, r#"{"githubLogin":"ci-bot","organizations":[{"githubLogin":"other"}]}"#),
    ]
}

fn exchanges() -> Vec<Case> {
    let answer = |name, status, body: &str| case(name, GOOD).exchange(status, body);
    vec![
        answer(
            "exchange-400",
            400,
            r#"{"error":"invalid_request","error_description":"invalid organization acme"}"#,
        ),
        answer("exchange-401", 401, r#"{"code":401,"message":"Unauthorized: token is expired"}"#),
        answer("exchange-403-text", 403, "no"),
        answer("exchange-404-empty", 404, ""),
        answer("exchange-html", 200, "<html></html>"),
        answer("exchange-empty", 200, ""),
        answer("exchange-list", 200, "[]"),
        answer("exchange-null", 200, "null").user(401, r#"{"code":401,"message":"Unauthorized"}"#),
        answer("exchange-no-token", 200, "{}")
            .user(401, r#"{"code":401,"message":"Unauthorized"}"#),
        answer("exchange-201", 201, MINTED),
        answer("exchange-202", 202, r#"{"status":"pending"}"#),
        answer("exchange-204", 204, ""),
        answer("exchange-expiry-text", 200, &MINTED.replace("7200", "\"7200\"")),
        answer("exchange-expiry-fraction", 200, &MINTED.replace("7200", "7200.0")),
        answer("exchange-expiry-absent", 200, &MINTED.replace(r#""expires_in":7200,"#, "")),
        answer("exchange-expiry-null", 200, &MINTED.replace("7200", "null")),
        answer("exchange-other-case", 200, &MINTED.replace("access_token\":", "ACCESS_TOKEN\":")),
        answer("exchange-token-number", 200, r#"{"access_token":1}"#),
        answer("exchange-scope-list", 200, &MINTED.replace(r#""scope":"""#, r#""scope":[]"#)),
        answer("exchange-trailing-text", 200, &format!("{MINTED}x")),
        answer("exchange-byte-order-mark", 200, &format!("\u{feff}{MINTED}")),
        answer("exchange-extra-keys", 200, &MINTED.replace('{', r#"{"x":1,"#)),
        answer("exchange-multi-line", 400, "first\nsecond\n"),
    ]
}

fn users() -> Vec<Case> {
    let answer = |name, status, body: &str| case(name, GOOD).user(status, body);
    vec![
        answer("user-401", 401, r#"{"code":401,"message":"Unauthorized"}"#),
        answer("user-401-text", 401, "no"),
        answer("user-403", 403, r#"{"code":403,"message":"Forbidden"}"#),
        answer("user-404-text", 404, "404 page not found"),
        answer("user-429", 429, ""),
        answer("user-201", 201, USER),
        answer("user-204", 204, ""),
        answer("user-html", 200, "<html></html>"),
        answer("user-empty-login", 200, r#"{"githubLogin":""}"#),
        answer("user-no-login", 200, "{}"),
        answer(
            "user-other-case",
            200,
            r#"{"GITHUBLOGIN":"ci-bot","Organizations":[{"githublogin":"acme"}]}"#,
        ),
        answer(
            "user-empty-organization",
            200,
            r#"{"githubLogin":"ci-bot","organizations":[{"githubLogin":""}]}"#,
        ),
        answer("user-null-organization", 200, r#"{"githubLogin":"ci-bot","organizations":[null]}"#),
        answer("user-no-organizations", 200, r#"{"githubLogin":"ci-bot"}"#),
        answer("user-login-number", 200, r#"{"githubLogin":1}"#),
        answer(
            "user-no-token-information",
            200,
            r#"{"githubLogin":"ci-bot","organizations":[{"githubLogin":"acme"}]}"#,
        ),
    ]
}

fn orders() -> Vec<Case> {
    vec![
        case("order-org-before-token", "{url} --oidc-token null"),
        case("order-access-token-before-org", "{url} --oidc-token null")
            .env("PULUMI_ACCESS_TOKEN", "pul-x"),
        case("order-conflict-before-access-token", GOOD)
            .claims(r#""aud":"urn:pulumi:org:other""#)
            .env("PULUMI_ACCESS_TOKEN", "pul-x"),
        case("order-org-before-expiration", "{url} --oidc-token {token} --oidc-expiration=1d"),
        case(
            "order-expiration-before-token",
            "{url} --oidc-token null --oidc-org acme --oidc-expiration=1d",
        ),
        case("order-twice-before-project", "{url} -c {url} --oidc-token {token}")
            .project("name: [\n"),
        case("order-project-before-url", "ftp://x --oidc-token {token}")
            .project("runtime: nodejs\n"),
        case("order-url-before-org", "ftp://x --oidc-token {token}"),
        case("order-credentials-before-twice", "{url} -c {url} --oidc-token {token}")
            .credentials("{"),
        case("order-diy-before-org", "s3://b --oidc-token {token}"),
        case("order-token-before-exchange", "{url} --oidc-token null --oidc-org acme")
            .exchange(500, "x"),
    ]
}
