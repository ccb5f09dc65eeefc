//! HTTP/1.1 as it stands on the wire: a path that no library has tidied, headers twice, and cookies that are kept by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request as it will be written.
#[derive(Clone)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn get(host: &str, path: &str) -> Self {
        let headers = vec![("Host".to_owned(), host.to_owned())];
        Self { method: "GET", path: path.to_owned(), headers, body: String::new() }
    }

    pub(super) fn post(host: &str, path: &str, body: &str) -> Self {
        let length = body.len().to_string();
        let request = Self { method: "POST", body: body.to_owned(), ..Self::get(host, path) };
        request.header("Content-Length", &length)
    }

    pub(super) fn form(host: &str, path: &str, fields: &[(&str, String)]) -> Self {
        let url = reqwest::Url::parse_with_params("http://form", fields).expect("a form");
        let request = Self::post(host, path, url.query().unwrap_or_default());
        request.header("Content-Type", "application/x-www-form-urlencoded")
    }

    #[must_use]
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub(super) fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    pub(super) async fn send(&self, port: u16) -> Answer {
        let mut text = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").expect("memory");
        }
        write!(text, "\r\n{}", self.body).expect("memory");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a gateway");
        stream.write_all(text.as_bytes()).await.expect("a request");
        let mut bytes = Vec::new();
        // Who has answered may close the connection without reading to its end.
        let _ = stream.read_to_end(&mut bytes).await;
        Answer::read(&String::from_utf8_lossy(&bytes))
    }
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Self {
            status: status.and_then(|status| status.parse().ok()).unwrap_or_default(),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    /// The first of this name; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The cookies of one host.
#[derive(Default)]
pub(super) struct Jar(BTreeMap<String, String>);

impl Jar {
    pub(super) fn keep(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of the header `Cookie`.
    pub(super) fn line(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, v)| format!("{name}={v}")).collect();
        pairs.join("; ")
    }
}
