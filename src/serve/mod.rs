//! `labpress serve`: the site in a browser while it is written.
//!
//! A [`Session`] reads changes from disk, renders the site again and publishes the result as a
//! version; connections only read the present version. It writes nothing: neither the destination
//! nor anything else of the site.
//!
//! `http` reads requests and writes responses, `access` decides who may ask, `files` answers with
//! the present [`version`], `page` adds the client (`client.js`) to pages, and `live` tells open
//! pages what changed. [`runs`] is what is known about runs that were started beside the preview.
//! `watch` notices changes, and [`preview`] is where they meet the site.
//!
//! What the terminal shows and how the program ends is left to `cli::serve`.
#![expect(
    clippy::disallowed_methods,
    reason = "`serve` looks for changes on disk and measures time; it writes nothing"
)]

mod access;
mod files;
mod http;
mod live;
mod page;
pub mod preview;
pub mod runs;
mod version;
mod watch;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant, SystemTime};

use self::access::Hosts;
use self::http::{Answer, Connection, Request, Response};
use self::live::Live;
pub use self::live::Problem;
use self::preview::{Changed, Preview};
use self::runs::{Reporter, Runs};
use self::watch::Watcher;
pub use self::watch::Watching;
use crate::diagnostic::Diagnostic;
use crate::experiment::results::Need;
use crate::media_type;
use crate::site::{Built, Site};

/// How long nothing may change before the site is rendered again: editors write a file in several
/// steps, and programs write several files.
const QUIET: Duration = Duration::from_millis(20);
/// After this time, changes are shown even if there are always more.
const LONGEST_BURST: Duration = Duration::from_millis(500);
/// How often numbers of runs at work are rendered: at most this often, and so that rendering takes
/// at most a quarter of the time.
const NUMBERS_EVERY: Duration = Duration::from_millis(250);
/// How many connections there may be at once.
const MAX_CONNECTIONS: usize = 256;

/// The client that runs in pages.
const CLIENT: &str = include_str!("client.js");

/// Where a preview listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The host to listen on, a name or an address; `None` for the loopback interface.
    pub host: Option<String>,
    /// The port; `None` for the usual one, or any free one.
    pub port: Option<u16>,
    /// Other names of this machine under which it may be reached if `host` is not loopback.
    pub names: Vec<String>,
}

/// The port that is used if it is free.
pub const USUAL_PORT: u16 = 4000;

/// A preview of a site.
pub struct Session {
    preview: Preview,
    watcher: Watcher,
    live: Arc<Live>,
    wakes: Receiver<Wake>,
    wake: Sender<Wake>,
    address: SocketAddr,
    host: Option<String>,
    abandoned_lock: Option<SystemTime>,
    /// Why the site could not be read the last time.
    read_error: Option<String>,
    /// Whether runs have reported numbers that are not rendered.
    has_new_numbers: bool,
    /// When numbers of runs may be rendered again.
    next_numbers: Instant,
}

/// What wakes a session.
enum Wake {
    Changed(Changed),
    Runs(Runs),
}

/// What came of rendering the site.
#[derive(Debug)]
pub struct Rebuilt {
    /// The paths that changed; empty if anything may have.
    pub changed: Vec<String>,
    /// What prevents a new version; empty if there is one.
    pub problems: Vec<Problem>,
    /// Problems that do not prevent it.
    pub warnings: Vec<Diagnostic>,
    /// The results that pages lack.
    pub needs: Vec<Need>,
    /// How long it took.
    pub duration: Duration,
}

impl Session {
    /// Listens, renders the site and starts to answer.
    pub fn start(preview: Preview, listen: &Listen, polls: bool) -> io::Result<(Session, Rebuilt)> {
        let listener = listener(listen)?;
        let address = listener.local_addr()?;
        let (wake, wakes) = mpsc::channel();
        // Watched before it is rendered, so that a change in the meantime is noticed.
        let watcher = Watcher::start(&preview.site().inputs, polls, wake.clone());
        let live = Arc::new(Live::new(session_name()));
        let mut session = Session {
            preview,
            watcher,
            live,
            wakes,
            wake,
            address,
            host: listen.host.clone(),
            abandoned_lock: None,
            read_error: None,
            has_new_numbers: false,
            next_numbers: Instant::now(),
        };
        let start = Instant::now();
        let built = session.preview.built();
        let rebuilt = session.publish(built, Vec::new(), start);
        session.accept(listener, Arc::new(hosts(listen, address)));
        Ok((session, rebuilt))
    }

