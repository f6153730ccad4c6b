//! Which names suggest a secret, and which values are likely to be one.

/// The ends of secrets' names, in lower case, without `_`, `-` and `.`.
const ENDINGS: [&str; 24] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "cookie",
    "jwt",
    "assertion",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "principalkey",
    "accountkey",
    "storagekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "authkey",
    "subscriptionkey",
    "deploykey",
    "npmauth",
];
/// Ends that must be a separate word in the name: `DEVOPS_PAT` and `devopsPat`, not `compat`.
const WORDS: [&str; 3] = ["pat", "pwd", "pass"];

/// The longest name that is examined, in bytes.
const LONGEST_NAME: usize = 100;

/// Whether a variable, member, header or flag of this name holds a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    if name.len() > LONGEST_NAME {
        return false;
    }
    // Fast path: the last letter rules out most endings.
    let last = name.bytes().rfind(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
    let mut endings = ENDINGS.iter().filter(|ending| ending.bytes().next_back() == last);
    if endings.any(|ending| ends_with(name, ending)) || name.ends_with("_auth") {
        return true;
    }
    WORDS.iter().any(|word| {
        let Some(at) = name.len().checked_sub(word.len()).filter(|at| *at > 0) else {
            // The shell sets PWD, and tests print PASS.
            return name.eq_ignore_ascii_case("pat");
        };
        let (before, last) = (name.get(..at), name.get(at..));
        let is_separate = before.is_some_and(|before| {
            before.ends_with(['_', '-', '.'])
                || before.ends_with(|c: char| c.is_ascii_lowercase())
                    && last.is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()))
        });
        is_separate && last.is_some_and(|last| last.eq_ignore_ascii_case(word))
    })
}

/// Whether a name ends with a word, ignoring case and separators.
fn ends_with(name: &str, word: &str) -> bool {
    let mut letters = name.bytes().rev().filter(|b| !matches!(b, b'_' | b'-' | b'.'));
    word.bytes().rev().all(|b| letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&b)))
}

/// Whether a value only refers to another one: a mask, a variable, an expression, a `<word>`.
pub(crate) fn is_reference(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let inner = value.trim_matches(['[', ']', '<', '>', '(', ')']);
    value.contains("***")
        || value.trim_matches(['*', 'x', 'X', '.', '-', '\u{2022}']).is_empty()
        || value.starts_with(['<', '{', '`'])
        || value.starts_with('$') && is_variable(&value[1..])
        || value.starts_with('%') && value.ends_with('%') && value.len() > 2
        || ["redacted", "masked", "filtered", "hidden", "secret", "removed", "secure", "changeme"]
            .iter()
            .any(|word| inner.eq_ignore_ascii_case(word))
}

/// Whether the text after `$` makes a variable: `NAME`, `{…}`, `(…)`, `env:NAME`.
fn is_variable(rest: &str) -> bool {
    rest.starts_with(['{', '(', '['])
        || rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'))
}

/// Whether a value is ordinary text: a URL, a path, a number, words, a reference.
pub(crate) fn is_plain(value: &str) -> bool {
    let is_path = value.starts_with(['/', '.', '~', '\\']) || value.get(1..3) == Some(":\\");
    let is_number = value.bytes().all(|b| b.is_ascii_digit() || b".,:-".contains(&b));
    // Capital letters occur only at the start of a word, or throughout.
    let is_word = |word: &str| {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
        word.len() - rest.len() <= 1 && rest.bytes().all(|b| b.is_ascii_lowercase())
            || word.bytes().all(|b| b.is_ascii_uppercase())
    };
    value.contains("://")
        || value.starts_with("urn:")
        || is_path
        || is_number
        || is_reference(value)
        || value.split(|c: char| "-_./:, ".contains(c)).all(is_word) && !is_consonants(value)
}

/// Values with fewer letters and digits do not look random.
const SHORTEST_RANDOM: usize = 16;

/// Whether a value looks random: its letters, digits and capitals change in a way that words do
/// not.
pub(crate) fn looks_random(value: &str) -> bool {
    let is_place = value.contains("://") || value.starts_with(['/', '.', '~']);
    if is_place || value.contains(char::is_whitespace) || is_reference(value) {
        return false;
    }
    let signs = value.bytes().filter(u8::is_ascii_alphanumeric).count();
    let changes = value.as_bytes().windows(2).filter(|pair| {
        let (one, other) = (pair[0], pair[1]);
        one.is_ascii_digit() && other.is_ascii_alphabetic()
            || one.is_ascii_alphabetic() && other.is_ascii_digit()
            || one.is_ascii_lowercase() && other.is_ascii_uppercase()
    });
    signs >= SHORTEST_RANDOM && (changes.count() * 4 >= signs || is_consonants(value))
}

/// Whether a value has more consonants in a row than any language.
fn is_consonants(value: &str) -> bool {
    const MOST: usize = 6;
    let is_consonant = |b: &u8| b.is_ascii_lowercase() && !b"aeiouy".contains(b);
    value.as_bytes().windows(MOST).any(|run| run.iter().all(is_consonant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_secrets() {
        for name in [
            "token",
            "SYSTEM_ACCESSTOKEN",
            "accessToken",
            "PRIVATE-TOKEN",
            "X-Api-Key",
            "ARM_CLIENT_SECRET",
            "AWS_SECRET_ACCESS_KEY",
            "servicePrincipalKey",
            "//registry.npmjs.org/:_authToken",
            "SharedAccessKey",
            "AZURE_DEVOPS_EXT_PAT",
            "azurePat",
            "PAT",
            "FTP_PASS",
            "Set-Cookie",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "PWD",
            "OLDPWD2",
            "PASS",
            "compat",
            "requested_token_type",
            "subject_token_type",
            "CACHE_KEY",
            "key",
            "secretName",
            "tokens",
            "PATH",
            "",
            "p\u{e9}pat",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn ordinary_values_are_plain() {
        for value in [
            "***",
            "$TOKEN",
            "$(System.AccessToken)",
            "${{ secrets.TOKEN }}",
            "${TOKEN}",
            "$env:TOKEN",
            "<token>",
            "xxxx",
            "changeme",
            "REDACTED",
            "[MASKED]",
            "%TOKEN%",
            "null",
            "undefined",
            "unbound",
            "my-secret-name",
            "GITHUB_TOKEN",
            "https://a.test/x1y2z3",
            "/var/run/secrets/token1",
            "1700000000",
            "",
        ] {
            assert!(is_plain(value), "{value}");
        }
        for value in ["hunter2hunter2", "$uper$ecret1", "P4ssword", "qwrtzpsdfg", "aBcDeFgH"] {
            assert!(!is_plain(value), "{value}");
        }
    }

    #[test]
    fn random_values_are_recognised() {
        for value in [
            "5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012",
            "3f8Q~Tq7xLw2Zk9VbN4mRj6Yh1Gd0Pc5Se",
            "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
            "q7x2mlk9fhd3vbz8w4nct6yr",
        ] {
            assert!(looks_random(value), "{value}");
        }
        for value in [
            "my-fake-access-token-for-testing",
            "eks-prod-eu-west-1-node-2b",
            "PulumiOrganizationAccessTokenForInfra2",
            "https://5ec4e7a1b2c3d4e5f6.test",
            "azureclitaskscript1732612345678",
            "hunter2",
        ] {
            assert!(!looks_random(value), "{value}");
        }
    }
}
