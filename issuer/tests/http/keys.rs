//! Keys at rest: master keys that change, rows that were altered, and a ring that two nodes see.

use std::time::Duration;

use countersign::app::App;
use countersign::bootstrap::StartError;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::master_key::MasterKeyError;
use countersign::signing::{OpenError, Rotation, Turn};
use countersign::store::KeyRow;
use countersign_keys::ring::KeyState;

use crate::harness::START;

fn config(folder: &tempfile::TempDir) -> Config {
    let mut config = Config {
        issuer: "https://issuer.example".parse().unwrap(),
        data_dir: folder.path().join("data"),
        ..Config::default()
    };
    config.keys.algorithms = vec![countersign_keys::Algorithm::Es256];
    config
}

async fn open(config: &Config) -> Result<App, StartError> {
    App::open(config.clone(), Clock::fixed(START)).await
}

fn kid(app: &App) -> String {
    app.keychain.live().rings()[0].active().unwrap().kid().to_string()
}

#[tokio::test]
async fn the_master_key_changes_without_the_signing_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    let kid_before = kid(&open(&config).await.unwrap());
    let old = config.data_dir.join("master.key");
    let new = config.data_dir.join("new.key");
    std::fs::write(&new, countersign::random::client_secret().as_str()).unwrap();

    config.master_key.files = vec![new.clone(), old];
    let both = kid(&open(&config).await.unwrap());
    config.master_key.files = vec![new];
    let only_new = kid(&open(&config).await.unwrap());

    assert_eq!((kid_before.as_str(), kid_before.as_str()), (both.as_str(), only_new.as_str()));
}

#[tokio::test]
async fn a_missing_or_wrong_master_key_stops_the_start_and_destroys_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let kid_before = kid(&open(&config).await.unwrap());
    let file = config.data_dir.join("master.key");
    let master = std::fs::read(&file).unwrap();

    std::fs::remove_file(&file).unwrap();
    let missing = open(&config).await.err().unwrap();
    let still_missing = !file.exists();
    std::fs::write(&file, countersign::random::client_secret().as_str()).unwrap();
    let wrong = open(&config).await.err().unwrap();
    std::fs::write(&file, "not a key").unwrap();
    let corrupt = open(&config).await.err().unwrap();
    std::fs::write(&file, master).unwrap();
    let restored = kid(&open(&config).await.unwrap());

    assert!(matches!(missing, StartError::MasterKeyMissing { .. }), "{missing}");
    assert!(still_missing, "a new master key was made up");
    assert!(matches!(wrong, StartError::SealedKey(..)), "{wrong}");
    assert!(matches!(corrupt, StartError::MasterKey(MasterKeyError::File { .. })), "{corrupt}");
    assert_eq!(restored, kid_before);
}

#[tokio::test]
async fn an_altered_or_swapped_key_row_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let kid = kid(&open(&config).await.unwrap());
    let url = format!("sqlite://{}", config.data_dir.join("countersign.db").display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let swap = "UPDATE signing_key SET sealed = (SELECT sealed FROM sealed_secret)";
    sqlx::query(swap).execute(&pool).await.unwrap();

    let refused = open(&config).await.err().unwrap();

    assert!(matches!(refused, StartError::Keys(OpenError::Altered { .. })), "{refused}");
    assert!(refused.to_string().contains(&kid), "{refused}");
}

#[tokio::test]
async fn a_running_node_keeps_its_keys_when_a_row_is_altered() {
    let issuer = crate::harness::Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let rows = issuer.app.store.load_rings().await.unwrap();
    let row = &rows[0].keys[0];
    let mut altered = row.sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(issuer.app.store.reseal_key(&row.kid, &row.sealed, &altered).await.unwrap());

    // Any change of a ring makes the node read its rows again.
    let act = countersign::store::Actor::node().at(START);
    let untouched = countersign::store::RingChange::default();
    issuer
        .app
        .store
        .apply_ring_change(row.algorithm, rows[0].version, &untouched, &act)
        .await
        .unwrap();
    issuer.follow().await;

    assert_eq!(issuer.token_as("orders", &secret, &[]).await.status, 200);
    let metrics = issuer.app.metrics.render(Duration::ZERO, 1);
    assert!(metrics.contains("countersign_key_rows_refused_total 1"));
}

