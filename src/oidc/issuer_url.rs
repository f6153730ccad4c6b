//! Issuer URLs. Anybody can choose a token's issuer, so its URL is checked before use.
//!
//! The `url` crate follows the WHATWG standard and repairs URLs that other programs refuse: it
//! reads `https:/host`, `https:\\host` and `https://@host` as `https://host`, and drops tabs and
//! line breaks. So the text is checked against RFC 3986 before it is parsed.

use url::Url;

use crate::text::is_unseen;

const INVALID_HOST: &str = "its host is not a valid host name or address";

/// Parses an issuer URL: https, without query and fragment (OpenID Connect Discovery section 2),
/// and without credentials, which would be sent to any server that the token names.
///
/// # Errors
/// The problem, as a clause.
pub(crate) fn parse(issuer: &str) -> Result<Url, &'static str> {
    let url = parse_requestable(issuer)?;
    if url.query().is_some() {
        return Err("it has a query");
    }
    Ok(url)
}

/// Parses a URL from an issuer's discovery document: an https URL without credentials and fragment,
/// which may have a query.
///
/// # Errors
/// The problem, as a clause.
pub(crate) fn parse_requestable(text: &str) -> Result<Url, &'static str> {
    if text.is_empty() {
        return Err("it is empty, and so not a URL");
    }
    if text.contains(' ') {
        return Err("it contains a space");
    }
    if text.contains(is_unseen) {
        return Err("it contains a control character or another invisible one");
    }
    if text.contains('\\') {
        return Err("it contains a backslash");
    }
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Err("it is not a URL: it does not begin with https://");
    };
    // RFC 3986 section 3.1: schemes are not case-sensitive.
    if !scheme.eq_ignore_ascii_case("https") {
        return Err("its scheme is not https");
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Err("https: is not followed by two slashes");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("it has credentials before its host");
    }
    check_authority(authority)?;
    let url = Url::parse(text).map_err(|_| INVALID_HOST)?;
    if url.fragment().is_some() {
        return Err("it has a fragment");
    }
    Ok(url)
}

/// RFC 3986 section 3.1. A host with a port (`localhost:8080`) is not a scheme with a path.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-'))
}

/// Checks host and port before anything decodes or maps them: `%6c` and full-width letters would
/// become other characters.
fn check_authority(authority: &str) -> Result<(), &'static str> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None if authority.starts_with('[') => return Err(INVALID_HOST),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    let is_literal = host.starts_with('[');
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '-' | '_')
            || is_literal && matches!(c, '[' | ']' | ':')
    };
    if !host.chars().all(is_allowed) {
        return Err("its host has characters other than letters a to z, digits, '.', '-' and '_'");
    }
    let is_port = |digits: &str| {
        digits.bytes().all(|b| b.is_ascii_digit())
            && digits.parse::<u16>().is_ok_and(|number| number > 0)
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err("its port is not a number from 1 to 65535");
    }
    Ok(())
}

