//! The command line as scripts see it: exact JSON on standard output, failures on standard error, exit codes.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// One data folder, and the binary run on it with nothing from the environment but where it is.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("COUNTERSIGN_DATA_DIR", self.path("data"))
            .current_dir(self.0.path());
        command
    }

    fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document of a command that succeeds.
    fn json(&self, arguments: &str) -> Value {
        let output = self.output(&format!("{arguments} --json"));
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {words}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code and the failure of a command that fails.
    fn failure(&self, arguments: &str) -> (i32, Value) {
        let output = self.output(&format!("{arguments} --json"));
        assert!(output.stdout.is_empty() || arguments == "doctor", "{arguments}");
        let failure = serde_json::from_slice(&output.stderr).unwrap();
        (output.status.code().unwrap(), failure)
    }
}

const CREATE_ORDERS: &str = "client create orders --grant client_credentials \
     --resource https://payments.example --scope payments:read";

#[test]
fn the_example_of_the_readme_prints_the_secret_once_and_makes_the_resource() {
    let desk = Desk::new();

    let created = desk.json(CREATE_ORDERS);
    let shown = desk.json("client show orders");

    assert_eq!(created["client_id"], "orders");
    assert_eq!(created["client_secret"].as_str().unwrap().len(), 43);
    assert_eq!(created["created_resource"], "https://payments.example");
    assert_eq!(created["grants"], json!(["client_credentials"]));
    assert_eq!(created["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!((&created["jwks_uri"], &created["enabled"]), (&Value::Null, &json!(true)));
    let permission =
        json!({ "resource": "https://payments.example", "scopes": ["payments:read"], "roles": [] });
    assert_eq!(created["permissions"], json!([permission]));
    let secret = &created["secrets"][0];
    assert!(secret["id"].is_string() && secret["created_at"].is_i64());
    assert_eq!((&secret["expires_at"], &secret["last_used_at"]), (&Value::Null, &Value::Null));
    assert!(shown.get("client_secret").is_none());
    assert_eq!(shown["secrets"], created["secrets"]);
}

#[test]
fn r33_no_file_of_the_data_folder_holds_a_secret() {
    let desk = Desk::new();

    let created = desk.json(CREATE_ORDERS);

    let secret = created["client_secret"].as_str().unwrap().as_bytes();
    let mut files = 0;
    for file in std::fs::read_dir(desk.path("data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        files += 1;
    }
    assert!(files >= 2, "the database and the master key are there");
}

#[test]
fn a_failure_names_its_code_its_cause_and_what_to_do() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    let cases = [
        ("client show nobody", 1, "not_found", "countersign client list"),
        ("resource show https://x.example", 1, "not_found", "countersign resource list"),
        ("user show nobody", 1, "not_found", "countersign user list"),
        ("keys withdraw nothing", 1, "not_found", "countersign keys list"),
        (
            "client update orders --resource https://payments.example --scope payments:write",
            1,
            "unknown_scope",
            "--add-scope payments:write",
        ),
        (
            "client create a --grant client_credentials --auth private_key_jwt",
            1,
            "keys_missing",
            "--jwks-file",
        ),
        (
            "resource create https://a.example --algorithm ES384",
            1,
            "algorithm_unavailable",
            "keys.algorithms",
        ),
        ("client create", 2, "usage", "Usage"),
        ("client create a --grant password", 2, "usage", "help"),
        ("nonsense", 2, "usage", "Usage"),
        ("--config /does/not/exist config check", 1, "config_unreadable", "config example"),
    ];
    for (arguments, exit, code, hint) in cases {
        let (status, failure) = desk.failure(arguments);
        assert_eq!((status, &failure["error"]), (exit, &json!(code)), "{arguments}: {failure}");
        let words = failure["hint"].as_str().unwrap_or_default();
        assert!(words.contains(hint), "{arguments}: {failure}");
        assert!(!failure["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_refused_creation_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    desk.json("client delete orders");

    let again = CREATE_ORDERS.replace("payments.example", "other.example");
    let (status, failure) = desk.failure(&again);

    assert_eq!((status, &failure["error"]), (1, &json!("conflict")));
    assert_eq!(desk.json("resource list")["resources"].as_array().unwrap().len(), 1);
    assert_eq!(desk.json("client list")["clients"], json!([]));
}

#[test]
fn a_client_changes_only_where_it_is_told_to() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    desk.json("resource create https://stock.example --scope read --scope write");

    let changed = desk
        .json("client update orders --resource https://stock.example --scope read --role clerk");
    let disabled = desk.json("client update orders --disable");
    let narrowed = desk.json("client update orders --remove-resource https://payments.example");

    assert_eq!(changed["permissions"].as_array().unwrap().len(), 2);
    assert_eq!((&changed["enabled"], &disabled["enabled"]), (&json!(true), &json!(false)));
    assert_eq!(disabled["permissions"], changed["permissions"]);
    assert_eq!(narrowed["permissions"][0]["roles"], json!(["clerk"]));
}

#[test]
fn secrets_are_two_at_most_and_listed_oldest_first() {
    let desk = Desk::new();
    let first = desk.json(CREATE_ORDERS);

    let second = desk.json("client secret add orders --expires-in-seconds 60");
    let (status, third) = desk.failure("client secret add orders");
    let oldest = first["secrets"][0]["id"].as_str().unwrap();
    desk.json(&format!("client secret remove orders {oldest}"));

    assert_eq!((status, &third["error"]), (1, &json!("conflict")));
    assert!(third["message"].as_str().unwrap().contains("client secret remove orders"));
    let left = desk.json("client show orders");
    assert_eq!(left["secrets"], json!([second["secret"]]));
    assert_ne!(first["client_secret"], second["client_secret"]);
}

#[test]
fn a_token_that_would_be_too_large_is_refused_when_it_is_configured() {
    let desk = Desk::new();
    let scopes: Vec<String> =
        (0..60).map(|number| format!("--scope payments:scope-{number:030}")).collect();

    let many = CREATE_ORDERS.replace("--scope payments:read", &scopes.join(" "));
    let (status, failure) = desk.failure(&many);

    assert_eq!((status, &failure["error"]), (1, &json!("token_too_large")));
    assert!(failure["hint"].as_str().unwrap().contains("--max-token-bytes"));
}

#[test]
fn users_are_rows_with_roles_and_groups() {
    let desk = Desk::new();

    let made = desk.json("user create Ada --email ada@example.com --role admin --group staff");
    let changed = desk.json("user update ADA --role reader --disable");
    desk.json("user delete ada");

    assert_eq!(made["id"].as_str().unwrap().len(), 36);
    assert_eq!((&changed["roles"], &changed["groups"]), (&json!(["reader"]), &json!(["staff"])));
    assert_eq!((&changed["id"], &changed["enabled"]), (&made["id"], &json!(false)));
    assert_eq!(desk.json("user list"), json!({ "users": [] }));
}

fn states(keys: &Value, algorithm: &str) -> Vec<String> {
    let keys = keys["keys"].as_array().unwrap().iter();
    let ring = keys.filter(|key| key["algorithm"] == algorithm);
    let mut states: Vec<_> = ring.map(|key| key["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

#[test]
fn keys_rotate_withdraw_and_import() {
    let desk = Desk::new();
    let before = desk.json("keys list");

    let rotated = desk.json("keys rotate");
    let again = desk.json("keys rotate");
    let active = before["keys"][0]["kid"].as_str().unwrap();
    let withdrawn = desk.json(&format!("keys withdraw {active}"));
    let key = countersign_keys::SigningKey::generate(
        countersign_keys::Algorithm::Es256,
        countersign_keys::signing_key::KeySize::Default,
    )
    .unwrap();
    std::fs::write(desk.path("key.pem"), key.to_pem().unwrap().as_bytes()).unwrap();
    let imported = desk.json("keys import key.pem");
    desk.json(&format!("keys withdraw {}", key.kid()));
    let (code, refused) = desk.failure("keys import key.pem");
    let (_, gone) = desk.failure(&format!("keys withdraw {}", key.kid()));

    assert_eq!(states(&before, "ES256"), ["active"]);
    assert_eq!(states(&rotated, "ES256"), ["active", "pending"]);
    assert_eq!(again["rotated"], json!([]), "a successor is published already");
    assert_eq!(states(&withdrawn, "ES256"), ["active"], "the successor took over");
    assert_eq!(imported["imported"], key.kid().as_ref());
    assert_eq!((code, &refused["error"]), (1, &json!("key_withdrawn")));
    assert!(refused["hint"].as_str().unwrap().contains("make a new key"), "{refused}");
    assert_eq!(gone["error"], "not_found");
    assert_eq!(states(&imported, "ES256"), ["active", "pending"]);
}

#[test]
fn the_example_configuration_is_valid() {
    let desk = Desk::new();

    let example = desk.output("config example");
    std::fs::write(desk.path("countersign.toml"), &example.stdout).unwrap();
    let checked = desk.json("config check");

    let nothing: Vec<String> = Vec::new();
    assert_eq!((&checked["valid"], &checked["warnings"]), (&json!(true), &json!(nothing)));
}

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
fn a_master_key_in_the_environment_needs_no_file_and_is_shown_by_no_command() {
    let desk = Desk::new();
    let key = "5a".repeat(32);
    let run = |arguments: &str, key: &str| {
        let mut command = desk.command(arguments);
        let output = command.env("COUNTERSIGN_MASTER_KEY", key).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&printed).into_owned())
    };

    let made = run("keys list --json", &key);
    let examined = run("doctor", &key);
    let other = run("keys rotate", &"5b".repeat(32));
    let without = desk.failure("keys list");
    let rotating = run("keys list", &format!("{},{key}", "5b".repeat(32)));
    let rotated = run("keys rotate", &"5b".repeat(32));

    assert_eq!(made.0, 0, "{}", made.1);
    assert!(!desk.path("data/master.key").exists());
    assert!(examined.1.contains("in the environment (1)"), "{}", examined.1);
    assert!(other.0 == 1 && other.1.contains("not among those configured"), "{}", other.1);
    assert_eq!((without.0, &without.1["error"]), (1, &json!("master_key_missing")));
    assert_eq!((rotating.0, rotated.0), (0, 0), "{}", rotated.1);
    for (_, printed) in [made, examined, other, rotating, rotated] {
        assert!(!printed.contains("5a5a") && !printed.contains("5b5b"), "{printed}");
    }
}

#[test]
fn a_variable_that_is_no_text_is_not_as_if_it_were_absent() {
    use std::os::unix::ffi::OsStrExt as _;
    let desk = Desk::new();
    let bytes = std::ffi::OsStr::from_bytes(b"canary\xff");

    for name in ["COUNTERSIGN_MASTER_KEY", "COUNTERSIGN_DATA_DIR", "COUNTERSIGN_CONFIG"] {
        let output = desk.command("keys list").env(name, bytes).output().unwrap();

        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said.contains(name) && !said.contains("canary"), "{said}");
        assert!(!desk.path("data").exists(), "{name}");
    }
}

impl Desk {
    /// Does to the database what no command does.
    fn damage(&self, sql: &str) {
        let url = format!("sqlite://{}", self.path("data/countersign.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            pool.close().await;
        });
    }
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
    desk.damage("UPDATE client SET auth = 'tls_client_auth' WHERE id = 'later'");
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
