#![allow(clippy::unwrap_used, clippy::expect_used)]

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const HEADER: &str = r#"{"alg":"RS256","kid":"k1","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"urn:pulumi:org:acme","sub":"repo:acme/app","exp":1790000000}"#;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Plausible signature bytes.
fn signature(bytes: usize) -> String {
    encode((0..bytes).map(|i| (i * 37 % 251) as u8).collect::<Vec<_>>())
}

fn signed(header: &str, claims: &str, bytes: usize) -> String {
    format!("{}.{}.{}", encode(header), encode(claims), signature(bytes))
}

fn good() -> String {
    signed(HEADER, CLAIMS, 256)
}

fn problem(text: &str) -> InputProblem {
    match read(text.as_bytes(), false) {
        Ok(decoded) => InputProblem::Truncated { how: decoded.token.truncated.expect(text) },
        Err((problem, _)) => problem,
    }
}

fn wrappings(raw: &[u8]) -> Vec<Wrapping> {
    let decoded = read(raw, false).unwrap();
    assert_eq!(decoded.compact.reveal(), good());
    decoded.wrapped
}

#[test]
fn bare_token_is_decoded() {
    let decoded = read(good().as_bytes(), false).unwrap();
    assert!(decoded.wrapped.is_empty());
    assert_eq!(decoded.token.algorithm(), Some("RS256"));
    assert_eq!(decoded.token.text("sub"), Some("repo:acme/app"));
    assert_eq!(decoded.token.signature_bytes, 256);
    assert_eq!(decoded.compact.reveal(), good());
    assert!(decoded.token.duplicates.is_empty());
    let claims: Vec<_> = decoded.token.claims.keys().collect();
    assert_eq!(claims, ["iss", "aud", "sub", "exp"]);
    assert!(!format!("{decoded:?}").contains(&signature(256)));
}

