//! Validates the double's answers against the service's published OpenAPI document.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The path of the document relative to the repository, which does not contain it.
const DOCUMENT: &str = "../shared/facts/pulumi-cloud-openapi.json";

/// Panics if the document does not describe the answer. Everything passes without the document, and
/// for a status that it does not describe (it describes hardly any failures).
pub fn validate(method: &str, path: &str, status: u16, body: &Value) {
    let Some(document) = document() else { return };
    let (template, operation) = operation(document, method, path)
        .unwrap_or_else(|| panic!("the API has no {method} {path}"));
    let response = &operation["responses"][status.to_string()];
    let Some(schema) = response.pointer("/content/application~1json/schema") else { return };
    let validator = validator(document, format!("{method} {template} {status}"), schema);
    let errors: Vec<String> = validator
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:#?} in {body:#}");
}

/// The validator for a schema of the document, compiled once.
fn validator(document: &Value, name: String, schema: &Value) -> Arc<Validator> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        let mut schema = schema.clone();
        schema["components"] = document["components"].clone();
        Arc::new(jsonschema::validator_for(&schema).unwrap())
    };
    Arc::clone(compiled.entry(name).or_insert_with(compile))
}

/// Whether the document exists.
pub fn is_present() -> bool {
    document().is_some()
}

fn document() -> Option<&'static Value> {
    static LOADED: OnceLock<Option<Value>> = OnceLock::new();
    LOADED
        .get_or_init(|| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
            let mut document: Value =
                serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap();
            // Two schemas describe Go types, not the JSON: patterns are strings, and a key set is
            // that of RFC 7517.
            let schemas = &mut document["components"]["schemas"];
            schemas["AuthPolicyDefinition"]["properties"]["rules"]["additionalProperties"] =
                json!({"type": "string"});
            schemas["JSONWebKey"] = json!({"type": "object", "required": ["kty"]});
            Some(document)
        })
        .as_ref()
}

/// Finds the operation for a path, and the document's template of the path
/// (`/api/orgs/{orgName}/…`).
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a String, &'a Value)> {
    let matches = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(one, other)| one == other || one.starts_with('{'))
    };
    let paths = document["paths"].as_object()?;
    let (template, item) = paths.iter().find(|(template, _)| matches(template))?;
    Some((template, item.get(method.to_ascii_lowercase())?))
}
