//! `POST /logout`: ends the session here, gives its refresh token back, and sends the browser on to the issuer, where
//! everything else ends (OpenID Connect RP-Initiated Logout §2). Never a GET: a link or an image of another site would do.

use axum::extract::{Request, State};
use axum::response::Response;
use url::Url;

use super::keeping::{not_there, session_name};
use super::login::{redirect, redirect_to};
use super::provider::Endpoints;
use super::record::Session;
use super::{SessionError, Sessions};
use crate::credential::is_same_site;

pub(super) async fn endpoint(State(sessions): State<Sessions>, request: Request) -> Response {
    logout(&sessions, request).await.unwrap_or_else(|error| sessions.refuse(error))
}

async fn logout(sessions: &Sessions, request: Request) -> Result<Response, SessionError> {
    let (parts, _) = request.into_parts();
    if !is_same_site(&parts, std::slice::from_ref(&sessions.inner.origin)) {
        return Err(SessionError::CrossSite);
    }
    let headers = &parts.headers;
    let session = sessions.open(headers).await?.map(|(_, session)| session);
    let cookies = sessions.clear_cookies(headers);
    let Some(session) = session else {
        return Ok(redirect_to(&sessions.inner.after_logout, cookies));
    };
    sessions.end(&session).await?;
    sessions.discard(headers).await?;
    // The session has ended here, whether the issuer can be reached or not.
    let endpoints = sessions.inner.provider.endpoints().await.ok();
    sessions.give_back(&session, endpoints.as_deref());
    match endpoints.and_then(|endpoints| endpoints.end_session_endpoint.clone()) {
        Some(url) => Ok(redirect(&sessions.end_session_url(url, &session), cookies)),
        None => Ok(redirect_to(&sessions.inner.after_logout, cookies)),
    }
}

impl Sessions {
    /// A copy of the cookie must not outlive the session.
    async fn end(&self, session: &Session) -> Result<(), SessionError> {
        let record = session.record();
        let name = session_name(&record.name);
        let ended = self.inner.ended.end(&name, i64::MAX, self.ends_at(record));
        ended.await.map_err(not_there)
    }

    /// Without letting the browser wait; if it fails, the refresh token ends when the issuer's session does.
    fn give_back(&self, session: &Session, endpoints: Option<&Endpoints>) {
        let endpoint = endpoints.and_then(|endpoints| endpoints.revocation_endpoint.clone());
        let refresh_token = session.record().tokens.refresh_token.clone();
        if let (Some(endpoint), Some(refresh_token)) = (endpoint, refresh_token) {
            let sessions = self.clone();
            tokio::spawn(async move {
                let revoked = sessions.inner.token_endpoint.revoke(&endpoint, &refresh_token).await;
                if let Err(error) = revoked {
                    tracing::warn!(code = error.code(), "a refresh token cannot be given back");
                }
            });
        }
    }

    /// RP-Initiated Logout §2: the ID token shows which session, so that nobody has to be asked.
    fn end_session_url(&self, mut url: Url, session: &Session) -> Url {
        let inner = &self.inner;
        url.query_pairs_mut()
            .append_pair("id_token_hint", &session.record().id_token)
            .append_pair("client_id", inner.client.client_id())
            .append_pair(
                "post_logout_redirect_uri",
                &format!("{}{}", inner.origin, inner.after_logout),
            );
        url
    }
}
