//! The reports are what the schema in the repository says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Doctor, EXCHANGE, Response, Run, WHOAMI, World, platforms};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let mut schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    close(&mut schema);
    schema
}

/// Those who read reports have to expect new keys; the program must not have any that the schema
/// does not know.
fn close(schema: &mut Value) {
    if let Some(keys) = schema.as_object_mut() {
        let is_record = keys.get("properties").is_some_and(Value::is_object);
        if is_record {
            keys.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    match schema {
        Value::Object(keys) => keys.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_report_is_what_the_schema_says() {
    let validator = jsonschema::options().should_validate_formats(true).build(&schema()).unwrap();
    let mut verdicts = BTreeSet::new();
    for (about, run) in runs() {
        let errors: Vec<_> = validator
            .iter_errors(&run.report)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{about}: {errors:#?}");
        verdicts.insert(run.report["verdict"].as_str().unwrap().to_owned());
    }
    assert_eq!(verdicts.len(), 3, "{verdicts:?}");
}

fn runs() -> Vec<(&'static str, Run)> {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    let mut runs = vec![
        ("healthy", world.doctor().json()),
        ("inconclusive", world.doctor().without("--policy").arg("--no-exchange").json()),
        ("offline", world.doctor().arg("--offline").json()),
        ("nothing given", Doctor::bare().json()),
        ("no token", Doctor::bare().args(["--oidc-org", "acme", "null"]).json()),
        ("a life that cannot be read", world.doctor().args(["--oidc-expiration", "1d"]).json()),
        ("by a file of the token's", world.doctor_without_token().arg("file://missing").json()),
        ("policy entries alone", {
            let policy = json!({"policies": [world.shape.entry]});
            world.doctor().file("policy.json", policy.to_string()).json()
        }),
    ];
    world.cloud.answer(WHOAMI, Response::json(200, &json!({"githubLogin": "jane"})));
    runs.push(("an identity without organizations", world.doctor().json()));
    world.cloud.answer(EXCHANGE, Response::new(503, "text/html", "<title>down</title>"));
    world.shape.entry["rules"] = json!({"aud": "x", "sub": "y", "absent.claim": "z"});
    world.shape.shift(-200_000);
    let many = world
        .doctor()
        .env("PULUMI_ACCESS_TOKEN", "pul-0123456789abcdef")
        .env("TF_BUILD", "True")
        .arg("--strict")
        .json();
    assert!(many.codes().len() > 4, "{:?}", many.codes());
    runs.push(("many findings", many));
    runs
}

#[test]
fn the_schema_can_fail() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = Doctor::bare().json().report;
    assert!(validator.is_valid(&good));
    let keys: Vec<_> = good.as_object().unwrap().keys().cloned().collect();
    for key in keys {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(&key);
        assert!(!validator.is_valid(&bad), "{key} may be missing");
    }
    for (pointer, value) in [
        ("/verdict", json!("sick")),
        ("/rootCause", json!("Not A Code")),
        ("/startedAt", json!(1)),
        ("/checks/0/status", json!("ok")),
        ("/checks/0/category", json!("other")),
        ("/findings/0/severity", json!("fatal")),
        ("/findings/0/evidence", json!([{"what": "x", "value": 1, "where": "y"}])),
        ("/policy/decision", json!("maybe")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}
