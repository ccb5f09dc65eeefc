//! After a password: the offer of a passkey (Web Authentication Level 3 §7.1), which is as easily refused as taken.

use askama::Template;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::passkey::PasskeyForm;
use super::problem::Problem;

/// Asks whether the person wants a passkey. Posts `credential`, or `answer` as `refuse`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "offer_passkey.html")]
pub struct OfferPasskeyPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form that makes one.
    pub passkey: PasskeyForm<'v>,
    /// The form that goes on without.
    pub not_now: PostForm<'v>,
    /// What was wrong last time.
    pub problems: &'v [Problem],
}

impl OfferPasskeyPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for OfferPasskeyPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().offer_passkey.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }

    fn script(&self) -> Option<&'static Asset> {
        Some(assets::PASSKEY)
    }
}
