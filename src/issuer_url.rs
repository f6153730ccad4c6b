//! A token's issuer as a URL. It is whatever the token says, so it is checked before it is used.

use url::Url;

/// OpenID Connect Discovery section 2: https, and neither query nor fragment. Credentials in it
/// would be sent to whoever the token names.
///
/// # Errors
/// What is wrong with it, as a clause.
pub fn parse(issuer: &str) -> Result<Url, &'static str> {
    let url = Url::parse(issuer).map_err(|_| "it is no URL")?;
    if url.scheme() != "https" {
        return Err("its scheme is not https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has credentials in it");
    }
    if url.query().is_some() {
        return Err("it has a query");
    }
    if url.fragment().is_some() {
        return Err("it has a fragment");
    }
    Ok(url)
}

/// Where the discovery document is (OpenID Connect Discovery section 4; Pulumi Cloud appends the
/// same path to the registered URL).
#[must_use]
pub fn discovery(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_urls() {
        assert!(parse("https://gitlab.com").is_ok());
        for (issuer, problem) in [
            ("gitlab.com", "it is no URL"),
            ("http://gitlab.com", "its scheme is not https"),
            ("https://u:p@gitlab.com", "it has credentials in it"),
            ("https://gitlab.com?x", "it has a query"),
            ("https://gitlab.com#x", "it has a fragment"),
            ("", "it is no URL"),
        ] {
            assert_eq!(parse(issuer).err(), Some(problem), "{issuer}");
        }
    }

    #[test]
    fn the_document_s_place() {
        let expected = "https://h/p/.well-known/openid-configuration";
        assert_eq!(discovery("https://h/p"), expected);
        assert_eq!(discovery("https://h/p/"), expected);
    }
}
