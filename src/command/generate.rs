//! `doctor generate`: writes the repository's files that are generated from the program's types. A
//! test compares them.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::cli::commands::Document;
use crate::render;
use crate::report::Report;

/// The text of a generated document.
pub(crate) fn document(document: Document) -> String {
    match document {
        Document::Schema => render::value(&schema()),
    }
}

/// The schema of the report's types, described by their documentation.
fn schema() -> Schema {
    let one_line = RecursiveTransform(|schema: &mut Schema| {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
    });
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(one_line);
    settings.into_generator().into_root_schema_for::<Report>()
}
