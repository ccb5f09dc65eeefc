//! The client credentials grant (RFC 6749 §4.4): a client asks for itself. Nothing is its own: the client is
//! authenticated before, and the policy decides after.

use std::future::ready;

use super::{Authorization, Authorizing, Commit, Subject, TokenRequest};

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(ready(Ok(Authorization {
        subject: Subject::Client,
        resources: request.resources(),
        scope: request.form.value("scope"),
        commit: Commit::Nothing,
    })))
}
