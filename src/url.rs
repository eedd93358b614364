//! Makes URLs relative to the site, absolute, and percent-encoded.

use std::fmt::Write;

/// `/blog` and `about` → `/blog/about`; a URL with a scheme is returned unchanged.
pub(crate) fn relative_url(base_url: &str, url: &str) -> String {
    if has_own_scheme(url) {
        return url.to_owned();
    }
    let slash = if url.is_empty() || url.starts_with('/') { "" } else { "/" };
    let relative = percent_encoded(&format!("{base_url}{slash}{url}"));
    if relative.is_empty() { "/".to_owned() } else { relative }
}

/// As [`relative_url`], prefixed with the site's `url`.
pub(crate) fn absolute_url(site: &str, base_url: &str, url: &str) -> String {
    if has_own_scheme(url) {
        return url.to_owned();
    }
    let slash = if url.is_empty() || url.starts_with('/') { "" } else { "/" };
    format!("{site}{}", percent_encoded(&format!("{base_url}{slash}{url}")))
}

/// The rest of a path on the host that is in the folder of the site, which is empty or starts with a
/// slash; `None` for a path outside of it.
pub(crate) fn inside<'p>(base_url: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(base_url).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the URL is complete without the site's: `https:`, `mailto:`, `//host`.
pub(crate) fn has_scheme(url: &str) -> bool {
    has_own_scheme(url) || url.starts_with("//")
}

fn has_own_scheme(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Percent-encodes characters that are invalid in a URL. A `%` that already encodes a byte is kept.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_encoded =
            || bytes.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
        if byte.is_ascii_alphanumeric()
            || b"/-._~!$&'()*+,;=:@?#[]".contains(&byte)
            || byte == b'%' && is_encoded()
        {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
