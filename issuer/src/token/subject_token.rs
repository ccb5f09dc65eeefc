//! The token that a client brings to act for its subject (RFC 8693 §2.1), as pure values: whose it is, through whose hands
//! it went, and until when. It was verified before; whether the client may use it is for the policy to say.

use countersign_verifier::claims::{Claim, StandardClaims};
use serde::Deserialize;
use uuid::Uuid;

use crate::protocol::Identity;
use crate::registry::ExternalSubject;

/// A verified access token of this issuer.
#[derive(Clone, Debug)]
pub struct SubjectToken {
    /// Which kind of identity it carries.
    pub identity: Identity,
    /// Whose.
    pub about: About,
    /// The client that it was issued to.
    pub client_id: String,
    /// The resource that it was issued for.
    pub audience: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Unix seconds.
    pub expires_at: i64,
    /// Its id.
    pub jti: String,
    /// Who acts for the subject, the last one first (RFC 8693 §4.1).
    pub actors: Vec<String>,
    /// The client that the first token of the chain was issued to.
    pub origin_client_id: String,
    /// The ids of the tokens that it came from, the oldest first.
    pub ancestors: Vec<String>,
    /// Who alone may act for the subject (RFC 8693 §4.4).
    pub may_act: MayAct,
    /// What it says of the sign-in of a user.
    pub sign_in: TokenSignIn,
}

/// Whom a token is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A client.
    App(String),
    /// A user of this issuer.
    User(Uuid),
    /// Somebody in a namespace of the client that named them.
    External(ExternalSubject),
}

/// Who may act for a subject, by its own token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayAct {
    /// The token does not say.
    Anybody,
    /// This client.
    Only(String),
    /// Somebody who is no client of this issuer.
    Nobody,
}

/// How the user of a token signed in; empty for everybody else.
#[derive(Clone, Debug, Default)]
pub struct TokenSignIn {
    /// Unix seconds.
    pub auth_time: Option<i64>,
    /// How well.
    pub acr: Option<String>,
    /// With what.
    pub amr: Vec<String>,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// By which code, or which family of refresh tokens.
    pub grant_id: Option<Uuid>,
}

impl About {
    /// The `sub`.
    pub fn subject(&self) -> String {
        match self {
            Self::App(client_id) => client_id.clone(),
            Self::User(id) => id.to_string(),
            Self::External(subject) => subject.as_str().to_owned(),
        }
    }
}

impl SubjectToken {
    /// Reads the claims of a token that was verified; none if they do not say who it is about.
    pub fn read(issuer: &str, claims: &StandardClaims) -> Option<Self> {
        let identity = Identity::from_idtyp(claims.text(Claim::Idtyp)?)?;
        let subject = claims.subject()?;
        let actors: Vec<String> = claims.actors().map(str::to_owned).collect();
        let about = match identity {
            Identity::App => About::App(subject.to_owned()),
            Identity::User => About::User(Uuid::try_parse(subject).ok()?),
            // Without the client that named the user it would say nothing of how the user came into it.
            Identity::AppAsserted if actors.is_empty() => return None,
            Identity::AppAsserted => match Uuid::try_parse(subject) {
                Ok(id) => About::User(id),
                Err(_) => About::External(ExternalSubject::parse(subject)?),
            },
        };
        let client_id = claims.text(Claim::ClientId)?.to_owned();
        let origin = claims.text(Claim::OriginClientId).unwrap_or(&client_id).to_owned();
        Some(Self {
            identity,
            about,
            origin_client_id: origin,
            client_id,
            audience: claims.text(Claim::Aud)?.to_owned(),
            scopes: owned(claims, Claim::Scope),
            expires_at: claims.expires_at()?,
            jti: claims.token_id()?.to_owned(),
            actors,
            ancestors: owned(claims, Claim::AncestorJti),
            may_act: may_act(issuer, claims),
            sign_in: match identity {
                Identity::User => sign_in(claims),
                Identity::App | Identity::AppAsserted => TokenSignIn::default(),
            },
        })
    }

    /// The client that named the user of an app-asserted token: the first of all that act.
    pub fn asserted_by(&self) -> Option<&str> {
        let first = self.actors.last().filter(|_| self.identity == Identity::AppAsserted);
        first.map(String::as_str)
    }
}

fn sign_in(claims: &StandardClaims) -> TokenSignIn {
    let id = |claim| claims.text(claim).and_then(|id| Uuid::try_parse(id).ok());
    TokenSignIn {
        auth_time: claims.date(Claim::AuthTime),
        acr: claims.text(Claim::Acr).map(str::to_owned),
        amr: owned(claims, Claim::Amr),
        session_id: id(Claim::Sid),
        grant_id: id(Claim::GrantId),
    }
}

/// RFC 8693 §4.4: the members together say who it is; what is not understood is nobody.
fn may_act(issuer: &str, claims: &StandardClaims) -> MayAct {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Party {
        sub: String,
        iss: Option<String>,
    }
    let Some(json) = claims.object(Claim::MayAct) else { return MayAct::Anybody };
    match serde_json::from_str::<Party>(json) {
        Ok(Party { sub, iss }) if iss.as_deref().is_none_or(|iss| iss == issuer) => {
            MayAct::Only(sub)
        }
        _ => MayAct::Nobody,
    }
}

fn owned(claims: &StandardClaims, claim: Claim) -> Vec<String> {
    claims.list(claim).map(str::to_owned).collect()
}
