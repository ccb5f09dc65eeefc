//! A provider, an application that signs people in there, and the clock of both.

use axum::Router;
use axum::routing::{get, post};
use countersign_verifier::RelyingParty;
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::session::{
    CookieKeys, OptionalSession, Session, Sessions, SessionsBuilder,
};
use countersign_verifier::testing::TestClock;
use http::StatusCode;

use crate::browser::{Browser, Page};
use crate::provider::{Provider, SECRET};

pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
pub(crate) const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) provider: Provider,
    pub(crate) app: Router,
    pub(crate) client: RelyingParty,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Self {
        let clock = TestClock::at(NOW);
        let provider = Provider::start(&clock).await;
        let builder = RelyingParty::builder(&provider.url, "web").clock(clock.clone());
        let client = builder.feed(FeedSource::Pushed).build().await.unwrap();
        let app = app(change(builder_of(&client, KEY, &[])));
        Self { clock, provider, app, client }
    }

    /// The same application, built again: another process, or other settings.
    pub(crate) fn another(
        &self,
        (first, former): (&str, &[&str]),
        change: impl FnOnce(SessionsBuilder) -> SessionsBuilder,
    ) -> Router {
        app(change(builder_of(&self.client, first, former)))
    }

    /// The whole way: to the issuer and back.
    pub(crate) async fn sign_in(&self, browser: &mut Browser) -> Page {
        let back = self.come_back(browser, "/login?return_to=/home").await;
        let page = browser.get(&self.app, &back).await;
        assert_eq!(
            (page.status, page.location()),
            (StatusCode::SEE_OTHER, "/home"),
            "{}",
            page.body
        );
        page
    }

    pub(crate) async fn signed_in(&self) -> Browser {
        let mut browser = Browser::default();
        self.sign_in(&mut browser).await;
        browser
    }

    /// To the issuer, and what it sends the browser back with.
    pub(crate) async fn come_back(&self, browser: &mut Browser, login: &str) -> String {
        let page = browser.get(&self.app, login).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        visit(page.location()).await
    }
}

/// Asks the issuer, and gives the path that the browser goes on to.
pub(crate) async fn visit(url: &str) -> String {
    let no_redirects = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(no_redirects).build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    let location: url::Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    format!("{}?{}", location.path(), location.query().unwrap())
}

fn builder_of(client: &RelyingParty, first: &str, former: &[&str]) -> SessionsBuilder {
    let keys = CookieKeys::parse(first, former.iter().copied()).unwrap();
    Sessions::builder(client.clone(), "http://localhost:3000", keys)
        .client_secret(SECRET)
        .scope("openid offline_access")
}

fn app(builder: SessionsBuilder) -> Router {
    let sessions = builder.build().unwrap();
    let who = async |OptionalSession(session): OptionalSession| {
        session.map_or("nobody".to_owned(), |session| session.subject().to_owned())
    };
    Router::new()
        .route("/home", get(async |session: Session| session.subject().to_owned()))
        .route("/token", get(async |session: Session| session.access_token().to_owned()))
        .route("/maybe", get(who))
        .route("/change", post(async |session: Session| session.subject().to_owned()))
        .layer(sessions.layer())
        .merge(sessions.routes())
}
