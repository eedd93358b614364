//! Answers a request with a file of the present version, as a static host would: content types,
//! ranges, conditional requests, and the site's own page for addresses that it does not have.
//!
//! An address is looked up in the built site, which is a value, so no address leads to any other
//! file. Only a file that is copied unchanged is opened, and only if it is inside the site.

use std::path::Path;

use super::http::{Body, Request, Response};
use super::page;
use super::version::{Found, Version, is_page};
use crate::digest::Digest;
use crate::output::Content;
use crate::{inputs, media_type};

/// Answers a request for a file.
pub(super) fn response(
    request: &Request,
    version: &Version,
    root: &Path,
    session: &str,
) -> Response {
    let Some(path) = decoded(&request.target) else {
        return Response::refusal(400, "this is not an address");
    };
    let (status, file) = match version.find(&path) {
        Found::File(file) => (200, Some(file)),
        Found::Folder => return redirect(&format!("{}/", path_of(&request.target))),
        Found::Nothing if path == "/" && !version.base_url.is_empty() => {
            return redirect(&format!("{}/", version.base_url));
        }
        Found::Nothing => (404, version.content("404.html").map(|_| "404.html".to_owned())),
    };
    let page = page::Preview { version, session, is_missing: status == 404 };
    let Some(file) = file else {
        let (status, text) = if version.number == 0 {
            (503, page::nothing_built())
        } else {
            (404, page::not_found())
        };
        return Response::new(status, media_type::of("404.html"), page.prepared(&text));
    };
    let found = match version.content(&file) {
        Some(Content::Bytes(bytes)) => bytes_response(request, &file, bytes, &page),
        Some(Content::CopyOf(on_disk)) => copy_response(request, &file, on_disk, root),
        // A preview has no destination.
        Some(Content::AsWritten { .. }) | None => None,
    };
    match found {
        Some(response) if status == 200 => response,
        Some(Response { headers, body, .. }) => {
            let headers = headers.into_iter().filter(|(name, _)| *name == "Content-Type");
            Response { status, headers: headers.collect(), body }
        }
        None => Response::refusal(404, "this file is no longer there"),
    }
}

fn redirect(to: &str) -> Response {
    Response::new(301, "text/plain; charset=utf-8", "").with("Location", to)
}

fn bytes_response(
    request: &Request,
    file: &str,
    bytes: &[u8],
    page: &page::Preview<'_>,
) -> Option<Response> {
    let bytes = match std::str::from_utf8(bytes) {
        Ok(html) if is_page(file) => page.prepared(html).into_bytes(),
        _ => bytes.to_vec(),
    };
    let tag = format!("\"{}\"", Digest::of(&bytes).short());
    // The page of an address that is not there is always sent whole.
    if page.is_missing {
        return Some(Response::new(404, media_type::of(file), bytes));
    }
    let length = bytes.len() as u64;
    Some(match part(request, length, &tag) {
        Part::Unchanged => unchanged(&tag),
        Part::Invalid => invalid_range(length),
        Part::All => whole(Response::new(200, media_type::of(file), bytes), &tag),
        Part::Range(from, length_of_part) => {
            let start = usize::try_from(from).ok()?;
            let end = usize::try_from(from + length_of_part).ok()?;
            let response = Response::new(206, media_type::of(file), bytes.get(start..end)?);
            whole(response, &tag).with("Content-Range", range(from, length_of_part, length))
        }
    })
}

