//! Foreign client libraries: npm `openid-client`, PyPI `Authlib` and `requests_oauth2client`, each in a script that prints what came of it.

use super::{App, Certificate, environment, run};
use serde_json::Value;
use tokio::process::Command;

/// The script of a library: `client` gets a token for an app, `sign_in` signs a person in, `dpop` and `mtls`
/// bind tokens to a key and to a certificate.
fn script(library: &str, name: &str) -> Command {
    let (program, extension) = match library {
        "openid-client" => ("node".into(), "mjs"),
        "authlib" | "requests_oauth2client" => (environment::python_program("python"), "py"),
        other => panic!("there is no script for {other}"),
    };
    let mut command = Command::new(program);
    command.arg(environment::interop().join(format!("{name}.{extension}")));
    command
}

fn answer(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text:?}"))
}

/// A token by a foreign client library: its answer as JSON. `credential` is the secret or the private JWK.
pub async fn foreign_client(
    library: &str,
    issuer: &str,
    app: &App,
    (method, credential): (&str, &str),
) -> Result<Value, String> {
    let mut command = script(library, "client");
    command.args([issuer, &app.client_id, method, &app.resource, &app.scope]);
    answer(&run(command, credential).await?)
}

/// A person signs in, at an issuer with this certificate, through a client made with a foreign library: what came of
/// each step as JSON.
pub async fn foreign_sign_in(
    library: &str,
    wish: &Value,
    trusted: &Certificate,
) -> Result<Value, String> {
    tell(script(library, "sign_in"), wish, trusted).await
}

/// The same for a device, with `openid-client`.
pub async fn foreign_device(wish: &Value, trusted: &Certificate) -> Result<Value, String> {
    tell(script("openid-client", "device"), wish, trusted).await
}

/// Bound tokens, at the issuer and at a service (RFC 9449), with `openid-client` or `requests_oauth2client`.
pub async fn foreign_dpop(
    library: &str,
    wish: &Value,
    trusted: &Certificate,
) -> Result<Value, String> {
    tell(script(library, "dpop"), wish, trusted).await
}

/// Opens and makes encrypted tokens with npm `jose`, PyPI `jwcrypto` or `joserfc`; one answer for each wish.
pub async fn foreign_encryption(library: &str, wishes: &Value) -> Result<Value, String> {
    let mut command = match library {
        "jose" => script("openid-client", "encrypted"),
        _ => script("authlib", "encrypted"),
    };
    if library != "jose" {
        command.arg(library);
    }
    answer(&run(command, &wishes.to_string()).await?)
}

/// Express with `cookie-session`: the cookies that it makes of a token, and the sessions that it reads in others.
pub async fn foreign_cookies(wish: &Value) -> Result<Value, String> {
    answer(&run(script("openid-client", "express"), &wish.to_string()).await?)
}

/// The status of each token in its list, by `@sd-jwt/jwt-status-list`.
pub async fn foreign_status_list(issuer: &str, tokens: &Value) -> Result<Value, String> {
    let mut command = script("openid-client", "status_list");
    command.arg(issuer);
    answer(&run(command, &tokens.to_string()).await?)
}

/// Tokens that are bound to a certificate, at the issuer and at a service (RFC 8705), with the same libraries.
pub async fn foreign_mtls(
    library: &str,
    wish: &Value,
    trusted: &Certificate,
) -> Result<Value, String> {
    tell(script(library, "mtls"), wish, trusted).await
}

async fn tell(mut script: Command, wish: &Value, trusted: &Certificate) -> Result<Value, String> {
    script.env("NODE_EXTRA_CA_CERTS", &trusted.authority);
    script.env("REQUESTS_CA_BUNDLE", &trusted.authority);
    answer(&run(script, &wish.to_string()).await?)
}
