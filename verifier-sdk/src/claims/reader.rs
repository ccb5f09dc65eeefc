//! The single pass over a payload: known claims into their slots, unknown members only checked.
//! Nothing is looked up twice and nothing is skipped unread (RFC 8725 §2.6: no parser differentials).

use std::borrow::Cow;
use std::fmt;

use countersign_keys::json::{Name, Names, Skip};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::claim::{Kind, Value};
use super::text::{Span, Spans};
use super::{Claim, ClaimError, StandardClaims};

/// 2^53: above it, JSON numbers stop being exact (RFC 8259 §6).
const DATE_LIMIT: i64 = 1 << 53;
const DEL: u8 = 0x7f;

/// Reads the payload of `claims` into its other fields.
pub(super) fn read(claims: &mut StandardClaims) -> Result<(), ClaimError> {
    let StandardClaims { payload, unescaped, values, items } = claims;
    let payload = payload.as_str();
    let mut reader = Reader {
        values,
        items,
        spans: Spans::of(payload, unescaped),
        // Without a branch, so that the compiler makes vector instructions of it.
        has_del: payload.bytes().fold(0, |found, byte| found | u8::from(byte == DEL)) != 0,
        current: None,
        refusal: None,
    };
    let mut json = serde_json::Deserializer::from_str(payload);
    let end = json.deserialize_map(&mut reader).and_then(|()| json.end());
    end.map_err(|error| reader.explain(&error))
}

struct Reader<'p> {
    values: &'p mut [Value; Claim::COUNT],
    items: &'p mut Vec<Span>,
    spans: Spans<'p>,
    /// Whether the payload has a DEL anywhere, so that strings need not be searched one by one.
    has_del: bool,
    /// The claim whose value is being read.
    current: Option<Claim>,
    refusal: Option<ClaimError>,
}

impl<'p> Reader<'p> {
    /// serde's messages quote the input, so only their category is used.
    fn explain(&self, error: &serde_json::Error) -> ClaimError {
        match (self.refusal, self.current) {
            (Some(refusal), _) => refusal,
            (None, Some(claim)) if error.is_data() => ClaimError::WrongType(claim),
            _ => ClaimError::Malformed,
        }
    }

    fn refuse<E: serde::de::Error>(&mut self, refusal: ClaimError) -> E {
        self.refusal = Some(refusal);
        E::custom("refused")
    }

    fn text<E: serde::de::Error>(&mut self, text: Cow<'p, str>) -> Result<Span, E> {
        // RFC 8725 §3.7: control characters in names and identifiers serve only confusion. JSON
        // allows them only as escapes (RFC 8259 §7), except DEL.
        let controlled = match &text {
            Cow::Borrowed(text) => self.has_del && text.as_bytes().contains(&DEL),
            Cow::Owned(text) => text.bytes().any(|byte| byte.is_ascii_control()),
        };
        if controlled {
            let refusal = self.current.map_or(ClaimError::Malformed, ClaimError::BadValue);
            return Err(self.refuse(refusal));
        }
        Ok(match text {
            Cow::Borrowed(text) => self.spans.borrowed(text),
            Cow::Owned(text) => self.spans.copied(&text),
        })
    }

    fn date<E: serde::de::Error>(&mut self, seconds: Option<i64>) -> Result<Value, E> {
        match seconds {
            Some(seconds) if (0..DATE_LIMIT).contains(&seconds) => Ok(Value::Date(seconds)),
            _ => {
                let refusal = self.current.map_or(ClaimError::Malformed, ClaimError::BadValue);
                Err(self.refuse(refusal))
            }
        }
    }

