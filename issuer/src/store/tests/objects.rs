//! Clients, resources, users and secrets: what is written is what is read, and what is refused.

use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use serde_json::json;

use super::*;
use crate::registry::{Encryption, EncryptionKeys};

const PAYMENTS: &str = "https://payments.example";

async fn with_payments(database: &Database) -> Store {
    let store = database.open().await;
    store.create_resource(&resource(PAYMENTS, &["read", "write"]), &act()).await.unwrap();
    store
}

#[test]
fn a_client_is_read_as_it_was_written() {
    both(|database| async move {
        let store = with_payments(&database).await;
        let written = Client {
            keys: ClientKeys::Uri("https://orders.example/jwks".parse().unwrap()),
            token_endpoint_audience: true,
            dpop_bound_access_tokens: true,
            permissions: vec![permission(PAYMENTS, &["read"])],
            secrets: vec![secret("s1", None), secret("s2", Some(NOW + 9))],
            ..client("orders")
        };
        store.create_client(&written, &act()).await.unwrap();

        let read = store.client(&id("orders")).await.unwrap();

        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        assert_eq!(read.secrets, written.secrets);
    });
}

#[test]
fn cve_2026_55670_a_client_id_is_never_reused() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();
        let twice = store.create_client(&client("orders"), &act()).await.unwrap_err();
        store.delete_client(&id("orders"), &act()).await.unwrap();

        let again = store.create_client(&client("orders"), &act()).await.unwrap_err();

        assert!(matches!(&twice, StoreError::Conflict(_)), "{twice:?}");
        assert!(again.to_string().contains("never reused"), "{again}");
        assert!(matches!(store.client(&id("orders")).await, Err(StoreError::NotFound { .. })));
    });
}

#[test]
fn a_third_live_secret_is_refused_and_an_expired_one_makes_room() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();
        store.add_secret(&id("orders"), &secret("s2", Some(NOW + 10)), &act()).await.unwrap();

        let third = store.add_secret(&id("orders"), &secret("s3", None), &act()).await.unwrap_err();
        let later = Actor::node().at(NOW + 10);
        store.add_secret(&id("orders"), &secret("s3", None), &later).await.unwrap();
        store.remove_secret(&id("orders"), "s1", &later).await.unwrap();

        assert!(third.to_string().contains("client secret remove orders"), "{third}");
        let client = store.client(&id("orders")).await.unwrap();
        assert_eq!(client.secrets.iter().map(|secret| &secret.id).collect::<Vec<_>>(), ["s3"]);
    });
}

#[test]
fn a_resource_is_read_with_the_keys_that_its_tokens_are_encrypted_to_and_never_without() {
    both(|database| async move {
        let store = with_payments(&database).await;
        let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
        let jwks = json!({ "keys": [key.encryption_key().to_jwk()] }).to_string();
        let keys = EncryptionKeys::parse(&jwks).unwrap();
        let encryption = Encryption { keys, enc: ContentEncryption::A128CbcHs256 };
        let written = store
            .update_resource(PAYMENTS, &act(), |resource| {
                resource.encryption = Some(encryption.clone());
                Ok(())
            })
            .await
            .unwrap();

        let read = store.resource(PAYMENTS).await.unwrap();
        sqlx::query("UPDATE resource SET encryption_jwks = '{}'")
            .execute(&mut *store.pool.acquire().await.unwrap())
            .await
            .unwrap();
        let altered = store.resource(PAYMENTS).await.unwrap_err();

        assert_eq!((&read, &read.encryption), (&written, &Some(encryption)));
        assert!(matches!(altered, StoreError::Unreadable(_)), "{altered}");
    });
}

#[test]
fn the_last_use_of_a_secret_only_moves_forward_and_is_no_change_to_follow() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();
        let before = store.heartbeat().await.unwrap();
        let used =
            |used_at| SecretUse { client_id: id("orders"), secret_id: "s1".to_owned(), used_at };

        store.record_secret_use(&[used(NOW + 5)]).await.unwrap();
        store.record_secret_use(&[used(NOW + 3)]).await.unwrap();

        let client = store.client(&id("orders")).await.unwrap();
        assert_eq!(client.secrets[0].last_used_at, Some(NOW + 5));
        assert_eq!(store.heartbeat().await.unwrap(), before);
    });
}

