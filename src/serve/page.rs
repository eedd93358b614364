//! Prepares a page of the built site for the preview: adds the client, and leads links to the
//! published site here instead.

use super::version::Version;
use crate::html::{placed_tags, with_tags};

/// The address of the client, below the root of the host.
pub(super) const CLIENT: &str = "/_labpress/client.js";
/// The address of the events, below the root of the host.
pub(super) const EVENTS: &str = "/_labpress/events";

/// The page for an address that a site without a page `404.html` does not have.
pub(super) fn not_found() -> String {
    message(
        "Not found",
        "The site has nothing at this address. The published site shows the page of its host here, \
         or your own: write <code>404.html</code>.",
    )
}

/// The page for any address as long as no version of the site was built without errors.
pub(super) fn nothing_built() -> String {
    message("The site has errors", "The page appears here when they are fixed.")
}

fn message(title: &str, text: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<body style=\"font: 1rem/1.5 system-ui; margin: 3rem auto; \
         max-width: 36rem; padding: 0 1rem\">\n<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
    )
}

/// A preview that a page is prepared for.
pub(super) struct Preview<'a> {
    pub(super) version: &'a Version,
    pub(super) session: &'a str,
    /// Whether the page is shown because its address does not exist.
    pub(super) is_missing: bool,
}

impl Preview<'_> {
    /// The page with the client, and with links that stay in the preview.
    pub(super) fn prepared(&self, html: &str) -> String {
        let client = format!(
            "<script src=\"{CLIENT}\" data-session=\"{}\" data-version=\"{}\"{} defer></script>",
            self.session,
            self.version.number,
            if self.is_missing { " data-missing" } else { "" }
        );
        let (before, after) = html.split_at(end_of_body(html).unwrap_or(html.len()));
        let html = format!("{before}{client}{after}");
        match self.version.published_url.as_str() {
            "" => html,
            url if html.contains(url) => self.with_own_links(&html, url),
            _ => html,
        }
    }

    /// The page with links to the published site changed to this one. The canonical address is no
    /// link: it says where the page will be.
    fn with_own_links(&self, html: &str, url: &str) -> String {
        let base_url = &self.version.base_url;
        let own = |value: &str| {
            let rest = value.strip_prefix(url)?;
            match rest.chars().next() {
                None => Some(format!("{base_url}/")),
                Some('/' | '?' | '#') => Some(format!("{base_url}{rest}")),
                Some(_) => None,
            }
        };
        with_tags(html, |tag, written| {
            let is_canonical = tag.value("rel").is_some_and(|rel| rel == "canonical");
            tag.write(written, |attribute| {
                let value = attribute.value;
                let name = attribute.name.to_ascii_lowercase();
                let changed = match name.as_str() {
                    _ if is_canonical => None,
                    "href" | "src" | "action" | "poster" | "data" => own(value),
                    "srcset" => Some(with_own_candidates(value, &own)),
                    "content" if tag.value("http-equiv").is_some() => {
                        Some(value.replace(url, base_url))
                    }
                    _ => None,
                };
                Some(changed.unwrap_or_else(|| value.to_owned()))
            });
        })
    }
}

/// A `srcset` with each of its addresses changed by `own`.
fn with_own_candidates(value: &str, own: &dyn Fn(&str) -> Option<String>) -> String {
    let candidates = value.split(", ").map(|candidate| {
        let (address, size) = candidate.split_once(' ').unwrap_or((candidate, ""));
        match own(address.trim()) {
            Some(own) => format!("{own} {size}").trim_end().to_owned(),
            None => candidate.to_owned(),
        }
    });
    candidates.collect::<Vec<_>>().join(", ")
}

/// Where the last end tag of the body is.
fn end_of_body(html: &str) -> Option<usize> {
    let ends = placed_tags(html).filter(|(_, tag)| tag.is_end && tag.is("body"));
    ends.last().map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        let mut version = Version::default();
        version.base_url = "/blog".to_owned();
        version.published_url = "https://example.org/blog".to_owned();
        let preview = Preview { version: &version, session: "s", is_missing: false };
        let client = "<script src=\"/_labpress/client.js\" data-session=\"s\" data-version=\"0\" \
                      defer></script>";
        assert_eq!(preview.prepared(html).replace(client, "!"), expected);
    }

    #[test]
    fn the_client_is_at_the_end_of_the_body() {
        check("<body><p>a</p></body></html>", "<body><p>a</p>!</body></html>");
        check("<p>a", "<p>a!");
        check(
            "<script>\"</body>\"</script><!-- </body> -->",
            "<script>\"</body>\"</script><!-- </body> -->!",
        );
    }

    #[test]
    fn links_to_the_published_site_stay_in_the_preview() {
        check(
            "<a href=\"https://example.org/blog/a/\">https://example.org/blog/</a>",
            "<a href=\"/blog/a/\">https://example.org/blog/</a>!",
        );
        check("<a href='https://example.org/blog'>", "<a href=\"/blog/\">!");
        check(
            "<a href=\"https://example.org/blogs/\">",
            "<a href=\"https://example.org/blogs/\">!",
        );
        check(
            "<link rel=\"canonical\" href=\"https://example.org/blog/a\">",
            "<link rel=\"canonical\" href=\"https://example.org/blog/a\">!",
        );
        check(
            "<img srcset=\"https://example.org/blog/a.png 1x, b.png 2x\">",
            "<img srcset=\"/blog/a.png 1x, b.png 2x\">!",
        );
    }
}