/// The URL of the discovery document (OpenID Connect Discovery section 4). Pulumi Cloud appends the
/// same path to the registered URL.
pub(crate) fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_issuers_are_read() {
        for issuer in [
            "https://gitlab.com",
            "https://gitlab.com/",
            "HTTPS://GitLab.com",
            "https://gitlab.com.:8443/group/",
            "https://login.microsoftonline.com/0a1b/v2.0",
            "https://10.1.2.3:443/x",
            "https://[fd12::1]:8443/x",
            "https://127.1",
            "https://my_host.corp.test",
            "https://xn--bcher-kva.example/~a/b;c@d:e",
        ] {
            assert!(parse(issuer).is_ok(), "{issuer}: {:?}", parse(issuer));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for (issuer, problem) in [
            ("", "not a URL"),
            ("gitlab.com", "not a URL"),
            ("//gitlab.com", "not a URL"),
            ("127.0.0.1:1", "not a URL"),
            ("gitlab.com:443", "not a URL"),
            ("http://gitlab.com", "scheme is not https"),
            ("file:///etc/passwd", "scheme is not https"),
            ("https:/gitlab.com", "two slashes"),
            ("https:gitlab.com", "two slashes"),
            ("https:", "two slashes"),
            ("https:\\\\gitlab.com", "backslash"),
            ("https:/\\gitlab.com", "backslash"),
            ("https://gitlab.com\\@evil.test", "backslash"),
            ("https://", "no host"),
            ("https:///gitlab.com", "no host"),
            ("https://:443", "no host"),
            ("https://u:p@gitlab.com", "credentials"),
            ("https://@gitlab.com", "credentials"),
            ("https://:@gitlab.com", "credentials"),
            ("https://gitlab.com@10.0.0.1", "credentials"),
            ("https://gitlab.com?x", "query"),
            ("https://gitlab.com?", "query"),
            ("https://gitlab.com#x", "fragment"),
            ("https://gitlab.com#", "fragment"),
            (" https://gitlab.com", "space"),
            ("https://gitlab.com ", "space"),
            ("https://git lab.com", "space"),
            ("https://gitlab.com/\t", "control character"),
            ("ht\ntps://gitlab.com", "control character"),
            ("https://gitlab.com\u{0}", "control character"),
            ("https://gitlab.com/\u{202e}", "invisible"),
            ("https://git\u{ad}lab.com", "invisible"),
            ("https://gitlab.com:", "port"),
            ("https://gitlab.com:0", "port"),
            ("https://gitlab.com:65536", "port"),
            ("https://gitlab.com:+443", "port"),
            ("https://gitlab.com:443x", "port"),
            ("https://gitlab.com:1:2", "port"),
            ("https://[::1]x", "port"),
            ("https://%6cocalhost", "characters"),
            ("https://\u{ff11}27.0.0.1", "characters"),
            ("https://127\u{3002}0.0.1", "characters"),
            ("https://b\u{fc}cher.example", "characters"),
            ("https://[fe80::1%25eth0]", "characters"),
            ("https://a,b", "characters"),
            ("https://x[::1]", "characters"),
            ("https://[::1", "valid host"),
            ("https://[::g]", "valid host"),
            ("https://[v1.x]", "valid host"),
            ("https://1.2.3.256", "valid host"),
        ] {
            let found = parse(issuer).unwrap_err();
            assert!(found.contains(problem), "{issuer}: {found}");
        }
    }

    #[test]
    fn discovery_url_may_have_query() {
        assert!(parse_requestable("https://login.example/keys?appid=1").is_ok());
        for uri in ["https://login.example/keys#x", "http://login.example", "https:/login.example"]
        {
            assert!(parse_requestable(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn discovery_url_has_one_slash() {
        let expected = "https://h/p/.well-known/openid-configuration";
        assert_eq!(discovery_url("https://h/p"), expected);
        assert_eq!(discovery_url("https://h/p/"), expected);
    }

    proptest! {
        /// The parsed URL has the host and port of the text, in lower case or as an address.
        #[test]
        fn accepted_url_is_not_repaired(
            issuer in "(https|HTTPS|http)?:?[/\\\\]{0,3}[a-z@:%\\[\\]. \t]{0,3}[a-c1-2.]{1,6}(:[0-9]{0,5})?[/?#a\\\\]{0,2}"
        ) {
            let Ok(url) = parse(&issuer) else { return Ok(()) };
            let rest = issuer.get(8..).unwrap();
            prop_assert!(issuer.to_ascii_lowercase().starts_with("https://"));
            let authority = rest.split('/').next().unwrap();
            let host = url.host_str().unwrap();
            let is_address = !matches!(url.host(), Some(url::Host::Domain(_)));
            let (written, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
            prop_assert!(written == host || is_address, "{} {}", issuer, url);
            if !authority.ends_with(']') {
                prop_assert_eq!(port.parse().ok(), url.port_or_known_default());
            }
        }
    }
}