#[test]
fn a_permission_needs_a_resource_that_has_the_scope() {
    both(|database| async move {
        let store = with_payments(&database).await;
        let wants = |resource: &str, scope: &str| Client {
            permissions: vec![permission(resource, &[scope])],
            ..client("orders")
        };

        let unknown_resource =
            store.create_client(&wants("https://a.example", "read"), &act()).await.unwrap_err();
        let unknown_scope =
            store.create_client(&wants(PAYMENTS, "refund"), &act()).await.unwrap_err();

        assert!(matches!(unknown_resource, StoreError::NotFound { what: "resource", .. }));
        assert!(unknown_scope.to_string().contains("no scope `refund`"), "{unknown_scope}");
        assert_eq!(
            store.clients().await.unwrap().understood.len(),
            0,
            "nothing of a refused change stays"
        );
    });
}

#[test]
fn clients_lose_what_their_resource_loses() {
    both(|database| async move {
        let store = with_payments(&database).await;
        let permissions = vec![permission(PAYMENTS, &["read", "write"])];
        store.create_client(&Client { permissions, ..client("orders") }, &act()).await.unwrap();

        let keep_read = |resource: &mut Resource| {
            resource.scopes.retain(|scope| scope == "read");
            Ok(())
        };
        store.update_resource(PAYMENTS, &act(), keep_read).await.unwrap();
        let narrowed = store.client(&id("orders")).await.unwrap();
        let lost = store.delete_resource(PAYMENTS, &act()).await.unwrap();
        store.create_resource(&resource(PAYMENTS, &["read"]), &act()).await.unwrap();

        assert_eq!(narrowed.permissions[0].scopes, ["read"]);
        assert_eq!(lost, ["orders"]);
        let after = store.client(&id("orders")).await.unwrap();
        assert_eq!(after.permissions, [], "a new resource begins without clients");
    });
}

#[test]
fn a_user_is_one_in_every_spelling_and_its_id_is_never_reused() {
    both(|database| async move {
        let store = database.open().await;
        let user = |username: &str| User {
            email: Some("ada@example.com".to_owned()),
            roles: vec!["admin".to_owned()],
            groups: vec!["staff".to_owned()],
            ..user(username)
        };
        let ada = user("Ada");
        assert_eq!(store.largest_user_bytes().await.unwrap(), 0);
        store.create_user(&ada, &act()).await.unwrap();
        assert_eq!(store.largest_user_bytes().await.unwrap(), r#"["admin"]["staff"]"#.len());

        let again = store.create_user(&user("aDA"), &act()).await.unwrap_err();
        let disable = |user: &mut User| {
            user.enabled = false;
            Ok(())
        };
        let disabled = store.update_user("ADA", &act(), disable).await.unwrap();
        store.delete_user("ada", &act()).await.unwrap();
        store.create_user(&user("ada"), &act()).await.unwrap();

        assert!(matches!(again, StoreError::Conflict(_)), "{again:?}");
        assert_eq!(disabled, User { enabled: false, ..ada.clone() });
        let users = store.users().await.unwrap();
        assert!(users.len() == 1 && users[0].id != ada.id);
    });
}

#[test]
fn a_sealed_secret_is_made_once_and_replaced_only_by_who_has_opened_it() {
    both(|database| async move {
        let store = database.open().await;
        assert!(!store.holds_sealed_rows().await.unwrap());

        let first = store.load_or_create_sealed_secret("pepper", b"one").await.unwrap();
        let second = store.load_or_create_sealed_secret("pepper", b"two").await.unwrap();
        let stale = store.reseal_secret("pepper", b"two", b"three").await.unwrap();
        let resealed = store.reseal_secret("pepper", b"one", b"three").await.unwrap();

        assert_eq!((first.as_slice(), second.as_slice()), (&b"one"[..], &b"one"[..]));
        assert!(!stale && resealed && store.holds_sealed_rows().await.unwrap());
    });
}
