//! An application with a sign-in: who is not signed in is sent to the issuer, who is sees their name and may sign out.
//! `docs/quickstart.md` section 6 starts it.
//!
//! It reads `CLIENT_SECRET` and `COOKIE_KEY` (`openssl rand -base64 32`); `ISSUER` (`http://localhost:8080`), `CLIENT_ID`
//! (`web`) and `APP_URL` (`http://localhost:8082`, where it also listens) have defaults.

#![expect(clippy::print_stdout, reason = "it tells which page to open")]
#![expect(
    clippy::disallowed_methods,
    reason = "an application has its settings from the environment"
)]

use std::env::var;
use std::error::Error;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use countersign_verifier::RelyingParty;
use countersign_verifier::session::{CookieKeys, OptionalSession, Session, Sessions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, default: &str| var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("ISSUER", "http://localhost:8080");
    let app_url = setting("APP_URL", "http://localhost:8082");
    let listen = app_url.trim_start_matches("http://");
    let cookie_keys = CookieKeys::parse(&var("COOKIE_KEY")?, [])?;

    let client = RelyingParty::builder(&issuer, &setting("CLIENT_ID", "web")).build().await?;
    let sessions = Sessions::builder(client, &app_url, cookie_keys)
        .client_secret(&var("CLIENT_SECRET")?)
        .build()?;
    let app = Router::new()
        .route("/", get(home))
        // A handler that asks for a `Session` is reached by people who are signed in, and by nobody else.
        .route("/private", get(async |session: Session| format!("{:#?}", session.user())))
        .layer(sessions.layer())
        .merge(sessions.routes());

    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("open {app_url}");
    axum::serve(listener, app).await?;
    Ok(())
}

async fn home(session: OptionalSession) -> Html<String> {
    Html(match session.0 {
        None => "<p>Hello. <a href=/login>Sign in</a></p>".to_owned(),
        Some(session) => format!(
            "<p>Hello, {}. <a href=/private>What the ID token says</a></p>\
             <form method=post action=/logout><button>Sign out</button></form>",
            session.subject()
        ),
    })
}
