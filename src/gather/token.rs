//! Reads the token from where the command line says it is.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::files::bounded::Bounded;
use super::files::problem::file_problem;
use crate::evidence::{
    CliParser, FileProblem, Input, InputProblem, LooksLike, Source, Tried, Wrapping,
};
use crate::limits;
use crate::oidc::jwt;
use crate::oidc::jwt::{Decoded, cli_parser};
use crate::text::secret::Scrubber;

/// Where the command line says the token is. Has no `Debug`: it may hold the token.
pub enum TokenLocation {
    /// TOKEN: a token, `-` for standard input, or `file://PATH`.
    Argument(String),
    /// `--oidc-token`: a token or `file://PATH`. As with the CLI, `-` means nothing special.
    OidcToken(String),
    /// The name of the environment variable (`--token-env`, or `PULUMI_OPTION_OIDC_TOKEN`) that
    /// holds a token or `file://PATH`.
    Environment(String),
    /// Many tokens, one per line, which [`super::many`] reads later from this source.
    Lines(Source),
    /// The command line names no token.
    None,
}

/// Reads and decodes the token. Reads at most [`limits::TOKEN`] bytes and one more, and standard
/// input only for `-`.
///
/// `variable` looks up an environment variable, `terminal` says whether standard input is a
/// terminal, and `limit` is how long a pipe may take. A relative `file://` path starts from `cwd`
/// (Go's `os.ReadFile` in the CLI's `getTokenValue`, pkg/backend/httpstate/backend.go).
pub fn read_token(
    choice: TokenLocation,
    variable: impl Fn(&str) -> Option<String>,
    stdin: impl Read + Send + 'static,
    terminal: bool,
    cwd: &Path,
    limit: Duration,
) -> (Input, Option<Decoded>) {
    let by_variable = matches!(choice, TokenLocation::Environment(_));
    let (source, value) = match choice {
        // No time limit while a person pastes.
        TokenLocation::Argument(text) if text == "-" && terminal => return read_stdin(stdin),
        TokenLocation::Argument(text) if text == "-" => {
            return read_stdin(Bounded::new(stdin, limit));
        }
        TokenLocation::Argument(text) => (Source::Argument, Some(text)),
        TokenLocation::OidcToken(text) => (Source::OidcTokenFlag, Some(text)),
        TokenLocation::Environment(name) => {
            let value = variable(&name);
            (Source::Environment { name: scrubbed(&name) }, value)
        }
        TokenLocation::Lines(source) => {
            let (input, _) = token_evidence(source, Err((InputProblem::Missing, Vec::new())));
            return (input, None);
        }
        TokenLocation::None => {
            return token_evidence(Source::None, Err((InputProblem::Missing, Vec::new())));
        }
    };
    let value = value.map(Zeroizing::new);
    let Some(value) = value.as_deref() else {
        let (input, decoded) = empty_source(source, "not set".into());
        return (Input { by_variable, ..input }, decoded);
    };
    if let Some(path) = value.strip_prefix("file://") {
        let absolute = cwd.join(path);
        let (outcome, cli_parser) = read_token_file(path, &absolute, limit);
        let (input, decoded) = token_evidence(file_source(path, &absolute), outcome);
        return (Input { by_variable, cli_parser, ..input }, decoded);
    }
    let typed_on_terminal = terminal && matches!(source, Source::Argument | Source::OidcTokenFlag);
    let (input, decoded) = token_evidence(source, decode_value(value));
    let cli_parser = (!value.is_empty()).then(|| cli_parser::parse(value));
    (Input { typed_on_terminal, by_variable, cli_parser, ..input }, decoded)
}

/// Decodes a token that was given as a value. The CLI takes a blank value for a token and rejects
/// it.
fn decode_value(value: &str) -> TokenOutcome {
    match jwt::read(value.as_bytes(), false) {
        Err((InputProblem::Empty, wrapped)) if !value.is_empty() => {
            let what = "white space alone".to_owned();
            let looks_like = LooksLike::Other;
            Err((InputProblem::NotAToken { what, shown: None, looks_like }, wrapped))
        }
        Ok(decoded) => Ok(decoded.with_cli_value(value)),
        outcome => outcome,
    }
}

/// The source of a token file: the path as given, and the absolute path.
pub(crate) fn file_source(path: &str, absolute: &Path) -> Source {
    let absolute = absolute.components().collect::<PathBuf>();
    Source::File { path: scrubbed(path), absolute: scrubbed(&absolute.to_string_lossy()) }
}

