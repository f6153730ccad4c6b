//! The claims that rules are on, each looked up and written out once, whatever the number of rules.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value_text;
use crate::policy::claim_path::ClaimPath;
use crate::text;

/// How much of a claim a rule's result repeats, in characters. Every rule on a claim repeats it.
const LONGEST: usize = 4096;
/// How many bytes all results together repeat of claims before they are shortened.
const ROOM: usize = 1 << 20;
/// How much of a claim a result repeats then, in characters.
const SHORTENED: usize = 64;

/// The claims of a token.
pub(super) struct Values<'a> {
    claims: &'a Map<String, Value>,
    /// By the path as a rule has it.
    found: HashMap<String, Option<&'a Value>>,
    /// What results show of a value, whole and shortened, by the value's address: several paths may
    /// lead to it.
    shown: HashMap<usize, (String, String)>,
    room: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(claims: &'a Map<String, Value>) -> Self {
        Self { claims, found: HashMap::new(), shown: HashMap::new(), room: ROOM }
    }

    /// The claim at a path. A path that cannot be read leads to none.
    pub(super) fn get(&mut self, path: &str) -> Option<&'a Value> {
        if let Some(value) = self.found.get(path) {
            return *value;
        }
        let value = ClaimPath::parse(path).ok().and_then(|path| path.lookup(self.claims));
        self.found.insert(path.to_owned(), value);
        value
    }

    /// What a result shows of a value.
    pub(super) fn shown(&mut self, value: &'a Value) -> String {
        let (whole, short) =
            self.shown.entry(std::ptr::from_ref(value).addr()).or_insert_with(|| {
                let text = value_text(value);
                (text::clip(&text, LONGEST), text::clip(&text, SHORTENED))
            });
        match self.room.checked_sub(whole.len()) {
            Some(room) => {
                self.room = room;
                whole.clone()
            }
            None => short.clone(),
        }
    }
}
