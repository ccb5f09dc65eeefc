//! Rules that a type cannot state: bounds, and settings that must fit each other.
//! Nothing here touches the disk or the network; `doctor` does.

use std::net::{IpAddr, SocketAddr};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::{
    Config, ConfigError, GatewayRoute, MailTls, MailTransport, NatsSettings, OnWriteFailure,
    RegistrationMode, Secret, Warning,
};
use crate::registry::parse_name;

/// The most keys that the key set ever shows (`design.md`: never more than 64).
const MAX_PUBLISHED_KEYS: u64 = 64;

/// Refuses what cannot work, and reports what is probably not meant.
pub(super) fn check(config: &Config) -> Result<Vec<Warning>, ConfigError> {
    check_addresses(config)?;
    check_database(config)?;
    check_tls(config)?;
    check_mtls(config)?;
    check_keys(config)?;
    check_numbers(config)?;
    check_mail(config)?;
    parse_name(&config.brand.name).map_err(|error| invalid("brand.name", error.to_string()))?;
    check_upstream(config)?;
    check_workload(config)?;
    check_gateway(config)?;
    let nats = config.feed.nats.as_deref().map_or(Ok(()), NatsSettings::check);
    nats.map_err(|(key, problem)| invalid(key, problem))?;
    check_registration(config)?;
    EnvFilter::try_new(&config.log.level).map_err(|error| {
        invalid("log.level", format!("it is not a list of directives: {error}"))
    })?;
    Ok(config.warnings())
}

fn invalid(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { key, problem: problem.into() }
}

fn check_addresses(config: &Config) -> Result<(), ConfigError> {
    if config.listen.is_empty() {
        return Err(invalid("listen", "name at least one address, such as 127.0.0.1:8080"));
    }
    let public = || config.listen.iter().chain(&config.mtls.listen);
    let taken =
        |address: &&SocketAddr| address.port() != 0 && public().any(|other| other == *address);
    if let Some(address) = config.management_listen.iter().find(taken) {
        let problem = format!("{address} is also in `listen` or `mtls.listen`; use another port");
        return Err(invalid("management_listen", problem));
    }
    Ok(())
}

fn check_database(config: &Config) -> Result<(), ConfigError> {
    if let Some(url) = &config.database.url {
        let known = ["postgres://", "postgresql://", "sqlite:"];
        if !known.iter().any(|scheme| url.expose().starts_with(scheme)) {
            let problem = "it must begin with postgres:// or sqlite:// (its value is not shown)";
            return Err(invalid("database.url", problem));
        }
    }
    within("database.max_connections", config.database.max_connections, 1..=100)
}

/// A provider is named once, and completely.
fn check_upstream(config: &Config) -> Result<(), ConfigError> {
    let refused = |name: &str, problem: &str| invalid("upstream", format!("`{name}`: {problem}"));
    let mut issuers = vec![config.issuer.as_str()];
    for (name, provider) in &config.upstream {
        if !is_plain_name(name) {
            return Err(refused(name, "name it with lower-case letters, digits and hyphens"));
        }
        if !is_issuer_url(&provider.issuer) || provider.issuer.contains(['{', '}']) {
            return Err(refused(
                name,
                "`issuer` must be the URL of one issuer, without a template",
            ));
        }
        if issuers.contains(&provider.issuer.as_str()) {
            return Err(refused(name, "`issuer` is this issuer, or stands in another section too"));
        }
        issuers.push(&provider.issuer);
        if provider.client_id.is_empty() {
            return Err(refused(name, "`client_id` is missing"));
        }
        if !provider.scopes.iter().any(|scope| scope == "openid") {
            return Err(refused(name, "`scopes` must contain `openid`"));
        }
    }
    Ok(())
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 32 && name.bytes().all(is_plain)
}

