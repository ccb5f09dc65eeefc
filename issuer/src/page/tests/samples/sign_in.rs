//! The pages from the first to the callback.

use super::{Kit, REDIRECT_URI, Sample};
use crate::page::{
    ConsentPage, Field, FormPostPage, LoginPage, LoginUser, Notice, OfferPasskeyPage, Problem,
    SecondFactorMethod, SecondFactorPage, SelectAccountPage, SelectableAccount, Upstream,
    View as _,
};

pub(super) fn pages(kit: Kit) -> Vec<Sample> {
    let mut pages = login(kit);
    pages.extend(second_factor(kit));
    let offer = OfferPasskeyPage {
        frame: kit.branded(),
        passkey: kit.passkey(),
        not_now: kit.form("/login/new-passkey"),
        problems: &[],
    };
    pages.push(("offer-passkey", offer.page()));
    pages.push(("select-account", select_account(kit)));
    pages.push(("consent", consent(kit).page()));
    let nothing = ConsentPage { scopes: &[], not_you: None, tos_uri: None, ..consent(kit) };
    pages.push(("consent-nothing", nothing.page()));
    let form_post = FormPostPage {
        frame: kit.branded(),
        redirect_uri: &REDIRECT_URI,
        client_name: kit.say("Lovelace Books"),
        parameters: vec![
            (kit.say("code"), kit.say("SplxlOBeZQQYbYS6WxSbIA")),
            (kit.say("state"), kit.say("af0ifjsldkj")),
        ]
        .leak(),
    };
    pages.push(("form-post", form_post.page()));
    pages
}

fn login(kit: Kit) -> Vec<Sample> {
    let page = LoginPage {
        frame: kit.frame(),
        form: Some(kit.form("/login")),
        user: LoginUser::Anyone { username: "" },
        client_name: None,
        problems: &[],
        notice: None,
        passkey: Some(kit.passkey()),
        upstream: Some(Upstream { form: kit.form("/login/upstream"), providers: kit.providers() }),
        forgot_password: Some(kit.say("/forgot-password")),
        register: Some(kit.say("/register")),
        not_now: None,
    };
    let known = LoginUser::Known {
        name: kit.say("Ada Lovelace"),
        username: kit.say("ada"),
        not_you: Some(kit.say("/login?prompt=login")),
    };
    let branded = LoginPage {
        frame: kit.branded(),
        client_name: Some(kit.say("Lovelace Books")),
        upstream: None,
        ..page
    };
    let username = LoginUser::Anyone { username: kit.say("ada") };
    let not_now = Some(kit.form("/login/not-now"));
    let (wrong, many) = (&[Problem::WrongCredentials], &[Problem::TooManyAttempts { seconds: 90 }]);
    let missing = &[Problem::Missing(Field::Username), Problem::Missing(Field::Password)];
    vec![
        ("login", page.page()),
        ("login-branded", branded.page()),
        ("login-wrong", LoginPage { problems: wrong, user: username, ..branded }.page()),
        ("login-missing", LoginPage { problems: missing, ..page }.page()),
        ("login-too-many", LoginPage { problems: many, user: username, ..page }.page()),
        ("login-notice", LoginPage { notice: Some(Notice::PasswordReset), ..branded }.page()),
        ("login-known", LoginPage { user: known, register: None, ..branded }.page()),
        ("login-known-passkey", LoginPage { user: known, form: None, ..branded }.page()),
        ("login-preferred", LoginPage { user: known, not_now, form: None, ..branded }.page()),
    ]
}

fn second_factor(kit: Kit) -> Vec<Sample> {
    let page = SecondFactorPage {
        frame: kit.frame(),
        method: SecondFactorMethod::Totp(kit.form("/login/totp")),
        problems: &[],
        passkey: Some(kit.passkey()),
        use_totp: None,
        use_recovery_code: Some(kit.say("/login/recovery-code")),
        not_you: Some(kit.say("/login")),
    };
    let recovery_code = SecondFactorPage {
        method: SecondFactorMethod::RecoveryCode(kit.form("/login/recovery-code")),
        use_totp: Some(kit.say("/login/totp")),
        use_recovery_code: None,
        passkey: None,
        ..page
    };
    let wrong = &[Problem::WrongRecoveryCode];
    vec![
        ("totp", page.page()),
        ("totp-wrong", SecondFactorPage { problems: &[Problem::WrongCode], ..page }.page()),
        ("recovery-code", recovery_code.page()),
        ("recovery-code-wrong", SecondFactorPage { problems: wrong, ..recovery_code }.page()),
        ("passkey", SecondFactorPage { method: SecondFactorMethod::Passkey, ..page }.page()),
    ]
}

fn select_account(kit: Kit) -> crate::page::Page {
    let account = |id, name, username| SelectableAccount {
        id: kit.say(id),
        name: kit.say(name),
        username: kit.say(username),
    };
    SelectAccountPage {
        frame: kit.branded(),
        form: kit.form("/select-account"),
        client_name: Some(kit.say("Lovelace Books")),
        accounts: &[
            account("1", "Ada Lovelace", "ada@example.com"),
            account("2", "Charles Babbage", "charles.babbage@analytical.example"),
        ],
    }
    .page()
}

fn consent(kit: Kit) -> ConsentPage<'static> {
    ConsentPage {
        frame: kit.branded(),
        form: kit.form("/consent"),
        client_name: kit.say("Lovelace Books"),
        redirect_host: kit.say("shop.example"),
        scopes: kit.scopes(),
        user_name: kit.say("Ada Lovelace"),
        not_you: Some(kit.say("/login")),
        policy_uri: Some(kit.say("https://shop.example/privacy")),
        tos_uri: Some(kit.say("https://shop.example/terms")),
    }
}
