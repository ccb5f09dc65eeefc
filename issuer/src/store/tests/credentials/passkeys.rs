//! Passkeys: ceremonies with an authenticator in software.

use super::authenticator::{Authenticator, BACKUP_ELIGIBLE, USER_PRESENT, USER_VERIFIED};
use super::*;
use crate::credentials::{Method, StoredPasskey};

impl Node {
    async fn register(
        &self,
        account: &Account,
        authenticator: &mut Authenticator,
    ) -> Result<StoredPasskey, CredentialError> {
        let ceremony = self.credentials.start_passkey_registration(account).await.unwrap();
        let answer = authenticator.create(&ceremony.options);
        let (ticket, act) = (ceremony.ticket.as_str(), act());
        let user_id = account.user.id;
        self.credentials
            .finish_passkey_registration(user_id, (ticket, &answer), "Phone", &act)
            .await
    }

    async fn sign_in(
        &self,
        authenticator: &Authenticator,
    ) -> Result<crate::credentials::PasskeySignIn, CredentialError> {
        let ceremony = self.credentials.start_passkey_sign_in().unwrap();
        self.credentials
            .finish_passkey(&ceremony.ticket, &authenticator.get(&ceremony.options))
            .await
    }
}

#[test]
fn a_passkey_is_made_and_signs_in_without_a_username() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let mut phone = Authenticator::new();
        let mut key = Authenticator::new();
        phone.flags |= BACKUP_ELIGIBLE;

        let registration = node.credentials.start_passkey_registration(&ada).await.unwrap();
        node.register(&ada, &mut phone).await.unwrap();
        node.register(&ada, &mut key).await.unwrap();
        clock.advance(Duration::from_secs(5));
        let by_phone = node.sign_in(&phone).await.unwrap();
        let by_key = node.sign_in(&key).await.unwrap();
        let listed = node.store.passkeys(ada.user.id).await.unwrap();
        let conditional = node.credentials.start_passkey_sign_in().unwrap().options;

        let selection = &registration.options["publicKey"]["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "required");
        assert_eq!(selection["userVerification"], "required");
        assert_eq!(conditional["mediation"], "conditional");
        assert_eq!(conditional["publicKey"]["userVerification"], "required");
        assert_eq!(
            (by_phone.account.user.id, by_phone.method),
            (ada.user.id, Method::SyncedPasskey)
        );
        assert_eq!((by_key.account.user.id, by_key.method), (ada.user.id, Method::DevicePasskey));
        assert_eq!((listed.len(), listed[0].last_used_at), (2, Some(NOW + 5)));
    });
}

#[test]
fn a_ceremony_is_finished_once_by_64_parallel_callers_on_two_nodes() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let mut phone = Authenticator::new();
        node.register(&ada, &mut phone).await.unwrap();
        let ceremony = node.credentials.start_passkey_sign_in().unwrap();
        let answer = phone.get(&ceremony.options);

        let (won, failed) = race(&database, &clock, move |credentials| {
            let (ticket, answer) = (ceremony.ticket.clone(), answer.clone());
            async move { credentials.finish_passkey(&ticket, &answer).await }
        })
        .await;

        assert_eq!(won, 1, "{failed:?}");
        for error in failed {
            assert!(matches!(error, CredentialError::Refused(Refusal::Used)), "{error:?}");
        }
    });
}

#[test]
fn a_counter_that_does_not_grow_is_a_copy() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let mut key = Authenticator::new();
        key.counter = 5;
        node.register(&ada, &mut key).await.unwrap();

        let same = node.sign_in(&key).await;
        key.counter = 6;
        let grown = node.sign_in(&key).await;
        let mut used = node.store.passkeys(ada.user.id).await.unwrap().remove(0);
        let in_parallel = node.store.use_passkey(&used, NOW).await.unwrap();
        used.sign_count = 7;
        let newer = node.store.use_passkey(&used, NOW).await.unwrap();

        assert!(is_refused(&same, Refusal::Copied), "{same:?}");
        assert!(grown.is_ok(), "{grown:?}");
        assert!(!in_parallel && newer);
    });
}

