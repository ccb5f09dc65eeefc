//! The settings of `Sessions`. What cannot work is refused at `build`.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use url::Url;

use super::cookie_keys::CookieKeys;
use super::cookies::CookieName;
use super::login::is_local_path;
use super::provider::{Endpoints, Provider};
use super::renewal::Renewals;
use super::store::{EndedSessions, MemoryStore, SessionStore};
use super::token_endpoint::{TokenEndpoint, http_client};
use super::{Inner, SessionError, Sessions, UserInfo};
use crate::RelyingParty;
use crate::key_source::{Fetch, HttpFetch, PlainHttp, check_url};

/// Collects what [`Sessions`] needs; made by [`Sessions::builder`].
#[must_use]
pub struct SessionsBuilder {
    client: RelyingParty,
    app_url: String,
    keys: CookieKeys,
    secret: Option<String>,
    scope: String,
    resource: Option<String>,
    cookie: String,
    plain_cookie: Option<String>,
    store: Option<Arc<dyn SessionStore>>,
    ended: Option<Arc<dyn EndedSessions>>,
    lifetime: Duration,
    base_path: String,
    after_logout: String,
    endpoints: Option<Endpoints>,
    fetch: Option<Arc<dyn Fetch>>,
    http: Option<reqwest::Client>,
    user_info: UserInfo,
    render_error: fn(SessionError) -> Response,
}

impl SessionsBuilder {
    pub(super) fn new(client: RelyingParty, app_url: &str, keys: CookieKeys) -> Self {
        Self {
            client,
            app_url: app_url.to_owned(),
            keys,
            secret: None,
            scope: "openid".to_owned(),
            resource: None,
            cookie: "__Host-session".to_owned(),
            plain_cookie: None,
            store: None,
            ended: None,
            lifetime: Duration::from_hours(12),
            base_path: String::new(),
            after_logout: "/".to_owned(),
            endpoints: None,
            fetch: None,
            http: None,
            user_info: UserInfo::NotAsked,
            render_error: SessionError::into_response,
        }
    }

