//! The login that people paste into a shell.

use std::fmt;

use crate::text;

/// `pulumi login` with a token. Each value is quoted as one word of a POSIX shell.
pub(crate) struct LoginCommand<'a> {
    /// The backend of this run; `None` where a variable names it.
    pub(crate) url: Option<&'a str>,
    /// The name of the variable that holds the token.
    pub(crate) variable: &'a str,
    /// The organization; without it a placeholder.
    pub(crate) organization: Option<&'a str>,
}

impl fmt::Display for LoginCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pulumi login ")?;
        if let Some(url) = self.url {
            write!(f, "{} ", text::shell(url))?;
        }
        let organization = self.organization.map_or_else(|| "ORG".to_owned(), text::shell);
        write!(f, "--oidc-token \"${}\" --oidc-org {organization}", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_of_the_shell() {
        let login = LoginCommand {
            url: Some("https://a.test/;id"),
            variable: "idToken",
            organization: Some("a b"),
        };
        assert_eq!(
            login.to_string(),
            "pulumi login 'https://a.test/;id' --oidc-token \"$idToken\" --oidc-org 'a b'"
        );
        let bare = LoginCommand { url: None, variable: "TOKEN", organization: None };
        assert_eq!(bare.to_string(), "pulumi login --oidc-token \"$TOKEN\" --oidc-org ORG");
    }
}
