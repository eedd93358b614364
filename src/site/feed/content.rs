//! The content of posts as feeds have it.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use crate::html::{Tag, escaped};
use crate::url::has_scheme;
use crate::{html, plugin};

/// The content of a post for feed readers, which show it elsewhere and without the site's style:
/// URLs are absolute, and each chart is one picture and loses what works only on the page. `picture`
/// returns the address of the picture of a drawing; without one, the drawing stays.
pub(super) fn for_readers(
    html: &str,
    host: &str,
    page: &str,
    picture: &dyn Fn(&str) -> Option<String>,
) -> String {
    let html = with_pictures(html, picture);
    html::with_tags(&plugin::feed::without_page_parts(&html), |tag, written| {
        let whole =
            |address: &str| whole_address(address, tag.is("a") || tag.is("area"), host, page);
        tag.write(written, |attribute| {
            let is =
                |names: &[&str]| names.iter().any(|name| attribute.name.eq_ignore_ascii_case(name));
            Some(match attribute.value {
                value if is(&["srcset", "imagesrcset"]) => with_whole_sources(value, whole),
                value
                    if is(&["href", "src", "poster", "cite", "xlink:href"])
                        || tag.is("object") && is(&["data"]) =>
                {
                    whole(value)
                }
                value => value.to_owned(),
            })
        });
    })
}

/// Replaces the wide drawing of each chart with a picture, which mail and most readers show. Its
/// alternative text is the title and the description of the drawing.
fn with_pictures<'h>(html: &'h str, picture: &dyn Fn(&str) -> Option<String>) -> Cow<'h, str> {
    if !html.contains("lp-wide") {
        return Cow::Borrowed(html);
    }
    let (mut written, mut end) = (String::with_capacity(html.len()), 0);
    for chart in charts(html) {
        let drawing = &html[chart.clone()];
        let Some(address) = picture(drawing) else { continue };
        let (width, height) = drawing_size(drawing);
        let alternative: Vec<&str> =
            ["title", "desc"].into_iter().filter_map(|name| inside(drawing, name)).collect();
        written.push_str(&html[end..chart.start]);
        let _ = write!(
            written,
            "<img src=\"{}\" width=\"{width}\" height=\"{height}\" alt=\"{}\">",
            escaped(&address),
            alternative.join(". ").replace('"', "&quot;"),
        );
        end = chart.end;
    }
    written.push_str(&html[end..]);
    Cow::Owned(written)
}

/// Where the wide drawings of charts are in the HTML.
pub(in crate::site) fn charts(html: &str) -> Vec<Range<usize>> {
    let (mut charts, mut open) = (Vec::new(), None);
    let is_drawing = |tag: &Tag<'_>| tag.is("svg") && !tag.text.ends_with("/>");
    for (at, tag) in html::placed_tags(html).filter(|(_, tag)| is_drawing(tag)) {
        match &mut open {
            None if tag.has_class("lp-wide") => open = Some((at, 1)),
            None => {}
            Some((_, depth)) if !tag.is_end => *depth += 1,
            Some((start, depth)) => {
                *depth -= 1;
                if *depth == 0 {
                    charts.push(*start..at + tag.text.len());
                    open = None;
                }
            }
        }
    }
    charts
}

/// The width and the height of a drawing, from its `viewBox`.
pub(in crate::site) fn drawing_size(drawing: &str) -> (u32, u32) {
    let tag = html::placed_tags(drawing).next();
    let values = tag.as_ref().and_then(|(_, tag)| tag.value("viewBox")).unwrap_or_default();
    let mut values = values.split_ascii_whitespace().skip(2).map(|value| value.parse().ok());
    (values.next().flatten().unwrap_or(640), values.next().flatten().unwrap_or(340))
}