    /// The secret of a confidential client (`client_secret_basic`). Without one the client is public, and PKCE
    /// alone protects the code.
    pub fn client_secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// What is asked for: `openid` by default. Add `offline_access` for sessions that outlive an access token.
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// The API for which the access token is meant (RFC 8707).
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// The name of the session's cookie, which must begin with `__Host-`: `__Host-session` by default.
    pub fn cookie(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cookie);
        self
    }

    /// The plain mode: also puts the signed access token itself into a cookie of this name, as it is, for parts of
    /// the application in other languages, which verify it with any JWT library. It is renewed with the session.
    pub fn plain_access_token_cookie(mut self, name: &str) -> Self {
        self.plain_cookie = Some(name.to_owned());
        self
    }

    /// Keeps sessions on the server, and in the cookie only a name. Without it the sealed cookie keeps everything.
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where ended sessions are remembered; in this process by default.
    pub fn ended_sessions(mut self, ended: impl EndedSessions) -> Self {
        self.ended = Some(Arc::new(ended));
        self
    }

    /// How long a session may last, whatever is renewed: 12 h by default.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Puts the routes under a path, e.g. `/auth`. Register `{app_url}{base_path}/callback` at the issuer.
    pub fn base_path(mut self, base_path: &str) -> Self {
        base_path.clone_into(&mut self.base_path);
        self
    }

    /// The path where the browser ends up after signing out: `/` by default. Register it at the issuer too.
    pub fn after_logout(mut self, path: &str) -> Self {
        path.clone_into(&mut self.after_logout);
        self
    }

    /// Endpoints given by hand, e.g. internal addresses; nothing is discovered then.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = Some(endpoints);
        self
    }

    /// Another way to fetch the issuer's metadata.
    pub fn fetcher(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Another client for the token endpoint (a private CA, a proxy). It must not follow redirects and must have a
    /// timeout.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Asks UserInfo at sign-in, for issuers that keep `name`, `email` and so on out of the ID token (OpenID Connect Core
    /// §5.4). The ID token has the last word. Not together with a `resource` that has other access tokens.
    pub fn with_user_info(mut self) -> Self {
        self.user_info = UserInfo::Asked;
        self
    }

    /// Shows failures in another way, e.g. as a page of the application.
    pub fn map_error(mut self, render: fn(SessionError) -> Response) -> Self {
        self.render_error = render;
        self
    }

    /// Checks the settings. Nothing is fetched before somebody signs in.
    pub fn build(mut self) -> Result<Sessions, SessionError> {
        self.check()?;
        let (cookie, plain_cookie) = self.cookies()?;
        let provider = self.provider()?;
        let inner = Inner {
            origin: check_app_url(&self.app_url)?.origin().ascii_serialization(),
            clock: self.client.clock(),
            provider,
            token_endpoint: TokenEndpoint {
                client_id: self.client.client_id().to_owned(),
                secret: self.secret,
                http: self.http.map_or_else(http_client, Ok)?,
            },
            client: self.client,
            keys: self.keys,
            scope: self.scope,
            resource: self.resource,
            cookie,
            plain_cookie,
            store: self.store,
            ended: self.ended.unwrap_or_else(|| Arc::new(MemoryStore::default())),
            lifetime: self.lifetime,
            base_path: self.base_path,
            after_logout: self.after_logout,
            renewals: Renewals::default(),
            user_info: self.user_info,
            render_error: self.render_error,
        };
        Ok(Sessions { inner: Arc::new(inner) })
    }

    fn check(&self) -> Result<(), SessionError> {
        let is_prefix =
            |path: &str| path.is_empty() || (is_local_path(path) && !path.ends_with('/'));
        let bounds = [
            (is_prefix(&self.base_path), "the base path begins with a slash and ends without"),
            (
                is_local_path(&self.after_logout),
                "the way after logout is a path of the application",
            ),
            // OpenID Connect Core §3.1.2.1.
            (self.scope.split(' ').any(|one| one == "openid"), "the scope must contain openid"),
            (self.lifetime >= Duration::from_mins(1), "a session lasts at least a minute"),
        ];
        match bounds.iter().find(|(holds, _)| !holds) {
            Some((_, message)) => Err(SessionError::Misconfigured(message)),
            None => Ok(()),
        }
    }

    fn cookies(&self) -> Result<(CookieName, Option<CookieName>), SessionError> {
        let parse = |name: &String| {
            let bad = SessionError::Misconfigured("cookies must begin with __Host-");
            CookieName::parse(name).ok_or(bad)
        };
        let (cookie, plain) = (parse(&self.cookie)?, self.plain_cookie.as_ref().map(parse));
        match plain.transpose()? {
            Some(plain) if plain == cookie => {
                Err(SessionError::Misconfigured("two cookies have the same name"))
            }
            plain => Ok((cookie, plain)),
        }
    }

    fn provider(&mut self) -> Result<Provider, SessionError> {
        let (issuer, clock) = (self.client.issuer(), self.client.clock());
        if let Some(endpoints) = self.endpoints.take() {
            return Ok(Provider::given(issuer, endpoints, clock));
        }
        let bad = |_| SessionError::Misconfigured("the HTTP client cannot be made");
        let ours = || HttpFetch::build().map(|fetch| Arc::new(fetch) as Arc<dyn Fetch>);
        let fetch = self.fetch.take().map_or_else(ours, Ok).map_err(bad)?;
        Ok(Provider::discovered(issuer, fetch, clock))
    }
}

/// An origin without path: cookies with `__Host-` are for all paths of a host.
fn check_app_url(app_url: &str) -> Result<Url, SessionError> {
    let bad = SessionError::Misconfigured("the application's URL must be an https origin");
    let url = Url::parse(app_url).map_err(|_| bad.clone())?;
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_origin && check_url(&url, PlainHttp::Loopback).is_ok() { Ok(url) } else { Err(bad) }
}
