//! JSON that is safe to print into a log.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::json_content;

/// Writes a value as pretty-printed JSON, with escapes for characters that must not be printed. All
/// its keys must be strings.
pub fn json(value: &impl Serialize) -> String {
    with_layout(value, PrettyFormatter::new())
}

/// Writes a value as JSON on one line, with a line break.
pub fn json_line(value: &impl Serialize) -> String {
    with_layout(value, CompactFormatter) + "\n"
}

#[expect(clippy::expect_used, reason = "memory takes every write, and every key is a string")]
fn with_layout(value: &impl Serialize, layout: impl Formatter) -> String {
    let mut out = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut out, Inert(layout)))
        .expect("the value serialises");
    String::from_utf8(out).expect("serde_json writes UTF-8")
}

/// A layout that also escapes characters that must not be printed into a log.
struct Inert<F>(F);

/// Delegates methods to the inner layout.
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

impl<F: Formatter> Formatter for Inert<F> {
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