fn is_issuer_url(issuer: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// An issuer of workloads is named once, and its keys can be found.
fn check_workload(config: &Config) -> Result<(), ConfigError> {
    let refused = |name: &str, problem: &str| invalid("workload", format!("`{name}`: {problem}"));
    let mut issuers = vec![config.issuer.as_str()];
    for (name, trusted) in &config.workload {
        if !is_plain_name(name) {
            return Err(refused(name, "name it with lower-case letters, digits and hyphens"));
        }
        match trusted.trust_domain() {
            Some(domain) if domain.is_empty() || domain.contains(['/', ':', '@']) => {
                return Err(refused(name, "`issuer` must be `spiffe://` and a name, and no more"));
            }
            Some(_) if trusted.jwks_uri.is_none() => {
                return Err(refused(name, "a trust domain has no metadata: set `jwks_uri`"));
            }
            None if !is_issuer_url(&trusted.issuer) => {
                return Err(refused(name, "`issuer` must be a URL, or `spiffe://` and a name"));
            }
            _ => {}
        }
        if issuers.contains(&trusted.issuer.as_str()) {
            return Err(refused(name, "`issuer` is this issuer, or stands in another section too"));
        }
        issuers.push(&trusted.issuer);
        if trusted.audience.as_deref() == Some("") {
            return Err(refused(name, "`audience` is empty"));
        }
        if !(60..=86_400).contains(&trusted.max_lifetime_seconds) {
            return Err(refused(name, "`max_lifetime_seconds` must be 60 to 86400"));
        }
    }
    Ok(())
}

/// A route is named completely, somebody may ask about it, and one host has one client.
fn check_gateway(config: &Config) -> Result<(), ConfigError> {
    let refused = |name: &str, problem: &str| invalid("gateway", format!("`{name}`: {problem}"));
    for (name, route) in &config.gateway {
        if !is_plain_name(name) {
            return Err(refused(name, "name it with lower-case letters, digits and hyphens"));
        }
        let is_host = Url::parse(&format!("https://{}", route.host)).is_ok_and(|url| {
            url.as_str() == format!("https://{}/", route.host) && url.username().is_empty()
        });
        if !is_host {
            return Err(refused(
                name,
                "`host` must be a name such as shop.example.com, and no more",
            ));
        }
        if route.client_id.is_empty() || route.resource.is_empty() {
            return Err(refused(name, "set `client_id` and `resource`"));
        }
        if route.identities.is_empty() {
            return Err(refused(name, "`identities` lets nobody in"));
        }
        let is_short = |secret: &Secret<String>| secret.expose().len() < 32;
        if route.secret.as_ref().is_some_and(is_short) {
            return Err(refused(name, "`secret` must have 32 characters or more"));
        }
        if route.trusted.is_empty() && route.secret.is_none() {
            return Err(refused(name, "nobody may ask: set `trusted`, `secret` or both"));
        }
        let differs =
            |other: &GatewayRoute| other.host == route.host && other.client_id != route.client_id;
        if config.gateway.values().any(differs) {
            return Err(refused(name, "routes of one host must have the same `client_id`"));
        }
    }
    Ok(())
}

fn check_tls(config: &Config) -> Result<(), ConfigError> {
    let Some(tls) = &config.tls else { return Ok(()) };
    if tls.certificate_file.as_os_str().is_empty() {
        return Err(invalid("tls.certificate_file", "name the file with the certificate chain"));
    }
    if tls.key_file.as_os_str().is_empty() {
        return Err(invalid("tls.key_file", "name the file with the private key"));
    }
    Ok(())
}

/// Certificates of clients come from somewhere, and are believed from there alone.
fn check_mtls(config: &Config) -> Result<(), ConfigError> {
    let mtls = &config.mtls;
    if !mtls.listen.is_empty() && config.tls.is_none() {
        return Err(invalid("mtls.listen", "set `[tls]`: certificates are shown in TLS alone"));
    }
    if mtls.certificate_authority_file.is_some() && !mtls.is_offered() {
        let problem = "nobody can show a certificate: set `mtls.listen` or \
             `mtls.client_certificate_header`";
        return Err(invalid("mtls.certificate_authority_file", problem));
    }
    Ok(())
}

fn check_keys(config: &Config) -> Result<(), ConfigError> {
    let keys = &config.keys;
    let repeated =
        |(at, algorithm)| keys.algorithms.iter().take(at).any(|other| other == algorithm);
    if keys.algorithms.is_empty() || keys.algorithms.iter().enumerate().any(repeated) {
        return Err(invalid("keys.algorithms", "name each algorithm once, and at least one"));
    }
    if ![2048, 3072, 4096].contains(&keys.rsa_bits) {
        return Err(invalid("keys.rsa_bits", "use 2048, 3072 or 4096"));
    }
    within("keys.jwks_max_age_seconds", keys.jwks_max_age_seconds, 1..=86_400)?;
    within("keys.max_token_lifetime_seconds", keys.max_token_lifetime_seconds, 60..=2_592_000)?;
    if config.offered_algorithms().next().is_none() {
        let problem = "`fapi2` needs ES256, PS256 or EdDSA among them";
        return Err(invalid("keys.algorithms", problem));
    }
    // The successor must be published for twice max-age before its predecessor is due.
    let lead = u64::from(keys.jwks_max_age_seconds) * 2;
    let every = u64::from(keys.rotate_every_seconds);
    if every < lead.max(1) {
        let problem = format!("use at least twice `keys.jwks_max_age_seconds`, {lead} seconds");
        return Err(invalid("keys.rotate_every_seconds", problem));
    }
    // Each ring holds one active and one pending key, and the retired ones until their last token is gone.
    let retired = (u64::from(keys.max_token_lifetime_seconds) + 120).div_ceil(every);
    let rings = u64::try_from(keys.algorithms.len()).unwrap_or(u64::MAX);
    if (retired + 3).saturating_mul(rings) > MAX_PUBLISHED_KEYS {
        let problem =
            "keys would rotate so fast that more than 64 are published at a time; make it longer";
        return Err(invalid("keys.rotate_every_seconds", problem));
    }
    Ok(())
}

fn check_registration(config: &Config) -> Result<(), ConfigError> {
    let registration = &config.registration;
    if registration.mode == RegistrationMode::Open && config.mail_transport() == MailTransport::None
    {
        let problem = "\"open\" needs mails, by which addresses are proved: set `[mail]`";
        return Err(invalid("registration.mode", problem));
    }
    within(
        "registration.invitation_lifetime_seconds",
        registration.invitation_lifetime_seconds,
        300..=2_592_000,
    )
}

fn check_mail(config: &Config) -> Result<(), ConfigError> {
    let mail = &config.mail;
    if mail.transport != Some(MailTransport::Smtp) {
        if mail.host.is_some() {
            return Err(invalid("mail.transport", "set it to \"smtp\", or remove `mail.host`"));
        }
        return Ok(());
    }
    let Some(host) = mail.host.as_deref().filter(|host| !host.is_empty()) else {
        return Err(invalid("mail.host", "name the SMTP server"));
    };
    if mail.from.is_none() {
        return Err(invalid("mail.from", "set the address from which mails come"));
    }
    if mail.username.is_some() != mail.password.is_some() {
        return Err(invalid("mail.password", "set both `mail.username` and it, or neither"));
    }
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let is_here = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    if mail.tls == MailTls::None && !is_here {
        let problem = "\"none\" is for a server on this machine: use \"starttls\" or \"implicit\"";
        return Err(invalid("mail.tls", problem));
    }
    Ok(())
}

fn check_numbers(config: &Config) -> Result<(), ConfigError> {
    let limits = &config.client_authentication;
    let rows = [
        (
            "client_authentication.failures_per_minute_per_address",
            limits.failures_per_minute_per_address,
            1..=1_000_000,
        ),
        (
            "client_authentication.failures_per_minute_per_client",
            limits.failures_per_minute_per_client,
            1..=1_000_000,
        ),
        (
            "client_authentication.max_assertion_lifetime_seconds",
            limits.max_assertion_lifetime_seconds,
            10..=3600,
        ),
        ("token_exchange.max_depth", config.token_exchange.max_depth, 1..=10),
        ("sessions.idle_seconds", config.sessions.idle_seconds, 60..=31_536_000),
        ("sessions.absolute_seconds", config.sessions.absolute_seconds, 60..=31_536_000),
        ("refresh_tokens.idle_seconds", config.refresh_tokens.idle_seconds, 60..=315_360_000),
        (
            "refresh_tokens.absolute_seconds",
            config.refresh_tokens.absolute_seconds,
            60..=315_360_000,
        ),
        ("refresh_tokens.grace_seconds", config.refresh_tokens.grace_seconds, 0..=60),
        ("credentials.min_password_characters", config.credentials.min_password_characters, 8..=64),
        (
            "credentials.link_lifetime_seconds",
            config.credentials.link_lifetime_seconds,
            300..=604_800,
        ),
        ("outbound.timeout_seconds", config.outbound.timeout_seconds, 1..=60),
        ("outbound.max_body_bytes", config.outbound.max_body_bytes, 1024..=1_048_576),
        ("shutdown.grace_seconds", config.shutdown.grace_seconds, 0..=3600),
        ("shutdown.drain_seconds", config.shutdown.drain_seconds, 0..=3600),
    ];
    rows.into_iter().try_for_each(|(key, value, range)| within(key, value, range))
}

fn within(
    key: &'static str,
    value: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(invalid(key, format!("{value} is out of range; use {} to {}", range.start(), range.end())))
}

pub(super) fn warnings(config: &Config) -> Vec<Warning> {
    let mut found = Vec::new();
    let public = config.listen.iter().any(|address| !address.ip().is_loopback());
    if public && config.tls.is_none() && config.proxies.trusted.is_empty() {
        found.push(
            "`listen` is reachable from other machines in plain HTTP: client secrets and tokens can be read on the way; \
             set `[tls]`, or name the proxy that has TLS in `proxies.trusted`",
        );
    }
    if public && config.issuer.url().scheme() == "http" {
        found.push(
            "`listen` is reachable from other machines, but `issuer` is on localhost: only this machine can use its tokens; \
             set `issuer` to the public https URL",
        );
    }
    if config.proxies.trusted.iter().any(|network| network.prefix_len() == 0) {
        found.push(
            "`proxies.trusted` contains every address: anybody can claim any address and so evade rate limits; \
             name the proxies alone",
        );
    }
    if config.mtls.client_certificate_header.is_some() && config.proxies.trusted.is_empty() {
        found.push(
            "`mtls.client_certificate_header` is believed from `proxies.trusted` alone, which names nobody",
        );
    }
    if config.mtls.client_certificate_header.is_some()
        && config.proxies.trusted.iter().any(|network| network.prefix_len() == 0)
    {
        found.push(
            "`proxies.trusted` contains every address, and so believes anybody's `mtls.client_certificate_header`: \
             anybody can pass for any client with a certificate; name the proxies alone",
        );
    }
    if config.outbound.allow.iter().any(|network| network.prefix_len() == 0) {
        found.push(
            "`outbound.allow` contains every address: a client's jwks_uri can reach private networks; \
             name the networks alone",
        );
    }
    let is_open = |route: &GatewayRoute| {
        route.secret.is_none() && route.trusted.iter().any(|network| network.prefix_len() == 0)
    };
    if config.gateway.values().any(is_open) {
        found.push(
            "`trusted` of a `[gateway.NAME]` contains every address: whoever reaches this issuer may ask as the gateway; \
             name the gateways alone, or set `secret`",
        );
    }
    if config.feed.nats.as_deref().is_some_and(NatsSettings::shows_secrets) {
        found.push(
            "`feed.nats` signs in without TLS at another machine: its password or token can be read on the way; \
             use tls:// in `servers`",
        );
    }
    if config.mail.transport == Some(MailTransport::Log) {
        found.push(
            "`mail.transport` is `log`: whoever reads the log can take over accounts; for development only",
        );
    }
    if config.audit.on_write_failure == OnWriteFailure::Continue {
        found.push("`audit.on_write_failure` is `continue`: tokens may be issued without a record");
    }
    found.into_iter().map(|words| Warning(words.to_owned())).collect()
}
