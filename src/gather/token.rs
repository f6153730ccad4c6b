//! Getting hold of the token from where the command line says it is.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::files::bounded::Bounded;
use super::files::problem::problem;
use crate::evidence::{
    CliParser, FileProblem, Input, InputProblem, LooksLike, Source, Tried, Wrapping,
};
use crate::limits;
use crate::oidc::jwt;
use crate::oidc::jwt::{Decoded, cli_parser};
use crate::text::secret::Scrubber;

/// Where the command line says that the token is. Has no `Debug`: it may hold the token.
pub enum Choice {
    /// TOKEN: a token, `-` for standard input, or `file://PATH`.
    Argument(String),
    /// `--oidc-token`: a token or `file://PATH`. As with the CLI, `-` means nothing special.
    OidcToken(String),
    /// The name of the environment variable (`--token-env`, or `PULUMI_OPTION_OIDC_TOKEN`) that
    /// holds a token or `file://PATH`.
    Environment(String),
    /// Many of them, one a line, that are read later from there ([`super::many`]).
    Lines(Source),
    /// None of them.
    None,
}

/// Reads and decodes the token. Of the source, at most [`limits::TOKEN`] and one byte is read; standard input
/// only when it was asked for.
///
/// `variable` looks an environment variable up, `terminal` says whether a person is at the other
/// end, `limit` is how long a pipe may take, `cwd` is the directory that a relative `file://` path
/// starts from (Go's `os.ReadFile` in the CLI's `getTokenValue`, pkg/backend/httpstate/backend.go).
pub fn acquire(
    choice: Choice,
    variable: impl Fn(&str) -> Option<String>,
    stdin: impl Read + Send + 'static,
    terminal: bool,
    cwd: &Path,
    limit: Duration,
) -> (Input, Option<Decoded>) {
    let by_variable = matches!(choice, Choice::Environment(_));
    let (source, value) = match choice {
        // A person may take as long as it takes to paste.
        Choice::Argument(text) if text == "-" && terminal => return from_stdin(stdin),
        Choice::Argument(text) if text == "-" => return from_stdin(Bounded::new(stdin, limit)),
        Choice::Argument(text) => (Source::Argument, Some(text)),
        Choice::OidcToken(text) => (Source::OidcTokenFlag, Some(text)),
        Choice::Environment(name) => {
            let value = variable(&name);
            (Source::Environment { name: shown(&name) }, value)
        }
        Choice::Lines(source) => {
            let (input, _) = finish(source, Err((InputProblem::Missing, Vec::new())));
            return (input, None);
        }
        Choice::None => return finish(Source::None, Err((InputProblem::Missing, Vec::new()))),
    };
    let value = value.map(Zeroizing::new);
    let Some(value) = value.as_deref() else {
        let (input, decoded) = nothing(source, "not set".into());
        return (Input { by_variable, ..input }, decoded);
    };
    if let Some(path) = value.strip_prefix("file://") {
        let absolute = cwd.join(path);
        let (outcome, cli_parser) = from_file(path, &absolute, limit);
        let (input, decoded) = finish(file(path, &absolute), outcome);
        return (Input { by_variable, cli_parser, ..input }, decoded);
    }
    let typed_on_terminal = terminal && matches!(source, Source::Argument | Source::OidcTokenFlag);
    let (input, decoded) = finish(source, direct(value));
    let cli_parser = (!value.is_empty()).then(|| cli_parser::parse(value));
    (Input { typed_on_terminal, by_variable, cli_parser, ..input }, decoded)
}

/// A value that is given itself. To the CLI a blank one is a token, and no token that it accepts.
fn direct(value: &str) -> Outcome {
    match jwt::read(value.as_bytes(), false) {
        Err((InputProblem::Empty, wrapped)) if !value.is_empty() => {
            let what = "white space alone".to_owned();
            let looks_like = LooksLike::Other;
            Err((InputProblem::NotAToken { what, shown: None, looks_like }, wrapped))
        }
        Ok(decoded) => Ok(decoded.sent_as(value)),
        outcome => outcome,
    }
}