    fn known<A: MapAccess<'p>>(&mut self, claim: Claim, map: &mut A) -> Result<(), A::Error> {
        self.current = Some(claim);
        let value = match claim.kind() {
            Kind::Actor => self.actors(map.next_value()?)?,
            Kind::Object => self.object(map.next_value()?)?,
            Kind::Text | Kind::TextOrList | Kind::Date => {
                map.next_value_seed(Scalar { reader: self, kind: claim.kind() })?
            }
        };
        self.current = None;
        match self.values.get_mut(claim as usize) {
            Some(slot @ Value::Absent) => *slot = value,
            _ => return Err(self.refuse(ClaimError::Duplicate)),
        }
        Ok(())
    }

    fn object<E: serde::de::Error>(&mut self, json: &'p RawValue) -> Result<Value, E> {
        if !json.get().starts_with('{') {
            return Err(E::custom("not an object"));
        }
        self.strict(json.get())?;
        Ok(Value::Object(self.spans.borrowed(json.get())))
    }

    fn actors<E: serde::de::Error>(&mut self, json: &'p RawValue) -> Result<Value, E> {
        #[derive(serde::Deserialize)]
        struct Actor<'p> {
            #[serde(borrow)]
            sub: Cow<'p, str>,
            #[serde(borrow, default, deserialize_with = "present")]
            act: Option<&'p RawValue>,
        }
        // It bounds the depth too.
        self.strict(json.get())?;
        let start = self.items.len();
        let mut nested = Some(json);
        while let Some(json) = nested {
            let actor: Actor<'p> =
                serde_json::from_str(json.get()).map_err(|_| E::custom("no actor"))?;
            if actor.sub.is_empty() {
                return Err(self.refuse(ClaimError::BadValue(Claim::Act)));
            }
            let span = self.text(actor.sub)?;
            self.items.push(span);
            nested = actor.act;
        }
        Ok(Value::List(Span::between(start, self.items.len())))
    }

    /// Duplicates and depth inside a value that was taken whole.
    fn strict<E: serde::de::Error>(&mut self, json: &str) -> Result<(), E> {
        let mut json = serde_json::Deserializer::from_str(json);
        Skip::member().deserialize(&mut json).map_err(|_| self.refuse(ClaimError::Malformed))
    }
}

/// A member that is there, also as null: absent is not the same as malformed.
fn present<'p, D: Deserializer<'p>>(json: D) -> Result<Option<&'p RawValue>, D::Error> {
    serde::Deserialize::deserialize(json).map(Some)
}

impl<'p> Visitor<'p> for &mut Reader<'p> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'p>>(self, mut map: A) -> Result<(), A::Error> {
        let mut unknown = Names::default();
        while let Some(name) = map.next_key_seed(Name)? {
            if let Some(claim) = Claim::from_name(&name) {
                self.known(claim, &mut map)?;
            } else {
                unknown
                    .record::<A::Error>(name)
                    .map_err(|_| self.refuse::<A::Error>(ClaimError::Duplicate))?;
                map.next_value_seed(Skip::member())?;
            }
        }
        Ok(())
    }
}

/// A string, a list of strings or a date, as the kind demands.
struct Scalar<'r, 'p> {
    reader: &'r mut Reader<'p>,
    kind: Kind,
}

impl<'p> DeserializeSeed<'p> for Scalar<'_, 'p> {
    type Value = Value;

    fn deserialize<D: Deserializer<'p>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl Scalar<'_, '_> {
    fn must_be<E: serde::de::Error>(allowed: bool) -> Result<(), E> {
        if allowed { Ok(()) } else { Err(E::custom("wrong type")) }
    }
}

impl<'p> Visitor<'p> for Scalar<'_, 'p> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'p str) -> Result<Value, E> {
        Self::must_be(self.kind != Kind::Date)?;
        self.reader.text(Cow::Borrowed(text)).map(Value::Text)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Self::must_be(self.kind != Kind::Date)?;
        self.reader.text(Cow::Owned(text.to_owned())).map(Value::Text)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        Self::must_be(self.kind == Kind::Date)?;
        self.reader.date(i64::try_from(number).ok())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Self::must_be(self.kind == Kind::Date)?;
        self.reader.date(Some(number))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the range is checked first, and the fraction of a second is cut on purpose"
    )]
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Self::must_be(self.kind == Kind::Date)?;
        let in_range = number >= 0.0 && number < DATE_LIMIT as f64;
        self.reader.date(in_range.then_some(number as i64))
    }

    fn visit_seq<A: SeqAccess<'p>>(self, mut items: A) -> Result<Value, A::Error> {
        Self::must_be(self.kind == Kind::TextOrList)?;
        let start = self.reader.items.len();
        while let Some(text) = items.next_element_seed(Name)? {
            let span = self.reader.text::<A::Error>(text)?;
            self.reader.items.push(span);
        }
        Ok(Value::List(Span::between(start, self.reader.items.len())))
    }
}
