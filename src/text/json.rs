//! JSON that can stand in a log.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::json_content;

/// The value as JSON, pretty-printed, with escapes in its strings for what must not stand in the
/// output. Every key of it has to be a string.
#[must_use]
#[expect(clippy::expect_used, reason = "memory takes every write, and every key is a string")]
pub fn json(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut out, Inert(PrettyFormatter::new())))
        .expect("the value serialises");
    String::from_utf8(out).expect("serde_json writes UTF-8")
}

/// Pretty-printing that escapes in strings what must not stand in a log.
struct Inert(PrettyFormatter<'static>);

/// Hands the layout over to [`PrettyFormatter`].
macro_rules! layout {
    ($($method:ident($($argument:ident: $type:ty)?);)*) => {
        $(fn $method<W: ?Sized + io::Write>(
            &mut self,
            writer: &mut W,
            $($argument: $type)?
        ) -> io::Result<()> {
            self.0.$method(writer, $($argument)?)
        })*
    };
}

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        writer.write_all(json_content(fragment).as_bytes())
    }

    layout! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}
