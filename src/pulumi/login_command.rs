//! The `pulumi login` command lines that reports print.

use crate::text::command::{Command, CommandLine};

/// `pulumi login` with a token.
pub(crate) struct LoginCommand<'a> {
    /// The URL of the backend; `None` if a variable names it.
    pub(crate) url: Option<&'a str>,
    /// The name of the variable that holds the token.
    pub(crate) variable: &'a str,
    /// The organization; `None` for a placeholder.
    pub(crate) organization: Option<&'a str>,
}

impl LoginCommand<'_> {
    /// The command line that runs `pulumi`.
    pub(crate) fn line(&self) -> CommandLine {
        self.line_for("pulumi")
    }

    /// The same command line for another program with pulumi's flags.
    pub(crate) fn line_for(&self, program: &str) -> CommandLine {
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
    fn values_are_quoted_for_shell() {
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
