//! Every text that a person reads, one static for each language. A text that is missing in one of them
//! does not compile, and neither does a sentence without the place for its value. Texts never say
//! more than their name: what reveals nothing in one language must not do so in another.

mod arabic;
mod english;
mod french;
mod german;
mod japanese;

use jiff::civil::Date;

use super::phrase::{Count, Phrase, Text};
use super::problem::Field;

pub(super) use arabic::ARABIC;
pub(super) use english::ENGLISH;
pub(super) use french::FRENCH;
pub(super) use german::GERMAN;
pub(super) use japanese::JAPANESE;

/// Declares structs of texts; each field is a [`Text`] unless it says otherwise.
macro_rules! texts {
    ($($(#[$note:meta])* $name:ident { $($(#[$field_note:meta])* $field:ident $(: $kind:ty)?),* $(,)? })*) => {
        $(
            $(#[$note])*
            pub(super) struct $name {
                $($(#[$field_note])* pub(super) $field: texts!(@kind $($kind)?)),*
            }
        )*
    };
    (@kind) => { Text };
    (@kind $kind:ty) => { $kind };
}

texts! {
    /// All texts of one language, room by room.
    Messages {
        /// A day.
        date: fn(Date) -> String,
        common: Common,
        login: Login,
        second_factor: SecondFactor,
        offer_passkey: OfferPasskey,
        scopes: Scopes,
        consent: Consent,
        select_account: SelectAccount,
        logout: Logout,
        form_post: FormPost,
        device: Device,
        password_reset: PasswordReset,
        mail_sent: MailSent,
        confirm_email: ConfirmEmail,
        register: Register,
        account: Account,
        totp_setup: TotpSetup,
        recovery_codes: RecoveryCodes,
        delete_account: DeleteAccount,
        notices: Notices,
        problems: Problems,
        errors: Errors,
    }

    Common {
        /// The title of a page whose form has problems.
        error_title: Phrase,
        problem_summary,
        go_on,
        /// The title of what was done.
        done,
        cancel,
        accept,
        refuse,
        /// Two ways to do the same, side by side.
        or,
        /// To whom this session belongs.
        signed_in_as: Phrase,
        /// The link to another account.
        not_you,
        /// The line at the foot of a page, with the host of the issuer.
        served_by: Phrase,
        back_to_sign_in,
        needs_script,
    }

    Login {
        title,
        /// Once more, for somebody who is known.
        known_title,
        known_text,
        /// The same where the client would only like it.
        preferred_text: Phrase,
        to_client: Phrase,
        username,
        password,
        submit,
        passkey,
        passkey_failed,
        forgot_password,
        no_account,
        register,
        upstream: Phrase,
    }

    SecondFactor {
        totp_title,
        totp_text,
        code,
        recovery_title,
        recovery_text,
        recovery_code,
        passkey_title,
        passkey_text,
        submit,
        use_totp,
        use_recovery_code,
        use_passkey,
    }

    /// What follows what a passkey is.
    OfferPasskey { title, text, not_now }

    /// What a scope allows, as the end of "the application may …".
    Scopes {
        openid,
        profile,
        email,
        address,
        phone,
        offline_access,
        at_resource: Phrase,
        none,
    }

    Consent {
        title: Phrase,
        intro: Phrase,
        redirect: Phrase,
        withdraw,
        privacy_policy,
        terms_of_service,
    }

    SelectAccount { title, another }

    Logout {
        title,
        text,
        asked_by: Phrase,
        sign_out,
        stay,
        done_title,
        done_text,
        back_to: Phrase,
        sign_in_again,
        /// What a frame is for, unseen.
        frame: Phrase,
    }

    FormPost { title: Phrase, text }

    Device {
        code_title,
        code_text,
        code,
        confirmation_title: Phrase,
        compare,
        warning,
        connected_title,
        connected_text,
        refused_title,
        refused_text,
    }

    PasswordReset {
        forgot_title,
        forgot_text,
        send,
        title,
        new_password,
        min_length: Count,
        save,
    }

    MailSent { title, password_reset, email_verification, nothing_arrived }

    ConfirmEmail { title, text: Phrase, submit }

    Register {
        title,
        /// What happens with the address.
        intro,
        invitation_title,
        invitation_text: Phrase,
        username,
        email,
        name,
        submit,
        has_account,
    }

    Account {
        title,
        profile,
        username,
        email,
        name,
        save,
        password,
        current_password,
        change_password,
        set_password,
        passkeys,
        passkeys_text,
        add_passkey,
        remove,
        remove_named: Phrase,
        rename,
        rename_named: Phrase,
        passkey_name,
        added_on: Phrase,
        last_used: Phrase,
        never_used,
        totp,
        totp_on,
        totp_off,
        turn_on,
        turn_off,
        recovery_codes,
        recovery_codes_left: Count,
        new_recovery_codes,
        sessions,
        unknown_device,
        this_session,
        signed_in_at: Phrase,
        end_session,
        end_named_session: Phrase,
        end_all_sessions,
        end_all_text,
        consents,
        no_consents,
        granted_on: Phrase,
        withdraw,
        withdraw_named: Phrase,
        identities,
        link: Phrase,
        unlink,
        unlink_named: Phrase,
        data,
        data_text,
        export,
        delete,
        sign_out,
    }

    TotpSetup { title, scan, qr_code, key, confirm, code, submit }

    RecoveryCodes { title, text, done }

    DeleteAccount {
        title,
        account: Phrase,
        text,
        password,
        confirmation: Phrase,
        submit,
        deleted_title,
        deleted_text,
    }

    Notices {
        profile_saved,
        password_changed,
        password_reset,
        email_verified,
        account_created,
        passkey_added,
        passkey_removed,
        passkey_renamed,
        totp_enabled,
        totp_disabled,
        session_ended,
        signed_in_again,
        consent_withdrawn,
        identity_linked,
        identity_unlinked,
    }

    Problems {
        missing_username,
        missing_password,
        missing_email,
        missing_name,
        missing_code,
        wrong_credentials,
        wrong_password,
        wrong_confirmation,
        wrong_passkey,
        wrong_code,
        wrong_recovery_code,
        wrong_user_code,
        too_many_attempts: Count,
        form_expired,
        upstream_failed,
        upstream_needs_proof,
        password_too_short: Count,
        password_too_long: Count,
        password_too_common,
        username_taken,
        username_invalid,
        email_invalid,
        email_not_allowed,
        name_invalid,
        last_credential,
    }

    /// The error page: a text for each kind of error.
    Errors {
        unknown_client: ErrorText,
        unregistered_redirect_uri: ErrorText,
        invalid_request: ErrorText,
        access_denied: ErrorText,
        sign_in_expired: ErrorText,
        form_expired: ErrorText,
        link_expired: ErrorText,
        account_disabled: ErrorText,
        registration_closed: ErrorText,
        upstream_failed: ErrorText,
        not_found: ErrorText,
        too_many_requests: ErrorText,
        unavailable: ErrorText,
        server_error: ErrorText,
        request_id,
        request_id_text,
        for_developers,
        code,
        description,
        next,
    }

    /// One error: what happened, and what to do now.
    ErrorText { title, text, advice }
}

impl Problems {
    /// What to say of an empty field.
    pub(super) fn missing(&self, field: Field) -> Text {
        match field {
            Field::Username => self.missing_username,
            Field::Password | Field::CurrentPassword | Field::NewPassword => self.missing_password,
            Field::Email => self.missing_email,
            Field::Name => self.missing_name,
            Field::Confirmation => self.wrong_confirmation,
            Field::Code | Field::RecoveryCode | Field::UserCode => self.missing_code,
        }
    }
}

/// Whole minutes, for waiting times: never less than one.
fn minutes(seconds: u32) -> u32 {
    seconds.div_ceil(60).max(1)
}

/// The name of a month among the twelve of a language.
fn month(names: &'static [Text; 12], date: Date) -> Text {
    let index = usize::try_from(date.month() - 1).unwrap_or_default();
    names.get(index).copied().unwrap_or_default()
}
