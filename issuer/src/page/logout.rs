//! Signing out (OpenID Connect RP-Initiated Logout 1.0 §2, §6; Front-Channel Logout 1.0 §3).

use askama::Template;
use url::Url;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;

/// Asks whether to sign out. Posts `answer`: `sign_out` or `stay`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "logout.html")]
pub struct LogoutPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form of both buttons.
    pub form: PostForm<'v>,
    /// The application that asks for it.
    pub client_name: Option<&'v str>,
    /// Who is signed in.
    pub user_name: &'v str,
}

impl LogoutPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for LogoutPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().logout.title.to_owned()
    }
}

/// Says that the person is signed out, and signs out of clients in frames.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "logged_out.html")]
pub struct LoggedOutPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The `frontchannel_logout_uri` of each client, with `iss` and `sid`.
    pub frontchannel_logout_uris: &'v [Url],
    /// Where to go on, after the frames if there are any.
    pub continue_to: Option<LogoutTarget<'v>>,
    /// The address at which to sign in again, if there is nowhere else to go.
    pub sign_in: Option<&'v str>,
}

/// Where a person goes on after signing out.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTarget<'v> {
    /// The name of the client.
    pub client_name: &'v str,
    /// Its validated `post_logout_redirect_uri`, with `state`.
    pub uri: &'v Url,
}

impl LoggedOutPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for LoggedOutPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().logout.done_title.to_owned()
    }

    fn script(&self) -> Option<&'static Asset> {
        // RP-Initiated Logout §3: the person is sent on; where frames have to load first, by a script.
        (!self.frontchannel_logout_uris.is_empty() && self.continue_to.is_some())
            .then_some(assets::SIGNED_OUT)
    }

    fn frames(&self) -> &[Url] {
        self.frontchannel_logout_uris
    }
}
