//! Every setting is documented and checked, and every message says where and what to do.

use std::path::Path;

use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.toml");
    std::fs::write(&path, text).unwrap();
    load_path(Some(&path), environment)
}

fn load_path(
    path: Option<&Path>,
    environment: &[(&str, &str)],
) -> Result<(Config, Vec<Warning>), String> {
    let variable = |name: &'static str| {
        environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    Config::load_with(path, &variable).map_err(|error| error.to_string())
}

#[test]
fn the_example_file_is_the_defaults() {
    let (config, warnings) = load(&reference::example(), &[]).unwrap();

    let expected = Config { source: Source::Configured, ..Config::default() };
    assert_eq!(format!("{config:?}"), format!("{expected:?}"));
    assert_eq!(warnings, []);
}

#[test]
fn the_example_file_is_valid_with_every_comment_sign_of_a_setting_removed() {
    let uncommented: String = reference::example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    // The examples of secrets in a file name files that are not here.
    let text = uncommented
        .replace(
            r#"{ file = "/run/secrets/database_url" }"#,
            r#""postgres://countersign@localhost/countersign""#,
        )
        .replace(r#"{ file = "/run/secrets/google_client_secret" }"#, r#""secret""#)
        .replace("upstream.NAME", "upstream.google")
        .replace("workload.NAME", "workload.github")
        .replace("gateway.NAME", "gateway.shop")
        .replace(r#"{ file = "/run/secrets/gateway" }"#, r#""0123456789abcdef0123456789abcdef""#)
        .replace(r#"{ file = "/run/secrets/mail_password" }"#, r#""secret""#)
        // One way to sign in at a time.
        .replace(r#"credentials = { file = "/run/secrets/nats.creds" }"#, "")
        .replace(r#"{ file = "/run/secrets/nats_password" }"#, r#""secret""#)
        .replace(r#"token = { file = "/run/secrets/nats_token" }"#, "");

    let (config, _) = load(&text, &[]).unwrap();

    assert!(config.tls.is_some() && config.tracing.otlp_endpoint.is_some());
    assert!(matches!(config.database_location(), DatabaseLocation::Postgres(_)));
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");

    let page = std::fs::read_to_string(&path).unwrap_or_default();

    assert!(
        page == reference::page(),
        "run: cargo run -q -- config example --markdown > docs/configuration.md"
    );
}

#[test]
fn every_setting_is_described() {
    for section in SECTIONS {
        assert!(!section.doc.is_empty(), "{section:?}");
        for setting in section.settings {
            assert!(!setting.doc.is_empty(), "{}.{}", section.name, setting.key);
        }
    }
}

#[test]
fn a_mistake_is_named_with_its_line_its_key_and_what_to_do() {
    let cases = [
        ("isuer = 'x'", &["line 1", "isuer", "issuer"][..]),
        ("[keys]\nrsa_bits = 'big'", &["line 2", "keys.rsa_bits"]),
        ("[keys]\nrsa_bits = 1024", &["keys.rsa_bits", "2048, 3072 or 4096"]),
        ("[keys]\nalgorithms = []", &["keys.algorithms", "at least one"]),
        ("[keys]\nalgorithms = ['HS256']", &["line 2", "keys.algorithms", "HS256"]),
        ("[keys]\nrotate_every_seconds = 600", &["keys.rotate_every_seconds", "64"]),
        ("[keys]\nrotate_every_seconds = 1", &["keys.rotate_every_seconds", "twice", "600"]),
        ("issuer = 'http://issuer.example'", &["line 1", "issuer", "https"]),
        ("issuer = 'https://issuer.example/'", &["write it as `https://issuer.example`"]),
        ("issuer = 'https://Issuer.example'", &["write it as `https://issuer.example`"]),
        ("issuer = 'https://issuer.example?a=b'", &["query"]),
        ("issuer = 'https://u:p@issuer.example'", &["username"]),
        ("listen = []", &["listen", "127.0.0.1:8080"]),
        ("management_listen = ['127.0.0.1:8080']", &["management_listen", "another port"]),
        ("[tls]\nkey_file = 'k.pem'", &["tls.certificate_file"]),
        ("[mtls]\nlisten = ['127.0.0.1:8444']", &["mtls.listen", "[tls]"]),
        (
            "[mtls]\ncertificate_authority_file = 'ca.pem'",
            &["mtls.certificate_authority_file", "mtls.listen"],
        ),
        (
            "[mtls]\nclient_certificate_header = 'x-ssl-cert'",
            &["line 2", "mtls.client_certificate_header", "client-cert"],
        ),
        ("[mtls]\nurl = 'http://mtls.example'", &["line 2", "mtls.url", "https"]),
        ("[proxies]\ntrusted = ['10.0.0.0/33']", &["proxies.trusted", "10.0.0.0/8"]),
        ("[database]\nmax_connections = 0", &["database.max_connections", "1 to 100"]),
        ("[log]\nformat = 'xml'", &["log.format", "human", "json"]),
        ("[log]\nlevel = 'a=b=c'", &["log.level"]),
        ("[audit]\non_write_failure = 'ignore'", &["audit.on_write_failure", "refuse"]),
        ("[brand]\nname = ''", &["brand.name", "1 to 128"]),
        ("[brand]\ncolor = 'teal'", &["line 2", "brand.color", "#1f5f5b"]),
        ("[brand]\nlogo_uri = 'http://cdn.example/l.png'", &["line 2", "brand.logo_uri", "https"]),
        ("[mail]\nhost = 'smtp.example.com'", &["mail.transport", "smtp"]),
        ("[mail]\ntransport = 'smtp'", &["mail.host"]),
        ("[mail]\ntransport = 'smtp'\nhost = 'h'", &["mail.from"]),
        (
            "[credentials]\nmin_password_characters = 6",
            &["credentials.min_password_characters", "8 to 64"],
        ),
        ("[credentials]\nlink_lifetime_seconds = 1", &["credentials.link_lifetime_seconds"]),
        ("[registration]\nmode = 'open'", &["registration.mode", "[mail]"]),
        ("[registration]\nmode = 'everybody'", &["registration.mode", "closed", "invite", "open"]),
        (
            "[registration]\nallowed_email_domains = ['@example.com']",
            &["registration.allowed_email_domains", "example.com"],
        ),
        ("[registration]\ninvitation_lifetime_seconds = 1", &["300 to 2592000"]),
        ("[mail]\nfrom = 'nobody'", &["line 2", "mail.from", "name@domain"]),
        (
            "[mail]\ntransport = 'smtp'\nhost = 'h'\nfrom = 'a@b.example'\nusername = 'u'",
            &["mail.password", "both"],
        ),
        (
            "[mail]\ntransport = 'smtp'\nhost = '192.0.2.1'\nfrom = 'a@b.example'\ntls = 'none'",
            &["mail.tls", "starttls"],
        ),
        ("[feed.nats]", &["feed.nats.servers", "tls://"]),
        ("[feed.nats]\nservers = ['https://n.example']", &["feed.nats.servers", "tls://"]),
        ("[feed.nats]\nservers = ['nats://u:p@n.example']", &["without a password"]),
        ("[feed.nats]\nservers = ['nats://n']\nname = 'a.b'", &["feed.nats.name", "hyphens"]),
        ("[feed.nats]\nservers = ['nats://n']\nusername = 'u'", &["feed.nats.password", "both"]),
        (
            "[feed.nats]\nservers = ['nats://n']\nusername = 'u'\npassword = 'p'\ntoken = 't'",
            &["feed.nats.credentials", "one of"],
        ),
        (
            "[feed.nats]\nservers = ['nats://n']\ncredentials = 'none'",
            &["feed.nats.credentials", "credentials file"],
        ),
        ("[feed.nats]\nservers = ['nats://n']\nreplicas = 6", &["feed.nats.replicas", "1 to 5"]),
        ("listen = ['127.0.0.1:8080'", &["line 1"]),
    ];
    for (text, expected) in cases {
        let message = load(text, &[]).unwrap_err();
        for words in expected {
            assert!(message.contains(words), "{text}\n{message}\nlacks {words}");
        }
    }
}

#[test]
fn cve_2024_8365_a_secret_is_in_no_message_and_no_debug_output() {
    let canary = "canary-73b1";
    let (config, _) = load(&format!("[database]\nurl = 'postgres://u:{canary}@h/d'"), &[]).unwrap();

    assert!(!format!("{config:?}").contains(canary));
    let nats = "[feed.nats]\nservers = ['tls://n.example']\n";
    for one in ["token", "username = 'u'\npassword"] {
        let (config, _) = load(&format!("{nats}{one} = '{canary}'"), &[]).unwrap();
        assert!(!format!("{config:?}").contains(canary));
    }
    for text in [
        format!("[database]\nurl = 'mysql://{canary}'"),
        format!("[database]\nurl = '{canary}"),
        format!("{nats}credentials = '{canary}'"),
        format!("[feed.nats]\nservers = ['nats://u:{canary}@n.example']"),
    ] {
        let message = load(&text, &[]).unwrap_err();
        assert!(!message.contains(canary), "{message}");
    }
}

#[test]
fn a_password_that_goes_to_a_bus_in_clear_is_warned_of() {
    let nats = |server: &str| {
        let text = format!("[feed.nats]\nservers = ['{server}']\nusername = 'u'\npassword = 'p'");
        load(&text, &[]).unwrap().1
    };

    assert!(nats("nats://n.example")[0].to_string().contains("tls://"));
    for server in ["tls://n.example", "nats://localhost", "nats://127.0.0.1:1", "nats://[::1]:1"] {
        assert_eq!(nats(server), [], "{server}");
    }
}

#[test]
fn a_secret_can_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://u:p@h/d\n").unwrap();

    let text = format!("[database]\nurl = {{ file = '{}' }}", path.display());
    let (config, _) = load(&text, &[]).unwrap();
    let missing = load("[database]\nurl = { file = '/does/not/exist' }", &[]).unwrap_err();

    assert_eq!(config.database.url.unwrap().expose(), "postgres://u:p@h/d");
    assert!(missing.contains("/does/not/exist"), "{missing}");
}

#[test]
fn the_environment_replaces_the_file() {
    let environment = [
        ("COUNTERSIGN_ISSUER", "https://issuer.example"),
        ("COUNTERSIGN_LISTEN", "0.0.0.0:80, [::]:80"),
        ("COUNTERSIGN_MANAGEMENT_LISTEN", "127.0.0.1:81"),
        ("COUNTERSIGN_DATABASE_URL", "sqlite:///srv/a.db"),
        ("COUNTERSIGN_DATA_DIR", "/srv/data"),
        ("COUNTERSIGN_MASTER_KEY_FILE", "/run/new,/run/old"),
    ];

    let (config, warnings) = load("issuer = 'https://old.example'", &environment).unwrap();

    assert_eq!(config.issuer.as_str(), "https://issuer.example");
    assert_eq!((config.listen.len(), config.management_listen.len()), (2, 1));
    assert_eq!(config.master_key_files(), ["/run/new", "/run/old"].map(PathBuf::from));
    assert_eq!(config.audit_file(), Path::new("/srv/data/audit.log"));
    let location = config.database_location();
    assert!(matches!(location, DatabaseLocation::Sqlite(path) if path == Path::new("/srv/a.db")));
    assert!(warnings[0].to_string().contains("plain HTTP"), "{warnings:?}");
}

#[test]
fn cve_2023_29193_operators_are_served_on_this_machine_alone_unless_they_say_otherwise() {
    let config = Config::default();

    assert!(config.management_listen.iter().all(|address| address.ip().is_loopback()));
}

#[test]
fn master_keys_can_come_from_the_environment_alone() {
    let (new, old) = ("5a".repeat(32), "5b".repeat(32));
    let both = format!("{new}, {old}\n");

    let (config, _) =
        load("[master_key]\nfiles = ['/does/not/exist']", &[("COUNTERSIGN_MASTER_KEY", &both)])
            .unwrap();
    let keys = crate::master_key::read(&config).unwrap();

    let id = |text: &str| countersign_keys::seal::MasterKey::parse(text).unwrap().id();
    assert_eq!(keys.sealing_id(), id(&new));
    let sealed = countersign_keys::MasterKeys::new(
        countersign_keys::seal::MasterKey::parse(&old).unwrap(),
        Vec::new(),
    )
    .seal("context", b"text");
    assert_eq!(*keys.open("context", &sealed.unwrap()).unwrap(), b"text");
    assert!(!format!("{config:?}").contains("5a5a"));
}

#[test]
fn cve_2024_8365_a_master_key_in_the_environment_that_cannot_be_used_is_not_shown() {
    let good = "5a".repeat(32);
    let cases = [
        ("canary-73b1".to_owned(), None),
        (format!("{good},canary-73b1"), None),
        (format!("{good},"), None),
        (good.clone(), Some(("COUNTERSIGN_MASTER_KEY_FILE", "/run/key"))),
    ];
    for (value, other) in cases {
        let environment: Vec<_> =
            [("COUNTERSIGN_MASTER_KEY", value.as_str())].into_iter().chain(other).collect();

        let message = load("", &environment).unwrap_err();

        assert!(message.contains("COUNTERSIGN_MASTER_KEY"), "{message}");
        assert!(!message.contains("canary") && !message.contains("5a5a"), "{message}");
    }
}

#[test]
fn mails_go_to_the_log_only_where_nothing_is_configured() {
    let transport = |loaded: Result<(Config, Vec<Warning>), String>| {
        let (config, warnings) = loaded.unwrap();
        (config.mail_transport(), warnings.iter().any(|w| w.to_string().contains("mail.transport")))
    };

    assert_eq!(transport(load_path(None, &[])), (MailTransport::Log, false));
    assert_eq!(transport(load("", &[])), (MailTransport::None, false));
    assert_eq!(transport(load("[mail]\ntransport = 'log'", &[])), (MailTransport::Log, true));
}

#[test]
fn a_relay_on_this_machine_needs_no_tls() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        let text = format!(
            "[mail]\ntransport = 'smtp'\nhost = '{host}'\nfrom = 'Ex <a@b.example>'\ntls = 'none'"
        );
        let (config, _) = load(&text, &[]).unwrap();
        assert_eq!(config.mail_transport(), MailTransport::Smtp);
    }
}

#[test]
fn a_bad_variable_is_named() {
    let message = load("", &[("COUNTERSIGN_LISTEN", "localhost")]).unwrap_err();

    assert!(
        message.contains("COUNTERSIGN_LISTEN") && message.contains("0.0.0.0:8080"),
        "{message}"
    );
}

#[test]
fn only_a_configuration_by_nobody_is_development() {
    let data_dir = ("COUNTERSIGN_DATA_DIR", "/srv/data");
    let listen = ("COUNTERSIGN_LISTEN", "127.0.0.1:7070");

    let (untouched, _) = load_path(None, &[data_dir]).unwrap();
    let (moved, _) = load_path(None, &[data_dir, listen]).unwrap();
    let (file, _) = load("listen = ['127.0.0.1:6060']", &[]).unwrap();

    assert!(untouched.is_development());
    assert!(!moved.is_development() && !file.is_development());
    assert_eq!(moved.issuer.as_str(), "http://localhost:7070");
    assert_eq!(file.issuer.as_str(), "http://localhost:6060");
}

#[test]
fn an_issuer_may_have_a_path_and_keeps_its_text() {
    let (config, _) = load("issuer = 'https://issuer.example/realms/a'", &[]).unwrap();

    assert_eq!(config.issuer.path(), "/realms/a");
    assert_eq!(config.issuer.endpoint("/token"), "https://issuer.example/realms/a/token");
    assert_eq!(IssuerUrl::default().path(), "");
}
