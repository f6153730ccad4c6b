#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

#[test]
fn each_part_is_replaced() {
    for (text, shown) in [
        ("https://u:p@h/a;x=1?code=abc&state=q#frag", "https://…@h/a;…?code=…&state=…#…"),
        ("https://TOKEN:@h.test", "https://…@h.test"),
        ("https://TOKEN@h.test", "https://…@h.test"),
        ("https://a@b:c@h.test", "https://…@h.test"),
        ("https://h.test?secret", "https://h.test?…"),
        ("https://h.test?secret&other", "https://h.test?…"),
        ("https://h.test?dGVzdA==", "https://h.test?…"),
        ("https://h.test?a=1&flag", "https://h.test?a=…&…"),
        ("https://h.test?a-name-that-is-long-enough=1", "https://h.test?…"),
        ("https://h.test/x#access_token=abc", "https://h.test/x#…"),
        ("https://h.test/a;v=1/b;w/c", "https://h.test/a;…/b;…/c"),
        ("https://h.test;v=1/b", "https://h.test;…/b"),
        ("https://h.test?a=1;b=2", "https://h.test?a=…;b=…"),
        ("https://[::1]:8443/?a=1", "https://[::1]:8443/?a=…"),
        ("https://u@[fe80::1%25eth0]/", "https://…@[fe80::1%25eth0]/"),
        ("postgres://u:p@h/db?sslmode=x", "postgres://…@h/db?sslmode=…"),
    ] {
        assert_eq!(url(text), shown);
        assert_eq!(url(shown), shown);
        assert_eq!(urls_in(&format!("at \"{text}\": no")), format!("at \"{shown}\": no"));
        assert_eq!(
            urls_in(&format!("at {text}, twice ({text}).")),
            format!("at {shown}, twice ({shown}).")
        );
        assert!(lacks_url_parts(shown));
    }
}

#[test]
fn malformed_urls_are_hidden() {
    for (text, shown) in [
        ("https:/h?token=x", "https:/h?token=…"),
        ("https:u:p@h", "https:…@h"),
        ("api.pulumi.com?token=x", "api.pulumi.com?token=…"),
        ("//user:pw@host", "//…@host"),
        ("u:p@h.test", "…@h.test"),
        ("HTTPS://u:p@h", "HTTPS://…@h"),
        ("https:\\\\u:p@h\\a?b=c", "https:\\\\…@h\\a?b=…"),
        ("https:///u:p@h", "https:///…@h"),
        ("https://https://u:p@h", "https://https://…@h"),
        (" https://u:p w@h ", " https://…@h "),
        ("ht\ntps:\t//u:p\n@h/?a=b\nc", "ht\ntps:\t//…@h/?a=…"),
        ("\u{200b}https://u\u{202e}:p@h", "\u{200b}https://…@h"),
        ("\"https://u:p@h", "\"https://…@h"),
        // A password with a character that ends an authority.
        ("https://u:p/w@h", "https://…@h"),
        ("https://u:p?w@h", "https://…@h"),
        ("https://u:p#w@h", "https://…@h"),
        ("https://u:1/w@h.test/x", "https://…@h.test/x"),
        ("https://to/ken@h.test", "https://…@h.test"),
        ("https://u:p@w/o@h.test/x", "https://…@h.test/x"),
        // Percent-encoded signs.
        ("https://u%3Ap%40h/", "https://…%40h/"),
        ("https://h/a%3Ftoken=x&y", "https://h/a%3F…"),
        ("https://h/a%23token%3Dx", "https://h/a%23…"),
        ("https://h/a%3bk=x/c", "https://h/a%3b…/c"),
        ("https://h/to/https%3A%2F%2Fu%3Ap%40g", "https://h/to/https%3A%2F%2F…%40g"),
        ("?state=x", "?state=…"),
        ("/login?code=x#y", "/login?code=…#…"),
    ] {
        assert_eq!(url(text), shown);
        assert_eq!(url(shown), shown);
    }
}

#[test]
fn ordinary_urls_are_kept() {
    for text in [
        "https://api.pulumi.com",
        "https://token.actions.githubusercontent.com/acme",
        "https://gitlab.test:8443/acme/x@y",
        "https://github/acme/.github/workflows/up.yml@refs/heads/main",
        "https://h.test/@acme/pkg@1.2.3",
        "https://h/api/orgs/a%2Fb%3Fc%23d/oidc",
        "https://[fd00::1]:8443/a",
        "https://h.test/?",
        "https://h.test/#",
        "https://@h.test",
        "https://***:***@h.test",
        "file:///home/joe@corp.test/state",
        "file://~",
        "s3://bucket/path",
        "/here@there",
        "api://AzureADTokenExchange",
        "gitlab.com/acme/web//.gitlab-ci.yml@refs/heads/main",
        "repo:acme/web:ref:refs/heads/main",
        "",
    ] {
        assert!(matches!(url(text), Cow::Borrowed(same) if same == text), "{text}");
        assert!(matches!(urls_in(text), Cow::Borrowed(same) if same == text), "{text}");
        assert!(!lacks_url_parts(text));
    }
}