#[tokio::test]
async fn m1_a_sealed_key_that_is_not_even_text_of_ours_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let kid = kid(&open(&config).await.unwrap());
    let url = format!("sqlite://{}", config.data_dir.join("countersign.db").display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("UPDATE signing_key SET sealed = '!!!'").execute(&pool).await.unwrap();

    let refused = open(&config).await.err().unwrap();

    assert!(matches!(refused, StartError::Keys(OpenError::Altered { .. })), "{refused}");
    assert!(refused.to_string().contains(&kid), "{refused}");
}

#[tokio::test]
async fn a_withdrawn_key_is_gone_at_once_although_another_row_does_not_open() {
    let issuer = crate::harness::Issuer::with(|config| {
        config.keys.algorithms =
            vec![countersign_keys::Algorithm::Es256, countersign_keys::Algorithm::Ed25519];
    })
    .await;
    let secret = issuer.client("orders", |_| {}).await;
    let rows = issuer.app.store.load_rings().await.unwrap();
    let (es256, ed25519) = (&rows[1], &rows[0].keys[0]);
    let altered = vec![0; ed25519.sealed.len()];
    assert!(issuer.app.store.reseal_key(&ed25519.kid, &ed25519.sealed, &altered).await.unwrap());

    let app = &issuer.app;
    let act = countersign::store::Actor::node().at(START);
    let rotation =
        Rotation { config: &app.config, store: &app.store, masters: &app.masters, act: &act };
    let live = app.keychain.live();
    let ring = live.rings().iter().find(|ring| ring.algorithm == es256.algorithm).unwrap();
    let planned = app.keychain.planned(ring, Duration::ZERO);
    let withdrawn = es256.keys[0].kid;
    let turn = rotation.withdraw(&planned, ring.version, &withdrawn).await.unwrap();
    assert_eq!(turn, Turn::Ours);
    issuer.follow().await;

    let jwks = issuer.get("/jwks").await.body;
    assert!(!jwks.contains(withdrawn.as_str()), "{jwks}");
    assert!(jwks.contains(ed25519.kid.as_str()), "the altered row's key was open here");
    let token = issuer.token_as("orders", &secret, &[]).await.json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let header = countersign_keys::UnverifiedJws::parse(&token).unwrap();
    assert_ne!(header.kid(), Some(&withdrawn));
}

/// For how long the retired key of the only ring is known to be retired, in seconds.
fn retired_for(app: &App) -> i64 {
    let retired = app.keychain.retirements(app.clock.elapsed());
    assert_eq!(retired.len(), 1, "{retired:?}");
    retired[0].seconds
}

/// Makes the active key of the only ring a retired one; or nothing, whereupon a node reads the ring again.
async fn change_ring(app: &App, retire: Option<&str>) {
    let rows = app.store.load_rings().await.unwrap();
    let act = countersign::store::Actor::node().at(app.clock.now());
    let mut change = countersign::store::RingChange::default();
    if let Some(kid) = retire {
        let key = countersign_keys::SigningKey::generate(
            countersign_keys::Algorithm::Es256,
            countersign_keys::signing_key::KeySize::Default,
        )
        .unwrap();
        let row = &rows[0].keys[0];
        let sealed = app.masters.seal(key.kid(), &key.to_pkcs8_der().unwrap()).unwrap();
        change.insert.push(KeyRow { kid: *key.kid(), sealed, ..row.clone() });
        change.set_state.push((kid.try_into().unwrap(), KeyState::Retired));
    }
    let version = rows[0].version;
    assert!(app.store.apply_ring_change(rows[0].algorithm, version, &change, &act).await.unwrap());
    countersign::tasks::heartbeat(app).await.unwrap();
}

#[tokio::test]
async fn a_node_goes_on_counting_where_the_one_before_it_stopped_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let first = open(&config).await.unwrap();
    change_ring(&first, Some(&kid(&first))).await;

    first.clock.advance(Duration::from_mins(10));
    countersign::tasks::write_observations(&first).await;
    change_ring(&first, None).await;
    let by_itself = retired_for(&first);
    let second = App::open(config.clone(), Clock::fixed(START + 9_000_000)).await.unwrap();
    let at_its_start = retired_for(&second);
    second.clock.advance(Duration::from_mins(5));
    countersign::tasks::write_observations(&second).await;
    change_ring(&second, None).await;
    let later = retired_for(&second);
    change_ring(&first, None).await;
    let told_by_the_other = retired_for(&first);

    assert_eq!((by_itself, at_its_start), (600, 600), "whatever the wall clock says meanwhile");
    assert_eq!((later, told_by_the_other), (900, 900));
}
