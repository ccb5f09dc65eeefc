//! Checks of this machine: files and their modes, listeners, and whether the issuer answers under its own name.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use countersign_keys::seal::MasterKey;
use http::StatusCode;
use serde::Deserialize;

use super::super::output::cause_of;
use super::Finding;
use crate::config::Config;
use crate::master_key;

/// Others must not look into the folder: the database holds who may do what.
pub(super) fn data_folder(config: &Config) -> Finding {
    let path = &config.data_dir;
    match std::fs::metadata(path) {
        Ok(folder) if !folder.is_dir() => {
            Finding::failed("data folder", format!("{} is not a folder", path.display()))
                .hint("set `data_dir` to a folder")
        }
        Ok(_) => match open_to_others(path) {
            Some(mode) => {
                let detail = format!("{} has mode {mode:o}", path.display());
                Finding::failed("data folder", detail).hint(format!("chmod 700 {}", path.display()))
            }
            None => Finding::ok("data folder", path.display()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let detail =
                format!("{} is not there yet; `countersign serve` makes it", path.display());
            Finding::skipped("data folder", detail)
        }
        Err(error) => Finding::failed("data folder", format!("{}: {error}", path.display())),
    }
}

/// Whoever reads a master key and the database can sign.
pub(super) fn master_keys(config: &Config) -> Vec<Finding> {
    let in_environment = config.master_key.from_environment.len();
    if in_environment > 0 {
        let detail = format!("in the environment ({in_environment}); the first seals");
        return vec![Finding::ok("master key", detail)];
    }
    config.master_key_files().iter().map(|path| master_key_file(path)).collect()
}

fn master_key_file(path: &Path) -> Finding {
    let text = match master_key::read_file(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::skipped("master key", format!("{} is not there", path.display()));
        }
        Err(error) => {
            return Finding::failed("master key", format!("{}: {error}", path.display()))
                .hint("run as the user that owns it");
        }
    };
    if let Err(error) = MasterKey::parse(&text) {
        return Finding::failed("master key", format!("{}: {error}", path.display()))
            .hint("put the right file back; a new one opens nothing");
    }
    match open_to_others(path) {
        Some(mode) => {
            let detail = format!("{} has mode {mode:o}", path.display());
            Finding::failed("master key", detail).hint(format!("chmod 600 {}", path.display()))
        }
        None => Finding::ok("master key", path.display()),
    }
}

/// The mode of a file that anybody but its owner may read; a group may, as Kubernetes mounts secrets so.
#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<u32> {
    None
}

/// Whether the issuer answers under its own name, and whether the addresses are free or its own.
pub(super) async fn reachable(config: &Config) -> Vec<Finding> {
    let management = config.management_listen.iter().copied().find(is_taken);
    let addresses: Vec<SocketAddr> =
        config.listen.iter().chain(&config.management_listen).copied().collect();
    let taken: Vec<SocketAddr> = addresses.into_iter().filter(is_taken).collect();
    let runs = config.listen.iter().any(|address| taken.contains(address));
    let answer = ask_issuer(config).await;
    let ours = matches!(&answer, Ok(issuer) if issuer == config.issuer.as_str());
    let mut findings: Vec<Finding> = taken.iter().map(|address| listener(*address, ours)).collect();
    if taken.is_empty() {
        findings.push(Finding::ok("listeners", "all addresses are free"));
    }
    if ours || management.is_some() {
        findings.push(readiness(config, management).await);
    }
    findings.push(match answer {
        Ok(_) if ours => Finding::ok("issuer", format!("{} answers", config.issuer)),
        Ok(other) => Finding::failed("issuer", format!("{} calls itself {other}", config.issuer))
            .hint("set `issuer` to the same text on every node, and look what stands in front"),
        Err(_) if !runs => Finding::skipped("issuer", "no server is running here"),
        Err(error) => {
            Finding::failed("issuer", format!("{} does not answer: {error}", config.issuer))
                .hint("look at the name, the proxy and the certificate in front of the server")
        }
    });
    findings
}

fn is_taken(address: &SocketAddr) -> bool {
    let bound = TcpListener::bind(address);
    address.port() != 0 && bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

fn listener(address: SocketAddr, ours: bool) -> Finding {
    if ours {
        return Finding::ok("listeners", format!("{address} is taken, and the issuer runs"));
    }
    Finding::failed("listeners", format!("{address} is taken by another program"))
        .hint("end that program, or set another address")
}

/// What the running server itself says: at the management listener, which no proxy stands in front of, or at its URL.
async fn readiness(config: &Config, management: Option<SocketAddr>) -> Finding {
    let url = management.map_or_else(|| config.issuer.endpoint("/readyz"), readyz_at);
    match ask(url.clone()).await {
        Ok((status, _)) if status.is_success() => Finding::ok("readiness", format!("{url}: ready")),
        Ok((status, body)) => {
            let says = String::from_utf8_lossy(&body);
            let says = says.lines().next().unwrap_or_default().escape_debug();
            Finding::failed("readiness", format!("{url} answers {}: {says}", status.as_u16()))
                .hint("the log of the server says why")
        }
        Err(error) => Finding::failed("readiness", format!("{url} does not answer: {error}"))
            .hint("look whether another program has the address, and at the log of the server"),
    }
}

/// A listener on every address is asked on loopback.
fn readyz_at(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback: IpAddr = match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    format!("http://{address}/readyz")
}

/// The issuer that the metadata at the configured URL names (RFC 8414 §3.3).
async fn ask_issuer(config: &Config) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
    }
    let (status, body) = ask(config.issuer.endpoint("/.well-known/openid-configuration")).await?;
    let metadata: Metadata = serde_json::from_slice(&body)
        .map_err(|_| format!("the answer ({status}) is not an issuer's metadata"))?;
    Ok(metadata.issuer)
}

async fn ask(url: String) -> Result<(StatusCode, Bytes), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.get(url).send().await.map_err(|error| cause_of(&error))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| cause_of(&error))?;
    Ok((status, body))
}