#[test]
fn an_answer_of_another_origin_user_time_or_without_verification_is_refused() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let mut phone = Authenticator::new();
        node.register(&ada, &mut phone).await.unwrap();
        let again = node.credentials.start_passkey_registration(&ada).await.unwrap();

        phone.origin = "https://evil.example";
        let foreign = node.sign_in(&phone).await;
        phone.origin = "http://localhost:8080";
        phone.flags = USER_PRESENT;
        let unverified = node.sign_in(&phone).await;
        phone.flags |= USER_VERIFIED;
        let unknown = node.sign_in(&Authenticator::new()).await;
        let ceremony = node.credentials.start_passkey_sign_in().unwrap();
        let other = node.credentials.start_passkey_sign_in().unwrap();
        let swapped =
            node.credentials.finish_passkey(&other.ticket, &phone.get(&ceremony.options)).await;
        let unnamed = node
            .credentials
            .finish_passkey(&ceremony.ticket, &phone.get_without_handle(&ceremony.options))
            .await;
        let eve = user("eve");
        node.store.create_user(&eve, &act()).await.unwrap();
        let (answer, act) = (Authenticator::new().create(&again.options), act());
        let of_another = node
            .credentials
            .finish_passkey_registration(eve.id, (&again.ticket, &answer), "Stolen", &act)
            .await;
        clock.advance(Duration::from_hours(1));
        let late =
            node.credentials.finish_passkey(&ceremony.ticket, &phone.get(&ceremony.options)).await;

        for (result, cause) in [
            (foreign, Refusal::Assertion),
            (unverified, Refusal::Assertion),
            (unknown, Refusal::NoCredential),
            (swapped, Refusal::Assertion),
            (unnamed, Refusal::Assertion),
            (late, Refusal::Expired),
        ] {
            assert!(is_refused(&result, cause), "{cause:?}: {result:?}");
        }
        assert!(is_refused(&of_another, Refusal::Wrong), "{of_another:?}");
    });
}

#[test]
fn a_known_user_answers_with_a_passkey_of_their_own() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let eve = user("eve");
        node.store.create_user(&eve, &act()).await.unwrap();
        let eve = node.credentials.account(eve.id).await.unwrap();
        let [mut of_ada, mut of_eve] = [Authenticator::new(), Authenticator::new()];
        let none_yet = node.credentials.start_passkey_check(ada.user.id).await;
        node.register(&ada, &mut of_ada).await.unwrap();
        node.register(&eve, &mut of_eve).await.unwrap();
        let ask = async || node.credentials.start_passkey_check(ada.user.id).await.unwrap();

        let ceremony = ask().await;
        let allowed = &ceremony.options["publicKey"]["allowCredentials"];
        let stolen =
            node.credentials.finish_passkey(&ceremony.ticket, &of_eve.get(&ceremony.options)).await;
        let own = of_ada.get_without_handle(&ceremony.options);
        let right = node.credentials.finish_passkey(&ceremony.ticket, &own).await;

        assert!(none_yet.is_err());
        assert_eq!(allowed.as_array().unwrap().len(), 1);
        assert!(ceremony.options.get("mediation").is_none());
        assert!(is_refused(&stolen, Refusal::Assertion), "{stolen:?}");
        assert_eq!(right.unwrap().account.user.id, ada.user.id);
    });
}

#[test]
fn a_passkey_belongs_to_one_user_can_be_renamed_and_ends_with_its_removal() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let eve = user("eve");
        node.store.create_user(&eve, &act()).await.unwrap();
        let account = node.credentials.account(eve.id).await.unwrap();
        let mut phone = Authenticator::new();
        let stored = node.register(&ada, &mut phone).await.unwrap();

        let twice = node.register(&account, &mut phone).await;
        let by_eve = node.store.remove_passkey(eve.id, stored.id, &act()).await;
        node.store.rename_passkey((ada.user.id, stored.id), "Old phone", &act()).await.unwrap();
        let named = node.store.passkeys(ada.user.id).await.unwrap().remove(0).name;
        phone = {
            let mut phone = Authenticator::new();
            node.register(&ada, &mut phone).await.unwrap();
            phone
        };
        set_enabled(&node.store, "ada", false).await;
        let disabled = node.sign_in(&phone).await;
        set_enabled(&node.store, "ada", true).await;
        for passkey in node.store.passkeys(ada.user.id).await.unwrap() {
            node.store.remove_passkey(ada.user.id, passkey.id, &act()).await.unwrap();
        }
        let removed = node.sign_in(&phone).await;

        assert!(matches!(twice, Err(CredentialError::Store(StoreError::Conflict(_)))), "{twice:?}");
        assert!(matches!(by_eve, Err(StoreError::NotFound { .. })), "{by_eve:?}");
        assert_eq!(named, "Old phone");
        assert!(is_refused(&disabled, Refusal::Disabled), "{disabled:?}");
        assert!(is_refused(&removed, Refusal::NoCredential), "{removed:?}");
    });
}
