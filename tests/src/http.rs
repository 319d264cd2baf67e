//! A client of HTTP that does exactly what a test says, malformed requests and half ones included.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value as Json;

/// Longer than anything takes: who waits so long for one thing has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The type of the bodies that [`form`] makes.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A connection.
pub struct Http<S> {
    stream: S,
    /// Bytes that came and belong to nothing yet.
    held: Vec<u8>,
}

/// An answer.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Http<TcpStream> {
    /// A connection to this address.
    ///
    /// # Panics
    ///
    /// If nobody listens there.
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time to wait");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time to wait");
        Self::over(stream)
    }
}

impl<S: Read + Write> Http<S> {
    /// One over this stream.
    pub const fn over(stream: S) -> Self {
        Self { stream, held: Vec::new() }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// The server takes no more.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn asks(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.send(&request(method, path, headers, body)).expect("it can be sent");
        self.hears(method == "HEAD").expect("an answer")
    }

    /// Posts a form, and waits for the answer.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn posts(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.asks("POST", path, &[("content-type", FORM)], form(fields).as_bytes())
    }

    /// Waits for an answer, to a HEAD perhaps.
    ///
    /// # Errors
    ///
    /// None comes, or not whole.
    pub fn hears(&mut self, without_body: bool) -> io::Result<Reply> {
        let end = loop {
            if let Some(at) = self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.reads()?;
        };
        let head: Vec<_> = self.held.drain(..end).collect();
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let mut reply = Reply { status, headers: headers.collect(), body: Vec::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let length: usize = if without_body { 0 } else { length.unwrap_or(0) };
        while self.held.len() < length {
            self.reads()?;
        }
        reply.body = self.held.drain(..length).collect();
        Ok(reply)
    }

    /// Waits until the server ends the connection, and says whether it said anything before.
    ///
    /// # Panics
    ///
    /// If it does not end it.
    pub fn ends(&mut self) -> bool {
        loop {
            match self.reads() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("it does not end: {error}"),
            }
        }
        !self.held.is_empty()
    }

    fn reads(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16_384];
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.held.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

impl Reply {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    ///
    /// # Panics
    ///
    /// If it is no JSON.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status in the body.
    pub fn code(&self) -> u64 {
        self.json()["statusCode"].as_u64().expect("a status")
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

/// A whole request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    bytes.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    [bytes.as_bytes(), body].concat()
}

/// A body of parameters.
pub fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The boundary of the bodies that [`parts`] makes.
pub const BOUNDARY: &str = "----a-boundary-7d1";

/// A body of several parts: parameters, and a file of this name behind them.
pub fn parts(fields: &[(&str, &str)], name: &str, kind: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = String::new();
    for (field, value) in fields {
        body.push_str(&format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\""));
        body.push_str(&format!("\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: {kind}\r\n\r\n"
    ));
    [body.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

impl<S> fmt::Debug for Http<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Http({} bytes held)", self.held.len())
    }
}
