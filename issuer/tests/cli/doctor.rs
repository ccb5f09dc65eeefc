//! `doctor`: what it finds, and that it changes nothing.

use std::path::Path;

use serde_json::Value;

use crate::Desk;
use crate::client::CREATE_ORDERS;

/// The findings of `doctor` about one check.
fn findings<'r>(report: &'r Value, check: &str) -> Vec<&'r Value> {
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == check)
        .collect()
}

fn examine(desk: &Desk) -> (bool, Value) {
    let output = desk.output("doctor --json");
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn the_doctor_finds_an_open_folder_and_a_lost_master_key_and_changes_nothing() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("countersign.toml"),
        "listen = ['127.0.0.1:0']\nmanagement_listen = []",
    )
    .unwrap();
    let (fresh_is_healthy, fresh) = examine(&desk);
    assert!(fresh_is_healthy && !desk.path("data").exists(), "{fresh}");

    desk.json("keys list");
    let (made_is_healthy, made) = examine(&desk);
    set_mode(&desk.path("data"), 0o755);
    let master = desk.path("data/master.key");
    let key = std::fs::read(&master).unwrap();
    std::fs::remove_file(&master).unwrap();
    let (ill_is_healthy, ill) = examine(&desk);

    assert!(made_is_healthy, "{made}");
    assert!(!ill_is_healthy && !master.exists());
    assert!(findings(&ill, "data folder")[0]["hint"].as_str().unwrap().contains("chmod 700"));
    assert_eq!(findings(&ill, "signing keys")[0]["outcome"], "failed");
    std::fs::write(&master, key).unwrap();
    set_mode(&desk.path("data"), 0o700);
    set_mode(&master, 0o600);
    assert!(examine(&desk).0);
}

#[test]
fn the_doctor_tries_the_mail_server_and_says_what_is_in_the_way() {
    let desk = Desk::new();
    let listeners = "listen = ['127.0.0.1:0']\nmanagement_listen = []\n";
    let smtp = "[mail]\ntransport = 'smtp'\nhost = 'localhost'\nport = 1\nfrom = 'a@example.com'\n";
    let examine_with = |settings: &str| {
        let text = format!("{listeners}{settings}");
        std::fs::write(desk.path("countersign.toml"), text).unwrap();
        let (_, report) = examine(&desk);
        findings(&report, "mail")[0].clone()
    };

    let without = examine_with("");
    let unreachable = examine_with(smtp);
    let missing =
        examine_with(&format!("{smtp}certificate_authority_file = '/does/not/exist.pem'\n"));

    assert_eq!(without["outcome"], "skipped");
    assert_eq!(unreachable["outcome"], "failed");
    assert!(unreachable["detail"].as_str().unwrap().contains("localhost"), "{unreachable}");
    assert!(unreachable["hint"].as_str().unwrap().contains("mail.port"));
    assert!(missing["detail"].as_str().unwrap().contains("/does/not/exist.pem"), "{missing}");
}

/// Undoes the migrations after a version, which only add.
fn as_it_was_after(version: u32) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut undo = vec![format!("DELETE FROM _sqlx_migrations WHERE version > {version}")];
    let files = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    // The newest first: it may alter what an older one made.
    paths.sort_unstable_by(|one, other| other.cmp(one));
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name[..4].parse::<u32>().unwrap() <= version || name.ends_with(".postgres.sql") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            undo.extend(match words[..] {
                ["CREATE", "TABLE", table, ..] => Some(format!("DROP TABLE {table}")),
                // Those of tables that stay; the others went with theirs.
                ["CREATE", "INDEX", index, ..] => Some(format!("DROP INDEX IF EXISTS {index}")),
                ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                    Some(format!("ALTER TABLE {table} DROP COLUMN {column}"))
                }
                _ => None,
            });
        }
    }
    undo.join(";")
}

#[test]
fn the_doctor_leaves_the_database_of_an_earlier_release_as_it_is() {
    let desk = Desk::new();
    desk.json("keys list");
    desk.damage(&as_it_was_after(10));

    let (_, before) = examine(&desk);
    let (_, again) = examine(&desk);
    desk.json("keys list");
    let (_, migrated) = examine(&desk);

    for report in [before, again] {
        let database = findings(&report, "database")[0];
        assert_eq!(database["outcome"], "warning", "{report}");
        assert!(database["hint"].as_str().unwrap().contains("next start"), "{report}");
    }
    assert_eq!(findings(&migrated, "database")[0]["outcome"], "ok", "{migrated}");
}

