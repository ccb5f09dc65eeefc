//! One connection that is kept alive, with as little work for each request as can be: the load and the server share the
//! cores, and what is to be measured is the server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection, and what was read on it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, until the next one.
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) head: &'c str,
    pub(crate) body: &'c str,
}

impl Connection {
    /// To the host and port of a URL without a path.
    pub(crate) async fn open(url: &str) -> Self {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await;
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.expect("a server that reads");
        self.buffer.clear();
        let (head, end) = loop {
            if let Some(found) = end_of_answer(&self.buffer) {
                break found;
            }
            let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert_ne!(read, 0, "the server hung up");
        };
        let text = std::str::from_utf8(&self.buffer[..end]).expect("text");
        let (head, body) = text.split_at(head);
        let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head, body }
    }
}

/// Where the head ends, and where the answer ends, once all of it is there.
fn end_of_answer(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).expect("text");
    let length = field(text, "content-length: ").map_or(0, |length| length.parse().expect("bytes"));
    (buffer.len() >= head + length).then_some((head, head + length))
}

/// What stands behind a mark, up to a quotation mark, an ampersand or the end of the line.
pub(crate) fn field<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(mark)?;
    rest.split(['"', '&', '\r']).next()
}

/// A request with a body, or without one if that is empty.
pub(crate) fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let form = if body.is_empty() {
        String::new()
    } else {
        let length = body.len();
        format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n")
    };
    format!("{line} HTTP/1.1\r\nhost: bench\r\n{headers}{form}\r\n{body}").into_bytes()
}
