//! The login that people paste into a shell.

use crate::text::command::{Command, CommandLine};

/// `pulumi login` with a token.
pub(crate) struct LoginCommand<'a> {
    /// The backend of this run; `None` where a variable names it.
    pub(crate) url: Option<&'a str>,
    /// The name of the variable that holds the token.
    pub(crate) variable: &'a str,
    /// The organization; without it a placeholder.
    pub(crate) organization: Option<&'a str>,
}

impl LoginCommand<'_> {
    /// The command line.
    pub(crate) fn line(&self) -> CommandLine {
        self.run_by("pulumi")
    }

    /// The same login, run by another program.
    pub(crate) fn run_by(&self, program: &str) -> CommandLine {
        let line = CommandLine::new(program).raw("login");
        let line = match self.url {
            Some(url) => line.word(url),
            None => line,
        };
        line.raw("--oidc-token")
            .variable(self.variable)
            .raw("--oidc-org")
            .word(self.organization.unwrap_or("ORG"))
    }
}

impl From<LoginCommand<'_>> for Command {
    fn from(login: LoginCommand) -> Self {
        login.line().end()
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
            Command::from(login).text(),
            "pulumi login 'https://a.test/;id' --oidc-token \"$idToken\" --oidc-org 'a b'"
        );
        let bare = LoginCommand { url: None, variable: "TOKEN", organization: None };
        assert_eq!(
            Command::from(bare).text(),
            "pulumi login --oidc-token \"$TOKEN\" --oidc-org ORG"
        );
    }
}
