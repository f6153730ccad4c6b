//! Signs and verifies tokens with every JWS algorithm that uses public keys.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaKeyPair, RsaParameters, RsaPublicKeyComponents, RsaSignatureEncoding,
    UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Error;

/// The JWS names of the algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).
pub const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// How the cryptographic library calls an algorithm.
#[derive(Clone, Copy)]
enum Scheme {
    Rsa(&'static RsaSignatureEncoding, &'static RsaParameters),
    Ecdsa(&'static str, &'static EcdsaSigningAlgorithm, &'static EcdsaVerificationAlgorithm),
    Ed25519,
}

fn scheme(algorithm: &str) -> Option<Scheme> {
    Some(match algorithm {
        "RS256" => Scheme::Rsa(&RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Scheme::Rsa(&RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Scheme::Rsa(&RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Scheme::Rsa(&RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
        "PS384" => Scheme::Rsa(&RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384),
        "PS512" => Scheme::Rsa(&RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512),
        "ES256" => {
            Scheme::Ecdsa("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_FIXED)
        }
        "ES384" => {
            Scheme::Ecdsa("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED)
        }
        "ES512" => {
            Scheme::Ecdsa("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED)
        }
        "EdDSA" => Scheme::Ed25519,
        _ => return None,
    })
}

enum PrivateKey {
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
}

/// An issuer's private key.
pub struct SigningKey {
    algorithm: String,
    key: PrivateKey,
}

impl SigningKey {
    /// Generates a key for one of [`ALGORITHMS`]; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// The algorithm is not supported, or the cryptographic library fails.
    pub fn generate(algorithm: &str) -> Result<Self, Error> {
        let scheme = scheme(algorithm).ok_or_else(|| Error::Algorithm(algorithm.to_owned()))?;
        let key = match scheme {
            Scheme::Rsa(encoding, _) => {
                PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?, encoding)
            }
            Scheme::Ecdsa(curve, signing, _) => {
                PrivateKey::Ecdsa(EcdsaKeyPair::generate(signing)?, curve)
            }
            Scheme::Ed25519 => PrivateKey::Ed25519(Ed25519KeyPair::generate()?),
        };
        Ok(Self { algorithm: algorithm.to_owned(), key })
    }

    /// Signs a token in compact form (RFC 7515 section 3.1). `header` is added to `alg` and `typ`,
    /// and may replace them.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn sign(
        &self,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, Error> {
        let mut full_header = Map::new();
        full_header.insert("alg".to_owned(), json!(self.algorithm));
        full_header.insert("typ".to_owned(), json!("JWT"));
        full_header.extend(header.clone());
        let part = |map: &Map<String, Value>| encode(Value::Object(map.clone()).to_string());
        let message = format!("{}.{}", part(&full_header), part(claims));

        let rng = SystemRandom::new();
        let signature = match &self.key {
            PrivateKey::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &rng, message.as_bytes(), &mut signature)?;
                signature
            }
            PrivateKey::Ecdsa(pair, _) => pair.sign(&rng, message.as_bytes())?.as_ref().to_vec(),
            PrivateKey::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        Ok(format!("{message}.{}", encode(signature)))
    }

    /// The public key as a JWK (RFC 7517 section 4).
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn jwk(&self, kid: &str) -> Result<Value, Error> {
        let mut jwk = match &self.key {
            PrivateKey::Rsa(pair, _) => {
                let der: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
                let (_, info) =
                    SubjectPublicKeyInfo::from_der(der.as_ref()).map_err(|_| Error::Key)?;
                let Ok(PublicKey::RSA(key)) = info.parsed() else { return Err(Error::Key) };
                let [n, e] = [key.modulus, key.exponent].map(|number| {
                    // DER puts a zero before a number with its highest bit set.
                    encode(number.strip_prefix(&[0]).unwrap_or(number))
                });
                json!({"kty": "RSA", "n": n, "e": e})
            }
            PrivateKey::Ecdsa(pair, curve) => {
                // SEC 1 section 2.3.3: 4, then both coordinates at full length.
                let point = pair.public_key().as_ref().get(1..).ok_or(Error::Key)?;
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            PrivateKey::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key())})
            }
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm);
        Ok(jwk)
    }
}

/// Whether the key that the token's header names is in this set (RFC 7517 section 5) and verifies
/// the token's signature.
pub fn verify(token: &str, jwks: &Value) -> bool {
    try_verify(token, jwks).is_some()
}

fn try_verify(token: &str, jwks: &Value) -> Option<()> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, _) = message.split_once('.')?;
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let jwk = jwks["keys"].as_array()?.iter().find(|jwk| jwk["kid"] == header["kid"])?;
    let number = |name: &str| decode(jwk[name].as_str()?);
    let (message, signature) = (message.as_bytes(), decode(signature)?);

    match scheme(header["alg"].as_str()?)? {
        Scheme::Rsa(_, parameters) => RsaPublicKeyComponents { n: number("n")?, e: number("e")? }
            .verify(parameters, message, &signature)
            .ok(),
        Scheme::Ecdsa(_, _, algorithm) => {
            let point = [vec![4], number("x")?, number("y")?].concat();
            UnparsedPublicKey::new(algorithm, point).verify(message, &signature).ok()
        }
        Scheme::Ed25519 => {
            UnparsedPublicKey::new(&ED25519, number("x")?).verify(message, &signature).ok()
        }
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use jsonwebtoken::{Algorithm, DecodingKey, Validation};

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn signatures_verify_only_with_their_key() {
        let claims = object(json!({"sub": "someone", "exp": 4_000_000_000_u64}));
        for algorithm in ALGORITHMS {
            let key = SigningKey::generate(algorithm).unwrap();
            let token = key.sign(&object(json!({"kid": "one"})), &claims).unwrap();
            let jwk = key.jwk("one").unwrap();
            assert!(verify(&token, &json!({"keys": [{"kid": "other"}, jwk]})), "{algorithm}");

            let other = SigningKey::generate(algorithm).unwrap().jwk("one").unwrap();
            assert!(!verify(&token, &json!({"keys": [other]})), "{algorithm}: another key");
            let elsewhere = key.jwk("two").unwrap();
            assert!(!verify(&token, &json!({"keys": [elsewhere]})), "{algorithm}: another kid");
            let altered = key.sign(&object(json!({"kid": "one"})), &Map::new()).unwrap();
            let (_, signature) = altered.rsplit_once('.').unwrap();
            let (message, _) = token.rsplit_once('.').unwrap();
            let mixed = format!("{message}.{signature}");
            assert!(!verify(&mixed, &json!({"keys": [jwk]})), "{algorithm}: another signature");
        }
    }

    /// ES512 is not tested: jsonwebtoken does not support it.
    #[test]
    fn jsonwebtoken_verifies_signed_tokens() {
        for name in ALGORITHMS.into_iter().filter(|&name| name != "ES512") {
            let key = SigningKey::generate(name).unwrap();
            let claims = object(json!({"sub": "someone", "exp": 4_000_000_000_u64}));
            let token = key.sign(&Map::new(), &claims).unwrap();
            let jwk = serde_json::from_value(key.jwk("one").unwrap()).unwrap();
            let validation = Validation::new(name.parse::<Algorithm>().unwrap());
            let public = DecodingKey::from_jwk(&jwk).unwrap();
            let decoded = jsonwebtoken::decode::<Value>(&token, &public, &validation).unwrap();
            assert_eq!(decoded.claims["sub"], "someone", "{name}");
        }
    }

    #[test]
    fn given_header_replaces_default() {
        let key = SigningKey::generate("ES256").unwrap();
        let token = key.sign(&object(json!({"typ": "at+jwt"})), &Map::new()).unwrap();
        let header = decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"alg":"ES256","typ":"at+jwt"}"#);
        assert!(matches!(SigningKey::generate("HS256"), Err(Error::Algorithm(_))));
        assert!(!verify("no token", &json!({})));
        assert!(!verify("a.b.c", &json!({"keys": []})));
    }
}
