//! One HTTP connection: reads requests within limits of size and time, and writes responses.
//!
//! A connection has a thread, so a client that is slow or silent delays nobody else. It is closed
//! when a request is not complete in time, when a response is not taken in time, and after anything
//! that is not a plain `GET` or `HEAD`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How large the head of a request may be.
const MAX_HEAD: usize = 16 * 1024;
/// How many headers a request may have.
const MAX_HEADERS: usize = 100;
/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_mins(1);
/// How long a request may take from its first byte to its last.
const REQUEST: Duration = Duration::from_secs(10);
/// How long a client may take nothing of a response.
const STALLED: Duration = Duration::from_secs(10);
/// The slowest client that gets a whole response, in bytes per second.
const SLOWEST: u64 = 16 * 1024;

/// A request that has a method, a target and headers, and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Whether only the head of the response is wanted.
    pub(super) is_head: bool,
    /// The address that was asked for: `/2026/01/31/title/?a=b`.
    pub(super) target: String,
    /// Names in lower case, and values.
    headers: Vec<(String, String)>,
    /// Whether the connection stays open.
    is_kept: bool,
}

impl Request {
    /// The value of a header, by its name in lower case. The last one counts.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().rev().filter(|(other, _)| other == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// How many headers have this name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(other, _)| other == name).count()
    }
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

/// The body of a response.
#[derive(Debug)]
pub(super) enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A part of a file: its first byte, and how many there are.
    Part(File, u64, u64),
}

impl Body {
    fn len(&self) -> u64 {
        match self {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Part(_, _, length) => *length,
        }
    }
}

impl Response {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Response { status, headers, body: Body::Bytes(body.into()) }
    }

    /// A refusal with its reason.
    pub(super) fn refusal(status: u16, reason: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{reason}\n"))
    }

    /// The same response with another header.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    fn head(&self, is_kept: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            // A line end would start another header.
            let value: String = value.chars().filter(|c| !c.is_control()).collect();
            head.extend([name, ": ", &value, "\r\n"]);
        }
        if self.status != 304 {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        // Nothing of a preview is for other sites, and nothing is kept without asking again.
        head += "Cache-Control: no-cache\r\nCross-Origin-Resource-Policy: same-origin\r\n\
                 X-Frame-Options: SAMEORIGIN\r\n";
        head +=
            if is_kept { "Connection: keep-alive\r\n\r\n" } else { "Connection: close\r\n\r\n" };
        head
    }
}

/// What a connection is to do with a request.
pub(super) enum Answer {
    /// Respond, and wait for the next request.
    Response(Response),
    /// Keep sending events to a page, given by the query of the request.
    Events(String),
}

