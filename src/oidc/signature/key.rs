//! Parses one key of a key set for an algorithm, and finds what is unusual about it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine;
use serde_json::{Map, Value};

use crate::oidc::jwt::LENIENT_BASE64URL;

/// RSA moduli below this size, in bits, are not recommended (RFC 7518 section 3.3).
const RECOMMENDED_RSA: usize = 2048;

/// Go's crypto/rsa refuses smaller moduli since Go 1.24.
const SMALLEST_RSA_OF_GO: usize = 1024;

/// go-jose refuses larger moduli since 4.1.6 (`MaxRSAModulusBits`).
const LARGEST_RSA_OF_GO: usize = 4096;

/// aws-lc supports no larger modulus.
const LARGEST_RSA_HERE: usize = 8192;

/// How an algorithm verifies signatures.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    /// RSA: parameters for 2048 bits or more, and for smaller moduli if aws-lc supports them.
    Rsa(&'static RsaParameters, Option<&'static RsaParameters>),
    /// ECDSA: the curve's name, and the length of a coordinate in bytes.
    Ec(&'static str, usize, &'static EcdsaVerificationAlgorithm),
    /// `EdDSA` with Ed25519.
    Ed25519,
}

impl Scheme {
    /// The scheme of an algorithm with public keys (RFC 7518 section 3.1, RFC 8037 section 3.1).
    pub(super) fn of(algorithm: &str) -> Option<Self> {
        Some(match algorithm {
            "RS256" => Self::Rsa(
                &RSA_PKCS1_2048_8192_SHA256,
                Some(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
            ),
            "RS384" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384, None),
            "RS512" => Self::Rsa(
                &RSA_PKCS1_2048_8192_SHA512,
                Some(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
            ),
            "PS256" => Self::Rsa(&RSA_PSS_2048_8192_SHA256, None),
            "PS384" => Self::Rsa(&RSA_PSS_2048_8192_SHA384, None),
            "PS512" => Self::Rsa(&RSA_PSS_2048_8192_SHA512, None),
            "ES256" => Self::Ec("P-256", 32, &ECDSA_P256_SHA256_FIXED),
            "ES384" => Self::Ec("P-384", 48, &ECDSA_P384_SHA384_FIXED),
            "ES512" => Self::Ec("P-521", 66, &ECDSA_P521_SHA512_FIXED),
            "EdDSA" => Self::Ed25519,
            _ => return None,
        })
    }

    fn key_type(self) -> &'static str {
        match self {
            Self::Rsa(..) => "RSA",
            Self::Ec(..) => "EC",
            Self::Ed25519 => "OKP",
        }
    }

    fn curve(self) -> Option<&'static str> {
        match self {
            Self::Rsa(..) => None,
            Self::Ec(curve, ..) => Some(curve),
            Self::Ed25519 => Some("Ed25519"),
        }
    }
}

/// A key that can verify.
pub(super) struct Usable {
    /// The key, bound to the algorithm.
    pub(super) key: ParsedPublicKey,
    /// The length of its signatures in bytes, unless the algorithm fixes it.
    pub(super) signature_bytes: Option<usize>,
    /// Unusual properties, each as a clause about the key.
    pub(super) unusual: Vec<String>,
}

/// Why a key cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// No verifier can use it.
    Anywhere(String),
    /// Go's libraries cannot use it.
    ByGo(String),
    /// This program's library cannot use it, others may.
    Here(String),
}

/// Checks that a key has the algorithm's type and curve.
pub(super) fn check_type(
    key: &Map<String, Value>,
    algorithm: &str,
    scheme: Scheme,
) -> Result<(), String> {
    let text = |field: &str| key.get(field).and_then(Value::as_str);
    let key_type = scheme.key_type();
    if text("kty") != Some(key_type) {
        return Err(format!("{algorithm} needs a key of type {key_type}"));
    }
    match scheme.curve() {
        Some(curve) if text("crv") != Some(curve) => {
            Err(format!("{algorithm} needs the curve {curve}"))
        }
        _ => Ok(()),
    }
}

/// Parses a key that passed [`check_type`].
pub(super) fn parse_key(
    key: &Map<String, Value>,
    algorithm: &str,
    scheme: Scheme,
) -> Result<Usable, Unusable> {
    let mut unusual = unusual_members(key, algorithm)?;
    let (key, signature_bytes) = match scheme {
        Scheme::Rsa(usual, small) => {
            let (key, bits) = parse_rsa(key, algorithm, usual, small)?;
            if bits < RECOMMENDED_RSA {
                unusual.push(format!(
                    "it has {bits} bits, and RFC 7518 asks for {RECOMMENDED_RSA} or more"
                ));
            } else if bits > LARGEST_RSA_OF_GO {
                unusual.push(format!(
                    "it has {bits} bits, and go-jose uses {LARGEST_RSA_OF_GO} at most since 4.1.6"
                ));
            }
            (key, Some(bits.div_ceil(8)))
        }
        Scheme::Ec(curve, size, verification) => {
            let mut point = vec![4];
            for name in ["x", "y"] {
                let number = decode_member(key, name, &format!("`{name}`"))?;
                if number.len() != size {
                    return Err(Unusable::ByGo(format!(
                        "the key's `{name}` has {} bytes, and the curve {curve} needs {size}",
                        number.len()
                    )));
                }
                point.extend(number);
            }
            let key = ParsedPublicKey::new(verification, point).map_err(|_| {
                Unusable::Anywhere(format!("the key's point is not on the curve {curve}"))
            })?;
            (key, None)
        }
        Scheme::Ed25519 => {
            let number = decode_member(key, "x", "`x`")?;
            if number.len() != 32 {
                return Err(Unusable::Anywhere(format!(
                    "the key's `x` has {} bytes, and Ed25519 needs 32",
                    number.len()
                )));
            }
            let key = ParsedPublicKey::new(&ED25519, number).map_err(|_| {
                Unusable::Anywhere("the key's `x` is not a point of Ed25519".to_owned())
            })?;
            (key, None)
        }
    };
    Ok(Usable { key, signature_bytes, unusual })
}

