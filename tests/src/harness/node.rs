//! One running `countersign serve`.

use super::{App, Deployment, Expected, Load, PAYMENTS, Process, Reply, eventually};
use std::time::Duration;
use tokio::time::sleep;

/// A node that has been ready at least once.
#[derive(Debug)]
pub struct Node {
    /// The process itself.
    pub process: Process,
    /// Where it serves clients: `http://127.0.0.1:port`.
    pub url: String,
    /// Where it serves operators.
    pub management_url: String,
    /// A client that trusts what the deployment serves.
    pub http: reqwest::Client,
}

impl Node {
    /// Waits until the node says that it is ready.
    pub async fn ready(mut self) -> Self {
        let (url, http) = (format!("{}/readyz", self.url), self.http.clone());
        eventually("the node is ready", Duration::from_secs(30), || {
            if let Some(status) = self.process.ended() {
                panic!("the node ended with {status}:\n{}", self.process.output());
            }
            let request = http.get(&url).send();
            async { request.await.ok().filter(|response| response.status() == 200).map(|_| ()) }
        })
        .await;
        self
    }

    /// The status of `GET path`, or `None` if nobody answers.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await;
        response.ok().map(|response| response.status().as_u16())
    }

    /// The text of `GET url`.
    pub async fn text(&self, url: &str) -> String {
        let response = self.http.get(url).send().await.expect("an answer");
        response.text().await.expect("text")
    }

    /// `POST /token` with this form.
    pub async fn post(&self, form: &[(&'static str, String)]) -> Result<Reply, reqwest::Error> {
        let request = self.http.post(format!("{}/token", self.url)).form(form);
        Ok(Reply::read(request.send().await?).await)
    }

    /// Asks for a token with the app's secret.
    pub async fn ask(&self, app: &App) -> Reply {
        self.post(&app.form()).await.expect("an answer")
    }

    /// A token for the app; a refusal ends the test.
    pub async fn token(&self, app: &App) -> String {
        self.ask(app).await.access_token().expect("a token")
    }

    /// `POST /revoke` of a token, by the app that has it: the status, or `None` if nobody answers.
    pub async fn revoke(&self, app: &App, token: &str) -> Option<u16> {
        let (id, secret) = (app.client_id.as_str(), app.client_secret.as_str());
        let form = [("client_id", id), ("client_secret", secret), ("token", token)];
        let answer = self.http.post(format!("{}/revoke", self.url)).form(&form).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    /// Waits until the node has heard of the client: until its secret gets a token. Asks seldom: each refusal
    /// counts against the address.
    pub async fn knows(&self, app: &App) {
        for _ in 0..4 {
            sleep(Duration::from_millis(500)).await;
            // An assertion is good once, so there is nothing to try with; a change is promised within a second.
            if !app.client_secret.is_empty() && self.ask(app).await.access_token().is_ok() {
                return;
            }
        }
        assert!(app.client_secret.is_empty(), "the node does not know {} after 2 s", app.client_id);
    }

    /// What a judge must know to verify tokens from this node.
    pub fn expected(&self, deployment: &Deployment, max_age: u64) -> Expected {
        Expected {
            issuer: deployment.issuer.clone(),
            audience: PAYMENTS.to_owned(),
            jwks_url: format!("{}/jwks", self.url),
            max_age,
        }
    }

    /// Steady load: `workers` that ask for a token as soon as they have one; anything but a token is a failure.
    pub fn load(&self, app: &App, workers: usize) -> Load {
        let (http, endpoint, form) = (self.http.clone(), format!("{}/token", self.url), app.form());
        Load::start(workers, move || {
            let request = http.post(&endpoint).form(&form);
            async move {
                let response = request.send().await.map_err(|error| format!("{error:?}"))?;
                Reply::read(response).await.access_token().map(|_| ())
            }
        })
    }
}