/// Removes tokens from a name or path: people write `--token-env "$TOKEN"` and `file://$TOKEN`.
fn scrubbed(name: &str) -> String {
    Scrubber::default().scrub(name)
}

pub(super) type TokenOutcome = Result<Decoded, (InputProblem, Vec<Wrapping>)>;

/// The evidence about a source and the token that was read from it.
pub(super) fn token_evidence(source: Source, outcome: TokenOutcome) -> (Input, Option<Decoded>) {
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

/// The evidence about a source that gave no token, and why.
fn empty_source(source: Source, reason: String) -> (Input, Option<Decoded>) {
    let (mut input, decoded) = token_evidence(source, Err((InputProblem::Empty, Vec::new())));
    input.tried.iter_mut().for_each(|tried| tried.reason.clone_from(&reason));
    (input, decoded)
}

/// Reads standard input. Surrounding white space is ignored, as in files: `echo` adds a line break.
fn read_stdin(stdin: impl Read) -> (Input, Option<Decoded>) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    let outcome = match stdin.take(limits::TOKEN as u64 + 1).read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::TimedOut && bytes.trim_ascii().is_empty() => {
            return empty_source(Source::Stdin, error.to_string());
        }
        Err(error) if error.kind() != ErrorKind::TimedOut => Err(unreadable(file_problem(&error))),
        // A pipe that stays open may already have delivered the token.
        Ok(_) | Err(_) => jwt::read(&bytes, true),
    };
    token_evidence(Source::Stdin, outcome)
}

/// Reads and decodes a token file. `path` is the path as given.
pub(super) fn read_token_file(
    path: &str,
    absolute: &Path,
    limit: Duration,
) -> (TokenOutcome, Option<CliParser>) {
    let bytes = match read_file_bytes(path, absolute, limit) {
        Ok(bytes) => bytes,
        Err(problem) => return (Err(problem), None),
    };
    let text = str::from_utf8(&bytes).unwrap_or_default().trim();
    let parser = cli_parser::parse(text);
    let outcome = match jwt::read(&bytes, true) {
        Err((InputProblem::Empty, wrapped)) => {
            Err((InputProblem::FileUnreadable { reason: FileProblem::Empty }, wrapped))
        }
        Ok(decoded) => Ok(decoded.with_cli_value(text)),
        outcome => outcome,
    };
    (outcome, Some(parser))
}

type Unusable = (InputProblem, Vec<Wrapping>);

fn read_file_bytes(
    path: &str,
    absolute: &Path,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    if path.is_empty() {
        return Err(unreadable(FileProblem::NoPath));
    }
    let file = fs::metadata(absolute).map_err(|error| unreadable(file_problem(&error)))?;
    if file.is_dir() {
        return Err(unreadable(FileProblem::Directory));
    }
    // Opening a named pipe without a writer never returns. Pipes that this process already holds
    // open (a shell's `<(…)`) have one.
    let is_held_open = ["/dev/stdin", "/dev/fd", "/proc/self/fd"]
        .iter()
        .any(|directory| absolute.starts_with(directory));
    if !file.is_file() && !is_held_open {
        return Err(unreadable(FileProblem::NotRegular));
    }
    File::open(absolute)
        .and_then(|file| {
            if is_held_open { read_capped(Bounded::new(file, limit)) } else { read_capped(file) }
        })
        .map_err(|error| unreadable(file_problem(&error)))
}

/// Larger than a token, so that the buffer never grows and leaves a copy in freed memory.
const USUAL_BYTES: usize = 64 * 1024;

