//! An authenticator in software, as WebAuthn Level 3 §6 describes one: ES256, no attestation. The tests of the endpoints
//! use this file too.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(super) const USER_PRESENT: u8 = 0x01;
pub(super) const USER_VERIFIED: u8 = 0x04;
pub(super) const BACKUP_ELIGIBLE: u8 = 0x08;
const ATTESTED: u8 = 0x40;

pub(super) struct Authenticator {
    key: EcdsaKeyPair,
    credential_id: Vec<u8>,
    user_handle: Vec<u8>,
    pub(super) origin: &'static str,
    pub(super) flags: u8,
    pub(super) counter: u32,
}

impl Authenticator {
    pub(super) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self {
            credential_id: digest(&SHA256, key.public_key().as_ref()).as_ref().to_vec(),
            key,
            user_handle: Vec::new(),
            origin: "http://localhost:8080",
            flags: USER_PRESENT | USER_VERIFIED,
            counter: 0,
        }
    }

    /// The answer to `navigator.credentials.create`.
    pub(super) fn create(&mut self, options: &Value) -> String {
        let user_handle = options["publicKey"]["user"]["id"].as_str().unwrap();
        self.user_handle = URL_SAFE_NO_PAD.decode(user_handle).unwrap();
        let client_data = self.client_data("webauthn.create", options);
        let rp_id = options["publicKey"]["rp"]["id"].as_str().unwrap();
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        let key =
            [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], x, &[0x22, 0x58, 32], y].concat();
        let attested = [&[0; 16], [0, 32].as_slice(), &self.credential_id, &key].concat();
        let data = [self.data(rp_id, self.flags | ATTESTED), attested].concat();
        let length = u8::try_from(data.len()).unwrap();
        let object = [
            &[0xa3, 0x63][..],
            b"fmt",
            &[0x64],
            b"none",
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &[0x58, length],
            &data,
        ]
        .concat();
        self.answer(&json!({
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
        }))
    }

    /// The answer to `navigator.credentials.get`.
    pub(super) fn get(&self, options: &Value) -> String {
        self.answer(&self.assertion(options))
    }

    /// The same without a user handle, as of a passkey that is not discoverable.
    pub(super) fn get_without_handle(&self, options: &Value) -> String {
        let mut assertion = self.assertion(options);
        assertion.as_object_mut().unwrap().remove("userHandle");
        self.answer(&assertion)
    }

    fn assertion(&self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(options["publicKey"]["rpId"].as_str().unwrap(), self.flags);
        let signed = [data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": URL_SAFE_NO_PAD.encode(&self.user_handle),
        })
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let hash = digest(&SHA256, rp_id.as_bytes());
        [hash.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = &options["publicKey"]["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn answer(&self, response: &Value) -> String {
        let id = URL_SAFE_NO_PAD.encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        })
        .to_string()
    }
}