/// A file as the source: how it was named, and where it is.
pub(crate) fn file(path: &str, absolute: &Path) -> Source {
    let absolute = absolute.components().collect::<PathBuf>();
    Source::File { path: shown(path), absolute: shown(&absolute.to_string_lossy()) }
}

/// A name or path as evidence may hold it: people write `--token-env "$TOKEN"` and `file://$TOKEN`.
fn shown(name: &str) -> String {
    Scrubber::default().scrub(name)
}

pub(super) type Outcome = Result<Decoded, (InputProblem, Vec<Wrapping>)>;

/// The evidence of a source and of what came from it.
pub(super) fn finish(source: Source, outcome: Outcome) -> (Input, Option<Decoded>) {
    let (problem, wrapped, decoded) = match outcome {
        Ok(decoded) => {
            let truncated = decoded.token.truncated.clone();
            let problem = truncated.map(|how| InputProblem::Truncated { how });
            (problem, decoded.wrapped.clone(), Some(decoded))
        }
        Err((problem, wrapped)) => (Some(problem), wrapped, None),
    };
    let tried = match problem {
        Some(InputProblem::Empty) => {
            vec![Tried { source: source.label(), reason: "empty".into() }]
        }
        _ => Vec::new(),
    };
    let input = Input {
        source,
        problem,
        wrapped,
        typed_on_terminal: false,
        tried,
        by_variable: false,
        surroundings: None,
        held_by: None,
        unused: Vec::new(),
        azure: None,
        cli_parser: None,
    };
    (input, decoded)
}

/// A source that gave nothing, and why.
fn nothing(source: Source, reason: String) -> (Input, Option<Decoded>) {
    let (mut input, decoded) = finish(source, Err((InputProblem::Empty, Vec::new())));
    input.tried.iter_mut().for_each(|tried| tried.reason.clone_from(&reason));
    (input, decoded)
}

/// Reads standard input. The line break that `echo` adds is not a fault of whoever pipes a token: as
/// with a file, white space around it does not count.
fn from_stdin(stdin: impl Read) -> (Input, Option<Decoded>) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    let outcome = match stdin.take(limits::TOKEN as u64 + 1).read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::TimedOut && bytes.trim_ascii().is_empty() => {
            return nothing(Source::Stdin, error.to_string());
        }
        Err(error) if error.kind() != ErrorKind::TimedOut => Err(unreadable(problem(&error))),
        // A pipe that stays open may have given the token anyway.
        Ok(_) | Err(_) => jwt::read(&bytes, true),
    };
    finish(Source::Stdin, outcome)
}

/// The token in a file; `path` is how it was named.
pub(super) fn from_file(
    path: &str,
    absolute: &Path,
    limit: Duration,
) -> (Outcome, Option<CliParser>) {
    let bytes = match content(path, absolute, limit) {
        Ok(bytes) => bytes,
        Err(problem) => return (Err(problem), None),
    };
    let text = str::from_utf8(&bytes).unwrap_or_default().trim();
    let parser = cli_parser::parse(text);
    let outcome = match jwt::read(&bytes, true) {
        Err((InputProblem::Empty, wrapped)) => {
            Err((InputProblem::FileUnreadable { reason: FileProblem::Empty }, wrapped))
        }
        Ok(decoded) => Ok(decoded.sent_as(text)),
        outcome => outcome,
    };
    (outcome, Some(parser))
}

type Unusable = (InputProblem, Vec<Wrapping>);

fn content(path: &str, absolute: &Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    if path.is_empty() {
        return Err(unreadable(FileProblem::NoPath));
    }
    let file = fs::metadata(absolute).map_err(|error| unreadable(problem(&error)))?;
    if file.is_dir() {
        return Err(unreadable(FileProblem::Directory));
    }
    // A named pipe without a writer would be waited for without end. Those that this process
    // already holds open (a shell's `<(…)`) have one.
    let is_held_open = ["/dev/stdin", "/dev/fd", "/proc/self/fd"]
        .iter()
        .any(|directory| absolute.starts_with(directory));
    if !file.is_file() && !is_held_open {
        return Err(unreadable(FileProblem::NotRegular));
    }
    File::open(absolute)
        .and_then(
            |file| if is_held_open { capped(Bounded::new(file, limit)) } else { capped(file) },
        )
        .map_err(|error| unreadable(problem(&error)))
}

