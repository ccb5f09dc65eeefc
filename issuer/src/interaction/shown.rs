//! What every page of a sign-in is made of: whose it looks like, in which language, and what its form brings back.

use url::Url;

use super::Interaction;
use super::dispatcher::sealing;
use super::visit::{Ended, Visit};
use crate::page::{Brand, Frame, Language, PostForm};
use crate::registry::Client;

/// The parts of one page that waits for the user.
pub(super) struct Shown<'v> {
    visit: &'v Visit<'v>,
    brand: Brand,
    language: Language,
    target: Option<Url>,
    csrf: String,
    action: String,
    /// The interaction, sealed for this browser.
    pub(super) sealed: String,
}

impl<'v> Shown<'v> {
    /// For a page whose form is posted to `path`.
    pub(super) fn of(
        visit: &'v Visit<'v>,
        interaction: &Interaction,
        client: &Client,
        path: &str,
    ) -> Result<Self, Ended> {
        let sealed = interaction.seal(&visit.app.sealer).map_err(|error| sealing(visit, error))?;
        Ok(Self {
            visit,
            brand: visit.brand_of(client),
            language: visit.language(interaction.request.ui_locales.as_deref()),
            target: interaction.request.target.url(),
            csrf: visit.csrf(),
            action: visit.path(path),
            sealed,
        })
    }

    /// What the page is given beside its own content.
    pub(super) fn frame(&self) -> Frame<'_> {
        let frame = self.visit.frame(&self.brand, self.language);
        Frame { form_target: self.target.as_ref(), ..frame }
    }

    /// Its form.
    pub(super) fn form(&self) -> PostForm<'_> {
        PostForm { action: &self.action, csrf: &self.csrf, continuation: Some(&self.sealed) }
    }
}
