//! The pages of devices, of forgotten passwords and of new accounts.

use super::{Kit, Sample};
use crate::page::{
    ConfirmEmailPage, DeviceCodePage, DeviceConfirmationPage, DeviceDonePage, DeviceOutcome,
    ForgotPasswordPage, MailKind, MailSentPage, Problem, RegisterKind, RegisterPage,
    ResetPasswordPage, View as _,
};

pub(super) fn pages(kit: Kit) -> Vec<Sample> {
    let mut pages = device(kit);
    pages.extend(password(kit));
    pages.extend(register(kit));
    pages
}

fn device(kit: Kit) -> Vec<Sample> {
    let code = DeviceCodePage {
        frame: kit.frame(),
        form: kit.form("/device"),
        user_code: kit.say("WDJB-MJHT"),
        problems: &[],
    };
    let confirmation = DeviceConfirmationPage {
        frame: kit.branded(),
        form: kit.form("/device/confirm"),
        client_name: kit.say("Lovelace TV"),
        user_code: kit.say("WDJB-MJHT"),
        scopes: kit.scopes(),
        user_name: kit.say("Ada Lovelace"),
        not_you: Some(kit.say("/login")),
    };
    let done = |outcome| DeviceDonePage { frame: kit.frame(), outcome }.page();
    let wrong = DeviceCodePage { problems: &[Problem::WrongUserCode], ..code };
    let nothing = DeviceConfirmationPage { scopes: &[], not_you: None, ..confirmation };
    vec![
        ("device-code", code.page()),
        ("device-code-wrong", wrong.page()),
        ("device-confirmation", confirmation.page()),
        ("device-confirmation-nothing", nothing.page()),
        ("device-connected", done(DeviceOutcome::Connected)),
        ("device-refused", done(DeviceOutcome::Refused)),
    ]
}

fn password(kit: Kit) -> Vec<Sample> {
    let forgot = ForgotPasswordPage {
        frame: kit.frame(),
        form: kit.form("/forgot-password"),
        username: kit.say("ada"),
        problems: &[],
        sign_in: Some(kit.say("/login")),
    };
    let reset = ResetPasswordPage {
        frame: kit.frame(),
        form: kit.form("/reset-password"),
        username: kit.say("ada"),
        min_password_length: 12,
        problems: &[],
    };
    let short = ResetPasswordPage { problems: &[Problem::PasswordTooShort { min: 12 }], ..reset };
    let sent =
        |kind| MailSentPage { frame: kit.frame(), kind, sign_in: Some(kit.say("/login")) }.page();
    let confirm = ConfirmEmailPage {
        frame: kit.frame(),
        form: kit.form("/confirm-email"),
        email: kit.say("ada@example.com"),
    };
    vec![
        ("forgot-password", forgot.page()),
        ("reset-password", reset.page()),
        ("reset-password-short", short.page()),
        ("mail-sent", sent(MailKind::PasswordReset)),
        ("mail-sent-verification", sent(MailKind::EmailVerification)),
        ("confirm-email", confirm.page()),
    ]
}

fn register(kit: Kit) -> Vec<Sample> {
    let open = RegisterPage {
        frame: kit.frame(),
        form: kit.form("/register"),
        kind: RegisterKind::Open { email: kit.say("ada@example.com") },
        username: kit.say("ada"),
        name: kit.say("Ada Lovelace"),
        min_password_length: 12,
        problems: &[],
        sign_in: Some(kit.say("/login")),
    };
    let invitation = RegisterPage {
        kind: RegisterKind::Invitation { email: kit.say("ada@example.com") },
        username: "",
        name: "",
        ..open
    };
    let problems = &[
        Problem::NameInvalid,
        Problem::EmailInvalid,
        Problem::UsernameTaken,
        Problem::PasswordTooCommon,
    ];
    vec![
        ("register", open.page()),
        ("register-wrong", RegisterPage { problems, ..open }.page()),
        ("register-invitation", invitation.page()),
    ]
}