fn read_capped(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
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

    fn from(choice: TokenLocation) -> (Input, Option<Decoded>) {
        read_token(choice, |_| None, Untouched, true, Path::new("/nowhere"), LIMIT)
    }

    fn piped(text: &[u8]) -> (Input, Option<Decoded>) {
        read_token(
            TokenLocation::Argument("-".into()),
            |_| None,
            io::Cursor::new(text.to_vec()),
            true,
            Path::new("/"),
            LIMIT,
        )
    }

    fn in_variable(value: Option<&str>) -> (Input, Option<Decoded>) {
        let lookup = |name: &str| value.filter(|_| name == "TOKEN").map(str::to_owned);
        read_token(
            TokenLocation::Environment("TOKEN".into()),
            lookup,
            Untouched,
            true,
            Path::new("/"),
            LIMIT,
        )
    }

    fn in_file(content: &[u8]) -> (Input, Option<Decoded>) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("t"), content).unwrap();
        let choice = TokenLocation::OidcToken("file://t".into());
        read_token(choice, |_| None, Untouched, true, directory.path(), LIMIT)
    }

    fn unreadable(path: &str, cwd: &Path) -> String {
        let choice = TokenLocation::Argument(format!("file://{path}"));
        match read_token(choice, |_| None, Untouched, true, cwd, LIMIT) {
            (Input { problem: Some(InputProblem::FileUnreadable { reason }), .. }, None) => {
                reason.to_string()
            }
            (input, _) => panic!("{input:?}"),
        }
    }

    #[test]
    fn open_pipe_may_have_given_token() {
        /// Delivers its text, then blocks forever.
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
            read_token(
                TokenLocation::Argument("-".into()),
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
        for choice in [
            TokenLocation::Environment(token()),
            TokenLocation::OidcToken(format!("file://{}", token())),
        ] {
            let (input, _) = from(choice);
            assert!(!format!("{input:?}").contains("eyJ"), "{input:?}");
        }
    }

    #[test]
    fn typed_argument_is_decoded() {
        let (input, decoded) = from(TokenLocation::Argument(token()));
        assert_eq!(decoded.unwrap().token.text("sub"), Some("a"));
        assert_eq!((input.source, input.problem), (Source::Argument, None));
        assert!(input.typed_on_terminal && input.tried.is_empty());
        let (input, _) = read_token(
            TokenLocation::Argument(token()),
            |_| None,
            Untouched,
            false,
            Path::new("/"),
            LIMIT,
        );
        assert!(!input.typed_on_terminal);
    }

    #[test]
    fn oidc_token_flag_reads_no_stdin() {
        let (input, decoded) = from(TokenLocation::OidcToken(token()));
        assert!(decoded.is_some() && input.typed_on_terminal);
        assert_eq!(input.source, Source::OidcTokenFlag);
        let (input, _) = from(TokenLocation::OidcToken("-".into()));
        assert!(matches!(input.problem, Some(InputProblem::NotAToken { .. })), "{input:?}");
    }

    #[test]
    fn standard_input_keeps_line_break() {
        let (input, decoded) = piped(format!("{}\n", token()).as_bytes());
        assert_eq!((input.source, input.wrapped), (Source::Stdin, vec![]));
        assert_eq!(decoded.unwrap().compact.reveal(), token());
    }

    #[test]
    fn empty_source_is_named() {
        for ((input, decoded), source, reason) in [
            (from(TokenLocation::OidcToken(String::new())), "--oidc-token", "empty"),
            (piped(b"\n"), "stdin", "empty"),
            (in_variable(None), "env:TOKEN", "not set"),
            (in_variable(Some("")), "env:TOKEN", "empty"),
        ] {
            assert_eq!(input.problem, Some(InputProblem::Empty), "{source}");
            assert_eq!(input.source.label(), source);
            assert_eq!(input.tried, [Tried { source: source.into(), reason: reason.into() }]);
            assert!(decoded.is_none());
        }
        let (input, _) = from(TokenLocation::None);
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
    fn variable_may_name_a_file() {
        let (input, _) = in_variable(Some("file:///nowhere/./token"));
        let absolute = "/nowhere/token".into();
        assert_eq!(input.source, Source::File { path: "/nowhere/./token".into(), absolute });
        let (input, decoded) = in_variable(Some(&token()));
        assert!(decoded.is_some());
        assert_eq!(input.source.label(), "env:TOKEN");
    }

    #[test]
    fn unreadable_file_has_reason() {
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
    fn oversized_input_is_not_read_fully() {
        let (input, _) = read_token(
            TokenLocation::Argument("-".into()),
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
    fn broken_stdin_has_reason() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::PermissionDenied.into())
            }
        }
        let choice = TokenLocation::Argument("-".into());
        let (input, _) = read_token(choice, |_| None, Broken, false, Path::new("/"), LIMIT);
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
        let choice = TokenLocation::Argument(format!("file:///dev/fd/{}", reader.as_raw_fd()));
        let (input, decoded) =
            read_token(choice, |_| None, Untouched, false, Path::new("/"), LIMIT);
        assert!(decoded.is_some(), "{input:?}");
    }
}