/// The text of the first element `name`, still escaped.
fn inside<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let (_, rest) = html.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Makes an address absolute. A bare `#id` in a link refers to the page; elsewhere, as in a
/// drawing, it refers to the content itself.
fn whole_address(address: &str, is_link: bool, host: &str, page: &str) -> String {
    match address.trim_ascii() {
        address if has_scheme(address) => address.to_owned(),
        address if address.starts_with('/') => format!("{host}{address}"),
        address if address.starts_with('#') && !is_link => address.to_owned(),
        address if address.is_empty() || address.starts_with(['#', '?']) => {
            format!("{page}{address}")
        }
        address => format!("{}{address}", &page[..=page.rfind('/').unwrap_or(page.len() - 1)]),
    }
}

/// Makes the URLs of a `srcset` absolute. Each candidate is a URL, white space and a descriptor.
fn with_whole_sources(srcset: &str, whole: impl Fn(&str) -> String) -> String {
    let mut written = String::with_capacity(srcset.len() + 64);
    let mut rest = srcset;
    loop {
        let start = rest.find(|c: char| !c.is_ascii_whitespace() && c != ',').unwrap_or(rest.len());
        written.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.is_empty() {
            return written;
        }
        let (word, after) =
            rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()));
        // A URL may contain commas, except at its end, where they separate candidates.
        let address = word.trim_end_matches(',');
        written.push_str(&whole(address));
        rest = &rest[address.len()..];
        if address.len() == word.len() {
            let end = after.find(',').unwrap_or(after.len());
            written.push_str(&after[..end]);
            rest = &after[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        let picture = |drawing: &str| drawing.contains("<desc>").then(|| "/c.png".to_owned());
        assert_eq!(for_readers(html, "https://h.org", "https://h.org/p/q/", &picture), expected);
    }

    #[test]
    fn urls_become_absolute() {
        check("<a href=\"/a/\">x</a>", "<a href=\"https://h.org/a/\">x</a>");
        check("<img src='b.png' alt=''>", "<img src=\"https://h.org/p/q/b.png\" alt=''>");
        check("<img src=b.png>", "<img src=\"https://h.org/p/q/b.png\">");
        check("<a href=\"#c\">y</a>", "<a href=\"https://h.org/p/q/#c\">y</a>");
        check("<VIDEO POSTER=/v.png>", "<VIDEO POSTER=\"https://h.org/v.png\">");
        check(
            "<img srcset=\"/a.png 1x, b.png 2x,c,d.png\">",
            "<img srcset=\"https://h.org/a.png 1x, https://h.org/p/q/b.png \
             2x,https://h.org/p/q/c,d.png\">",
        );
    }

    #[test]
    fn everything_else_is_left_alone() {
        for html in [
            "<a href=\"mailto:x@y.z\">m</a> <a href=\"//other.org/\">o</a>",
            "<code>&lt;img src=\"a.png\"&gt;</code> a src=\"b\" <b title='src=\"c\"'>",
            "<!-- <img src=\"a.png\"> --><script>\"<img src='a.png'>\"</script>",
            "<svg><use href=\"#part\"/></svg>",
        ] {
            check(html, html);
        }
    }

    #[test]
    fn a_chart_keeps_one_drawing_and_loses_parts_for_the_page() {
        check(
            "<figure><svg class=\"lp-chart lp-wide\"><title>t</title></svg>\n\
             <svg class=\"lp-chart lp-narrow\" \
             display=\"none\"><title>t</title><g><svg/></g></svg></figure><details \
             class=\"labpress-numbers\"><p>n</p>\
             </details><div class=\"labpress-scroll\" \
             tabindex=\"0\">x</div><details><p>mine</p></details>",
            "<figure><svg class=\"lp-chart lp-wide\"><title>t</title></svg>\n</figure><div \
             class=\"labpress-scroll\">x</div><details><p>mine</p></details>",
        );
    }

    #[test]
    fn a_chart_becomes_a_picture_where_it_can_be_drawn() {
        check(
            "<p>a</p><svg class=\"lp-chart lp-wide\" viewBox=\"0 0 640 300\"><title>A &lt; \
             B</title><desc>Two.</desc><svg/><svg></svg></svg><p>b</p>",
            "<p>a</p><img src=\"https://h.org/c.png\" width=\"640\" height=\"300\" alt=\"A &lt; B. \
             Two.\"><p>b</p>",
        );
    }
}
