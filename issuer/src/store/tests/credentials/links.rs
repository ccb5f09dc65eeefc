//! One-time links: once, the newest, in time, and not after a change of the password.

use super::*;

const RESET: LinkPurpose = LinkPurpose::PasswordReset;

#[test]
fn cve_2026_22751_a_link_is_redeemed_once_by_64_parallel_callers_on_two_nodes() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let invite = node.credentials.issue_link(&ada, LinkPurpose::Invite).await.unwrap();
        let reset = node.credentials.issue_link(&ada, RESET).await.unwrap();

        let token = invite.token.clone();
        let (invited, invite_failed) = race(&database, &clock, move |credentials| {
            let token = token.clone();
            async move { credentials.redeem_link(LinkPurpose::Invite, &token).await }
        })
        .await;
        let token = reset.token.clone();
        let (won, failed) = race(&database, &clock, move |credentials| {
            let token = token.clone();
            let password = typed("another horse");
            async move { credentials.redeem_link_with_password(RESET, &token, password).await }
        })
        .await;

        assert_eq!((invited, won), (1, 1), "{invite_failed:?} {failed:?}");
        for error in invite_failed.iter().chain(&failed) {
            assert!(matches!(error, CredentialError::Refused(Refusal::Expired)), "{error:?}");
        }
        assert!(node.check("ada", "another horse").await.is_ok());
    });
}

#[test]
fn looking_at_a_link_consumes_nothing_and_a_bad_password_leaves_it() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let link = node.credentials.issue_link(&ada, RESET).await.unwrap();
        let redeem = async |password: &str| {
            node.credentials.redeem_link_with_password(RESET, &link.token, typed(password)).await
        };

        for _ in 0..3 {
            let peeked = node.credentials.peek_link(RESET, &link.token).await.unwrap();
            assert_eq!(peeked.user.id, ada.user.id);
        }
        let bad = redeem("password").await;
        let good = redeem("another horse").await;

        assert!(matches!(bad, Err(CredentialError::Password(_))), "{bad:?}");
        assert!(good.is_ok(), "{good:?}");
        assert_eq!(
            *link.url,
            format!("http://localhost:8080/reset-password?token={}", *link.token)
        );
    });
}

#[test]
fn a_link_dies_with_the_next_with_time_and_with_a_change_of_the_password() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let issue = async |purpose| node.credentials.issue_link(&ada, purpose).await.unwrap().token;
        let peek = async |purpose, token: &str| node.credentials.peek_link(purpose, token).await;

        let first = issue(RESET).await;
        let second = issue(RESET).await;
        let superseded = peek(RESET, &first).await;
        let as_another = peek(LinkPurpose::Invite, &second).await;
        let alive = peek(RESET, &second).await;
        let [email, invite] =
            [issue(LinkPurpose::EmailVerification).await, issue(LinkPurpose::Invite).await];
        node.credentials.set_password(&ada, typed("another horse"), &act()).await.unwrap();
        let after_change = [peek(RESET, &second).await, peek(LinkPurpose::Invite, &invite).await];
        let email_link = peek(LinkPurpose::EmailVerification, &email).await;
        clock.advance(Duration::from_hours(1));
        let late = peek(LinkPurpose::EmailVerification, &email).await;

        assert!(alive.is_ok() && email_link.is_ok());
        for dead in [superseded, as_another, late].iter().chain(&after_change) {
            assert!(is_refused(dead, Refusal::Expired), "{dead:?}");
        }
    });
}

#[test]
fn a_link_of_a_disabled_user_is_dead_until_the_user_is_let_in_again() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let link = node.credentials.issue_link(&ada, RESET).await.unwrap();

        set_enabled(&node.store, "ada", false).await;
        let disabled = node.credentials.redeem_link(RESET, &link.token).await;
        set_enabled(&node.store, "ada", true).await;
        let enabled = node.credentials.redeem_link(RESET, &link.token).await;

        assert!(is_refused(&disabled, Refusal::Expired), "{disabled:?}");
        assert!(enabled.is_ok(), "{enabled:?}");
    });
}

#[test]
fn an_address_is_proved_by_the_link_that_was_sent_there() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let eve = User { email: Some("eve@example.com".to_owned()), ..user("eve") };
        node.store.create_user(&eve, &act()).await.unwrap();
        let account = node.credentials.account(eve.id).await.unwrap();
        let link = async || {
            let link = node.credentials.issue_link(&account, LinkPurpose::EmailVerification).await;
            link.unwrap().token
        };

        let proved = node.credentials.redeem_email_link(&link().await).await.unwrap();
        let outdated = link().await;
        let edit = |user: &mut User| {
            user.email = Some("mallory@example.com".to_owned());
            Ok(())
        };
        node.store.update_user("eve", &act(), edit).await.unwrap();
        let of_old_address = node.credentials.redeem_email_link(&outdated).await;

        assert!(!account.email_verified && proved.email_verified);
        assert!(is_refused(&of_old_address, Refusal::Expired), "{of_old_address:?}");
    });
}

#[test]
fn who_forgot_a_password_is_sent_few_links_and_strangers_none() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        node.ada().await;
        node.store.create_user(&user("eve"), &act()).await.unwrap();
        let from = From { address: "192.0.2.1".parse().unwrap(), device: None };
        let request = async |name: &str| node.credentials.request_link(name, RESET, from).await;

        let sent = request("ADA@example.com").await.unwrap();
        let unknown = request("nobody").await.unwrap();
        let unreachable = request("eve").await.unwrap();
        for _ in 0..10 {
            drop(request("ada").await);
        }
        let slowed = request("ada").await;

        assert_eq!(sent.unwrap().0.user.username, "ada");
        assert!(unknown.is_none() && unreachable.is_none());
        assert!(matches!(slowed, Err(CredentialError::TooMany { .. })));
    });
}