#[test]
fn urls_are_found_in_texts() {
    for (text, shown) in [
        ("Get \"https://h/?a=b\": dial tcp", "Get \"https://h/?a=…\": dial tcp"),
        ("error for url (https://h/?a=b)", "error for url (https://h/?a=…)"),
        ("see 'https://u:p@h'.", "see 'https://…@h'."),
        ("https://h/?a=b: no, http:/g?c=d", "https://h/?a=…: no, http:/g?c=…"),
        ("GET /login?code=abc HTTP/1.1", "GET /login?code=… HTTP/1.1"),
        ("to api.pulumi.com?token=abc now", "to api.pulumi.com?token=… now"),
        ("x=//u:p@h y", "x=//…@h y"),
        ("<a href=\"https://h/#t=1\">", "<a href=\"https://h/#…\">"),
        ("{\\\"url\\\":\\\"https://h/?a=b\\\"}", "{\\\"url\\\":\\\"https://h/?a=…\\\"}"),
        ("git+https://u:p@h/x", "git+https://…@h/x"),
        ("tps://u:p@h and https://g/?a=b", "tps://…@h and https://g/?a=…"),
    ] {
        assert_eq!(urls_in(text), shown);
        assert_eq!(urls_in(shown), shown);
    }
    for text in [
        "sc://acme/web #1/c?d",
        "p://acme/web/a#1",
        "C:\\Users\\joe@corp",
        "mail joe@corp.test; is it #1? yes",
        "doctor --allow-private-issuer …",
        "git@github.com:acme/app",
        "docker://acme/app@sha256:0123",
        "a / b // c@d",
        "begin with https://.",
    ] {
        assert_eq!(urls_in(text), text);
        assert!(!lacks_url_parts(text), "{text}");
    }
}

#[test]
fn wildcards_in_patterns_are_kept() {
    for (pattern, shown) in [
        ("https://h.test/?enant/v2.0", "https://h.test/?enant/v2.0"),
        ("https://?.test/*", "https://?.test/*"),
        ("https://*@h.test", "https://*@h.test"),
        ("https://u:p@h.test/?x", "https://…@h.test/?x"),
        ("https://h.test/?token=x", "https://h.test/?token=…"),
        ("https://h.test/*#x", "https://h.test/*#…"),
        ("repo:acme/web:?*", "repo:acme/web:?*"),
    ] {
        assert_eq!(urls_in_pattern(pattern), shown);
        assert_eq!(urls_in_pattern(shown), shown);
    }
}

#[test]
fn long_texts_are_fast() {
    let started = std::time::Instant::now();
    for piece in [
        "/",
        "/ ",
        ":",
        "a:",
        "a?b=",
        "(https://x)",
        "https:",
        "%3F",
        "//a@",
        ")",
        "http://a;",
        "@",
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        let _ = (url(&text), urls_in(&text), urls_in_pattern(&text));
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// A secret that does not occur by chance.
const SECRET: &str = "S3cretS3cret";

/// A text to plant the secret in.
fn noise(characters: &str) -> impl Strategy<Value = String> + use<> {
    proptest::string::string_regex(&format!("[{characters}]{{0,6}}")).unwrap()
}

fn scheme() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "https://",
        "http://",
        "HTTPS://",
        "https:/",
        "https:\\\\",
        "s3://",
        "//",
        "https:///",
    ])
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "h.test",
        "h.test:8443",
        "10.0.0.1",
        "[fd00::1]:1",
        "localhost",
        "api.pulumi.com",
    ])
}

/// The places of a secret in a URL.
fn planted() -> impl Strategy<Value = String> {
    let before = noise("a-z0-9%$!*+,=~._-");
    (scheme(), host(), before, 0..5, noise("a-zA-Z0-9%$!&*+,=~._'()-")).prop_map(
        |(scheme, host, before, place, after)| {
            let secret = format!("{before}{SECRET}{after}");
            match place {
                0 => format!("{scheme}{secret}@{host}/path"),
                1 => format!("{scheme}user:{secret}@{host}"),
                2 => format!("{scheme}{host}/path?code={secret}&x=1"),
                3 => format!("{scheme}{host}/path;{secret}/more"),
                _ => format!("{scheme}{host}/path#{secret}"),
            }
        },
    )
}

proptest! {
    #[test]
    fn planted_secret_is_hidden(text in planted(), around in "[ -~]{0,12}") {
        let shown = url(&text);
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        prop_assert_eq!(url(&shown), &*shown);
        for text in [format!("see {text} {around}"), format!("\"{text}\" {around}"), format!("({text})")] {
            let shown = urls_in(&text);
            prop_assert!(!shown.contains(SECRET), "{}", shown);
            prop_assert_eq!(urls_in(&shown), &*shown);
        }
    }

    #[test]
    fn any_password_is_hidden(
        password in "[^@]{0,8}", more in "\\PC{0,8}", host in host(),
    ) {
        let text = format!("https://user:x{password}{SECRET}{more}@{host}");
        let shown = url(&text);
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        prop_assert_eq!(url(&shown), &*shown);
    }

    #[test]
    fn url_without_parts_is_unchanged(
        host in host(), path in "(/[a-zA-Z0-9._~!$&'()*+,=:-]{0,8}){0,3}",
        scheme in prop::sample::select(vec!["https://", "http://", "s3://"]),
    ) {
        let text = format!("{scheme}{host}{path}");
        prop_assert_eq!(url(&text), &*text);
        prop_assert_eq!(urls_in(&text), &*text);
        prop_assert_eq!(urls_in_pattern(&text), &*text);
    }

    #[test]
    fn hiding_twice_changes_nothing(text in "([a-z@:/\\\\?#;=&%. \"'()\\[\\]…]|https://|%3F|%40|\\PC){0,24}") {
        for show in [url, urls_in, urls_in_pattern] {
            let shown = show(&text).into_owned();
            prop_assert_eq!(show(&shown), &*shown);
        }
    }
}
