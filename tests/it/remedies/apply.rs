//! Applies the changes of an option unchanged.

use serde_json::Value;

use super::world::State;

/// Applies every change.
///
/// # Errors
/// A change cannot be made.
pub fn apply(state: &State, option: &Value) -> Result<State, String> {
    let mut next = state.clone();
    for change in option["changes"].as_array().unwrap() {
        apply_change(&mut next, change).map_err(|why| format!("{why}: {change}"))?;
    }
    Ok(next)
}

fn apply_change(state: &mut State, change: &Value) -> Result<(), String> {
    let path = change["path"].as_str().unwrap();
    let (before, after) = (&change["before"], &change["after"]);
    match change["target"].as_str().unwrap() {
        "policy" => change_document(registration_of(state, change)?, path, before, after),
        "registration" if path.is_empty() => {
            let mut made = after.clone();
            made["issuer"] = made["url"].clone();
            made["policies"] = Value::Array(Vec::new());
            // Registrations are made in the organization that the login requests.
            let organization = state.organization().ok_or("no organization")?;
            if state.document["organization"] != organization {
                state.document["organization"] = organization.into();
                state.document["issuers"] = Value::Array(Vec::new());
            }
            let issuers = state.document["issuers"].as_array_mut().unwrap();
            if issuers.iter().any(|one| one["issuer"] == made["issuer"]) {
                return Err("it is registered".to_owned());
            }
            issuers.push(made);
            Ok(())
        }
        "registration" => change_document(registration_of(state, change)?, path, before, after),
        "token" => {
            let value = after.as_str().ok_or("no text")?;
            let moved = state.model.with_claim(&state.job, path, value);
            state.job = moved.ok_or_else(|| format!("{} cannot do that", state.model.name))?;
            Ok(())
        }
        "login" => change_value(&mut state.login, path, before, after),
        "environment" => {
            // A variable to unset may be a secret, so its value is not shown.
            let before = if after.is_null() { &Value::Null } else { before };
            change_value(&mut state.environment, path, before, after)
        }
        "file" => match path {
            "/backend/url" => {
                state.project = after.as_str().map(str::to_owned);
                Ok(())
            }
            _ => Err("no such file".to_owned()),
        },
        "machine" => match path {
            "cli" => {
                state.cli = after.as_str().ok_or("no version")?.to_owned();
                Ok(())
            }
            _ => Err("nothing is wrong with the machine".to_owned()),
        },
        other => Err(format!("no target {other}")),
    }
}

/// The registration of the change's issuer.
fn registration_of<'a>(state: &'a mut State, change: &Value) -> Result<&'a mut Value, String> {
    let issuers = state.document["issuers"].as_array_mut().unwrap();
    let own = issuers.iter_mut().find(|one| one["issuer"] == change["issuer"]);
    own.ok_or_else(|| "no such issuer".to_owned())
}

fn change_value(
    values: &mut std::collections::BTreeMap<String, String>,
    name: &str,
    before: &Value,
    after: &Value,
) -> Result<(), String> {
    if let Some(before) = before.as_str()
        && values.get(name).map(String::as_str) != Some(before)
    {
        return Err(format!("it is {:?} before", values.get(name)));
    }
    match after.as_str() {
        Some(value) => drop(values.insert(name.to_owned(), value.to_owned())),
        None if values.remove(name).is_none() => return Err("there is none".to_owned()),
        None => {}
    }
    Ok(())
}

/// Changes the value at a JSON Pointer: `-` appends to a list, null removes (RFC 6901 and 6902).
fn change_document(
    root: &mut Value,
    path: &str,
    before: &Value,
    after: &Value,
) -> Result<(), String> {
    let (parent, key) = path.rsplit_once('/').ok_or("no pointer")?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match root.pointer_mut(parent).ok_or("no such place")? {
        Value::Array(items) if key == "-" => {
            items.push(after.clone());
            Ok(())
        }
        Value::Array(items) => {
            let index: usize = key.parse().map_err(|_| "no index")?;
            let same = |now: &Value| now["rules"] == before["rules"];
            if !items.get(index).is_some_and(same) || !after.is_null() {
                return Err("another entry is there".to_owned());
            }
            items.remove(index);
            Ok(())
        }
        Value::Object(map) => {
            let now = map.get(&key).unwrap_or(&Value::Null);
            // A change that removes keys does not show them.
            if now != before && !(key == "jwks" && after.is_null()) {
                return Err(format!("it is {now} before"));
            }
            match after {
                Value::Null => drop(map.remove(&key)),
                value => drop(map.insert(key, value.clone())),
            }
            Ok(())
        }
        _ => Err("no such place".to_owned()),
    }
}
