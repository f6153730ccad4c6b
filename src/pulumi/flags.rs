//! Parses command-line flags as Go's pflag does, which `pulumi` uses (github.com/spf13/pflag,
//! "Command line flag syntax" in its README, and `strconv` for the values).
//!
//! Messages are pflag's own, without the values: one may be a token.

use std::collections::BTreeMap;

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text. The next argument is the value, even if it looks like a flag.
    Text,
    /// No value, or after `=` one that Go's `strconv.ParseBool` accepts.
    Boolean,
    /// An integer in the syntax of Go's source code (`strconv.ParseInt` with base 0).
    Integer,
}

/// A flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag<'a> {
    /// The name, without the dashes.
    pub name: &'a str,
    /// The one-letter name.
    pub short: Option<char>,
    /// The type of the value.
    pub kind: Kind,
}

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The last value of each given flag. That of a boolean is `true` or `false`.
    pub values: BTreeMap<&'a str, String>,
    /// All given flags with their values, in order.
    pub given: Vec<(&'a str, String)>,
    /// The positional arguments, in order.
    pub positional: Vec<String>,
}

impl Parsed<'_> {
    /// The value of a flag, if the flag was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of a boolean flag, if the flag was given.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.value(name).map(|value| value == "true")
    }
}

/// Why pflag refuses a command line. It displays pflag's message without the values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// No flag has this name.
    #[error("unknown flag: --{name}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// No flag has this letter.
    #[error("unknown shorthand flag: '{letter}' in -{letter}{}", if *.more { "..." } else { "" })]
    UnknownShort {
        /// The letter.
        letter: char,
        /// Whether more text, possibly a value, follows in the same argument.
        more: bool,
    },
    /// The value of a flag is missing.
    #[error("flag needs an argument: {flag}")]
    NeedsArgument {
        /// The flag, as pflag names it: `--name`, or `'n' in -n`.
        flag: String,
    },
    /// The flag does not accept the value.
    #[error("invalid argument for \"{flag}\" flag: {function}: invalid syntax")]
    InvalidValue {
        /// The flag: `-n, --name`.
        flag: String,
        /// The function of Go's `strconv` that refuses it.
        function: &'static str,
    },
    /// An argument with three dashes, or without a name before the `=`.
    #[error("bad flag syntax: {start}")]
    BadSyntax {
        /// The argument up to the `=`.
        start: String,
    },
}

/// Parses a command line.
///
/// # Errors
/// pflag refuses an argument; the error is about the first one.
pub(crate) fn parse<'a>(flags: &[Flag<'a>], arguments: &[String]) -> Result<Parsed<'a>, FlagError> {
    let mut parsed = Parsed { values: BTreeMap::new(), given: Vec::new(), positional: Vec::new() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            parsed.positional.extend(rest.cloned());
            break;
        }
        match (argument.strip_prefix("--"), argument.strip_prefix('-')) {
            (Some(long), _) => {
                let (flag, value) = read_long(flags, long, &mut rest)?;
                parsed.given.push((flag.name, value.clone()));
                parsed.values.insert(flag.name, value);
            }
            (None, Some(group)) if !group.is_empty() => {
                let mut group = group;
                while !group.is_empty() {
                    let (flag, value, left) = read_short(flags, group, &mut rest)?;
                    parsed.given.push((flag.name, value.clone()));
                    parsed.values.insert(flag.name, value);
                    group = left;
                }
            }
            // A single dash is a positional argument.
            _ => parsed.positional.push(argument.clone()),
        }
    }
    Ok(parsed)
}

