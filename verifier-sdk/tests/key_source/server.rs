//! A hostile HTTP server on loopback: says what the test tells it to, byte by byte.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the connection is closed.
    Bytes(String),
    /// These bytes, then silence.
    BytesThenSilence(String),
    /// The head, then so many zeros.
    Body { head: String, length: usize },
}

pub(crate) struct Server {
    pub(crate) url: String,
    reply: Arc<Mutex<Reply>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let reply = Arc::new(Mutex::new(Reply::Bytes(String::new())));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (replies, seen) = (Arc::clone(&reply), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&replies), Arc::clone(&seen)));
            }
        });
        Self { url, reply, requests }
    }

    pub(crate) fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    pub(crate) fn reply_ok(&self, headers: &str, body: &str) {
        self.reply(Reply::Bytes(format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        )));
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, reply: Arc<Mutex<Reply>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&head).to_ascii_lowercase());
    let reply = reply.lock().unwrap().clone();
    // Clients that hang up early are the point of some tests.
    let _ = match reply {
        Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await,
        Reply::BytesThenSilence(bytes) => {
            let written = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.read_u8().await;
            written
        }
        Reply::Body { head, length } => match stream.write_all(head.as_bytes()).await {
            Ok(()) => stream.write_all(&vec![b'0'; length]).await,
            failed => failed,
        },
    };
}
