//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2). `carried` finds the parameters, wherever they
//! travelled, `request` who asks and where answers go; `next_step` decides what must happen first, `interaction` shows it
//! and comes back, `response` answers.

mod carried;
mod code;
mod endpoint;
mod next_step;
mod own_page;
mod request;
mod request_object;
mod response;

pub use carried::{Carried, PUSHED_PREFIX, Parameters};
pub use code::{AuthorizationCode, CODE_LIFETIME_SECONDS};
pub use endpoint::endpoint;
pub use next_step::{NextStep, Present, Progress, next_step};
pub use own_page::own_client;
pub use request::{AuthorizationRequest, known_scopes};
pub use request_object::{ObjectUse, RequestObject, require_unsigned_allowed};
pub use response::{
    DeviceTarget, Failure, RedirectTarget, Refused, ResponseMode, Target, see_other,
};
