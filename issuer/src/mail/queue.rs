//! The queue: a place for each mail that waits or is sent, a few connections at a time, and another try after a while that
//! doubles. A mail holds its place until the server took it or it was given up; who finds no place is told so before
//! anything is looked up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::letter::Voice;
use super::smtp::Smtp;
use super::{Letter, SendError, Sender, SmtpError};
use crate::clock::Clock;
use crate::config::{Config, MailTransport};
use crate::telemetry::MailMetrics;

/// So many mails wait or are sent at a time.
const PLACES: usize = 1_000;

/// So many connections to the mail server are open at a time.
const CONNECTIONS: usize = 4;

/// The wait after the first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// A link is good for an hour by default, and nobody waits for longer than this before asking again.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(20);

/// All places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many mails wait to be sent")]
pub struct QueueFull;

/// Sends mails, beside the requests.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    transport: Transport,
    brand: String,
    issuer: String,
    clock: Clock,
    metrics: MailMetrics,
    places: Arc<Semaphore>,
    connections: Semaphore,
    closed: watch::Sender<bool>,
}

enum Transport {
    Smtp { smtp: Box<Smtp>, from: Sender, reply_to: Option<Sender> },
    Log,
    None,
}

/// A place in the queue: whoever has it can send one mail.
pub struct Place {
    mailer: Mailer,
    _held: Held,
}

/// What is counted while it is there.
struct Held {
    _permit: OwnedSemaphorePermit,
    metrics: MailMetrics,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.freed();
    }
}

impl Mailer {
    /// As the configuration says; connects to nothing.
    pub fn new(config: &Config, clock: &Clock, metrics: MailMetrics) -> Result<Self, SmtpError> {
        let transport = match config.mail_transport() {
            MailTransport::None => Transport::None,
            MailTransport::Log => Transport::Log,
            MailTransport::Smtp => Transport::Smtp {
                smtp: Box::new(Smtp::new(config)?),
                from: config.mail.from.clone().ok_or(SmtpError::Unconfigured)?,
                reply_to: config.mail.reply_to.clone(),
            },
        };
        Ok(Self(Arc::new(Inner {
            transport,
            brand: config.brand.name.clone(),
            issuer: config.issuer.as_str().to_owned(),
            clock: clock.clone(),
            metrics,
            places: Arc::new(Semaphore::new(PLACES)),
            connections: Semaphore::new(CONNECTIONS),
            closed: watch::Sender::new(false),
        })))
    }

    /// Whether a mail can be sent at all; if not, nobody is offered one.
    pub fn is_possible(&self) -> bool {
        !matches!(self.0.transport, Transport::None)
    }

    /// Whether mails leave this machine, rather than going to the log.
    pub fn sends(&self) -> bool {
        matches!(self.0.transport, Transport::Smtp { .. })
    }

    /// A place for one mail.
    pub fn place(&self) -> Result<Place, QueueFull> {
        let permit = Arc::clone(&self.0.places).try_acquire_owned();
        let permit = permit.map_err(|_| {
            self.0.metrics.refused();
            QueueFull
        })?;
        self.0.metrics.taken();
        let held = Held { _permit: permit, metrics: self.0.metrics.clone() };
        Ok(Place { mailer: self.clone(), _held: held })
    }

    /// Sends a mail and waits for the outcome of this one try: for the command line.
    pub async fn send_now(&self, letter: &Letter) -> Result<(), SendError> {
        self.0.send(letter).await
    }

    /// Connects to the server as if for a mail. `None` if there is no server.
    pub async fn check(&self) -> Option<Result<(), String>> {
        match &self.0.transport {
            Transport::Smtp { smtp, .. } => Some(smtp.check().await),
            Transport::Log | Transport::None => None,
        }
    }

    /// Takes no more waits: what is being sent is finished, what waits for another try is given up. Returns when no mail
    /// is left.
    pub async fn close(&self) {
        self.0.closed.send_replace(true);
        let all = u32::try_from(PLACES).unwrap_or(u32::MAX);
        // It fails only if the semaphore is closed, which it never is.
        let _ = self.0.places.acquire_many(all).await;
    }
}

impl Place {
    /// Sends the mail, beside whatever goes on.
    pub fn post(self, letter: Letter) {
        tokio::spawn(async move { self.deliver(&letter).await });
    }

    async fn deliver(self, letter: &Letter) {
        let inner = &*self.mailer.0;
        let kind = letter.kind.name();
        let mut closed = inner.closed.subscribe();
        let (mut wait, mut waited) = (FIRST_WAIT, Duration::ZERO);
        loop {
            let Err(error) = inner.send(letter).await else {
                inner.metrics.sent();
                break;
            };
            if error.is_lasting || waited >= GIVEN_UP_AFTER || *closed.borrow_and_update() {
                inner.metrics.failed();
                tracing::error!(%error, kind, "a mail was given up");
                break;
            }
            inner.metrics.retried();
            tracing::warn!(%error, kind, "a mail was not sent; it is tried again in {} s", wait.as_secs());
            // A stop ends the wait, and the mail has one last try.
            let _ = tokio::time::timeout(wait, closed.wait_for(|closed| *closed)).await;
            waited += wait;
            wait = LONGEST_WAIT.min(2 * wait);
        }
    }
}

impl Inner {
    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let voice = Voice { brand: &self.brand, issuer: &self.issuer };
        match &self.transport {
            Transport::Smtp { smtp, from, reply_to } => {
                let now = self.clock.now();
                let message = letter.message(voice, (from, reply_to.as_ref()), now)?;
                // It fails only if the semaphore is closed, which it never is.
                let _connection = self.connections.acquire().await;
                smtp.send(message).await
            }
            Transport::Log => {
                let (to, title) = (letter.to.as_str(), letter.title(voice));
                let link = letter.link.url();
                // The one place where a link stands in a log, and only by choice.
                tracing::warn!(
                    "`mail.transport` is `log`, this mail was not sent: to {to}, {title}: {link}"
                );
                Ok(())
            }
            Transport::None => Err(SmtpError::Unconfigured.into()),
        }
    }
}
