//! Finds the known name that was probably misspelt.

/// Longer words are not names, and comparing them would be slow.
const LONGEST: usize = 64;

/// The first known name with the fewest edits, at most two. Names of three letters or fewer allow
/// only one, since short words are all similar.
pub(crate) fn within_two_edits<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let distance = |name: &str| strsim::damerau_levenshtein(name, word);
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= if name.len() > 3 { 2 } else { 1 })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Names below this similarity are other words.
const ALIKE: f64 = 0.6;

/// The most similar known name, if one is similar enough. Of several, the last.
pub(crate) fn most_alike<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (likeness(name, word), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The similarity of two words, from 0 to 1 for equal ones.
pub(crate) fn likeness(name: &str, word: &str) -> f64 {
    if word.len() > LONGEST {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(name, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_edits_are_a_misspelling() {
        for (word, expected) in [
            ("oidc-tokn", Some("oidc-token")),
            ("oidc-tkoen", Some("oidc-token")),
            ("oidc-tk", None),
            ("nw", Some("now")),
            ("n", None),
            ("http", Some("https")),
        ] {
            assert_eq!(within_two_edits(word, ["oidc-token", "now", "https"]), expected, "{word}");
        }
    }

    #[test]
    fn long_words_match_no_name() {
        let long = "decode".repeat(20);
        assert_eq!(most_alike("deocde", ["decode", "demo"]), Some("decode"));
        assert_eq!(most_alike(&long, [long.as_str()]), None);
        assert_eq!(within_two_edits(&long, [long.as_str()]), None);
    }
}
