//! Mails to people. Nothing is sent while somebody waits: a mail takes a place in a bounded queue in memory, and is sent
//! beside the requests, again and again for a while if the server does not take it. Every mail here is one that a person
//! can ask for again, so that a restart may lose it.
//!
//! `letter` says what a mail is about, `texts` in which words, `smtp` how it leaves; `address` is why nothing that a person
//! typed can become a header or a second recipient. No link stands in any log, unless `mail.transport` is `log`.

mod address;
mod letter;
mod queue;
mod smtp;
mod texts;

pub use address::{Recipient, Sender};
pub use letter::{Kind, Letter, Link};
pub use queue::{Mailer, Place, QueueFull};
pub use smtp::{SendError, SmtpError};
