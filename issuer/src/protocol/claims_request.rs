//! The `claims` parameter (OpenID Connect Core §5.5): single claims that a client asks for beyond its scopes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longer than any sensible request.
const MAX_BYTES: usize = 4096;

/// What of the parameter has an effect here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Names of claims wanted in the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
    /// Names of claims wanted from UserInfo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// The classes of which one must be reached (§5.5.1.1: an essential `acr`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub essential_acr: Vec<String>,
    /// The user that must be signed in (§5.5.1: `sub` with a value).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
}

impl ClaimsRequest {
    /// Reads the parameter; `None` if it is not the object that the specification describes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let document: Map<String, Value> = serde_json::from_str(text).ok()?;
        let id_token = section(&document, "id_token").ok()?;
        let userinfo = section(&document, "userinfo").ok()?;
        let acr = id_token.and_then(|claims| claims.get("acr"));
        let sub = id_token.and_then(|claims| claims.get("sub")).and_then(|sub| sub.get("value"));
        let names = |claims: Option<&Map<String, Value>>| {
            claims.map(|claims| claims.keys().cloned().collect()).unwrap_or_default()
        };
        Some(Self {
            id_token: names(id_token),
            userinfo: names(userinfo),
            essential_acr: acr.map(essential_values).unwrap_or_default(),
            sub: sub.and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A member has not the form of a request.
struct NotARequest;

/// A member that is an object whose members are null or objects, or is absent.
fn section<'d>(
    document: &'d Map<String, Value>,
    name: &str,
) -> Result<Option<&'d Map<String, Value>>, NotARequest> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(claims)) => {
            let is_request = |value: &Value| value.is_null() || value.is_object();
            if claims.values().all(is_request) { Ok(Some(claims)) } else { Err(NotARequest) }
        }
        Some(_) => Err(NotARequest),
    }
}

fn essential_values(acr: &Value) -> Vec<String> {
    if acr.get("essential") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let values = acr.get("values").and_then(Value::as_array).into_iter().flatten();
    values.chain(acr.get("value")).filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_essential_classes_and_the_wanted_user_are_read() {
        let text = r#"{"userinfo":{"name":{"essential":true},"email":null},
            "id_token":{"acr":{"essential":true,"values":["2","phr"]},"sub":{"value":"u1"}},"other":{}}"#;

        let request = ClaimsRequest::parse(text).unwrap();

        assert_eq!(request.userinfo.len(), 2);
        assert_eq!(request.essential_acr, ["2", "phr"]);
        assert_eq!(request.sub.as_deref(), Some("u1"));
    }

    #[test]
    fn what_is_not_such_an_object_is_refused() {
        for bad in ["", "[]", "1", r#"{"userinfo":[]}"#, r#"{"id_token":{"name":true}}"#, "{"] {
            assert_eq!(ClaimsRequest::parse(bad), None, "{bad}");
        }
        assert!(ClaimsRequest::parse("{}").unwrap().is_empty());
    }
}