/// Finds unusual `use`, `key_ops` and `alg` (RFC 7517 sections 4.2 to 4.4). go-oidc and go-jose
/// ignore their values, but check their types.
fn unusual_members(key: &Map<String, Value>, algorithm: &str) -> Result<Vec<String>, Unusable> {
    let text = |field: &str| match key.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(Unusable::ByGo(format!("the key's `{field}` is not a string"))),
    };
    let mut unusual = Vec::new();
    if let Some(usage) = text("use")?.filter(|usage| *usage != "sig") {
        unusual.push(format!("its use is {usage}, not sig"));
    }
    if let Some(operations) = key.get("key_ops").filter(|operations| !operations.is_null()) {
        let listed = operations.as_array().is_some_and(|list| list.contains(&"verify".into()));
        if !listed {
            unusual.push("its key_ops do not include verify".to_owned());
        }
    }
    if let Some(other) = text("alg")?.filter(|other| *other != algorithm) {
        unusual.push(format!("it is for {other}, the token says {algorithm}"));
    }
    Ok(unusual)
}

/// Parses an RSA key, and returns it with the bits of its modulus.
fn parse_rsa(
    key: &Map<String, Value>,
    algorithm: &str,
    usual: &'static RsaParameters,
    small: Option<&'static RsaParameters>,
) -> Result<(ParsedPublicKey, usize), Unusable> {
    // RFC 7518 section 6.3.1 forbids leading zeros. Some libraries write one, as DER does, and
    // readers accept it.
    let significant = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        bytes.get(start..).unwrap_or_default().to_vec()
    };
    let n = significant(&decode_member(key, "n", "modulus `n`")?);
    let e = significant(&decode_member(key, "e", "exponent `e`")?);
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last % 2 == 1);
    if !is_odd(&n) {
        return Err(Unusable::Anywhere("the key's modulus `n` is not an odd number".to_owned()));
    }
    if !is_odd(&e) || e == [1] {
        return Err(Unusable::Anywhere(
            "the key's exponent `e` is not an odd number above 1".to_owned(),
        ));
    }
    if bits < SMALLEST_RSA_OF_GO {
        return Err(Unusable::ByGo(format!(
            "the key has {bits} bits, and RSA keys below {SMALLEST_RSA_OF_GO} are refused"
        )));
    }
    // checkPublicKey in Go's crypto/rsa
    if e.len() > 4 || e.len() == 4 && e.first().is_some_and(|first| *first > 0x7f) {
        return Err(Unusable::ByGo("the key's exponent `e` has more than 31 bits".to_owned()));
    }
    let parameters = match bits {
        RECOMMENDED_RSA..=LARGEST_RSA_HERE => usual,
        0..RECOMMENDED_RSA => small.ok_or_else(|| {
            Unusable::Here(format!(
                "the doctor cannot verify {algorithm} with an RSA key of {bits} bits"
            ))
        })?,
        _ => {
            return Err(Unusable::Here(format!(
                "the doctor cannot verify with an RSA key of {bits} bits"
            )));
        }
    };
    let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| {
        Unusable::Anywhere("its modulus and exponent do not make an RSA key".to_owned())
    })?;
    Ok((key, bits))
}

/// Decodes a member in base64url without padding (RFC 7515 section 2).
fn decode_member(key: &Map<String, Value>, member: &str, name: &str) -> Result<Vec<u8>, Unusable> {
    let text = match key.get(member) {
        None | Some(Value::Null) => {
            return Err(Unusable::Anywhere(format!("the key has no {name}")));
        }
        Some(Value::String(text)) => text,
        Some(_) => {
            return Err(Unusable::Anywhere(format!("the key's {name} is not a string")));
        }
    };
    LENIENT_BASE64URL.decode(text).map_err(|_| match text.trim_end_matches('=') {
        bare if LENIENT_BASE64URL.decode(bare).is_ok() => {
            Unusable::ByGo(format!("the key's {name} is not base64url: it ends with padding"))
        }
        _ => Unusable::Anywhere(format!("the key's {name} is not base64url")),
    })
}