#[test]
fn m1_rows_that_cannot_be_understood_are_named_and_can_be_removed() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("countersign.toml"),
        "listen = ['127.0.0.1:0']\nmanagement_listen = []",
    )
    .unwrap();
    desk.json(CREATE_ORDERS);
    desk.json(&CREATE_ORDERS.replace("orders", "later"));
    let keys = desk.json("keys list");
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    desk.damage("UPDATE client SET auth = 'client_secret_jwt' WHERE id = 'later'");
    desk.damage(&format!("UPDATE signing_key SET sealed = '!!!' WHERE kid = '{kid}'"));

    let (healthy, report) = examine(&desk);
    let listed = desk.json("client list");
    let still_listed = desk.json("keys list");
    desk.json(&format!("keys withdraw {kid}"));
    let shown = desk.failure("client show later").1;
    desk.json("client delete later");
    let (mended, after) = examine(&desk);

    assert!(!healthy);
    let registry = &findings(&report, "registry")[0];
    assert!(registry["detail"].as_str().unwrap().contains("`later`"), "{report}");
    assert!(registry["hint"].as_str().unwrap().contains("client delete later"), "{report}");
    assert!(findings(&report, "signing keys")[0]["detail"].as_str().unwrap().contains(kid));
    assert_eq!(listed["clients"].as_array().unwrap().len(), 1);
    assert_eq!(shown["error"], "row_unreadable");
    assert_eq!(still_listed, keys);
    assert!(mended, "{after}");
}

#[test]
fn s9_the_doctor_warns_of_tokens_that_are_shortened() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    let settings = "listen = ['127.0.0.1:0']\nmanagement_listen = []\n\
         [keys]\nmax_token_lifetime_seconds = 600\n";
    std::fs::write(desk.path("countersign.toml"), settings).unwrap();

    let (healthy, report) = examine(&desk);

    assert!(healthy, "{report}");
    let warning = findings(&report, "registry")[1];
    assert_eq!(warning["outcome"], "warning");
    assert!(warning["detail"].as_str().unwrap().contains("https://payments.example"));
}

#[test]
fn the_doctor_names_clients_that_get_nothing_once_all_are_held_to_fapi2() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    let rsa = "resource create https://old.example --scope a --algorithm RS256";
    desk.json(rsa);
    std::fs::write(
        desk.path("countersign.toml"),
        "fapi2 = true\nlisten = ['127.0.0.1:0']\nmanagement_listen = []",
    )
    .unwrap();

    let (is_healthy, report) = examine(&desk);
    let (_, refused) = desk.failure("client update orders --name Orders");
    let put_away = desk.json("client update orders --disable");

    assert!(is_healthy, "{report}");
    let about = findings(&report, "registry");
    let details: Vec<&str> = about.iter().filter_map(|found| found["detail"].as_str()).collect();
    assert!(
        details.iter().any(|detail| detail.starts_with("client orders gets nothing")),
        "{report}"
    );
    assert!(details.iter().any(|detail| detail.contains("https://old.example")), "{report}");
    assert_eq!(refused["error"], "invalid_value");
    assert_eq!(put_away["enabled"], false);
}

#[test]
fn the_doctor_names_a_route_behind_a_gateway_that_lets_nobody_through() {
    let desk = Desk::new();
    let route = "listen = ['127.0.0.1:0']\nmanagement_listen = []\n[gateway.shop]\nhost = 'shop.example'\n\
         trusted = ['127.0.0.1']\nclient_id = 'shop-gateway'\nresource = 'https://shop.example'";
    std::fs::write(desk.path("countersign.toml"), route).unwrap();
    let detail = || {
        let (_, report) = examine(&desk);
        let about = findings(&report, "registry");
        let of_gateway = about.iter().filter_map(|found| found["detail"].as_str());
        of_gateway.filter(|detail| detail.contains("[gateway.shop]")).collect::<String>()
    };
    desk.json("resource create https://shop.example --scope orders:read");

    let nobody = detail();
    desk.json(
        "client create shop-gateway --grant authorization_code --scope openid \
         --resource https://shop.example --scope orders:read --redirect-uri https://shop.example/cb",
    );
    let elsewhere = detail();
    desk.json(
        "client update shop-gateway --redirect-uri https://shop.example/.countersign/callback",
    );

    assert!(nobody.ends_with("its client is not registered"), "{nobody}");
    assert!(elsewhere.ends_with("has not the redirect URI of the host"), "{elsewhere}");
    assert_eq!(detail(), "");
}
