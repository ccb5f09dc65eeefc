//! The login page (OpenID Connect Core 1.0 §3.1.2.3): one real form for username and password, passkeys
//! by autofill or by a button, upstream providers as buttons. Also the page of a step-up, where it is
//! settled who has to sign in.

use askama::Template;
use url::Url;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::notice::Notice;
use super::passkey::PasskeyForm;
use super::problem::{Field, Problem};

/// Asks who it is and for a proof. Posts `username` and `password`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "login.html")]
pub struct LoginPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form of username and password; `None` for a known person who has no password.
    pub form: Option<PostForm<'v>>,
    /// Who signs in.
    pub user: LoginUser<'v>,
    /// The application that the person comes from.
    pub client_name: Option<&'v str>,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// What just happened.
    pub notice: Option<Notice>,
    /// Signing in with a passkey.
    pub passkey: Option<PasskeyForm<'v>>,
    /// Signing in at other providers.
    pub upstream: Option<Upstream<'v>>,
    /// The address of the page for a forgotten password.
    pub forgot_password: Option<&'v str>,
    /// The address of the registration, where it is open.
    pub register: Option<&'v str>,
    /// The form that goes on without, where what is asked for is only preferred.
    pub not_now: Option<PostForm<'v>>,
}

/// Who signs in.
#[derive(Clone, Copy, Debug)]
pub enum LoginUser<'v> {
    /// Whoever it is.
    Anyone {
        /// What stands in the field: `login_hint`, or what was sent last time.
        username: &'v str,
    },
    /// The person of the session, once more (`max_age`, `acr_values`, `prompt=login`).
    Known {
        /// How the person is called.
        name: &'v str,
        /// Sent with the form, unseen, and shown to password managers.
        username: &'v str,
        /// The address at which another person may sign in.
        not_you: Option<&'v str>,
    },
}

/// Providers at which a person may sign in instead.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'v> {
    /// Where the choice is posted to, as the field `provider`.
    pub form: PostForm<'v>,
    /// The providers, in order.
    pub providers: &'v [UpstreamProvider<'v>],
}

/// A provider of upstream sign-in.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamProvider<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// The name on the button.
    pub name: &'v str,
    /// Its authorization endpoint, to which the answer of the form redirects.
    pub authorization_endpoint: &'v Url,
}

impl<'v> Upstream<'v> {
    pub(super) fn form_targets(&self) -> impl Iterator<Item = &'v Url> + use<'v> {
        self.providers.iter().map(|provider| provider.authorization_endpoint)
    }
}

impl LoginPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    /// How the button of the passkey looks: it is the main one where it is alone.
    fn passkey_class(&self) -> &'static str {
        if self.form.is_none() { "primary" } else { "secondary" }
    }
}

impl View for LoginPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        match self.user {
            LoginUser::Anyone { .. } => self.m().login.title,
            LoginUser::Known { .. } => self.m().login.known_title,
        }
        .to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }

    fn notice(&self) -> Option<Notice> {
        self.notice
    }

    fn script(&self) -> Option<&'static Asset> {
        self.passkey.map(|_| assets::PASSKEY)
    }

    fn form_targets(&self) -> Vec<&Url> {
        let providers = self.upstream.iter().flat_map(Upstream::form_targets);
        self.frame.form_target.into_iter().chain(providers).collect()
    }
}
