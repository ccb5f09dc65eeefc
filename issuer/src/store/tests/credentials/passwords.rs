//! Passwords: by which names, what the answer says, what is upgraded.

use super::*;

#[test]
fn a_user_signs_in_by_any_spelling_of_the_name_or_the_verified_address() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;

        for name in ["ada", "ADA", "\u{ff41}da", "ada@example.com", "ADA@EXAMPLE.COM"] {
            let account = node.check(name, PASSWORD).await.unwrap();
            assert_eq!((account.user.id, account.email_verified), (ada.user.id, true), "{name}");
        }
    });
}

#[test]
fn r54_every_cause_is_one_refusal_and_the_address_of_another_is_no_name() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        node.ada().await;
        let eve = User { email: Some("eve@example.com".to_owned()), ..user("eve") };
        node.store.create_user(&eve, &act()).await.unwrap();

        let table = [
            (node.check("ada", "wrong horse").await, Refusal::Wrong),
            (node.check("nobody", PASSWORD).await, Refusal::UnknownUser),
            (node.check("eve", PASSWORD).await, Refusal::NoCredential),
            // Nobody proved this address yet.
            (node.check("eve@example.com", PASSWORD).await, Refusal::UnknownUser),
        ];
        set_enabled(&node.store, "ada", false).await;
        let disabled = node.check("ada", PASSWORD).await;
        let disabled_and_wrong = node.check("ada", "wrong horse").await;

        for (result, cause) in &table {
            assert!(is_refused(result, *cause), "{result:?}");
            assert_eq!(result.as_ref().unwrap_err().code(), "credential_refused");
        }
        assert!(is_refused(&disabled, Refusal::Disabled), "{disabled:?}");
        assert!(is_refused(&disabled_and_wrong, Refusal::Wrong), "{disabled_and_wrong:?}");
    });
}

#[test]
fn an_address_that_was_changed_is_proved_no_longer_and_belongs_to_one_user() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let eve = User { email: Some("ADA@example.com".to_owned()), ..user("eve") };
        node.store.create_user(&eve, &act()).await.unwrap();
        let stolen = node.store.verify_email(eve.id, &act()).await.unwrap_err();

        let edit = |user: &mut User| {
            user.email = Some("countess@example.com".to_owned());
            Ok(())
        };
        node.store.update_user("ada", &act(), edit).await.unwrap();
        let account = node.credentials.account(ada.user.id).await.unwrap();
        let by_old = node.check("ada@example.com", PASSWORD).await;
        node.store.verify_email(eve.id, &act()).await.unwrap();

        assert!(matches!(stolen, StoreError::Conflict(_)), "{stolen:?}");
        assert!(!account.email_verified);
        assert!(is_refused(&by_old, Refusal::UnknownUser), "{by_old:?}");
    });
}

#[test]
fn an_imported_hash_is_upgraded_at_the_first_sign_in_without_a_new_generation() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await.user.id;
        // bcrypt of `correct horse`.
        let hash = "$2b$04$ie4lZQEaR45L0UqFcXI.Luo.uog0AhT96r41rsx7JyZBCCD4/JIbe";
        let scheme = node.credentials.import_password_hash(ada, hash, &act()).await.unwrap();
        let before = node.store.heartbeat().await.unwrap().generation;

        let wrong = node.check("ada", PASSWORD).await;
        node.check("ada", "correct horse").await.unwrap();
        let password = node.credentials.account(ada).await.unwrap().password.unwrap();
        let again = node.check("ada", "correct horse").await;

        assert_eq!((scheme, password.scheme.as_str()), ("bcrypt", "argon2id"));
        assert!(is_refused(&wrong, Refusal::Wrong) && again.is_ok());
        assert_eq!(node.store.heartbeat().await.unwrap().generation, before);
    });
}

#[test]
fn an_upgrade_never_undoes_a_change_of_the_password() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let verified = ada.password.clone().unwrap();
        node.credentials.set_password(&ada, typed("another horse"), &act()).await.unwrap();

        let upgraded =
            node.store.upgrade_password(ada.user.id, &verified, &verified).await.unwrap();

        assert!(!upgraded);
        assert!(node.check("ada", "another horse").await.is_ok());
    });
}

#[test]
fn a_hash_that_was_copied_to_another_user_opens_nothing() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let stolen = node.ada().await.password.unwrap();
        let eve = user("eve");
        node.store.create_user(&eve, &act()).await.unwrap();
        node.store.set_password(eve.id, &stolen, &act()).await.unwrap();

        let result = node.check("eve", PASSWORD).await;

        assert!(is_refused(&result, Refusal::Sealed), "{result:?}");
    });
}

#[test]
fn ghsa_cq42_vhv7_xr7p_the_owner_gets_in_from_a_known_device_during_an_attack() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await.user.id;
        let cookie = node.credentials.remember_device(None, ada).unwrap();
        for guess in 0..20 {
            let name = if guess % 2 == 0 { "ada" } else { "ada@example.com" };
            drop(node.check(name, "wrong horse").await);
        }

        let elsewhere = node.check("ada", PASSWORD).await;
        let from = From { address: "192.0.2.1".parse().unwrap(), device: Some(&cookie) };
        let at_home =
            node.credentials.check_password(Who::Named("ada"), typed(PASSWORD), from).await;
        let again = node.credentials.check_password(Who::Known(ada), typed(PASSWORD), from).await;

        assert!(matches!(elsewhere, Err(CredentialError::TooMany { .. })), "{elsewhere:?}");
        assert!(at_home.is_ok() && again.is_ok(), "{at_home:?}");
    });
}

#[test]
fn credentials_move_to_a_new_master_key() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await;

        let both_keys = masters(&[10, 9]);
        let count = crate::credentials::reseal_credentials(&node.store, &both_keys).await.unwrap();
        let again = crate::credentials::reseal_credentials(&node.store, &both_keys).await.unwrap();
        let node = Node::with_masters(&database, &clock, masters(&[10])).await;

        assert_eq!((count, again), (2, 0));
        assert!(node.check("ada", PASSWORD).await.is_ok());
        node.credentials.check_totp(ada.user.id, &code(0), None).await.unwrap();
    });
}