/// Reads `name`, `name=value`, or `name` with its value in the next argument.
fn read_long<'a, 's>(
    flags: &[Flag<'a>],
    long: &str,
    rest: &mut impl Iterator<Item = &'s String>,
) -> Result<(Flag<'a>, String), FlagError> {
    let (name, given) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (long, None),
    };
    if name.is_empty() || name.starts_with('-') {
        let sign = if given.is_some() { "=" } else { "" };
        return Err(FlagError::BadSyntax { start: format!("--{name}{sign}") });
    }
    let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
        return Err(FlagError::Unknown { name: name.to_owned() });
    };
    let value = match given {
        Some(value) => value,
        None if flag.kind == Kind::Boolean => "true".to_owned(),
        None => rest
            .next()
            .cloned()
            .ok_or_else(|| FlagError::NeedsArgument { flag: format!("--{name}") })?,
    };
    Ok((*flag, flag.checked_value(value)?))
}

/// Reads the first flag of a group of letters. Returns the flag, its value and the rest of the
/// group.
fn read_short<'a, 'g, 's>(
    flags: &[Flag<'a>],
    group: &'g str,
    rest: &mut impl Iterator<Item = &'s String>,
) -> Result<(Flag<'a>, String, &'g str), FlagError> {
    let mut letters = group.chars();
    let letter = letters.next().unwrap_or_default();
    let after = letters.as_str();
    let Some(flag) = flags.iter().find(|flag| flag.short == Some(letter)) else {
        return Err(FlagError::UnknownShort { letter, more: !after.is_empty() });
    };
    let (value, left) = match after.strip_prefix('=') {
        // pflag takes an `=` at the end of an argument for a value or a letter.
        Some(value) if !value.is_empty() => (value.to_owned(), ""),
        _ if flag.kind == Kind::Boolean => ("true".to_owned(), after),
        _ if !after.is_empty() => (after.to_owned(), ""),
        _ => {
            let next = rest.next().cloned();
            let missing = || FlagError::NeedsArgument { flag: format!("'{letter}' in -{letter}") };
            (next.ok_or_else(missing)?, "")
        }
    };
    Ok((*flag, flag.checked_value(value)?, left))
}

impl Flag<'_> {
    /// Returns the value if the flag accepts it; that of a boolean as `true` or `false`.
    fn checked_value(&self, value: String) -> Result<String, FlagError> {
        let (checked, function) = match self.kind {
            Kind::Text => return Ok(value),
            Kind::Boolean => (parse_bool(&value).map(|b| b.to_string()), "strconv.ParseBool"),
            Kind::Integer => (parse_int(&value).map(|_| value), "strconv.ParseInt"),
        };
        checked.ok_or_else(|| {
            let flag = match self.short {
                Some(short) => format!("-{short}, --{}", self.name),
                None => format!("--{}", self.name),
            };
            FlagError::InvalidValue { flag, function }
        })
    }
}

/// The index of a subcommand's name. The name counts only if no other word, except flags and their
/// values, comes before it.
pub(crate) fn find_command(flags: &[Flag], name: &str, arguments: &[String]) -> Option<usize> {
    let mut index = 0;
    while let Some(argument) = arguments.get(index) {
        let flag = match (argument.strip_prefix("--"), argument.strip_prefix('-')) {
            (Some(""), _) => return None,
            (Some(long), _) => flags.iter().find(|flag| flag.name == long),
            (None, Some(short)) if !short.is_empty() => {
                let mut letters = short.chars();
                let letter = letters.next().filter(|_| letters.as_str().is_empty());
                flags.iter().find(|flag| letter.is_some() && flag.short == letter)
            }
            _ => return (argument == name).then_some(index),
        };
        let next = arguments.get(index + 1);
        let has_value = flag.is_some_and(|flag| match flag.kind {
            Kind::Text => true,
            Kind::Boolean => false,
            // The doctor's own `-v` has no value.
            Kind::Integer => next.is_some_and(|next| parse_int(next).is_some()),
        });
        index += 1 + usize::from(has_value);
    }
    None
}

/// Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `strconv.ParseInt` with base 0 and 64 bits.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let lower = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let prefixed = prefixes.iter().find_map(|(prefix, radix)| {
        let digits = lower.strip_prefix(prefix).filter(|digits| !digits.is_empty())?;
        // Underscores must be between digits; the prefix counts as a digit.
        Some((digits.strip_prefix('_').unwrap_or(digits), *radix))
    });
    let (digits, radix) = prefixed.unwrap_or((&lower, 10));
    if !digits.split('_').all(|part| part.starts_with(|c: char| c.is_digit(radix))) {
        return None;
    }
    let magnitude = u64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    const fn flag(name: &'static str, short: Option<char>, kind: Kind) -> Flag<'static> {
        Flag { name, short, kind }
    }

    const FLAGS: &[Flag] = &[
        flag("cloud-url", Some('c'), Kind::Text),
        flag("oidc-token", None, Kind::Text),
        flag("local", Some('l'), Kind::Boolean),
        flag("emoji", Some('e'), Kind::Boolean),
        flag("insecure", None, Kind::Boolean),
        flag("verbose", Some('v'), Kind::Integer),
    ];

    fn words(line: &str) -> Vec<String> {
        // `''` is an empty argument.
        line.split(' ').filter(|w| !w.is_empty()).map(|w| w.replace("''", "")).collect()
    }

    /// `name=value …: positional …`, or the error.
    fn read(line: &str) -> String {
        match parse(FLAGS, &words(line)) {
            Ok(Parsed { values, positional, .. }) => {
                let values: Vec<_> = values.iter().map(|(n, v)| format!("{n}={v}")).collect();
                format!("{}: {}", values.join(" "), positional.join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn flags_parse_as_in_pflag() {
        let table = [
            ("", ": "),
            ("url", ": url"),
            ("--cloud-url a", "cloud-url=a: "),
            ("--cloud-url=a", "cloud-url=a: "),
            ("--cloud-url=a=b", "cloud-url=a=b: "),
            ("--cloud-url=", "cloud-url=: "),
            ("--cloud-url '' url", "cloud-url=: url"),
            ("--cloud-url --insecure", "cloud-url=--insecure: "),
            ("--cloud-url --", "cloud-url=--: "),
            ("-c a", "cloud-url=a: "),
            ("-ca", "cloud-url=a: "),
            ("-c=a", "cloud-url=a: "),
            ("-c==a", "cloud-url==a: "),
            // The `=` is the value here.
            ("-c=", "cloud-url==: "),
            ("-c -l", "cloud-url=-l: "),
            ("--local", "local=true: "),
            ("-l", "local=true: "),
            ("-le", "emoji=true local=true: "),
            ("-lca", "cloud-url=a local=true: "),
            ("-lc a b", "cloud-url=a local=true: b"),
            ("-l=false", "local=false: "),
            ("--insecure=false", "insecure=false: "),
            ("--insecure false", "insecure=true: false"),
            ("--insecure=T --local=0", "insecure=true local=false: "),
            ("-v 3", "verbose=3: "),
            ("-v3", "verbose=3: "),
            ("-v=0x1F", "verbose=0x1F: "),
            ("-v -9", "verbose=-9: "),
            ("-v 1_000", "verbose=1_000: "),
            // The last one wins.
            ("-ca --cloud-url=b", "cloud-url=b: "),
            ("--insecure --insecure=false", "insecure=false: "),
            ("-l --local=false -l", "local=true: "),
            // Flags and arguments in any order, until two dashes.
            ("a -l b", "local=true: a b"),
            ("-l -- -c b", "local=true: -c b"),
            ("- -l", "local=true: -"),
            ("'' -l", "local=true: "),
        ];
        for (line, expected) in table {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn refusals_omit_values() {
        let table = [
            ("--oidc-tokn secret", "unknown flag: --oidc-tokn"),
            ("--oidc-tokn=secret", "unknown flag: --oidc-tokn"),
            ("-local", "unknown shorthand flag: 'o' in -o..."),
            ("-x", "unknown shorthand flag: 'x' in -x"),
            ("-xsecret", "unknown shorthand flag: 'x' in -x..."),
            ("-l=", "unknown shorthand flag: '=' in -="),
            ("--cloud-url", "flag needs an argument: --cloud-url"),
            ("-lc", "flag needs an argument: 'c' in -c"),
            (
                "--insecure=",
                "invalid argument for \"--insecure\" flag: strconv.ParseBool: invalid syntax",
            ),
            (
                "--local=yes",
                "invalid argument for \"-l, --local\" flag: strconv.ParseBool: invalid syntax",
            ),
            (
                "-v high",
                "invalid argument for \"-v, --verbose\" flag: strconv.ParseInt: invalid syntax",
            ),
            ("---local", "bad flag syntax: ---local"),
            ("--=secret", "bad flag syntax: --="),
        ];
        for (line, expected) in table {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn integers_parse_as_in_go() {
        let table = [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("+7", 7),
            ("017", 15),
            ("0o17", 15),
            ("0XFF", 255),
            ("0b101", 5),
            ("0_7", 7),
            ("0x_f", 15),
            ("1_0", 10),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ];
        for (text, number) in table {
            assert_eq!(parse_int(text), Some(number), "{text}");
        }
        let none = ["", "-", "a", "08", "0x", "1.5", "_1", "1_", "1__0", "--1", "0x+1", " 1"];
        for text in none.into_iter().chain(["9223372036854775808", "-9223372036854775809"]) {
            assert_eq!(parse_int(text), None, "{text:?}");
        }
    }

    #[test]
    fn command_is_found_after_flags() {
        let table = [
            ("login", Some(0)),
            ("login login", Some(0)),
            ("-l login", Some(1)),
            ("--cloud-url x login", Some(2)),
            ("--cloud-url=x login", Some(1)),
            ("-c x login", Some(2)),
            ("-cx login", Some(1)),
            ("-v 3 login", Some(2)),
            ("-v login", Some(1)),
            ("--unknown login", Some(1)),
            ("--cloud-url login", None),
            ("other login", None),
            ("- login", None),
            ("-- login", None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(find_command(FLAGS, "login", &words(line)), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(arguments: Vec<String>) {
            let _ = parse(FLAGS, &arguments);
            let _ = find_command(FLAGS, "login", &arguments);
        }

        #[test]
        fn refusals_never_contain_values(
            spelling in prop::sample::select(vec![
                "--unknown=@", "-x@", "-x=@", "--insecure=@", "-l=@", "-v@", "-v=@", "--verbose=@",
                "--=@",
            ]),
        ) {
            // None of its letters is a flag, and it is not a boolean.
            let argument = spelling.replace('@', "s3cr3tvalue");
            let error = parse(FLAGS, &[argument]).unwrap_err().to_string();
            prop_assert!(!error.contains("s3cr3t"), "{}", error);
        }

        #[test]
        fn all_spellings_give_same_value(value in "[^=].*", before: bool) {
            let spellings = [
                vec!["--cloud-url".to_owned(), value.clone()],
                vec![format!("--cloud-url={value}")],
                vec!["-c".to_owned(), value.clone()],
                vec![format!("-c={value}")],
                vec![format!("-c{value}")],
                vec![format!("-lc{value}"), "-l=false".to_owned()],
            ];
            for mut arguments in spellings {
                arguments.insert(if before { 0 } else { arguments.len() }, "url".to_owned());
                let parsed = parse(FLAGS, &arguments).unwrap();
                prop_assert_eq!(parsed.value("cloud-url"), Some(value.as_str()));
                prop_assert_eq!(&parsed.positional, &["url"]);
                prop_assert_ne!(parsed.boolean("local"), Some(true));
            }
        }

        #[test]
        fn arguments_after_two_dashes_are_positional(arguments: Vec<String>) {
            let mut all = vec!["--".to_owned()];
            all.extend(arguments.clone());
            prop_assert_eq!(parse(FLAGS, &all).unwrap().positional, arguments);
        }
    }
}
