//! One suite for both databases: SQLite in a temporary folder, PostgreSQL at `COUNTERSIGN_TEST_POSTGRES_URL`.
//! `both` runs a test against each; without a PostgreSQL it says so, and `tests/run` always provides one.

use std::future::Future;

use super::*;
use crate::config::Secret;
use crate::registry::{
    Client, ClientAuthentication, ClientId, ClientKeys, Permission, Profile, Resource,
    StoredSecret, User,
};

mod changes;
mod credentials;
mod devices;
mod expired;
mod group_commit;
mod objects;
mod opening;
mod outage;
mod races;
mod revocations;
mod rings;
mod sign_out;
mod signals;
mod unreadable;

const NOW: i64 = 1_800_000_000;

/// One empty database; each call of `open` is another node.
struct Database {
    config: Config,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        Self { config, _folder: Some(folder) }
    }

    /// A schema of its own on the server, named at random.
    async fn postgres(server: &str) -> Self {
        use sqlx::{AssertSqlSafe, Connection as _};
        sqlx::any::install_default_drivers();
        let name = format!("test_{}", crate::random::uuid().simple());
        let mut connection = sqlx::AnyConnection::connect(server).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut url = url::Url::parse(server).unwrap();
        url.query_pairs_mut().append_pair("options", &format!("-c search_path={name}"));
        let mut config = Config::default();
        config.database.url = Some(Secret::new(url.to_string()));
        Self { config, _folder: None }
    }

    async fn open(&self) -> Store {
        Store::open(&self.config).await.unwrap()
    }
}

/// Runs a test against each database.
fn both<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        test(Database::sqlite()).await;
        match postgres_url() {
            Some(server) => test(Database::postgres(&server).await).await,
            None => eprintln!("SKIPPED on PostgreSQL: COUNTERSIGN_TEST_POSTGRES_URL is not set"),
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "which databases are there is no setting")]
fn postgres_url() -> Option<String> {
    std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").ok()
}

fn act() -> Act {
    Actor::node().at(NOW)
}

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

fn secret(id: &str, expires_at: Option<i64>) -> StoredSecret {
    StoredSecret {
        id: id.to_owned(),
        digest: [7; 32],
        created_at: NOW,
        expires_at,
        last_used_at: None,
    }
}

fn client(name: &str) -> Client {
    Client {
        id: id(name),
        name: Some("Orders".to_owned()),
        grants: vec!["client_credentials".to_owned()],
        auth: ClientAuthentication::ClientSecretBasic,
        secrets: vec![secret("s1", None)],
        keys: ClientKeys::None,
        token_endpoint_audience: false,
        dpop_bound_access_tokens: false,
        fapi2: false,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: false,
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: None,
        permissions: Vec::new(),
        enabled: true,
    }
}

fn user(name: &str) -> User {
    User {
        id: crate::random::uuid(),
        username: name.to_owned(),
        email: None,
        email_verified: false,
        profile: Profile::default(),
        updated_at: NOW,
        roles: Vec::new(),
        groups: Vec::new(),
        enabled: true,
    }
}

fn resource(identifier: &str, scopes: &[&str]) -> Resource {
    Resource::new(identifier, scopes.iter().map(|scope| (*scope).to_owned()).collect()).unwrap()
}

fn permission(resource: &str, scopes: &[&str]) -> Permission {
    Permission {
        resource: resource.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        roles: vec!["reader".to_owned()],
    }
}
