//! The pages of the device flow (RFC 8628 §3.3): the code, the question, the end. The question shows
//! the code again and warns of codes that somebody else sent (§5.4).

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::problem::{Field, Problem};
use super::scope::RequestedScope;

/// Asks for the code that a device shows. Posts `user_code`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "device_code.html")]
pub struct DeviceCodePage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// What stands in the field: from `verification_uri_complete`, or what was sent last time.
    pub user_code: &'v str,
    /// What was wrong last time.
    pub problems: &'v [Problem],
}

impl DeviceCodePage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for DeviceCodePage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().device.code_title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}

/// Asks whether the device may have what it asks for. Posts `answer`: `accept` or `refuse`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "device_confirmation.html")]
pub struct DeviceConfirmationPage<'v> {
    /// What all pages share; its brand is that of the client.
    pub frame: Frame<'v>,
    /// The form of both buttons.
    pub form: PostForm<'v>,
    /// The name of the client.
    pub client_name: &'v str,
    /// The code, as the device shows it.
    pub user_code: &'v str,
    /// What is asked for.
    pub scopes: &'v [RequestedScope<'v>],
    /// Who is asked.
    pub user_name: &'v str,
    /// The address that begins again with another account.
    pub not_you: Option<&'v str>,
}

impl DeviceConfirmationPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for DeviceConfirmationPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().device.confirmation_title.text(self.client_name)
    }
}

/// Says how it ended.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "device_done.html")]
pub struct DeviceDonePage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// How it ended.
    pub outcome: DeviceOutcome,
}

/// How a device flow ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceOutcome {
    /// The device gets its tokens.
    Connected,
    /// The device gets nothing.
    Refused,
}

impl DeviceDonePage<'_> {
    fn text(&self) -> &'static str {
        let texts = &self.frame.messages().device;
        match self.outcome {
            DeviceOutcome::Connected => texts.connected_text,
            DeviceOutcome::Refused => texts.refused_text,
        }
    }
}

impl View for DeviceDonePage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        let texts = &self.frame.messages().device;
        match self.outcome {
            DeviceOutcome::Connected => texts.connected_title,
            DeviceOutcome::Refused => texts.refused_title,
        }
        .to_owned()
    }
}
