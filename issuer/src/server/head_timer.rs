//! The timer that hyper is given for one HTTP/1 connection. Every request sets a deadline for its head, and nearly
//! every head comes long before: one alarm a connection stays set, and only one that rings too early is set anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The alarm of one connection.
pub(super) struct HeadTimer(Alarm);

type Alarm = Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>;

impl HeadTimer {
    /// An alarm that is first set to ring after `timeout`.
    pub(super) fn new(timeout: Duration) -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(timeout)))))
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { alarm: Arc::clone(&self.0), deadline: deadline.into() })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Ready at its deadline. A connection waits for one at a time.
struct Until {
    alarm: Alarm,
    deadline: tokio::time::Instant,
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() == self.deadline {
                return Poll::Ready(());
            }
            // It rang for the deadline of an earlier request.
            alarm.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use http::Response;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::time::{Instant, sleep};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    /// Serves one connection; when it ends, how long it was held.
    fn connection() -> (DuplexStream, impl Future<Output = Duration>) {
        let (client, server) = tokio::io::duplex(4096);
        let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let mut http1 = http1::Builder::new();
        http1.timer(HeadTimer::new(TIMEOUT)).header_read_timeout(TIMEOUT);
        let connection = tokio::spawn(http1.serve_connection(TokioIo::new(server), service));
        let began = Instant::now();
        let held = async move {
            // How it ended does not matter here, only when.
            let _ = connection.await;
            began.elapsed()
        };
        (client, held)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_half_a_head_is_cut_off() {
        let (mut client, held) = connection();
        client.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();

        assert_eq!(held.await.as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_on_a_connection_has_its_own_time() {
        let (mut client, held) = connection();
        for _ in 0..3 {
            sleep(Duration::from_secs(20)).await;
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 1024];
            assert_ne!(client.read(&mut answer).await.unwrap(), 0);
        }

        // Silent from the sixtieth second on.
        assert_eq!(held.await.as_secs(), 90);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_is_kept_too() {
        let timer = HeadTimer::new(TIMEOUT);
        let began = Instant::now();

        timer.sleep(Duration::from_secs(5)).await;

        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
