//! Text to paste from reports: command lines for one shell, and snippets for files.

use serde::{Deserialize, Serialize, Serializer};

use super::{is_unseen, shell};

/// The shell that printed commands are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shell {
    /// POSIX sh and bash.
    #[default]
    Posix,
    /// PowerShell 7 and Windows PowerShell 5.1.
    PowerShell,
}

/// A command line in both shells, or a snippet that is the same for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    posix: String,
    /// Absent if PowerShell cannot pass one of its values unchanged.
    power_shell: Option<String>,
}

impl Command {
    /// A command line that differs between the two shells.
    pub(crate) fn each(posix: impl Into<String>, power_shell: Option<String>) -> Self {
        Self { posix: posix.into(), power_shell }
    }

    /// Sets an environment variable.
    pub(crate) fn set(name: &str, value: &str) -> Self {
        let quoted_value = power_shell(value).map(|word| always_quoted(&word));
        Self {
            posix: format!("export {name}={}", shell(value)),
            power_shell: quoted_value.map(|word| format!("$env:{name} = {word}")),
        }
    }

    /// Removes an environment variable.
    pub(crate) fn unset(name: &str) -> Self {
        Self::each(format!("unset {name}"), Some(format!("Remove-Item Env:{name}")))
    }

    /// Renames a file to `PATH.broken`.
    pub(crate) fn set_aside(path: &str) -> Self {
        let move_item = power_shell(path)
            .zip(power_shell(&format!("{path}.broken")))
            .map(|(from, to)| format!("Move-Item -LiteralPath {from} {to}"));
        Self::each(format!("mv {} {}", shell(path), shell(&format!("{path}.broken"))), move_item)
    }

    /// The command for one shell, if it can be written for it.
    pub(crate) fn in_shell(self, wanted: Shell) -> Option<Self> {
        match wanted {
            Shell::Posix => Some(self.posix.into()),
            Shell::PowerShell => self.power_shell.map(Self::from),
        }
    }

    /// The text for POSIX shells, or for the shell that [`Self::in_shell`] chose.
    pub(crate) fn text(&self) -> &str {
        &self.posix
    }
}

/// A snippet.
impl From<String> for Command {
    fn from(text: String) -> Self {
        Self { power_shell: Some(text.clone()), posix: text }
    }
}

impl From<&str> for Command {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// Builds a command line word by word.
pub(crate) struct CommandLine(Command);

impl CommandLine {
    pub(crate) fn new(program: &str) -> Self {
        Self(program.into())
    }

    /// Adds text that means the same in both shells.
    pub(crate) fn raw(self, text: &str) -> Self {
        self.add(text, Some(text))
    }

    /// Adds a value as one word.
    pub(crate) fn word(self, value: &str) -> Self {
        self.add(&shell(value), power_shell(value).as_deref())
    }

    /// Adds the value of an environment variable as one word.
    pub(crate) fn variable(self, name: &str) -> Self {
        self.add(&format!("\"${name}\""), Some(&format!("\"$env:{name}\"")))
    }

    pub(crate) fn end(self) -> Command {
        self.0
    }

    fn add(mut self, posix: &str, power_shell: Option<&str>) -> Self {
        self.0.posix.extend([" ", posix]);
        self.0.power_shell =
            self.0.power_shell.zip(power_shell).map(|(line, word)| line + " " + word);
        self
    }
}

impl From<CommandLine> for Command {
    fn from(line: CommandLine) -> Self {
        line.end()
    }
}

/// Quotes the text as one word of PowerShell. `None`: some version would not pass it to a program
/// unchanged.
///
/// Windows PowerShell 5.1 drops empty words and quotation marks. It also lets a backslash at the
/// end of a word with blanks escape the quotation mark that it adds. Both versions treat
/// typographic quotation marks as quotes (about_Quoting_Rules, about_Parsing).
pub(crate) fn power_shell(text: &str) -> Option<String> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_:/-".contains(c);
    let is_quotable = |c: char| c.is_ascii() && !is_unseen(c) && !matches!(c, '\'' | '"');
    if !text.is_empty() && text.chars().all(|c| is_bare(c) || c == '.' && !text.starts_with('-')) {
        return Some(text.to_owned());
    }
    let is_kept = !text.is_empty() && text.chars().all(is_quotable) && !text.ends_with('\\');
    is_kept.then(|| format!("'{text}'"))
}

/// Quotes the right side of an assignment, where PowerShell would run a bare word as a command.
fn always_quoted(word: &str) -> String {
    if word.starts_with('\'') { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(command: Command) -> (String, Option<String>) {
        (command.posix, command.power_shell)
    }

    #[test]
    fn words_are_quoted_for_each_shell() {
        let line = CommandLine::new("doctor").raw("--oidc-org").word("a b").variable("TOKEN").end();
        assert_eq!(
            both(line),
            (
                "doctor --oidc-org 'a b' \"$TOKEN\"".into(),
                Some("doctor --oidc-org 'a b' \"$env:TOKEN\"".into())
            )
        );
        assert_eq!(
            both(Command::set("A", "https://x.test")),
            ("export A=https://x.test".into(), Some("$env:A = 'https://x.test'".into()))
        );
        assert_eq!(both(Command::unset("A")).1.as_deref(), Some("Remove-Item Env:A"));
    }

    #[test]
    fn power_shell_words_are_passed_unchanged() {
        for (text, word) in [
            ("acme", Some("acme")),
            ("https://api.pulumi.com", Some("https://api.pulumi.com")),
            ("-a.b", Some("'-a.b'")),
            ("a,b", Some("'a,b'")),
            ("$(x)", Some("'$(x)'")),
            ("@x", Some("'@x'")),
            ("it's", None),
            ("say \"x\"", None),
            ("\u{2019}", None),
            ("a b\\", None),
            ("a\nb", None),
            ("", None),
        ] {
            assert_eq!(power_shell(text).as_deref(), word, "{text:?}");
        }
        assert_eq!(CommandLine::new("doctor").word("it's").end().in_shell(Shell::PowerShell), None);
    }
}
