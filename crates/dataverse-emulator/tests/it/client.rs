//! A plain HTTP/1.1 client over a socket: nothing between a test and the wire.

use std::collections::HashMap;
use std::net::SocketAddr;

use dataverse_emulator::{Emulator, Options};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An emulator and somebody who talks to it.
pub(crate) struct Office {
    pub(crate) emulator: Emulator,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Status, code and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("code").to_lowercase(), text("message"))
    }

    /// The id in `OData-EntityId`.
    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, 204, "{}", self.text());
        let url = self.header("odata-entityid");
        url.rsplit_once('(').unwrap().1.trim_end_matches(')').to_owned()
    }

    #[track_caller]
    pub(crate) fn refused_with(&self, status: u16, code: &str) -> String {
        let (found, found_code, message) = self.refusal();
        assert_eq!((found, found_code.as_str()), (status, code), "{message}");
        message
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        self.json()["value"].as_array().cloned().unwrap_or_else(|| panic!("{}", self.text()))
    }
}

/// Opens an office with these options.
pub(crate) async fn office_with(options: Options) -> Office {
    Office { emulator: Emulator::start(options).await.unwrap(), token: "user-1".to_owned() }
}

/// Opens an office as it comes.
pub(crate) async fn office() -> Office {
    office_with(Options::default()).await
}

impl Office {
    pub(crate) fn address(&self) -> SocketAddr {
        self.emulator.address()
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// The bytes of a request below the service root.
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        let path =
            if target.starts_with('/') { target.to_owned() } else { format!("/api/data/v9.2/{target}") };
        let path = path.replace(' ', "%20");
        let mut text =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address());
        if !self.token.is_empty() {
            text = format!("{text}Authorization: Bearer {}\r\n", self.token);
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            text.push_str("Content-Type: application/json\r\n");
        }
        for (name, value) in headers {
            text = format!("{text}{name}: {value}\r\n");
        }
        let mut bytes = format!("{text}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    /// Sends a request; an error means that no whole answer came.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut stream = TcpStream::connect(self.address()).await?;
        stream.write_all(&self.request(method, target, headers, body)).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.try_send(method, target, headers, body).await.unwrap()
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &[], b"").await
    }

    pub(crate) async fn post(&self, target: &str, body: Value) -> Reply {
        self.send("POST", target, &[], body.to_string().as_bytes()).await
    }

    pub(crate) async fn patch(&self, target: &str, body: Value) -> Reply {
        self.send("PATCH", target, &[], body.to_string().as_bytes()).await
    }

    pub(crate) async fn put(&self, target: &str, body: Value) -> Reply {
        self.send("PUT", target, &[], body.to_string().as_bytes()).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Reply {
        self.send("DELETE", target, &[], b"").await
    }

    /// Creates a row and gives its id.
    pub(crate) async fn create(&self, set: &str, body: Value) -> String {
        self.post(set, body).await.id()
    }
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = answer[end + 4..].to_vec();
    let length: Option<usize> = headers.get("content-length").and_then(|length| length.parse().ok());
    match length {
        Some(length) if body.len() != length => None,
        _ => Some(Reply { status, headers, body }),
    }
}
