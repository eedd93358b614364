//! Decides who may ask: this machine's browser, for a page of this preview.
//!
//! A page of another site can make the browser ask us, too. It is kept out by two headers that no
//! page controls: `Host` is the name that the browser looked up, so a name that its owner points at
//! this machine (DNS rebinding) is refused; `Origin` and `Sec-Fetch-Site` name the site that asks.

use std::net::IpAddr;

use super::http::{Request, Response};

/// The names under which a preview may be asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    /// Other names than those of the loopback interface, in lower case.
    pub(super) names: Vec<String>,
    /// Whether any address of the machine is allowed: addresses are not looked up, so nobody can
    /// point them elsewhere.
    pub(super) any_address: bool,
}

impl Hosts {
    /// Why a request is refused; `None` if it is not.
    pub(super) fn refusal(&self, request: &Request) -> Option<Response> {
        let refused = |reason: &str| Some(Response::refusal(403, reason));
        if request.count("host") > 1 {
            return Some(Response::refusal(400, "there is more than one `Host`"));
        }
        // Only ancient and hand-written clients send none.
        let Some(host) = request.header("host") else {
            return Some(Response::refusal(400, "there is no `Host`"));
        };
        if !self.allow(host) {
            return Some(Response::refusal(
                421,
                "this preview has another name: open the address that `labpress serve` printed, \
                 or add `--host NAME`",
            ));
        }
        if request.header("origin").is_some_and(|origin| !is_origin_of(origin, host)) {
            return refused("another site asked for this");
        }
        let site = request.header("sec-fetch-site").unwrap_or("none");
        let is_own = matches!(site, "none" | "same-origin");
        // A link on another page may lead here, but it may neither embed nor read us.
        let is_followed = request.header("sec-fetch-mode") == Some("navigate")
            && request.header("sec-fetch-dest").is_none_or(|dest| dest == "document");
        if is_own || is_followed { None } else { refused("another site asked for this") }
    }

    fn allow(&self, host: &str) -> bool {
        let name = name(host).to_ascii_lowercase();
        let address: Option<IpAddr> =
            name.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match address {
            Some(address) => {
                self.any_address || address.is_loopback() || self.names.contains(&name)
            }
            None => {
                name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name)
            }
        }
    }
}

/// The host without its port, which differs where it is forwarded.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_origin_of(origin: &str, host: &str) -> bool {
    let origin_host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    origin_host.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_allowed() {
        let loopback = Hosts::default();
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:4000", "[::1]:4000", "a.localhost"] {
            assert!(loopback.allow(host), "{host}");
        }
        let others =
            ["", "evil.example", "localhost.evil.example:4000", "192.168.0.2", "[fe80::1]"];
        for host in others.into_iter().chain(["127.0.0.1.evil.example", "0.0.0.0", "localhost:x"]) {
            assert!(!loopback.allow(host), "{host}");
        }
        let open = Hosts { names: vec!["mybox".to_owned()], any_address: true };
        for host in ["mybox:4000", "192.168.0.2:4000", "[fe80::1]"] {
            assert!(open.allow(host), "{host}");
        }
        assert!(!open.allow("evil.example"));
    }

    #[test]
    fn an_origin_is_compared_with_its_port() {
        assert!(is_origin_of("http://localhost:4000", "localhost:4000"));
        for origin in ["http://localhost:4001", "null", "", "http://localhost:4000.evil.example"] {
            assert!(!is_origin_of(origin, "localhost:4000"), "{origin}");
        }
    }
}
