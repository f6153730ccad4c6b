//! Entra's subject for an Azure DevOps service connection.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::text::hex;

/// The placeholder for the tenant in the discovery document for all tenants.
pub(crate) const TENANT: &str = "{tenantid}";

/// Entra's subject of an Azure DevOps service connection,
/// `/eid1/c/pub/t/TENANT/a/APPLICATION/sc/ORGANIZATION/CONNECTION`, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntraSubject {
    /// The tenant's id.
    pub(crate) tenant: String,
    /// The application that federates.
    pub(crate) application: String,
    /// The Azure DevOps organization's id.
    pub(crate) organization: String,
    /// The service connection's id.
    pub(crate) connection: String,
}

impl EntraSubject {
    pub(crate) fn parse(subject: &str) -> Option<Self> {
        let segments: Vec<&str> = subject.split('/').collect();
        let ["", "eid1", "c", _, "t", tenant, "a", application, "sc", organization, connection] =
            segments.as_slice()
        else {
            return None;
        };
        Some(Self {
            tenant: decode_guid(tenant)?,
            application: decode_guid(application)?,
            organization: (*organization).to_owned(),
            connection: (*connection).to_owned(),
        })
    }

    /// Its parts by name.
    pub(crate) fn parts(&self) -> [(&'static str, &str); 4] {
        [
            ("tenant", &self.tenant),
            ("application", &self.application),
            ("organization", &self.organization),
            ("service connection", &self.connection),
        ]
    }
}

/// Decodes a GUID from base64url of its 16 bytes in .NET's order: the first three fields are
/// little-endian.
pub(crate) fn decode_guid(text: &str) -> Option<String> {
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let ordered = [d, c, b, a, f, e, h, g];
    Some(format!(
        "{}-{}-{}-{}-{}",
        hex(ordered.get(..4)?),
        hex(ordered.get(4..6)?),
        hex(ordered.get(6..)?),
        hex(rest.get(..2)?),
        hex(rest.get(2..)?)
    ))
}

/// The reverse of [`decode_guid`]. `None`: the text is no GUID.
pub(crate) fn encode_guid(guid: &str) -> Option<String> {
    let digits = guid.replace('-', "");
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..32).step_by(2).map(byte).collect::<Option<_>>()?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes.as_slice() else { return None };
    let ordered = [*d, *c, *b, *a, *f, *e, *h, *g];
    Some(URL_SAFE_NO_PAD.encode([&ordered, rest].concat()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn guids_are_little_endian() {
        assert_eq!(
            decode_guid("rISbSSETf0KqFyZ8ppdXmA").unwrap(),
            "499b84ac-1321-427f-aa17-267ca6975798"
        );
        assert_eq!(decode_guid("short"), None);
        let encoded = encode_guid("499b84ac-1321-427f-aa17-267ca6975798");
        assert_eq!(encoded.unwrap(), "rISbSSETf0KqFyZ8ppdXmA");
        assert_eq!(encode_guid("499b84ac-1321"), None);
        assert_eq!(encode_guid(&"+1".repeat(16)), None);
    }
}
