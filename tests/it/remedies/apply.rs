//! Applies the changes of an option, word for word.

use serde_json::Value;

use super::world::State;

/// Applies every change.
///
/// # Errors
/// A change that cannot be made, and why.
pub fn apply(state: &State, option: &Value) -> Result<State, String> {
    let mut next = state.clone();
    for change in option["changes"].as_array().unwrap() {
        one(&mut next, change).map_err(|why| format!("{why}: {change}"))?;
    }
    Ok(next)
}

fn one(state: &mut State, change: &Value) -> Result<(), String> {
    let path = change["path"].as_str().unwrap();
    let (before, after) = (&change["before"], &change["after"]);
    match change["target"].as_str().unwrap() {
        "policy" => in_document(registered(state, change)?, path, before, after),
        "registration" if path.is_empty() => {
            let mut made = after.clone();
            made["issuer"] = made["url"].clone();
            made["policies"] = Value::Array(Vec::new());
            // In the organization that the login asks for.
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
        "registration" => in_document(registered(state, change)?, path, before, after),
        "token" => {
            let value = after.as_str().ok_or("no text")?;
            let moved = state.model.with_claim(&state.job, path, value);
            state.job = moved.ok_or_else(|| format!("{} cannot do that", state.model.name))?;
            Ok(())
        }
        "login" => set(&mut state.login, path, before, after),
        "environment" => {
            // What is unset may be a secret, which is not shown.
            let before = if after.is_null() { &Value::Null } else { before };
            set(&mut state.environment, path, before, after)
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
fn registered<'a>(state: &'a mut State, change: &Value) -> Result<&'a mut Value, String> {
    let issuers = state.document["issuers"].as_array_mut().unwrap();
    let own = issuers.iter_mut().find(|one| one["issuer"] == change["issuer"]);
    own.ok_or_else(|| "no such issuer".to_owned())
}

fn set(
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

/// A JSON Pointer into a registration: `-` adds to a list, null takes away (RFC 6901 and 6902).
fn in_document(root: &mut Value, path: &str, before: &Value, after: &Value) -> Result<(), String> {
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
            // Keys that are taken away are not shown.
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
