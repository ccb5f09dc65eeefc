//! What must happen before a client gets a code: the only place that decides. Pure; pages come back here, and never go to
//! each other.

use super::AuthorizationRequest;
use crate::protocol::{ErrorCode, acr};
use crate::registry::{ConsentPolicy, SignIn};

/// The user of the browser, as far as the request is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// Who it is to this client.
    pub subject: &'a str,
    /// Unix seconds of the sign-in.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: &'a [String],
    /// The scopes that were granted to the client before.
    pub consented: &'a [String],
    /// The best class that the user can reach.
    pub reachable: &'a str,
    /// The user has no passkey, and could have one in this browser.
    pub lacks_passkey: bool,
}

/// What happened since the request came.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each happened or did not, whatever the others did"
)]
pub struct Progress {
    /// The user proved who it is, when asked for this request.
    pub signed_in: bool,
    /// The user chose this account.
    pub account_chosen: bool,
    /// The user does not want to prove more than the client demands.
    pub step_up_declined: bool,
    /// The user was asked for consent, and gave it.
    pub consented: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Somebody must sign in.
    LogIn,
    /// The user must prove once more who it is.
    LogInAgain,
    /// The user must prove more.
    StepUp,
    /// The client would like it if the user proved more.
    PreferStepUp,
    /// The user must say with which account to go on.
    SelectAccount,
    /// The user is offered a passkey, and may do without.
    OfferPasskey,
    /// The user must be asked.
    Consent,
    /// All is done.
    IssueCode,
    /// The client is refused.
    Refuse(ErrorCode, &'static str),
}

/// Decides.
pub fn next_step(
    request: &AuthorizationRequest,
    sign_in: &SignIn,
    present: Option<Present<'_>>,
    progress: Progress,
    now: i64,
) -> NextStep {
    let silent = |step: NextStep, code: ErrorCode, description: &'static str| {
        if request.prompt.none { NextStep::Refuse(code, description) } else { step }
    };
    let log_in = |step| silent(step, ErrorCode::LoginRequired, "the user must sign in");
    let Some(present) = present else { return log_in(NextStep::LogIn) };
    // OpenID Connect Core §3.1.2.1: for nobody but the user of the hint.
    if request.subject.as_deref().is_some_and(|wanted| wanted != present.subject) {
        return log_in(NextStep::LogIn);
    }
    let is_just_asked = progress.signed_in && present.auth_time >= request.received_at;
    if !is_just_asked && needs_new_sign_in(request, present, now) {
        return log_in(NextStep::LogInAgain);
    }
    let reached = acr::of(present.amr);
    let essential = &request.claims.essential_acr;
    if !essential.is_empty() && !essential.iter().any(|wanted| acr::satisfies(reached, wanted)) {
        let description = "the user is not authenticated in the class that the request demands";
        let code = ErrorCode::UnmetAuthenticationRequirements;
        // Who was asked, and did not reach it, cannot: asking again would never end.
        if is_just_asked {
            return NextStep::Refuse(code, description);
        }
        return silent(NextStep::StepUp, code, description);
    }
    if essential.is_empty() && !progress.step_up_declined && prefers_more(request, present) {
        return NextStep::PreferStepUp;
    }
    if request.prompt.select_account && !progress.account_chosen {
        // `prompt=none` stands alone, so that this never happens in silence.
        return NextStep::SelectAccount;
    }
    // Never in silence: somebody signed in just now. The account page has an offer of its own.
    if progress.signed_in && present.lacks_passkey && !request.is_own_page() {
        return NextStep::OfferPasskey;
    }
    if needs_consent(request, sign_in, present) && !progress.consented {
        let code = ErrorCode::ConsentRequired;
        return silent(NextStep::Consent, code, "the user must be asked");
    }
    NextStep::IssueCode
}

/// OpenID Connect Core §3.1.2.1: `prompt=login` wants a sign-in of its own, and so does `max_age=0`, also in the very second
/// of the last one.
fn needs_new_sign_in(request: &AuthorizationRequest, present: Present<'_>, now: i64) -> bool {
    let is_too_old = |max_age| max_age == 0 || now - present.auth_time > max_age;
    request.prompt.login || request.max_age.is_some_and(is_too_old)
}

/// OpenID Connect Core §3.1.2.1: `acr_values` are voluntary, so that nobody is refused for what they name, and nobody who
/// must not be asked is asked.
fn prefers_more(request: &AuthorizationRequest, present: Present<'_>) -> bool {
    let preferred = acr::preferred(&request.acr_values, present.reachable);
    let is_reached = |wanted: &String| acr::satisfies(acr::of(present.amr), wanted);
    !request.prompt.none && preferred.is_some_and(|wanted| !is_reached(wanted))
}

fn needs_consent(request: &AuthorizationRequest, sign_in: &SignIn, present: Present<'_>) -> bool {
    let is_missing = request.scopes.iter().any(|scope| !present.consented.contains(scope));
    request.prompt.consent || (sign_in.consent == ConsentPolicy::Ask && is_missing)
}
