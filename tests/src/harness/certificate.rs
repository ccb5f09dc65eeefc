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
subjectAltName = @names
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[names]
";

impl Certificate {
    /// Makes a new authority in `folder`, and a certificate for localhost and these names.
    pub async fn for_names(folder: &Path, names: &[&str]) -> Self {
        let file = |name: &str| folder.join(name);
        let names = [&["localhost"], names].concat();
        let names = names.iter().enumerate().map(|(number, name)| format!("DNS.{number} = {name}"));
        let names: Vec<String> = names.collect();
        let config = file("openssl.cnf");
        std::fs::write(&config, format!("{CONFIG}{}\n", names.join("\n"))).expect("a file");
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

    /// A certificate of a client with this subject, such as `/O=Example/CN=orders`, and its key: from the authority.
    pub async fn of_client(&self, subject: &str) -> (PathBuf, PathBuf) {
        let folder = self.authority.parent().expect("a folder");
        let name = subject.rsplit('=').next().unwrap_or_default();
        let files = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        let mut sign = openssl(&folder.join("openssl.cnf"), "client");
        sign.args(["-subj", subject]).arg("-keyout").arg(&files.1).arg("-out").arg(&files.0);
        sign.arg("-CA").arg(&self.authority).arg("-CAkey").arg(folder.join("authority.key"));
        run(sign, "").await.expect("a certificate");
        files
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
