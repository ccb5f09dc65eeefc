//! The claims about a person that OpenID Connect Core §5.1 names, less `sub` and e-mail, which have places of their own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{InvalidValue, User};

/// What is known of a person, by the names of the claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The full name, as it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// First names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Last names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// A casual name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// A page about the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A picture of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The person's own page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// As the person says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    /// Such as `Europe/Paris`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// A BCP 47 language tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// In E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether the person was reached there.
    #[serde(skip_serializing_if = "is_false")]
    pub phone_number_verified: bool,
    /// OpenID Connect Core §5.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// A postal address (OpenID Connect Core §5.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// The whole, with line breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// The state or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Profile {
    /// Sets the claim of this name, or one of `address` as in `address.locality`; without a value it is forgotten.
    ///
    /// # Errors
    ///
    /// If no claim of a profile has this name.
    pub fn set(&mut self, claim: &str, value: Option<&str>) -> Result<(), InvalidValue> {
        let place = match claim.strip_prefix("address.") {
            Some(part) => self.address.get_or_insert_default().place(part),
            None => self.place(claim),
        };
        let Some(place) = place else {
            let rule = "it is no claim of OpenID Connect Core §5.1 that is kept with a user";
            return Err(InvalidValue::new("claim", claim, rule));
        };
        *place = value.map(str::to_owned);
        if self.address == Some(Address::default()) {
            self.address = None;
        }
        Ok(())
    }

    fn place(&mut self, claim: &str) -> Option<&mut Option<String>> {
        match claim {
            "name" => Some(&mut self.name),
            "given_name" => Some(&mut self.given_name),
            "family_name" => Some(&mut self.family_name),
            "nickname" => Some(&mut self.nickname),
            "profile" => Some(&mut self.profile),
            "picture" => Some(&mut self.picture),
            "website" => Some(&mut self.website),
            "gender" => Some(&mut self.gender),
            "birthdate" => Some(&mut self.birthdate),
            "zoneinfo" => Some(&mut self.zoneinfo),
            "locale" => Some(&mut self.locale),
            "phone_number" => Some(&mut self.phone_number),
            _ => None,
        }
    }
}

impl Address {
    fn place(&mut self, part: &str) -> Option<&mut Option<String>> {
        match part {
            "formatted" => Some(&mut self.formatted),
            "street_address" => Some(&mut self.street_address),
            "locality" => Some(&mut self.locality),
            "region" => Some(&mut self.region),
            "postal_code" => Some(&mut self.postal_code),
            "country" => Some(&mut self.country),
            _ => None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The claims of each scope (OpenID Connect Core §5.4).
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "given_name",
            "family_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

impl User {
    /// All claims about the user, with the types that OpenID Connect Core §5.1 demands.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = match serde_json::to_value(&self.profile) {
            Ok(Value::Object(claims)) => claims,
            _ => Map::new(),
        };
        claims.insert("preferred_username".to_owned(), json!(self.username));
        claims.insert("updated_at".to_owned(), json!(self.updated_at));
        if let Some(email) = &self.email {
            claims.insert("email".to_owned(), json!(email));
            claims.insert("email_verified".to_owned(), json!(self.email_verified));
        }
        if self.profile.phone_number.is_some() {
            let verified = json!(self.profile.phone_number_verified);
            claims.insert("phone_number_verified".to_owned(), verified);
        }
        claims
    }
}
