//! Every error code that the issuer can answer: one row each, with its wire name, HTTP status and
//! the section that defines it. Statuses of protocol errors appear here and nowhere else.

use http::StatusCode;

/// A protocol error, as the caller is told of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is missing, repeated, oversized or malformed.
    InvalidRequest,
    /// The request used a method that the endpoint does not have.
    MethodNotAllowed,
    /// The request body took too long to arrive.
    RequestTimeout,
    /// The request body is larger than any request needs to be.
    ContentTooLarge,
    /// The request body is not a form.
    UnsupportedMediaType,
    /// There is nothing at this address.
    NotFound,
    /// Client authentication failed.
    InvalidClient,
    /// Client authentication failed too often; the credential was not looked at, or was wrong.
    TooManyFailures,
    /// The code, refresh token or assertion is not good, or no longer, or not for this client.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The issuer does not know this grant.
    UnsupportedGrantType,
    /// A requested scope is malformed, unknown or not granted to the client.
    InvalidScope,
    /// The requested resource is malformed, unknown or not granted to the client.
    InvalidTarget,
    /// The user, or the policy, said no.
    AccessDenied,
    /// The user of the device has not decided yet.
    AuthorizationPending,
    /// The user of the device has not decided yet, and the device asks too often.
    SlowDown,
    /// The device code has expired.
    ExpiredToken,
    /// The issuer does not answer in this way.
    UnsupportedResponseType,
    /// The user must sign in, which the request forbade.
    LoginRequired,
    /// The user must consent, which the request forbade.
    ConsentRequired,
    /// The user cannot be authenticated as strongly as the request demands.
    UnmetAuthenticationRequirements,
    /// The `request_uri` cannot be used.
    InvalidRequestUri,
    /// The request object cannot be used.
    InvalidRequestObject,
    /// Request objects of this kind are not taken.
    RequestNotSupported,
    /// Request objects are not fetched.
    RequestUriNotSupported,
    /// Tokens of this kind cannot be revoked.
    UnsupportedTokenType,
    /// Clients do not register themselves.
    RegistrationNotSupported,
    /// The proof of possession is missing where it must be there, or is not good.
    InvalidDpopProof,
    /// The proof of possession needs a nonce of the issuer.
    UseDpopNonce,
    /// The access token is missing, malformed, expired or not for this endpoint.
    InvalidToken,
    /// The proof that comes with an access token is not good.
    ProofRefused,
    /// The proof that comes with an access token needs a nonce of the issuer.
    ResourceNonceNeeded,
    /// The access token has not the scope that the endpoint asks for.
    InsufficientScope,
    /// Who asks is not a gateway, or asks about what is not its own.
    GatewayRefused,
    /// A receiver of signals has as many streams as it may have.
    TooManyStreams,
    /// The operator halted the stream, and a receiver cannot undo that.
    StreamHalted,
    /// There were too many requests from one address.
    TooManyRequests,
    /// The issuer cannot answer now, but will again.
    TemporarilyUnavailable,
    /// The issuer is at fault.
    ServerError,
}

/// What the specifications say of an [`ErrorCode`].
#[derive(Clone, Copy, Debug)]
pub struct ErrorRow {
    /// The code.
    pub code: ErrorCode,
    /// The value of the `error` member.
    pub wire: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// Where it is defined.
    pub section: &'static str,
}

const fn row(
    code: ErrorCode,
    wire: &'static str,
    status: StatusCode,
    section: &'static str,
) -> ErrorRow {
    ErrorRow { code, wire, status, section }
}

