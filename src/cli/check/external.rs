//! Follows links to other sites with curl, politely: one request at a time and per host, a pause
//! between them, and no question twice in a week.
#![expect(clippy::disallowed_methods, reason = "`cli` starts the programs that it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::super::environment::now;
use globset::GlobSet;

use labpress::check::{Finding, Rule};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::store::Store;

/// How many hosts are asked at once.
const HOSTS: usize = 8;

/// The pause between requests to one host.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a good answer is remembered, in seconds.
const REMEMBERED: i64 = 7 * 24 * 60 * 60;

/// The name of what is remembered.
const FILE: &str = "links.json";

/// The addresses that were good, with the second of each answer.
#[derive(Default, Serialize, Deserialize)]
struct Good(BTreeMap<String, i64>);

/// Returns a finding for each address that is dead.
pub(super) fn check(
    links: &BTreeMap<String, BTreeSet<String>>,
    ignored: &GlobSet,
    store: &Store,
) -> anyhow::Result<Vec<Finding>> {
    let second = now().as_second();
    let mut good: Good = store
        .remembered(FILE)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    good.0.retain(|_, asked| (0..REMEMBERED).contains(&(second - *asked)));
    let mut by_host: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for address in links.keys() {
        let asked = address.split('#').next().unwrap_or_default();
        if !ignored.is_match(asked) && !good.0.contains_key(asked) {
            by_host.entry(host(asked)).or_default().insert(asked);
        }
    }
    if by_host.is_empty() {
        return Ok(Vec::new());
    }
    let hosts = Mutex::new(by_host.into_values());
    let answers = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let ask = || -> anyhow::Result<()> {
            loop {
                let next = hosts.lock().expect("no thread panics").next();
                let Some(addresses) = next else { return Ok(()) };
                for (at, address) in addresses.into_iter().enumerate() {
                    if at > 0 {
                        std::thread::sleep(PAUSE);
                    }
                    let answer = answer(address)?;
                    answers.lock().expect("no thread panics").insert(address, answer);
                }
            }
        };
        let threads: Vec<_> = (0..HOSTS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    let answers = answers.into_inner().expect("no thread panics");
    let mut findings = Vec::new();
    for (address, answer) in answers {
        let Err(problem) = answer else {
            good.0.insert(address.to_owned(), second);
            continue;
        };
        let is_of = |link: &&String| link.split('#').next() == Some(address);
        let pages = links.keys().filter(is_of).flat_map(|link| links[link].iter().cloned());
        let pages: BTreeSet<String> = pages.collect();
        let place = Place::file(pages.first().map_or("", String::as_str));
        let diagnostic = Diagnostic::new(place, format!("the link `{address}` is dead: {problem}"))
            .hint("correct or remove it, or add it to `ignore` of `check` in _config.yml");
        findings.push(Finding { rule: Rule::External, diagnostic, pages });
    }
    // Without what is remembered, the next check only asks again.
    let _ = store.remember(FILE, &serde_json::to_vec(&good)?);
    Ok(findings)
}

/// Whether the page is there: `Err` says why not.
type Answer = Result<(), String>;

/// Asks for a page. Many servers refuse to send only the head of one.
fn answer(address: &str) -> anyhow::Result<Answer> {
    let answer = asked(address, &["--head"])?;
    if answer.is_ok() { Ok(answer) } else { asked(address, &["--range", "0-0", "--retry", "1"]) }
}

fn asked(address: &str, how: &[&str]) -> anyhow::Result<Answer> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--location", "--max-redirs", "10", "--compressed"])
        .args(["--proto", "=http,https", "--connect-timeout", "10", "--max-time", "30"])
        .args(["--user-agent", AGENT, "--output"])
        .arg(if cfg!(windows) { "NUL" } else { "/dev/null" })
        .args(["--write-out", "%{http_code}"])
        .args(how)
        .args(["--url", address]);
    let done = curl
        .stdin(Stdio::null())
        .output()
        .context("cannot start curl, which follows links: install it (`apt install curl`)")?;
    let status = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    Ok(match status.as_str() {
        // The page is there, but not for programs.
        "401" | "403" | "405" | "429" | "999" => Ok(()),
        _ if status.starts_with(['2', '3']) => Ok(()),
        "000" | "" => {
            let error = String::from_utf8_lossy(&done.stderr);
            let line = error.lines().next().unwrap_or("no answer");
            Err(line.strip_prefix("curl: ").unwrap_or(line).to_owned())
        }
        status => Err(format!("the server answers {status}")),
    })
}

/// Says who asks, so that a host can refuse.
const AGENT: &str = concat!("labpress/", env!("CARGO_PKG_VERSION"), " (link check)");

/// The host of an address.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
