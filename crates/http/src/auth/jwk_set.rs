use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// The most keys that are kept of a set.
const MAX_KEYS: usize = 64;
/// The shortest RSA modulus in bytes: 2,048 bits (RFC 7518 §3.3).
const MIN_RSA_BYTES: usize = 256;

/// Keys that tokens may be signed with. Each is bound to one algorithm, so that a token cannot choose how its
/// signature is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Vec<VerifyingKey>);

#[derive(Clone, Debug)]
pub(crate) struct VerifyingKey {
    kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). Keys of other kinds, and ones for encryption, are passed over.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(
            keys.filter_map(|jwk: Jwk| verifying_key(&jwk))
                .take(MAX_KEYS)
                .collect(),
        ))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key for a token. Without a `kid` it is the only one of its algorithm.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let mut fitting = self.0.iter().filter(|key| {
            key.algorithm == algorithm && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

fn verifying_key(jwk: &Jwk) -> Option<VerifyingKey> {
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|use_| *use_ != PublicKeyUse::Signature)
    {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            (modulus.len() >= MIN_RSA_BYTES).then_some((Algorithm::RS256, KeyAlgorithm::RS256))?
        }
        AlgorithmParameters::EllipticCurve(curve) => (curve.curve == EllipticCurve::P256)
            .then_some((Algorithm::ES256, KeyAlgorithm::ES256))?,
        AlgorithmParameters::OctetKeyPair(pair) => (pair.curve == EllipticCurve::Ed25519)
            .then_some((Algorithm::EdDSA, KeyAlgorithm::EdDSA))?,
        // A symmetric key in a public set would let everyone who reads the set sign tokens.
        _ => return None,
    };
    if jwk
        .common
        .key_algorithm
        .is_some_and(|wanted| wanted != named)
    {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(VerifyingKey {
        kid: jwk.common.key_id.clone(),
        algorithm,
        key,
    })
}
