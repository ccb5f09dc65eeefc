//! TLS for a story: an authority of its own, and a certificate for the names that the story uses.

use super::run;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The authority that whoever takes part must trust.
    pub authority: PathBuf,
    /// The certificate of the servers.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What the two certificates say (RFC 5280 §4.2.1); strict libraries miss each line of it.
const CONFIG: &str = "
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ";

impl Certificate {
    /// Makes a new authority in `folder`, and a certificate for localhost and these names.
    pub async fn for_names(folder: &Path, names: &[&str]) -> Self {
        let file = |name: &str| folder.join(name);
        let names: Vec<String> =
            [&["localhost"], names].concat().iter().map(|name| format!("DNS:{name}")).collect();
        let config = file("openssl.cnf");
        std::fs::write(&config, format!("{CONFIG}{}\n", names.join(","))).expect("a file");
        let (authority, authority_key) = (file("authority.crt"), file("authority.key"));
        let (certificate, key) = (file("server.crt"), file("server.key"));

        let mut make = openssl(&config, "authority");
        make.args(["-subj", "/CN=authority"]);
        make.arg("-keyout").arg(&authority_key).arg("-out").arg(&authority);
        run(make, "").await.expect("an authority");
        let mut sign = openssl(&config, "server");
        sign.args(["-subj", "/CN=server"]);
        sign.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        sign.arg("-CA").arg(&authority).arg("-CAkey").arg(authority_key);
        run(sign, "").await.expect("a certificate");
        Self { authority, certificate, key }
    }
}

/// A new key and a certificate for it with the extensions of one section.
fn openssl(config: &Path, extensions: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-days", "2", "-noenc", "-extensions", extensions]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.arg("-config").arg(config);
    command
}