/// The response with a file on disk, unless it is no longer a regular file of the site.
fn copy_response(request: &Request, name: &str, on_disk: &Path, root: &Path) -> Option<Response> {
    let real = on_disk.canonicalize().ok()?;
    if !real.starts_with(root) {
        return None;
    }
    let file = inputs::open_file(&real).ok()?;
    let about = file.metadata().ok()?;
    let length = about.len();
    let modified = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let tag = format!("\"{length:x}-{:x}\"", modified.as_nanos());
    Some(match part(request, length, &tag) {
        Part::Unchanged => unchanged(&tag),
        Part::Invalid => invalid_range(length),
        Part::All => {
            let response = Response::new(200, media_type::of(name), "");
            whole(Response { body: Body::Part(file, 0, length), ..response }, &tag)
        }
        Part::Range(from, length_of_part) => {
            let response = Response::new(206, media_type::of(name), "");
            let body = Body::Part(file, from, length_of_part);
            whole(Response { body, ..response }, &tag)
                .with("Content-Range", range(from, length_of_part, length))
        }
    })
}

fn whole(response: Response, tag: &str) -> Response {
    response.with("ETag", tag).with("Accept-Ranges", "bytes")
}

fn unchanged(tag: &str) -> Response {
    Response { status: 304, headers: Vec::new(), body: Body::Bytes(Vec::new()) }.with("ETag", tag)
}

fn invalid_range(length: u64) -> Response {
    Response::refusal(416, "the range is outside the file")
        .with("Content-Range", format!("bytes */{length}"))
}

fn range(from: u64, length_of_part: u64, length: u64) -> String {
    format!("bytes {from}-{}/{length}", from + length_of_part - 1)
}

/// How much of a file a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    All,
    /// The first byte, and how many.
    Range(u64, u64),
    /// Nothing, because the client has it.
    Unchanged,
    /// A range outside the file.
    Invalid,
}

fn part(request: &Request, length: u64, tag: &str) -> Part {
    let has = |list: &str| {
        list.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag)
    };
    if request.header("if-none-match").is_some_and(|list| list.trim() == "*" || has(list)) {
        return Part::Unchanged;
    }
    let is_current = request.header("if-range").is_none_or(|condition| condition == tag);
    let Some(range) = request.header("range").filter(|_| is_current && !request.is_head) else {
        return Part::All;
    };
    // Several ranges, and other units, may be ignored.
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::All;
    };
    match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), _) if from >= length => Part::Invalid,
        (Ok(from), Ok(to)) if to < from => Part::All,
        (Ok(from), Ok(to)) => Part::Range(from, to.min(length - 1) - from + 1),
        (Ok(from), Err(_)) if to.trim().is_empty() => Part::Range(from, length - from),
        (Err(_), Ok(0)) if from.trim().is_empty() => Part::Invalid,
        (Err(_), Ok(last)) if from.trim().is_empty() && length > 0 => {
            let last = last.min(length);
            Part::Range(length - last, last)
        }
        _ => Part::All,
    }
}

/// The path of a target: without the query, and without the site if the target names it.
pub(super) fn path_of(target: &str) -> &str {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    }
}

/// The decoded path of a target. It is decoded once, so `%252e` stays `%2e`. `None` if it is not an
/// absolute path, or not text.
pub(super) fn decoded(target: &str) -> Option<String> {
    let path = path_of(target);
    if !path.starts_with('/') {
        return None;
    }
    let decoded = percent_decoded(path)?;
    (!decoded.contains(char::is_control)).then_some(decoded)
}

/// A text without percent encoding; `None` if a `%` is not followed by two digits, or if it is not
/// text.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once() {
        let cases = [
            ("/a%20b/?q=%zz#x", Some("/a b/")),
            ("/%252e%252e/", Some("/%2e%2e/")),
            ("/%2e%2e/x", Some("/../x")),
            ("/na%C3%AFve", Some("/naïve")),
            ("http://localhost:4000/a?b", Some("/a")),
            ("http://localhost:4000", Some("/")),
            ("/a%", None),
            ("/a%0", None),
            ("/a%+1", None),
            ("/%ff", None),
            ("/a%00", None),
            ("/a%0d%0aX: y", None),
            ("*", None),
            ("", None),
        ];
        for (target, expected) in cases {
            assert_eq!(decoded(target).as_deref(), expected, "{target}");
        }
    }
}