    /// The address of the site's first page.
    pub fn url(&self) -> String {
        let host = match &self.host {
            Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => format!("[{host}]"),
            Some(host) if !self.address.ip().is_unspecified() => host.clone(),
            _ => "127.0.0.1".to_owned(),
        };
        let base_url = self.preview.site().config.base_url.trim_end_matches('/').to_owned();
        format!("http://{host}:{}{base_url}/", self.address.port())
    }

    /// Whether other machines may reach the preview.
    pub fn is_open(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// How changes are noticed.
    pub fn watching(&self) -> Watching {
        self.watcher.watching()
    }

    /// The site as it is now.
    pub fn site(&self) -> &Site {
        self.preview.site()
    }

    /// Takes what runs are doing that are started beside the preview.
    pub fn reporter(&self) -> Reporter {
        Reporter(self.wake.clone())
    }

    /// Waits for changes, at most `most`, and renders the site again if there are any.
    pub fn next(&mut self, most: Duration) -> Option<Rebuilt> {
        let Some(changed) = self.changed(most) else {
            self.show_numbers();
            return None;
        };
        let start = Instant::now();
        let changed = self.watcher.follow(changed, &self.preview.site().inputs);
        let paths = match &changed {
            Changed::Paths(paths) => paths.iter().cloned().collect(),
            Changed::Everything => Vec::new(),
        };
        match self.preview.rebuild(&changed) {
            Ok(None) => None,
            Ok(Some(built)) => {
                self.read_error = None;
                // Folders may be read now that were not read before.
                if changed == Changed::Everything {
                    self.watcher.follow(Changed::Everything, &self.preview.site().inputs);
                }
                Some(self.publish(built, paths, start))
            }
            Err(error) => {
                let error = error.to_string();
                let problem = Problem { place: None, message: error.clone(), hint: None };
                self.live.report(vec![problem.clone()]);
                let is_known = self.read_error.replace(error.clone()) == Some(error);
                (!is_known).then(|| Rebuilt {
                    changed: paths,
                    problems: vec![problem],
                    warnings: Vec::new(),
                    needs: Vec::new(),
                    duration: start.elapsed(),
                })
            }
        }
    }

    /// Waits for a burst of changes to end, at most `most` for it to begin.
    fn changed(&mut self, most: Duration) -> Option<Changed> {
        let wait = self.watcher.wait().map_or(most, |wait| wait.min(most));
        let received = self.received(wait);
        let mut all = received.unwrap_or_else(|| self.watcher.poll(&self.preview.site().inputs));
        if all.is_empty() {
            return None;
        }
        let start = Instant::now();
        let mut root_lock = self.abandoned_lock;
        loop {
            while start.elapsed() < LONGEST_BURST
                && let Some(more) = self.received(QUIET)
            {
                all.merge(more);
            }
            watch::wait_for_git(self.preview.site().inputs.root(), &mut root_lock);
            // What git wrote while it was waited for.
            let mut is_quiet = true;
            while let Some(more) = self.received(Duration::ZERO) {
                all.merge(more);
                is_quiet = false;
            }
            if is_quiet || start.elapsed() >= LONGEST_BURST {
                break;
            }
        }
        self.abandoned_lock = root_lock;
        Some(all)
    }

    /// Waits for a change, at most `most`, and takes over what runs report in the meantime.
    fn received(&mut self, most: Duration) -> Option<Changed> {
        let end = Instant::now() + most;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.wakes.recv_timeout(left).ok()? {
                Wake::Changed(changed) => return Some(changed),
                Wake::Runs(runs) => {
                    self.live.report_runs(runs.message());
                    self.has_new_numbers |= self.preview.set_provisional(runs.provisional);
                }
            }
        }
    }