/// A token fits into this, so that reading it leaves no copy behind in memory that was given back.
const USUAL_BYTES: usize = 64 * 1024;

fn capped(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    source.take(limits::TOKEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(reason: FileProblem) -> Unusable {
    (InputProblem::FileUnreadable { reason }, Vec::new())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn token() -> String {
        let [header, claims] =
            [r#"{"alg":"none"}"#, r#"{"sub":"a"}"#].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}.")
    }

    /// A reader that nothing may read from.
    struct Untouched;

    impl Read for Untouched {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("standard input was read")
        }
    }

    fn from(choice: Choice) -> (Input, Option<Decoded>) {
        acquire(choice, |_| None, Untouched, true, Path::new("/nowhere"), LIMIT)
    }

    fn piped(text: &[u8]) -> (Input, Option<Decoded>) {
        acquire(
            Choice::Argument("-".into()),
            |_| None,
            io::Cursor::new(text.to_vec()),
            true,
            Path::new("/"),
            LIMIT,
        )
    }

    fn in_variable(value: Option<&str>) -> (Input, Option<Decoded>) {
        let lookup = |name: &str| value.filter(|_| name == "TOKEN").map(str::to_owned);
        acquire(Choice::Environment("TOKEN".into()), lookup, Untouched, true, Path::new("/"), LIMIT)
    }

    fn in_file(content: &[u8]) -> (Input, Option<Decoded>) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("t"), content).unwrap();
        let choice = Choice::OidcToken("file://t".into());
        acquire(choice, |_| None, Untouched, true, directory.path(), LIMIT)
    }

    fn unreadable(path: &str, cwd: &Path) -> String {
        let choice = Choice::Argument(format!("file://{path}"));
        match acquire(choice, |_| None, Untouched, true, cwd, LIMIT) {
            (Input { problem: Some(InputProblem::FileUnreadable { reason }), .. }, None) => {
                reason.to_string()
            }
            (input, _) => panic!("{input:?}"),
        }
    }

    #[test]
    fn open_pipe_may_have_given_token() {
        /// Says its text, and then nothing for as long as anyone waits.
        struct StaysOpen(io::Cursor<Vec<u8>>);
        impl Read for StaysOpen {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => loop {
                        std::thread::park();
                    },
                    length => Ok(length),
                }
            }
        }
        let piped = |text: String| {
            acquire(
                Choice::Argument("-".into()),
                |_| None,
                StaysOpen(io::Cursor::new(text.into_bytes())),
                false,
                Path::new("/"),
                Duration::from_millis(200),
            )
        };
        assert_eq!(piped(String::new()).0.problem, Some(InputProblem::Empty));
        let (input, decoded) = piped(format!("{}\n", token()));
        assert_eq!(input.problem, None);
        assert!(decoded.is_some());
    }

    #[test]
    fn token_given_as_variable_name_is_hidden() {
        for choice in
            [Choice::Environment(token()), Choice::OidcToken(format!("file://{}", token()))]
        {
            let (input, _) = from(choice);
            assert!(!format!("{input:?}").contains("eyJ"), "{input:?}");
        }
    }

    #[test]
    fn typed_argument_is_decoded() {
        let (input, decoded) = from(Choice::Argument(token()));
        assert_eq!(decoded.unwrap().token.text("sub"), Some("a"));
        assert_eq!((input.source, input.problem), (Source::Argument, None));
        assert!(input.typed_on_terminal && input.tried.is_empty());
        let (input, _) =
            acquire(Choice::Argument(token()), |_| None, Untouched, false, Path::new("/"), LIMIT);
        assert!(!input.typed_on_terminal);
    }

    #[test]
    fn oidc_token_flag_reads_no_stdin() {
        let (input, decoded) = from(Choice::OidcToken(token()));
        assert!(decoded.is_some() && input.typed_on_terminal);
        assert_eq!(input.source, Source::OidcTokenFlag);
        let (input, _) = from(Choice::OidcToken("-".into()));
        assert!(matches!(input.problem, Some(InputProblem::NotAToken { .. })), "{input:?}");
    }

    #[test]
    fn standard_input_keeps_line_break() {
        let (input, decoded) = piped(format!("{}\n", token()).as_bytes());
        assert_eq!((input.source, input.wrapped), (Source::Stdin, vec![]));
        assert_eq!(decoded.unwrap().compact.reveal(), token());
    }

    #[test]
    fn a_source_that_gives_nothing_is_named() {
        for ((input, decoded), source, reason) in [
            (from(Choice::OidcToken(String::new())), "--oidc-token", "empty"),
            (piped(b"\n"), "stdin", "empty"),
            (in_variable(None), "env:TOKEN", "not set"),
            (in_variable(Some("")), "env:TOKEN", "empty"),
        ] {
            assert_eq!(input.problem, Some(InputProblem::Empty), "{source}");
            assert_eq!(input.source.label(), source);
            assert_eq!(input.tried, [Tried { source: source.into(), reason: reason.into() }]);
            assert!(decoded.is_none());
        }
        let (input, _) = from(Choice::None);
        assert_eq!((input.source, input.problem), (Source::None, Some(InputProblem::Missing)));
    }

    #[test]
    fn token_files_are_relative_and_trimmed() {
        let (input, decoded) = in_file(format!("\r\n{} \n", token()).as_bytes());
        assert!(decoded.is_some() && input.wrapped.is_empty() && !input.typed_on_terminal);
        let Source::File { path, absolute } = input.source else { panic!() };
        assert_eq!(path, "t");
        assert!(absolute.starts_with('/') && absolute.ends_with("/t"), "{absolute}");
    }

    #[test]
    fn a_variable_may_name_a_file() {
        let (input, _) = in_variable(Some("file:///nowhere/./token"));
        let absolute = "/nowhere/token".into();
        assert_eq!(input.source, Source::File { path: "/nowhere/./token".into(), absolute });
        let (input, decoded) = in_variable(Some(&token()));
        assert!(decoded.is_some());
        assert_eq!(input.source.label(), "env:TOKEN");
    }

    #[test]
    fn unreadable_files_say_why() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        fs::write(here.join("empty"), "\n").unwrap();
        for (path, reason) in [
            ("missing", "no such file"),
            (".", "is a directory"),
            ("", "no path follows file://"),
            ("empty", "is empty"),
            ("empty/x", "a part of its path is not a directory"),
            ("/dev/zero", "is not a regular file"),
            ("a\0b", "invalid input parameter"),
        ] {
            let found = unreadable(path, here);
            assert!(found.contains(reason), "{path}: {found}");
        }
    }

    #[test]
    fn no_more_than_the_cap_is_read() {
        let (input, _) = acquire(
            Choice::Argument("-".into()),
            |_| None,
            io::repeat(b'a'),
            false,
            Path::new("/"),
            LIMIT,
        );
        assert_eq!(input.problem, Some(InputProblem::TooLarge { bytes: limits::TOKEN as u64 + 1 }));
        let (input, _) = in_file(&vec![b'a'; 3 << 20]);
        assert_eq!(input.problem, Some(InputProblem::TooLarge { bytes: limits::TOKEN as u64 + 1 }));
    }

    #[test]
    fn standard_input_that_fails_says_why() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::PermissionDenied.into())
            }
        }
        let choice = Choice::Argument("-".into());
        let (input, _) = acquire(choice, |_| None, Broken, false, Path::new("/"), LIMIT);
        let reason = FileProblem::PermissionDenied;
        assert_eq!(input.problem, Some(InputProblem::FileUnreadable { reason }));
        assert_eq!(input.source, Source::Stdin);
    }

    /// What a shell's `<(…)` gives: a pipe that this process already holds open.
    #[cfg(target_os = "linux")]
    #[test]
    fn open_pipe_is_read() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(token().as_bytes()).unwrap();
        drop(writer);
        let choice = Choice::Argument(format!("file:///dev/fd/{}", reader.as_raw_fd()));
        let (input, decoded) = acquire(choice, |_| None, Untouched, false, Path::new("/"), LIMIT);
        assert!(decoded.is_some(), "{input:?}");
    }
}