/// A connection to a client.
pub(super) struct Connection {
    stream: TcpStream,
    /// What was read and does not belong to an earlier request.
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection { stream, read: Vec::new() })
    }

    /// Answers requests until the connection ends. Returns the query of a request for events, which
    /// takes the connection over.
    pub(super) fn serve(
        &mut self,
        answer: impl Fn(&Request) -> Answer,
    ) -> io::Result<Option<String>> {
        loop {
            let request = match self.request()? {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(None),
                Err(refusal) => {
                    self.respond(refusal, false, false)?;
                    self.drain();
                    return Ok(None);
                }
            };
            match answer(&request) {
                Answer::Events(query) if !request.is_head => return Ok(Some(query)),
                Answer::Events(_) => {
                    let response = Response::new(200, "text/event-stream", "");
                    self.respond(response, true, request.is_kept)?;
                }
                Answer::Response(response) => {
                    // Whoever is refused has no further request.
                    let is_kept = request.is_kept && matches!(response.status, 200..400 | 404);
                    self.respond(response, request.is_head, is_kept)?;
                    if !is_kept {
                        return Ok(None);
                    }
                }
            }
            if !request.is_kept {
                return Ok(None);
            }
        }
    }

    /// Reads the next request; `None` if the client has closed the connection or sends nothing.
    fn request(&mut self) -> io::Result<Result<Option<Request>, Response>> {
        let mut deadline = Instant::now() + if self.read.is_empty() { IDLE } else { REQUEST };
        loop {
            match parsed(&self.read) {
                Parsed::Request(request, length) => {
                    self.read.drain(..length);
                    return Ok(Ok(Some(request)));
                }
                Parsed::Refused(refusal) => return Ok(Err(refusal)),
                Parsed::Partial if self.read.len() >= MAX_HEAD => {
                    return Ok(Err(Response::refusal(431, "the request is too large")));
                }
                Parsed::Partial => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(if self.read.is_empty() {
                    Ok(None)
                } else {
                    Err(Response::refusal(408, "the request was not complete in time"))
                });
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(Ok(None)),
                Ok(read) => {
                    if self.read.is_empty() {
                        deadline = Instant::now() + REQUEST;
                    }
                    self.read.extend_from_slice(&buffer[..read]);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn respond(&mut self, response: Response, is_head: bool, is_kept: bool) -> io::Result<()> {
        let length = response.body.len();
        let most = STALLED + Duration::from_secs(length / SLOWEST);
        let mut paced = Paced { stream: &self.stream, deadline: Instant::now() + most };
        let mut head = response.head(is_kept).into_bytes();
        match response.body {
            _ if is_head || response.status == 304 => paced.write_all(&head),
            Body::Bytes(bytes) => {
                // A small response is one packet.
                head.extend(bytes);
                paced.write_all(&head)
            }
            Body::Part(mut file, from, length) => {
                paced.write_all(&head)?;
                file.seek(SeekFrom::Start(from))?;
                let copied = io::copy(&mut file.take(length), &mut paced)?;
                // A file that became shorter cannot fill what its head promises.
                if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
        }
    }

    /// Takes a little of what a refused client still sends, so that it sees the refusal instead of a
    /// broken connection.
    fn drain(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(Duration::from_millis(200)));
        let mut buffer = [0; 4096];
        for _ in 0..64 {
            if !matches!(self.stream.read(&mut buffer), Ok(1..)) {
                return;
            }
        }
    }

    /// Starts a stream of events.
    pub(super) fn events(self) -> io::Result<Events> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Cache-Control: no-store\r\nCross-Origin-Resource-Policy: same-origin\r\n\
                    Connection: close\r\n\r\n";
        let mut events = Events { stream: self.stream };
        events.write(head)?;
        Ok(events)
    }
}

/// A stream of events to a page.
pub(super) struct Events {
    stream: TcpStream,
}

impl Events {
    /// Sends an event with this data, which has no line ends.
    pub(super) fn send(&mut self, data: &str) -> io::Result<()> {
        self.write(&format!("data: {data}\n\n"))
    }

    /// Sends nothing that the page sees, to learn whether it is still there.
    pub(super) fn ping(&mut self) -> io::Result<()> {
        self.write(":\n\n")
    }

    /// Whether the client has closed the connection.
    pub(super) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let _ = self.stream.set_nonblocking(true);
        let peeked = self.stream.peek(&mut byte);
        let _ = self.stream.set_nonblocking(false);
        match peeked {
            Ok(read) => read == 0,
            Err(error) => !is_timeout(&error),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let deadline = Instant::now() + STALLED;
        Paced { stream: &self.stream, deadline }.write_all(text.as_bytes())
    }
}

/// Writes until a deadline.
struct Paced<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl Write for Paced<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_write_timeout(Some(left.min(STALLED)))?;
        (&mut &*self.stream).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&mut &*self.stream).flush()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// What the bytes of a connection are.
enum Parsed {
    /// A request of this length.
    Request(Request, usize),
    /// The start of a request.
    Partial,
    /// Something that is refused.
    Refused(Response),
}

fn parsed(bytes: &[u8]) -> Parsed {
    let refused = |status, reason| Parsed::Refused(Response::refusal(status, reason));
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Complete(_)) => return refused(431, "the request is too large"),
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return refused(431, "too many headers"),
        Err(_) => return refused(400, "this is not an HTTP request"),
    };
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => {
            let refusal = Response::refusal(405, "only GET and HEAD are allowed");
            return Parsed::Refused(refusal.with("Allow", "GET, HEAD"));
        }
    };
    let headers: Option<Vec<(String, String)>> = request
        .headers
        .iter()
        .map(|header| {
            let value = std::str::from_utf8(header.value).ok()?.trim().to_owned();
            Some((header.name.to_ascii_lowercase(), value))
        })
        .collect();
    let Some(headers) = headers else { return refused(400, "a header is not UTF-8") };
    let request = Request {
        is_head,
        target: request.path.unwrap_or_default().to_owned(),
        headers,
        is_kept: request.version == Some(1),
    };
    let has_body = request.count("transfer-encoding") > 0
        || request.header("content-length").is_some_and(|length| length != "0");
    if has_body {
        return refused(400, "a request must not have a body");
    }
    let is_closed =
        request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Parsed::Request(Request { is_kept: request.is_kept && !is_closed, ..request }, length)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match parsed(text.as_bytes()) {
            Parsed::Request(request, length) => {
                format!("{} kept {} of {length}", request.target, request.is_kept)
            }
            Parsed::Partial => "partial".to_owned(),
            Parsed::Refused(refusal) => refusal.status.to_string(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_request_is_read_up_to_its_end() {
        check("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET", "/a kept true of 28");
        check("GET /a HTTP/1.1\r\nHost: x\r\n", "partial");
        check("", "partial");
        check("GET / HTTP/1.0\r\n\r\n", "/ kept false of 18");
        check("HEAD / HTTP/1.1\r\nConnection: Close\r\n\r\n", "/ kept false of 38");
    }

    #[test]
    fn whatever_is_not_a_plain_request_is_refused() {
        check("POST / HTTP/1.1\r\n\r\n", "405");
        check("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "400");
        check("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
        check("GET / HTTP/1.1\r\nX: \u{e9}\r\n\r\n", "/ kept true of 25");
        check("\x16\x03\x01", "400");
        check("GET /\0 HTTP/1.1\r\n\r\n", "400");
        check(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101)), "431");
        check(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(MAX_HEAD)), "431");
    }

    #[test]
    fn a_header_cannot_add_another() {
        let response = Response::new(301, "text/plain", "").with("Location", "/a\r\nX: y");
        assert!(response.head(true).contains("\r\nLocation: /aX: y\r\n"));
    }
}