#[test]
fn fingerprint_is_text_digest() {
    // printf 'abc' | sha256sum
    assert_eq!(
        fingerprint("abc"),
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn duplicates_of_header_and_claims_are_listed() {
    let token = signed(
        r#"{"alg":"none","kid":"a","kid":"b"}"#,
        r#"{"sub":"a","sub":"b","act":{"sub":"c","sub":"d"}}"#,
        0,
    );
    let token = read(token.as_bytes(), false).unwrap().token;
    assert_eq!(token.duplicates, ["kid", "sub", "act.sub"]);
    assert_eq!(token.text("sub"), Some("b"));
}

#[test]
fn trailing_bits_follow_golang_jwt() {
    // `{"alg":"none"}` is 14 bytes: two bits of its last character mean nothing.
    let header = encode(r#"{"alg":"none"}"#);
    let other = format!("{}1", &header[..header.len() - 1]);
    assert_ne!(header, other);
    let claims = encode(r#"{"a":10}"#);
    assert!(read(format!("{other}.{claims}.").as_bytes(), false).is_ok(), "{other}");
}

// ------------------------------------------------------------------------------- wrapping

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn wrappings_are_removed_and_named() {
    use Wrapping::*;
    let token = good();
    let (head, tail) = token.split_at(60);
    let folded: Vec<String> = BASE64_STANDARD
        .encode(&token)
        .as_bytes()
        .chunks(76)
        .map(|l| String::from_utf8_lossy(l).into())
        .collect();
    for (text, expected) in [
        (format!("\"{token}\""), vec![Quotes]),
        (format!("'{token}'"), vec![Quotes]),
        (format!("`{token}`"), vec![Quotes]),
        (format!("\u{201C}{token}\u{201D}"), vec![Quotes]),
        (format!("\"{token}"), vec![Quotes]),
        (format!("{token}'"), vec![Quotes]),
        (format!("\\\"{token}\\\""), vec![Quotes]),
        (format!("b'{token}'"), vec![Quotes]),
        (format!("'\"{token}\"'"), vec![Quotes, Quotes]),
        (format!("Bearer {token}"), vec![Bearer]),
        (format!("bearer  {token}"), vec![Bearer]),
        (format!("Authorization: Bearer {token}"), vec![Bearer]),
        (format!("authorization:BEARER {token}"), vec![Bearer]),
        (format!("{{\"oidcToken\":\"{token}\"}}"), vec![Json]),
        (format!("{{\"count\": 5010, \"value\": \"{token}\"}}"), vec![Json]),
        (format!("{{\"status\":{{\"token\":\"{token}\"}}}}"), vec![Json]),
        (format!("[{{\"whatever\":\"{token}\"}}]"), vec![Json]),
        (
            format!(
                "{{\"access_token\":\"{}\",\"id_token\":\"{token}\"}}",
                signed(HEADER, "{}", 256)
            ),
            vec![Json],
        ),
        (format!("{{\"id_token\":\"Bearer {token}\"}}"), vec![Json, Bearer]),
        (format!("{{\"oidcToken\":\"{head}\n{tail}\"}}"), vec![Json]),
        (format!("\"{}\"", token.replace('.', "\\u002e")), vec![Json]),
        (format!("\"{token}\\n\""), vec![Json]),
        (BASE64_STANDARD.encode(&token), vec![Base64]),
        (encode(&token), vec![Base64]),
        (folded.join("\r\n"), vec![Base64]),
        (BASE64_STANDARD.encode(format!("{token}\n")), vec![Base64]),
        (BASE64_STANDARD.encode(BASE64_STANDARD.encode(&token)), vec![Base64, Base64]),
        (BASE64_STANDARD.encode(utf16(&token, u16::to_le_bytes)), vec![Base64, Utf16]),
        (BASE64_STANDARD.encode(format!("{{\"token\":\"{token}\"}}")), vec![Base64, Json]),
        (token.replace('.', "%2E"), vec![UrlEncoding]),
        (format!("{token}%0A"), vec![UrlEncoding]),
        (format!("Bearer%20{token}"), vec![UrlEncoding, Bearer]),
        (format!("\u{FEFF}{token}"), vec![ByteOrderMark]),
        (format!("\u{EF}\u{BB}\u{BF}{token}"), vec![ByteOrderMark]),
        (format!("\u{FEFF}\"{token}\"\r\n"), vec![OuterWhitespace, ByteOrderMark, Quotes]),
        (format!("{head}\n{tail}"), vec![InnerWhitespace]),
        (format!("{head} {tail}"), vec![InnerWhitespace]),
        (format!("{head}\\n{tail}"), vec![InnerWhitespace]),
        (format!("{head}\u{200B}{tail}"), vec![InnerWhitespace]),
        (token.replace('.', "\n."), vec![InnerWhitespace]),
        (token.replace('.', ".\n"), vec![InnerWhitespace]),
        (format!("{token}\0"), vec![InnerWhitespace]),
        (format!("{token}\n"), vec![OuterWhitespace]),
        (format!(" {token}"), vec![OuterWhitespace]),
        (format!("\" {token} \""), vec![Quotes]),
    ] {
        assert_eq!(wrappings(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn utf_16_is_read() {
    use Wrapping::{OuterWhitespace, Utf16};
    let token = good();
    for raw in [
        utf16(&token, u16::to_le_bytes),
        utf16(&token, u16::to_be_bytes),
        utf16(&format!("\u{FEFF}{token}"), u16::to_le_bytes),
        utf16(&format!("\u{FEFF}{token}\r\n"), u16::to_be_bytes),
        // A program that knows no UTF-16 added a line break.
        [utf16(&token, u16::to_le_bytes), vec![b'\n']].concat(),
    ] {
        assert_eq!(wrappings(&raw), [Utf16]);
    }
    let decoded = read(&utf16(&token, u16::to_le_bytes), true).unwrap();
    assert!(!decoded.wrapped.contains(&OuterWhitespace));
}

#[test]
fn file_white_space_is_trimmed() {
    let text = format!("\n {}\r\n", good());
    assert!(read(text.as_bytes(), true).unwrap().wrapped.is_empty());
    assert_eq!(read(text.as_bytes(), false).unwrap().wrapped, [Wrapping::OuterWhitespace]);
}

#[test]
fn removed_layers_are_reported_with_problem() {
    let (problem, wrapped) = read(b"\"Bearer $(idToken)\"", false).unwrap_err();
    assert_eq!(wrapped, [Wrapping::Quotes, Wrapping::Bearer]);
    assert!(matches!(problem, InputProblem::Unexpanded { name, .. } if name == "idToken"));
}

// ----------------------------------------------------------------------------- recognising

#[test]
fn blank_values_are_empty() {
    for text in ["", " ", "\r\n", "\"\"", "''", "Bearer ", "\u{FEFF}", "{\"token\":\"\"}"] {
        assert_eq!(problem(text), InputProblem::Empty, "{text:?}");
    }
}

#[test]
fn non_tokens_are_described() {
    for (text, what, shown) in [
        ("null", "the word null", None),
        ("Null", "the word null", None),
        ("\"undefined\"", "the word undefined", None),
        ("None", "the word none", None),
        ("<nil>", "the word <nil>", None),
        ("[object Object]", "the word [object Object]", None),
        ("false", "the word false", None),
        ("System.Security.SecureString", "the word System.Security.SecureString", None),
        (
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret for app 'fb60f99c-7a34-4190-8149-302f77469936'."}"#,
            "a JSON error answer",
            Some(
                "invalid_client: AADSTS7000215: Invalid secret for app 'fb60f99c-7a34-4190-8149-302f77469936'.",
            ),
        ),
        (
            r#"{"count":151,"value":"There is no explicit reference to the service connection"}"#,
            "a JSON error answer",
            Some("There is no explicit reference to the service connection"),
        ),
        (
            r#"{"$id":"1","message":"TF400813: not authorized","typeKey":"UnauthorizedRequestException","errorCode":0}"#,
            "a JSON error answer",
            Some("UnauthorizedRequestException: TF400813: not authorized"),
        ),
        (r#"{"error":{"code":"X","message":"no"}}"#, "a JSON error answer", Some("X: no")),
        (r#"{"code":400,"message":"no"}"#, "a JSON error answer", Some("400: no")),
        (r#"{"error":"denied","token":"x"}"#, "a JSON error answer", Some("denied")),
        (r#"{"iss":"https://x","sub":"y"}"#, "the decoded claims of a token, not the token", None),
        (r#"{"keys":[]}"#, "a key set", None),
        (r#"{"issuer":"x","jwks_uri":"y"}"#, "an issuer's discovery document", None),
        (r#"{"token":null}"#, "JSON that holds no token", None),
        ("[]", "JSON that holds no token", None),
        (r#"{"a":"#, "JSON that ends early", None),
        (
            "<!DOCTYPE html><html><head><TITLE lang=en>\n Sign  in\n</TITLE>",
            "an HTML page",
            Some("Sign in"),
        ),
        ("<html><body>no", "an HTML page", None),
        ("<?xml version=\"1.0\"?><Error/>", "an XML document", None),
        ("-----BEGIN CERTIFICATE-----\nMII", "a PEM block: a key or a certificate", None),
        ("https://user:pw@host.example/a?sig=secret", "a URL", Some("host.example")),
        ("/var/run/token", "a file path without file://", Some("/var/run/token")),
        ("./token.jwt", "a file path without file://", Some("./token.jwt")),
        ("C:\\agent\\token.txt", "a file path without file://", Some("C:\\agent\\token.txt")),
        ("~/t", "a file path without file://", Some("~/t")),
        ("out/token.v1.txt", "a file path without file://", Some("out/token.v1.txt")),
        ("File:///tmp/x", "a file address that does not begin with file://", Some("File:///tmp/x")),
        (
            "fb60f99c-7a34-4190-8149-302f77469936",
            "a GUID, such as the id of a client or a tenant",
            None,
        ),
        ("<YOUR TOKEN>", "a placeholder", Some("<YOUR TOKEN>")),
        (
            "curl: (22) The requested URL returned error: 401",
            "an error message",
            Some("curl: (22) The requested URL returned error: 401"),
        ),
        ("-", "a hyphen, which means standard input only as the argument TOKEN", None),
        ("hunter2", "text without the three parts of a token", None),
        ("a.b", "text without the three parts of a token", None),
    ] {
        let looks_like = match what {
            "a file path without file://" => LooksLike::FilePath,
            "a file address that does not begin with file://" => LooksLike::FileAddress,
            _ => LooksLike::Other,
        };
        let shown = shown.map(str::to_owned);
        let expected = InputProblem::NotAToken { what: what.into(), shown, looks_like };
        assert_eq!(problem(text), expected, "{text}");
    }
    let InputProblem::NotAToken { what, .. } = problem_of(&[0xC3, 0x28, 0x00, 0x01]) else {
        panic!()
    };
    assert_eq!(what, "binary data, not text");
}

fn problem_of(raw: &[u8]) -> InputProblem {
    read(raw, false).unwrap_err().0
}

#[test]
fn token_inside_other_text_is_recognised() {
    let token = good();
    for (text, expected) in [
        (format!("idToken={token}"), "text with a token somewhere in it, not the token alone"),
        (format!("The token is {token}"), "text with a token somewhere in it, not the token alone"),
        (format!("{token}\n{token}"), "2 tokens, one after the other"),
        (
            format!("[\"{token}\",\"{}\"]", signed(HEADER, "{}", 256)),
            "text with a token somewhere in it, not the token alone",
        ),
    ] {
        let InputProblem::NotAToken { what, shown, looks_like } = problem(&text) else {
            panic!("{text}")
        };
        assert_eq!((what.as_str(), shown), (expected, None));
        assert_eq!(looks_like == LooksLike::SeveralTokens, what.starts_with("2 tokens"));
    }
}

#[test]
fn unexpanded_variables_name_their_syntax() {
    for (text, syntax, name) in [
        ("$(idToken)", "an Azure Pipelines macro", "idToken"),
        ("$( idToken )", "an Azure Pipelines macro", "idToken"),
        ("$(System.AccessToken)", "an Azure Pipelines macro", "System.AccessToken"),
        ("\"$(idToken)\"", "an Azure Pipelines macro", "idToken"),
        ("$idToken", "a POSIX shell variable", "idToken"),
        ("${idToken}", "a POSIX shell variable", "idToken"),
        ("$env:idToken", "a PowerShell variable", "idToken"),
        ("$Env:idToken", "a PowerShell variable", "idToken"),
        ("${env:idToken}", "a PowerShell variable", "idToken"),
        ("%idToken%", "a cmd.exe variable", "idToken"),
        ("%BASE%", "a cmd.exe variable", "BASE"),
        ("${{ variables.idToken }}", "a GitHub Actions or Azure template expression", "idToken"),
        ("${{ variables['idToken'] }}", "a GitHub Actions or Azure template expression", "idToken"),
        ("${{secrets.OIDC}}", "a GitHub Actions or Azure template expression", "OIDC"),
        (
            "${{ steps.a.outputs.t }}",
            "a GitHub Actions or Azure template expression",
            "steps.a.outputs.t",
        ),
        ("$[ variables.idToken ]", "an Azure Pipelines runtime expression", "idToken"),
        ("$[[ inputs.token ]]", "a GitLab input expression", "token"),
        ("{{ token }}", "a template placeholder", "token"),
    ] {
        let InputProblem::Unexpanded { syntax: s, name: n, .. } = problem(text) else {
            panic!("{text}: {:?}", problem(text))
        };
        assert_eq!((s.as_str(), n.as_str()), (syntax, name), "{text}");
    }
    assert_eq!(
        problem("$(cat --key hunter2)"),
        InputProblem::Unexpanded {
            text: "$(cat ...)".into(),
            syntax: "a shell's command substitution".into(),
            name: "cat".into(),
        }
    );
}

#[test]
fn masks_and_foreign_tokens_are_recognised() {
    let token = good();
    for text in
        ["***", "****", "[MASKED]", "eyJhbGci***", &format!("{token}***"), "{\"token\":\"***\"}"]
    {
        assert_eq!(problem(text), InputProblem::Masked, "{text}");
    }
    assert_eq!(problem("pul-0123456789abcdef"), InputProblem::PulumiToken);
    assert_eq!(problem("{\"access_token\":\"pul-0123456789abcdef\"}"), InputProblem::PulumiToken);
    for shape in crate::text::secret::shapes::OPAQUE {
        let text = format!("{}0123456789.abcdef.x", shape.prefix);
        let expected = InputProblem::OpaqueToken { what: shape.what.into() };
        assert_eq!(problem(&text), expected, "{text}");
    }
}

// -------------------------------------------------------------------------------- decoding

#[test]
fn encrypted_token_is_recognised() {
    let header = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    assert_eq!(problem(&format!("{header}.a2V5.aXY.dGV4dA.dGFn")), InputProblem::Encrypted);
}

#[test]
fn truncated_tokens_are_recognised() {
    let token = good();
    let (header, rest) = token.split_once('.').unwrap();
    let (payload, sig) = rest.split_once('.').unwrap();
    for (text, how) in [
        (header.to_owned(), "it has one part where a token has three"),
        (header[..20].to_owned(), "it has one part where a token has three"),
        (format!("{header}."), "it has two parts where a token has three"),
        (format!("{header}.{payload}"), "it has two parts where a token has three"),
        (
            format!("{payload}.{sig}"),
            "it has two parts, and the first holds the claims: the header is missing",
        ),
        (
            payload.to_owned(),
            "it has one part, and the first holds the claims: the header is missing",
        ),
        (format!("{header}.{payload}."), "its signature is missing"),
        (
            format!("{header}.{}.{sig}", encode(&CLAIMS[..30])),
            "the JSON of its payload ends early, after 30 bytes",
        ),
        (
            format!("{header}.{payload}.{}", &sig[..sig.len() - 1]),
            "its signature has 341 characters, a number that base64url never has",
        ),
        (
            format!("{header}.{payload}.{}", &sig[..sig.len() - 2]),
            "its signature has 255 bytes, one by RS256 has the length of its key (256 bytes for \
             2048 bits)",
        ),
        (
            signed(HEADER, CLAIMS, 96),
            "its signature has 96 bytes, one by RS256 has the length of its key (256 bytes for 2048 bits)",
        ),
        (format!("{}...", &token[..40]), "dots replace a part of it"),
        (format!("{}\u{2026}", &token[..40]), "dots replace a part of it"),
        (format!("{{\"token\":\"{token}"), "the JSON around it ends early"),
    ] {
        assert_eq!(problem(&text), InputProblem::Truncated { how: how.into() }, "{text}");
    }
    let header = format!("Bearer {}", &header[..20]);
    assert!(matches!(problem(&header), InputProblem::Truncated { .. }));
}

#[test]
fn signature_length_follows_algorithm() {
    for (algorithm, bytes) in
        SIGNATURE_BYTES.iter().copied().chain([("RS256", &[128, 256, 384, 512][..])])
    {
        let header = format!("{{\"alg\":\"{algorithm}\"}}");
        for length in bytes {
            let decoded = read(signed(&header, CLAIMS, *length).as_bytes(), false).unwrap();
            assert_eq!(decoded.token.signature_bytes, *length);
            for wrong in [length - 1, length + 1] {
                let problem = problem(&signed(&header, CLAIMS, wrong));
                assert!(matches!(problem, InputProblem::Truncated { .. }), "{algorithm} {wrong}");
            }
        }
    }
}

#[test]
fn unknown_algorithm_allows_any_signature() {
    for header in ["{\"alg\":\"none\"}", "{\"alg\":\"XX1\"}", "{\"typ\":\"JWT\"}"] {
        assert!(read(signed(header, CLAIMS, 7).as_bytes(), false).is_ok(), "{header}");
    }
    assert!(read(signed("{\"alg\":\"none\"}", CLAIMS, 0).as_bytes(), false).is_ok());
}

#[test]
fn malformed_parts_are_located() {
    let token = good();
    let (header, rest) = token.split_once('.').unwrap();
    let (payload, sig) = rest.split_once('.').unwrap();
    let standard = "is of the standard base64 alphabet, where base64url has - and _";
    let deep = encode(format!("{{\"a\":{}", "[".repeat(200)));
    let at = |text: &str, index: usize, c: char| format!("{}{c}{}", &text[..index], &text[index..]);
    for (text, part, reason) in [
        (
            format!("{}.{payload}.{sig}", at(header, 8, '+')),
            "header",
            format!("character 9 {standard}"),
        ),
        (
            format!("{header}.{}.{sig}", at(payload, 4, '/')),
            "payload",
            format!("character 5 {standard}"),
        ),
        (
            format!("{header}.{payload}.{}", at(sig, 0, '#')),
            "signature",
            "character 1 is not in the base64url alphabet".into(),
        ),
        (
            format!("{header}.{}.{sig}", at(payload, 2, '\u{e9}')),
            "payload",
            "character 3 is not in the base64url alphabet".into(),
        ),
        (
            format!("{header}.{payload}.{sig}=="),
            "signature",
            format!("character {} is padding, which a token leaves off", sig.len() + 1),
        ),
        (
            format!("{header}.{payload}.{sig} (expired)"),
            "signature",
            format!("character {} is white space", sig.len() + 1),
        ),
        (
            format!("{header}.{payload}.{sig}.x"),
            "signature",
            "another dot follows it: a token has three parts, this has 4".into(),
        ),
        (
            format!("{header}.a.b.c.d"),
            "signature",
            "another dot follows it: a token has three parts, this has 5".into(),
        ),
        (format!("{header}..{sig}"), "payload", "it is empty".into()),
        (format!(".{payload}.{sig}"), "header", "it is empty".into()),
        (
            format!("{header}.{}.{sig}", &payload[..13]),
            "payload",
            "it has 13 characters, a number that base64url never has".into(),
        ),
        (
            format!("{header}.{}.{sig}", encode("[1]")),
            "payload",
            "it is JSON, but an array where an object belongs".into(),
        ),
        (
            format!("{header}.{}.{sig}", encode("{'a':1}")),
            "payload",
            "it is not JSON: key must be a string at line 1 column 2".into(),
        ),
        (format!("{}.{payload}.{sig}", &header[..20]), "header", "its JSON ends early".into()),
        (
            format!("{header}.{deep}.{sig}"),
            "payload",
            "it is not JSON: recursion limit exceeded at line 1 column 132".into(),
        ),
        ("www.example.com".into(), "header", "it has 3 characters".into()),
    ] {
        let InputProblem::Malformed { part: p, reason: r } = problem(&text) else {
            panic!("{text}: {:?}", problem(&text))
        };
        assert!(p == part && (r == reason || text.starts_with("www")), "{p}: {r}");
    }
}

#[test]
fn oversized_input_is_not_read() {
    let text = "a".repeat(10_000_000);
    assert_eq!(problem(&text), InputProblem::TooLarge { bytes: 10_000_000 });
    assert!(!matches!(problem(&text[..limits::TOKEN]), InputProblem::TooLarge { .. }));
}

#[test]
fn large_values_are_judged_quickly() {
    let started = std::time::Instant::now();
    let token = good();
    for seed in [
        "%25",
        "\"",
        "{\"a\":",
        "[",
        "eyJ.",
        "Bearer ",
        "eyJhbGciOi ",
        "***",
        "<title>",
        "\\n",
        ".",
        "a b ",
        "eyJ1\u{200B}",
        "{\"token\":\"\"}",
        "$(",
        "'",
        "\u{FEFF}",
        &token,
        &format!("{token} "),
    ] {
        let _ = read(seed.repeat(limits::TOKEN / 4 / seed.len()).as_bytes(), false);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

// ------------------------------------------------------------------------------ properties

#[derive(Debug, Clone, Copy)]
enum Wrap {
    Quotes(char),
    Bearer(&'static str),
    Json(&'static str),
    Standard,
    UrlSafe,
    Percent,
    Lines(usize),
    Mark,
    Little,
    Big,
}

fn any_wrap() -> impl Strategy<Value = Wrap> {
    prop_oneof![
        prop_oneof![Just('"'), Just('\''), Just('`')].prop_map(Wrap::Quotes),
        prop_oneof![Just("Bearer "), Just("authorization: bearer ")].prop_map(Wrap::Bearer),
        prop_oneof![Just("oidcToken"), Just("value"), Just("id_token")].prop_map(Wrap::Json),
        Just(Wrap::Standard),
        Just(Wrap::UrlSafe),
        Just(Wrap::Percent),
        (20..100usize).prop_map(Wrap::Lines),
    ]
}

fn any_outermost() -> impl Strategy<Value = Wrap> {
    prop_oneof![any_wrap(), Just(Wrap::Mark), Just(Wrap::Little), Just(Wrap::Big)]
}

impl Wrap {
    fn around(self, text: &str) -> Vec<u8> {
        match self {
            Self::Quotes(quote) => format!("{quote}{text}{quote}").into(),
            Self::Bearer(prefix) => format!("{prefix}{text}").into(),
            Self::Json(field) => serde_json::json!({ "count": 1, field: text }).to_string().into(),
            Self::Standard => BASE64_STANDARD.encode(text).into(),
            Self::UrlSafe => encode(text).into(),
            Self::Percent => text.bytes().flat_map(|b| format!("%{b:02x}").into_bytes()).collect(),
            Self::Lines(width) => {
                text.as_bytes().chunks(width).collect::<Vec<_>>().join(&b"\n"[..])
            }
            Self::Mark => format!("\u{FEFF}{text}").into(),
            Self::Little => utf16(text, u16::to_le_bytes),
            Self::Big => utf16(&format!("\u{FEFF}{text}"), u16::to_be_bytes),
        }
    }

    fn name(self) -> Wrapping {
        match self {
            Self::Quotes(_) => Wrapping::Quotes,
            Self::Bearer(_) => Wrapping::Bearer,
            Self::Json(_) => Wrapping::Json,
            Self::Standard | Self::UrlSafe => Wrapping::Base64,
            Self::Percent => Wrapping::UrlEncoding,
            Self::Lines(_) => Wrapping::InnerWhitespace,
            Self::Mark => Wrapping::ByteOrderMark,
            Self::Little | Self::Big => Wrapping::Utf16,
        }
    }
}

/// Line breaks count as part of the encoding that they break, since base64 and JSON often have
/// them.
fn expected(outer: Wrap, inner: Wrap) -> Vec<Wrapping> {
    match (outer, inner) {
        (Wrap::Lines(_), Wrap::Lines(_)) => vec![Wrapping::InnerWhitespace],
        (Wrap::Lines(_), Wrap::Quotes(_) | Wrap::Bearer(_)) => vec![inner.name(), outer.name()],
        (Wrap::Lines(_), _) => vec![inner.name()],
        _ => vec![outer.name(), inner.name()],
    }
}

/// Whether a text contains a piece of the token.
fn leaks(shown: &str, token: &str) -> bool {
    token.as_bytes().windows(12).any(|piece| shown.contains(str::from_utf8(piece).unwrap()))
}

proptest! {
    #[test]
    fn one_wrapping_is_removed(wrap in any_outermost()) {
        prop_assert_eq!(wrappings(&wrap.around(&good())), vec![wrap.name()]);
    }

    #[test]
    fn two_wrappings_are_removed(outer in any_outermost(), inner in any_wrap()) {
        let text = String::from_utf8(inner.around(&good())).unwrap();
        prop_assert_eq!(wrappings(&outer.around(&text)), expected(outer, inner));
    }

    #[test]
    fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..300), trimmed: bool) {
        let _ = read(&raw, trimmed);
    }

    #[test]
    fn any_text_is_read(text in "([$%{(\"'`<\\[]{0,3}|Bearer |eyJhbGci|[a-z.]{0,9}|\\PC{0,9}){0,8}[)}\"'%\\]]{0,3}") {
        let _ = read(text.as_bytes(), false);
    }

    #[test]
    fn damaged_token_is_never_shown(
        cut in 0..=600usize,
        // A token is known by its beginning.
        at in 4..600usize,
        damage in "|[ \\n#+=./é*$]|error: |\\.\\.\\.|\\{\"error\":\"",
        around in prop_oneof![
            Just(("", "")), Just(("$(", ")")), Just(("${{ ", " }}")), Just(("%", "%")), Just(("$", "")),
            Just(("{\"error\":\"failed: ", "\"}")), Just(("{\"message\":\"no ", " \"}")),
            Just(("<html><title>", "</title>")), Just(("/", "")), Just(("file:/", "")), Just(("<", ">")),
            Just(("https://", "")), Just(("error: it is invalid: '", "'")), Just(("{\"token\":\"", "")),
        ],
        wrap in any_outermost().prop_filter("breaks the beginning", |w| !matches!(w, Wrap::Lines(_))),
    ) {
        let token = good();
        let mut text = token[..cut.min(token.len())].to_owned();
        text.insert_str(at.min(text.len()), &damage);
        let text = format!("{}{text}{}", around.0, around.1);
        for raw in [text.clone().into_bytes(), wrap.around(&text)] {
            if let Err((problem, _)) = read(&raw, false) {
                let shown = format!("{problem:?}");
                prop_assert!(!leaks(&shown, &token), "{}", shown);
            }
        }
    }
}
