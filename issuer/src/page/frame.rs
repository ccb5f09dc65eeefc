//! What every page is given beside its own content, and what every form carries.

use url::Url;

use super::brand::Brand;
use super::language::Language;
use super::messages::Messages;

/// What every page is given.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'v> {
    /// The language of all texts.
    pub language: Language,
    /// Whose name, logo and color the page wears: the client's, or the issuer's.
    pub brand: &'v Brand,
    /// Where the person really is, in the foot of the page: the host of the issuer.
    pub issuer: &'v str,
    /// The path of the issuer's URL, without a slash at its end; empty at a root.
    pub base_path: &'v str,
    /// The validated address to which this request will finally be redirected. Browsers apply the
    /// policy of the page on which a form was sent to every redirect that follows.
    pub form_target: Option<&'v Url>,
}

impl Frame<'_> {
    pub(super) fn messages(&self) -> &'static Messages {
        self.language.messages()
    }
}

/// Where a form is posted to, and what it carries unseen.
#[derive(Clone, Copy, Debug)]
pub struct PostForm<'v> {
    /// The address, as a path of the issuer.
    pub action: &'v str,
    /// The token against forged requests, as the field `csrf`.
    pub csrf: &'v str,
    /// The sealed rest of what the person came for, as the field `continue`.
    pub continuation: Option<&'v str>,
}
