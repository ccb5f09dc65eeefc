//! The account page and those behind it.

use super::{Kit, Sample};
use crate::page::{
    AccountDeletedPage, AccountForms, AccountPage, AddPasskey, DeleteAccountPage, GrantedConsent,
    LinkedIdentity, Notice, Problem, RecoveryCodesPage, RegisteredPasskey, SignedInSession,
    TotpSetupPage, TotpState, Upstream, View as _,
};

const THEN: i64 = 1_793_000_000;

pub(super) fn pages(kit: Kit) -> Vec<Sample> {
    let full = full(kit);
    let bare = AccountPage {
        name: kit.say("Ada"),
        email: None,
        has_password: false,
        notice: None,
        passkeys: &[],
        add_passkey: Some(AddPasskey::SignIn(kit.say("/account/sign-in"))),
        totp: TotpState::Off(kit.say("/account/totp")),
        recovery_codes_left: 0,
        consents: &[],
        identities: &[],
        link_identity: None,
        delete: None,
        ..full
    };
    let problems = &[Problem::WrongCurrentPassword, Problem::PasswordTooLong { max: 128 }];
    let mut pages = vec![
        ("account", full.page()),
        ("account-wrong", AccountPage { problems, notice: None, ..full }.page()),
        ("account-bare", bare.page()),
    ];
    pages.extend(behind(kit));
    pages
}

fn full(kit: Kit) -> AccountPage<'static> {
    AccountPage {
        frame: kit.frame(),
        forms: forms(kit),
        problems: &[],
        notice: Some(Notice::PasskeyAdded),
        username: kit.say("ada"),
        name: kit.say("Ada Lovelace"),
        email: Some(kit.say("ada@example.com")),
        min_password_length: 12,
        has_password: true,
        passkeys: vec![
            passkey(kit, ("p1", "Pixel 9"), Some(THEN)),
            passkey(kit, ("p2", "YubiKey"), None),
        ]
        .leak(),
        add_passkey: Some(AddPasskey::Form(kit.passkey())),
        totp: TotpState::On(kit.form("/account/totp/off")),
        recovery_codes_left: 8,
        sessions: vec![session(kit, "Firefox, Linux", true), session(kit, "Safari, iPhone", false)]
            .leak(),
        consents: vec![consent(kit)].leak(),
        identities: vec![LinkedIdentity {
            id: kit.say("i1"),
            provider: kit.say("Google"),
            subject: kit.say("ada@gmail.example"),
        }]
        .leak(),
        link_identity: Some(Upstream {
            form: kit.form("/account/identities"),
            providers: kit.providers(),
        }),
        delete: Some(kit.say("/account/delete")),
    }
}

fn forms(kit: Kit) -> AccountForms<'static> {
    AccountForms {
        profile: kit.form("/account/profile"),
        password: kit.form("/account/password"),
        rename_passkey: kit.form("/account/passkeys/rename"),
        remove_passkey: kit.form("/account/passkeys/remove"),
        recovery_codes: kit.form("/account/recovery-codes"),
        end_session: kit.form("/account/sessions/end"),
        end_all_sessions: kit.form("/account/sessions/end-all"),
        withdraw_consent: kit.form("/account/consents/withdraw"),
        unlink_identity: kit.form("/account/identities/unlink"),
        export: kit.form("/account/export"),
        sign_out: kit.form("/account/sign-out"),
    }
}

fn passkey(
    kit: Kit,
    (id, name): (&'static str, &'static str),
    last_used_at: Option<i64>,
) -> RegisteredPasskey<'static> {
    RegisteredPasskey { id: kit.say(id), name: kit.say(name), created_at: THEN, last_used_at }
}

fn session(kit: Kit, device: &'static str, is_current: bool) -> SignedInSession<'static> {
    SignedInSession {
        id: kit.say("s1"),
        device: kit.say(device),
        address: Some(kit.say("203.0.113.7")),
        is_current,
        signed_in_at: THEN,
        last_used_at: THEN + 7_000,
    }
}

fn consent(kit: Kit) -> GrantedConsent<'static> {
    GrantedConsent {
        id: kit.say("c1"),
        client_name: kit.say("Lovelace Books"),
        scopes: kit.scopes(),
        granted_at: THEN,
    }
}

fn behind(kit: Kit) -> Vec<Sample> {
    let setup = TotpSetupPage {
        frame: kit.frame(),
        form: kit.form("/account/totp"),
        provisioning_uri: kit
            .say("otpauth://totp/Countersign:ada?secret=JBSWY3DPEHPK3PXP&issuer=Countersign"),
        secret: kit.say("JBSW Y3DP EHPK 3PXP"),
        problems: &[],
        account: kit.say("/account"),
    };
    let codes = ["k3mq-7tzx", "p9ra-2wfn", "h6yd-8cbe", "v4js-5gku"].map(|code| kit.say(code));
    let recovery_codes =
        RecoveryCodesPage { frame: kit.frame(), codes: &codes, account: kit.say("/account") };
    let delete = DeleteAccountPage {
        frame: kit.frame(),
        form: kit.form("/account/delete"),
        username: kit.say("ada"),
        has_password: true,
        problems: &[],
        account: kit.say("/account"),
    };
    let wrong = DeleteAccountPage { problems: &[Problem::WrongPassword], ..delete };
    vec![
        ("totp-setup", setup.page()),
        ("totp-setup-wrong", TotpSetupPage { problems: &[Problem::WrongCode], ..setup }.page()),
        ("recovery-codes", recovery_codes.page()),
        ("delete-account", delete.page()),
        ("delete-account-wrong", wrong.page()),
        ("account-deleted", AccountDeletedPage { frame: kit.frame() }.page()),
        ("delete-account-passkey", DeleteAccountPage { has_password: false, ..delete }.page()),
    ]
}
