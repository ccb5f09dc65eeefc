//! What many verifiers ask for at the same time, as they do after a start of them all: a page of the sequence is read and signed
//! once, by one of them, while the others wait for it. A few are kept, for a moment. What the pages before the last one say does
//! not change; the last one also says what the newest number is, so it serves only as long as that is so, for a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::message::Message;
use crate::error::OAuthError;

/// So many bytes of pages are kept.
const ROOM: usize = 8 * 1024 * 1024;
const KEPT_FOR: Duration = Duration::from_secs(20);
/// What says that nothing is missing; its `iat` is as old as it is.
const LAST_KEPT_FOR: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) after: i64,
    /// Unix seconds, if it is news. What a key signed that is withdrawn by now serves nobody.
    pub(super) keys_changed_at: Option<i64>,
}

/// The pages that are kept.
#[derive(Default)]
pub(super) struct Pages(Mutex<VecDeque<Page>>);

struct Page {
    asked: Asked,
    /// Monotonic.
    made_at: Duration,
    message: Arc<Message>,
}

impl Pages {
    /// A page that is kept, or else the one that is made now. One is made at a time. `head` is the newest number, `now` monotonic.
    pub(super) async fn get(
        &self,
        asked: Asked,
        (head, now): (i64, Duration),
        make: impl Future<Output = Result<Message, OAuthError>>,
    ) -> Result<Arc<Message>, OAuthError> {
        let mut pages = self.0.lock().await;
        let found = pages.iter().find(|page| page.asked == asked && page.serves(head, now));
        if let Some(page) = found {
            return Ok(Arc::clone(&page.message));
        }
        let message = Arc::new(make.await?);
        pages.retain(|page| page.asked != asked && page.serves(head, now));
        pages.push_back(Page { asked, made_at: now, message: Arc::clone(&message) });
        let mut bytes: usize = pages.iter().map(|page| page.message.token.len()).sum();
        while bytes > ROOM {
            bytes -= pages.pop_front().map_or(bytes, |page| page.message.token.len());
        }
        Ok(message)
    }

    /// Lets go of what serves nobody any more.
    pub(super) async fn forget(&self, head: i64, now: Duration) {
        let mut pages = self.0.lock().await;
        pages.retain(|page| page.serves(head, now));
        if pages.is_empty() {
            pages.shrink_to_fit();
        }
    }
}

impl Page {
    fn serves(&self, head: i64, now: Duration) -> bool {
        let age = now.saturating_sub(self.made_at);
        let Message { seq, head: newest, .. } = *self.message;
        if seq < newest { age < KEPT_FOR } else { newest == head && age < LAST_KEPT_FOR }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn asked(after: i64) -> Asked {
        Asked { after, keys_changed_at: None }
    }

    fn message(numbers: (i64, i64, i64), bytes: usize) -> Message {
        Message::new(numbers, false, vec![b'x'; bytes].into())
    }

    /// How often a page is made.
    #[derive(Default)]
    struct Made(AtomicU32);

    impl Made {
        async fn one(&self, of: (i64, i64, i64)) -> Result<Message, OAuthError> {
            tokio::task::yield_now().await;
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(message(of, 10))
        }

        fn times(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_a_page() {
        let (pages, made) = (Pages::default(), Made::default());
        let get = || pages.get(asked(0), (9, NOW), made.one((0, 5, 9)));

        let (one, other, third) = tokio::join!(get(), get(), get());

        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()) && third.is_ok());
        assert_eq!(made.times(), 1);
        pages.get(asked(5), (9, NOW), made.one((5, 9, 9))).await.unwrap();
        for changed_at in [7, 8] {
            let asked = Asked { after: 0, keys_changed_at: Some(changed_at) };
            pages.get(asked, (9, NOW), made.one((0, 5, 9))).await.unwrap();
        }
        assert_eq!(made.times(), 4);
    }

    #[tokio::test]
    async fn a_page_before_the_last_serves_on_and_the_last_one_only_while_it_is_true() {
        let (pages, made) = (Pages::default(), Made::default());
        let second = Duration::from_secs(1);
        let before =
            async |head, now| pages.get(asked(0), (head, now), made.one((0, 5, head))).await;
        let last =
            async |head, now| pages.get(asked(5), (head, now), made.one((5, head, head))).await;
        before(9, NOW).await.unwrap();
        last(9, NOW).await.unwrap();

        before(10, NOW + 19 * second).await.unwrap();
        assert_eq!(made.times(), 2);
        before(10, NOW + 20 * second).await.unwrap();
        assert_eq!(made.times(), 3);
        last(10, NOW).await.unwrap();
        assert_eq!(made.times(), 4);
        last(10, NOW + second).await.unwrap();
        assert_eq!(made.times(), 5);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_let_go() {
        let pages = Pages::default();
        for after in 0..40 {
            let page = async { Ok(message((after, after + 1, 99), 1024 * 1024)) };
            pages.get(asked(after), (99, NOW), page).await.unwrap();
        }
        assert_eq!(pages.0.lock().await.len(), 8);

        pages.forget(99, NOW + KEPT_FOR).await;

        assert_eq!(pages.0.lock().await.capacity(), 0);
    }

    #[tokio::test]
    async fn what_could_not_be_made_is_made_again() {
        let (pages, made) = (Pages::default(), Made::default());

        let failed = pages.get(asked(0), (9, NOW), async { Err(OAuthError::unavailable("no")) });
        assert!(failed.await.is_err());

        assert!(pages.get(asked(0), (9, NOW), made.one((0, 5, 9))).await.is_ok());
    }
}