    /// Renders what runs at work have reported, if it is time to.
    fn show_numbers(&mut self) {
        let start = Instant::now();
        if !self.has_new_numbers || start < self.next_numbers {
            return;
        }
        let built = self.preview.built();
        self.publish(built, Vec::new(), start);
        self.has_new_numbers = false;
        self.next_numbers = Instant::now() + NUMBERS_EVERY.max(start.elapsed() * 3);
    }

    /// Makes what was built the present version, unless there are errors.
    fn publish(&mut self, built: Built, changed: Vec<String>, start: Instant) -> Rebuilt {
        let warnings = built.warnings.clone();
        let needs = built.needs.clone();
        let problems: Vec<Problem> = built.errors.iter().map(Problem::from).collect();
        if problems.is_empty() {
            let config = &self.preview.site().config;
            let version = self.live.version().next(built, &config.base_url, &config.url);
            self.live.publish(version);
        } else {
            self.live.report(problems.clone());
        }
        Rebuilt { changed, problems, warnings, needs, duration: start.elapsed() }
    }

    /// Answers connections in threads of their own.
    fn accept(&self, listener: TcpListener, hosts: Arc<Hosts>) {
        let live = Arc::clone(&self.live);
        let root: Arc<Path> = PathBuf::from(self.preview.site().inputs.root()).into();
        let open = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // The client has gone, or there are no file handles: the next one may be luckier.
                let Ok(stream) = stream else {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                };
                if open.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
                    continue;
                }
                open.fetch_add(1, Ordering::Relaxed);
                let (live, hosts) = (Arc::clone(&live), Arc::clone(&hosts));
                let (root, count) = (Arc::clone(&root), Arc::clone(&open));
                let thread = std::thread::Builder::new().name("connection".to_owned());
                let started = thread.spawn(move || {
                    // A client that breaks the connection needs no answer.
                    let _ = answer_all(stream, &live, &hosts, &root);
                    count.fetch_sub(1, Ordering::Relaxed);
                });
                if started.is_err() {
                    open.fetch_sub(1, Ordering::Relaxed);
                }
            }
        });
    }
}

fn answer_all(stream: TcpStream, live: &Live, hosts: &Hosts, root: &Path) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    let query = connection.serve(|request| match hosts.refusal(request) {
        Some(refusal) => Answer::Response(refusal),
        None => answer(request, live, root),
    })?;
    if let Some(query) = query {
        live.follow(&query, connection.events()?);
    }
    Ok(())
}

fn answer(request: &Request, live: &Live, root: &Path) -> Answer {
    let (_, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    match files::path_of(&request.target) {
        page::EVENTS => Answer::Events(query.to_owned()),
        page::CLIENT => {
            let kind = media_type::of("client.js");
            Answer::Response(Response::new(200, kind, CLIENT))
        }
        _ => Answer::Response(files::response(request, &live.version(), root, &live.session)),
    }
}

/// Listens on the first address of the host that can be listened on.
fn listener(listen: &Listen) -> io::Result<TcpListener> {
    let host = listen.host.as_deref().unwrap_or("127.0.0.1");
    let bind = |port: u16| -> io::Result<TcpListener> {
        let addresses = (host, port).to_socket_addrs()?.collect::<Vec<_>>();
        TcpListener::bind(&addresses[..])
    };
    let named = |error: io::Error, port: u16| {
        let message = format!("cannot listen on `{host}:{port}`: {error}");
        io::Error::new(error.kind(), message)
    };
    match listen.port {
        Some(port) => bind(port).map_err(|error| named(error, port)),
        None => bind(USUAL_PORT).or_else(|_| bind(0)).map_err(|error| named(error, 0)),
    }
}

/// The names under which a preview that listens at `address` may be asked for.
fn hosts(listen: &Listen, address: SocketAddr) -> Hosts {
    let is_open = !address.ip().is_loopback();
    let of_machine = if is_open { listen.names.as_slice() } else { &[] };
    let names = listen.host.iter().chain(of_machine).map(|name| name.to_ascii_lowercase());
    Hosts { names: names.collect(), any_address: is_open }
}

/// A name that no other session has.
fn session_name() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), std::process::id())
}
