//! Says what a link from a mail did, and how to go on.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::Frame;
use super::notice::Notice;

/// The end of a way that began with a link.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "done.html")]
pub struct DonePage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// What was done.
    pub done: Notice,
    /// The address at which the sign-in goes on that the person came from, if this browser has one.
    pub go_on: Option<&'v str>,
}

impl DonePage<'_> {
    fn text(&self) -> &'static str {
        self.done.text(self.frame.language)
    }
}

impl View for DonePage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.frame.messages().common.done.to_owned()
    }
}