/// The table of all codes, in the order of [`ErrorCode`].
#[rustfmt::skip]
pub static ERROR_CODES: [ErrorRow; 39] = [
    row(ErrorCode::InvalidRequest, "invalid_request", StatusCode::BAD_REQUEST, "RFC 6749 §5.2"),
    row(ErrorCode::MethodNotAllowed, "invalid_request", StatusCode::METHOD_NOT_ALLOWED, "RFC 6749 §3.2, RFC 9110 §15.5.6"),
    row(ErrorCode::RequestTimeout, "invalid_request", StatusCode::REQUEST_TIMEOUT, "RFC 9110 §15.5.9"),
    row(ErrorCode::ContentTooLarge, "invalid_request", StatusCode::PAYLOAD_TOO_LARGE, "RFC 9110 §15.5.14"),
    row(ErrorCode::UnsupportedMediaType, "invalid_request", StatusCode::UNSUPPORTED_MEDIA_TYPE, "RFC 6749 §4.4.2, RFC 9110 §15.5.16"),
    row(ErrorCode::NotFound, "not_found", StatusCode::NOT_FOUND, "RFC 9110 §15.5.5"),
    row(ErrorCode::InvalidClient, "invalid_client", StatusCode::UNAUTHORIZED, "RFC 6749 §5.2"),
    row(ErrorCode::TooManyFailures, "invalid_client", StatusCode::TOO_MANY_REQUESTS, "RFC 6585 §4"),
    row(ErrorCode::InvalidGrant, "invalid_grant", StatusCode::BAD_REQUEST, "RFC 6749 §5.2"),
    row(ErrorCode::UnauthorizedClient, "unauthorized_client", StatusCode::BAD_REQUEST, "RFC 6749 §5.2"),
    row(ErrorCode::UnsupportedGrantType, "unsupported_grant_type", StatusCode::BAD_REQUEST, "RFC 6749 §5.2"),
    row(ErrorCode::InvalidScope, "invalid_scope", StatusCode::BAD_REQUEST, "RFC 6749 §5.2"),
    row(ErrorCode::InvalidTarget, "invalid_target", StatusCode::BAD_REQUEST, "RFC 8707 §2"),
    row(ErrorCode::AccessDenied, "access_denied", StatusCode::BAD_REQUEST, "RFC 6749 §4.1.2.1"),
    row(ErrorCode::AuthorizationPending, "authorization_pending", StatusCode::BAD_REQUEST, "RFC 8628 §3.5"),
    row(ErrorCode::SlowDown, "slow_down", StatusCode::BAD_REQUEST, "RFC 8628 §3.5"),
    row(ErrorCode::ExpiredToken, "expired_token", StatusCode::BAD_REQUEST, "RFC 8628 §3.5"),
    row(ErrorCode::UnsupportedResponseType, "unsupported_response_type", StatusCode::BAD_REQUEST, "RFC 6749 §4.1.2.1"),
    row(ErrorCode::LoginRequired, "login_required", StatusCode::BAD_REQUEST, "OpenID Connect Core §3.1.2.6"),
    row(ErrorCode::ConsentRequired, "consent_required", StatusCode::BAD_REQUEST, "OpenID Connect Core §3.1.2.6"),
    row(ErrorCode::UnmetAuthenticationRequirements, "unmet_authentication_requirements", StatusCode::BAD_REQUEST, "OpenID Connect Core Error Code unmet_authentication_requirements §2"),
    row(ErrorCode::InvalidRequestUri, "invalid_request_uri", StatusCode::BAD_REQUEST, "RFC 9101 §7"),
    row(ErrorCode::InvalidRequestObject, "invalid_request_object", StatusCode::BAD_REQUEST, "RFC 9101 §7"),
    row(ErrorCode::RequestNotSupported, "request_not_supported", StatusCode::BAD_REQUEST, "RFC 9101 §7"),
    row(ErrorCode::RequestUriNotSupported, "request_uri_not_supported", StatusCode::BAD_REQUEST, "RFC 9101 §7"),
    row(ErrorCode::UnsupportedTokenType, "unsupported_token_type", StatusCode::BAD_REQUEST, "RFC 7009 §2.2.1"),
    row(ErrorCode::RegistrationNotSupported, "registration_not_supported", StatusCode::BAD_REQUEST, "OpenID Connect Core §7.2.1"),
    row(ErrorCode::InvalidDpopProof, "invalid_dpop_proof", StatusCode::BAD_REQUEST, "RFC 9449 §5"),
    row(ErrorCode::UseDpopNonce, "use_dpop_nonce", StatusCode::BAD_REQUEST, "RFC 9449 §8"),
    row(ErrorCode::InvalidToken, "invalid_token", StatusCode::UNAUTHORIZED, "RFC 6750 §3.1"),
    row(ErrorCode::ProofRefused, "invalid_dpop_proof", StatusCode::UNAUTHORIZED, "RFC 9449 §7.1"),
    row(ErrorCode::ResourceNonceNeeded, "use_dpop_nonce", StatusCode::UNAUTHORIZED, "RFC 9449 §9"),
    row(ErrorCode::InsufficientScope, "insufficient_scope", StatusCode::FORBIDDEN, "RFC 6750 §3.1"),
    row(ErrorCode::GatewayRefused, "access_denied", StatusCode::FORBIDDEN, "RFC 9110 §15.5.4"),
    row(ErrorCode::TooManyStreams, "too_many_streams", StatusCode::CONFLICT, "OpenID Shared Signals Framework 1.0 §8.1.1.1"),
    row(ErrorCode::StreamHalted, "stream_halted", StatusCode::FORBIDDEN, "OpenID Shared Signals Framework 1.0 §8.1.2.2"),
    row(ErrorCode::TooManyRequests, "temporarily_unavailable", StatusCode::TOO_MANY_REQUESTS, "RFC 6585 §4"),
    row(ErrorCode::TemporarilyUnavailable, "temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE, "RFC 6749 §4.1.2.1"),
    row(ErrorCode::ServerError, "server_error", StatusCode::INTERNAL_SERVER_ERROR, "RFC 6749 §4.1.2.1"),
];

impl ErrorCode {
    /// The row of this code.
    #[expect(clippy::indexing_slicing, reason = "the table has a row for each code, in order")]
    pub fn row(self) -> &'static ErrorRow {
        &ERROR_CODES[self as usize]
    }

    /// Whether it only says that a device must ask again (RFC 8628 §3.5): nothing was refused.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::AuthorizationPending | Self::SlowDown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_codes() {
        for (position, row) in ERROR_CODES.iter().enumerate() {
            assert_eq!(row.code as usize, position);
            assert_eq!(row.code.row().wire, row.wire);
        }
    }

    #[test]
    fn only_failed_authentication_is_a_401() {
        let unauthorized: Vec<&str> = ERROR_CODES
            .iter()
            .filter(|row| row.status == StatusCode::UNAUTHORIZED)
            .map(|row| row.wire)
            .collect();

        let expected = ["invalid_client", "invalid_token", "invalid_dpop_proof", "use_dpop_nonce"];
        assert_eq!(unauthorized, expected);
    }
}
