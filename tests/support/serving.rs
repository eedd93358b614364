//! A preview of a site, asked over its socket as a browser asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Site;

/// How long anything may take before a test gives up.
const LIMIT: Duration = Duration::from_mins(2);

/// `labpress serve` at work in a site.
pub struct Serving {
    pub child: Child,
    pub port: u16,
    said: Arc<(Mutex<String>, Condvar)>,
}

impl Serving {
    pub fn start(site: &Site, arguments: &[&str]) -> Serving {
        let mut child = site
            .command(&["serve", "--port", "0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let shared = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut text = shared.0.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                shared.1.notify_all();
            }
        });
        let mut serving = Serving { child, port: 0, said };
        let text = serving.said("serving http://");
        let (_, rest) = text.split_once("serving http://").unwrap();
        let (_, rest) = rest.split_once(':').unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        serving.port = digits.parse().unwrap();
        serving
    }

    /// Waits until the terminal shows `what`, and returns all that it shows.
    #[track_caller]
    pub fn said(&self, what: &str) -> String {
        let text = self.said.0.lock().unwrap();
        let (text, waited) =
            self.said.1.wait_timeout_while(text, LIMIT, |text| !text.contains(what)).unwrap();
        assert!(!waited.timed_out(), "`{what}` was not said:\n{text}");
        text.clone()
    }

    /// Forgets what the terminal showed.
    pub fn forget(&self) {
        self.said.0.lock().unwrap().clear();
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// The whole response to bytes that are sent as they are.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    }

    pub fn request(&self, line: &str, headers: &str) -> Reply {
        let port = self.port;
        let text = format!(
            "{line} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n"
        );
        Reply::of(&self.raw(text.as_bytes()))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.request(&format!("GET {path}"), "")
    }

    /// Opens a page and follows it.
    pub fn page(&self, path: &str) -> Page {
        let html = self.get(path).body;
        let value = |name: &str| {
            let (_, rest) = html.split_once(&format!("{name}=\"")).expect("the client is there");
            rest.split('"').next().unwrap().to_owned()
        };
        let (session, version) = (value("data-session"), value("data-version"));
        let mut stream = self.connect();
        write!(
            stream,
            "GET /_labpress/events?page={path}&session={session}&version={version} HTTP/1.1\r\n\
             Host: localhost\r\n\r\n"
        )
        .unwrap();
        Page { reader: BufReader::new(stream), last: Value::Null }
    }

    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// Stops it as Ctrl-C does, and returns whether it succeeded.
    pub fn stop(mut self) -> bool {
        self.signal(Signal::INT);
        self.child.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn of(text: &str) -> Reply {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// An open page that is told what changes.
pub struct Page {
    reader: BufReader<TcpStream>,
    pub last: Value,
}

impl Page {
    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> &Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "the events have ended");
            if let Some(data) = line.strip_prefix("data: ") {
                self.last = serde_json::from_str(data).unwrap();
                return &self.last;
            }
        }
    }

    /// The first message from now on for which `is_it` holds.
    #[track_caller]
    pub fn until(&mut self, mut is_it: impl FnMut(&Value) -> bool) -> &Value {
        while !is_it(self.next()) {}
        &self.last
    }
}
