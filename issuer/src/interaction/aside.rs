//! A page beside the way of a sign-in, such as the one for a forgotten password: it may be opened within a sign-in, to
//! which it leads back, or alone, by its address.

use axum::response::{IntoResponse as _, Response};
use url::Url;

use super::Interaction;
use super::visit::Visit;
use crate::page::{Brand, Frame, Language, MailKind, MailSentPage, PostForm, View as _};

/// The parts of such a page.
pub(super) struct Aside<'v> {
    visit: &'v Visit<'v>,
    brand: Brand,
    /// Of the page, and of the mail that follows from it.
    pub(super) language: Language,
    csrf: String,
    action: String,
    target: Option<Url>,
    /// The sign-in that it belongs to, as it travels.
    pub(super) sealed: Option<String>,
}

impl<'v> Aside<'v> {
    /// For a page whose form is posted to `path`; `continuation` is the sign-in, as it came.
    pub(super) fn of(visit: &'v Visit<'v>, path: &str, continuation: Option<&str>) -> Self {
        let opened = continuation.and_then(|text| Some((text, Interaction::open(visit, text)?)));
        let client = opened.as_ref().and_then(|(_, interaction)| {
            visit.app.registry.load().client(&interaction.request.client_id).cloned()
        });
        let request = opened.as_ref().map(|(_, interaction)| &interaction.request);
        Self {
            visit,
            brand: client.map_or_else(|| visit.app.brand.clone(), |client| visit.brand_of(&client)),
            language: visit.language(request.and_then(|request| request.ui_locales.as_deref())),
            csrf: visit.csrf(),
            action: visit.path(path),
            target: request.and_then(|request| request.target.url()),
            sealed: opened.map(|(text, _)| text.to_owned()),
        }
    }

    /// What the page is given beside its own content.
    pub(super) fn frame(&self) -> Frame<'_> {
        let frame = self.visit.frame(&self.brand, self.language);
        Frame { form_target: self.target.as_ref(), ..frame }
    }

    /// Its form.
    pub(super) fn form(&self) -> PostForm<'_> {
        PostForm { action: &self.action, csrf: &self.csrf, continuation: self.sealed.as_deref() }
    }

    /// The way back to the sign-in.
    pub(super) fn sign_in(&self) -> Option<String> {
        let sealed = self.sealed.as_ref()?;
        Some(self.visit.path(&format!("/continue?continue={sealed}")))
    }

    /// The page that follows: a mail is on its way, whether there is one or not.
    pub(super) fn mail_sent(&self, kind: MailKind) -> Response {
        let sign_in = self.sign_in();
        let page = MailSentPage { frame: self.frame(), kind, sign_in: sign_in.as_deref() };
        page.page().into_response()
    }
}
