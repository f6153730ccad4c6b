//! Looks up and formats each claim once, however many rules use it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value_text;
use crate::policy::claim_path::ClaimPath;
use crate::text;

/// Longer claims are clipped in a rule's result, in characters. Every rule on a claim repeats it.
const MAX_CHARS: usize = 4096;
/// After so many bytes in all results, claims are shortened.
const MAX_TOTAL_BYTES: usize = 1 << 20;
/// The length of a shortened claim, in characters.
const SHORT_CHARS: usize = 64;

pub(super) struct ClaimCache<'a> {
    claims: &'a Map<String, Value>,
    /// Claims by the path as written in a rule.
    by_path: HashMap<String, Option<&'a Value>>,
    /// The full and the shortened text of a value, by its address: several paths may lead to it.
    display_texts: HashMap<usize, (String, String)>,
    bytes_left: usize,
}

impl<'a> ClaimCache<'a> {
    pub(super) fn new(claims: &'a Map<String, Value>) -> Self {
        Self {
            claims,
            by_path: HashMap::new(),
            display_texts: HashMap::new(),
            bytes_left: MAX_TOTAL_BYTES,
        }
    }

    /// The claim at a path. `None` if the path is invalid.
    pub(super) fn get(&mut self, path: &str) -> Option<&'a Value> {
        if let Some(value) = self.by_path.get(path) {
            return *value;
        }
        let value = ClaimPath::parse(path).ok().and_then(|path| path.lookup(self.claims));
        self.by_path.insert(path.to_owned(), value);
        value
    }

    /// The text of a value for a result.
    pub(super) fn display_text(&mut self, value: &'a Value) -> String {
        let (whole, short) =
            self.display_texts.entry(std::ptr::from_ref(value).addr()).or_insert_with(|| {
                let text = value_text(value);
                (text::clip(&text, MAX_CHARS), text::clip(&text, SHORT_CHARS))
            });
        match self.bytes_left.checked_sub(whole.len()) {
            Some(room) => {
                self.bytes_left = room;
                whole.clone()
            }
            None => short.clone(),
        }
    }
}
