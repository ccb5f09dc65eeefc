//! Polls a transmitter of shared signals with the receiver of `saml2-sp`, and prints what it hears, one JSON object a line.
//!
//! Usage: receiver TRANSMITTER TOKEN STATE SUB: it asks for a verification with STATE, and has one session of the user SUB.

use std::sync::Arc;

use saml2_sp::{Logger, MemorySessionIndex, ReceiverOptions, SessionRecord, SignalsReceiver};
use serde_json::{Value, json};

struct Errors;

impl Logger for Errors {
    fn info(&self, message: &str) {
        say(&json!({ "info": message }));
    }
    fn warn(&self, message: &str) {
        say(&json!({ "warning": message }));
    }
    fn error(&self, message: &str) {
        say(&json!({ "error": message }));
    }
}

fn say(line: &Value) {
    println!("{line}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [transmitter, token, state, sub] = arguments.as_slice() else {
        panic!("usage: receiver TRANSMITTER TOKEN STATE SUB");
    };
    let sessions = Arc::new(MemorySessionIndex::new(0));
    sessions.add(SessionRecord {
        local_id: "of the receiver".to_owned(),
        person: sub.clone(),
        email: String::new(),
        idp_session: String::new(),
        expires_at_ms: None,
    });
    let authorization = format!("Bearer {token}");
    let receiver = SignalsReceiver::new(ReceiverOptions {
        transmitter: transmitter.clone(),
        on_end_sessions: Some(Arc::new(|ended, _| {
            say(&json!({ "ended": ended }));
            Ok(())
        })),
        headers: Some(Arc::new(move || vec![("authorization".to_owned(), authorization.clone())])),
        session_index: Some(sessions),
        description: "a foreign receiver".to_owned(),
        poll_interval_ms: 100,
        log: Some(Arc::new(Errors)),
        ..ReceiverOptions::default()
    })
    .expect("a receiver");
    receiver.on("*", |heard| {
        let event =
            json!({ "type": heard.event_type, "event": heard.payload, "subject": heard.subject });
        say(&event);
        Ok(())
    });
    receiver.start().expect("a stream");
    say(&json!({ "stream": receiver.stream() }));
    receiver.verify(state).expect("a verification");
    loop {
        std::thread::park();
    }
}
