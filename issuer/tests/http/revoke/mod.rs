//! Revocation (RFC 7009), what else revokes, and that whatever came from a token ends with it.

mod causes;
mod chains;
mod endpoint;

use axum::body::Body;
use http::{Request, header};

use crate::harness::{Answer, Issuer, form};

impl Issuer {
    /// `POST` of a form by a client with a secret.
    pub(crate) async fn ask_as(
        &self,
        path: &str,
        (client, secret): (&str, &str),
        parameters: &[(&str, &str)],
    ) -> Answer {
        let mut all = vec![("client_id", client), ("client_secret", secret)];
        all.extend_from_slice(parameters);
        all.retain(|(_, value)| !value.is_empty());
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form(&all)));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn revoke(&self, by: (&str, &str), token: &str) -> Answer {
        self.ask_as("/revoke", by, &[("token", token)]).await
    }

    /// Whether a token is active, by the word of its resource.
    pub(crate) async fn is_active(&self, by: (&str, &str), token: &str) -> bool {
        let answer = self.ask_as("/introspect", by, &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told = answer.json();
        let is_active = told["active"].as_bool().unwrap();
        assert!(is_active || told.as_object().unwrap().len() == 1, "{told}");
        is_active
    }
}
