//! The pages of devices, of forgotten passwords and of new accounts.

use super::{Kit, Sample};
use crate::page::{
    ConfirmEmailPage, CreateAccountPage, DeviceCodePage, DeviceConfirmationPage, DeviceDonePage,
    DeviceOutcome, ForgotPasswordPage, MailKind, MailSentPage, Problem, RegisterKind, RegisterPage,
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
    let address = RegisterPage {
        frame: kit.branded(),
        form: kit.form("/register"),
        email: kit.say("ada@example.com"),
        problems: &[],
        sign_in: Some(kit.say("/login")),
    };
    let own = CreateAccountPage {
        frame: kit.frame(),
        form: kit.form("/create-account"),
        kind: RegisterKind::Own,
        email: kit.say("ada@example.com"),
        username: kit.say("ada"),
        name: kit.say("Ada Lovelace"),
        min_password_length: 12,
        problems: &[],
    };
    let invitation =
        CreateAccountPage { kind: RegisterKind::Invitation, username: "", name: "", ..own };
    let problems = &[Problem::NameInvalid, Problem::UsernameTaken, Problem::PasswordTooCommon];
    let foreign = &[Problem::EmailNotAllowed];
    vec![
        ("register", address.page()),
        ("register-wrong", RegisterPage { problems: &[Problem::EmailInvalid], ..address }.page()),
        ("register-foreign-wrong", RegisterPage { problems: foreign, ..address }.page()),
        ("create-account", own.page()),
        ("create-account-wrong", CreateAccountPage { problems, ..own }.page()),
        ("create-account-invitation", invitation.page()),
    ]
}
