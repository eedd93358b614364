//! Social cards: the pictures that other sites show where a post is shared, with its title and its
//! first chart. Made if `social_cards` is on; each is kept in the cache.

use std::fmt::Write;

use tera::Map;

use super::feed::content::{charts, drawing_size};
use super::post::RenderedPost;
use super::{Made, Shared, drawing, memo};
use crate::diagnostic::Diagnostic;
use crate::html::escaped;
use crate::post::Post;
use crate::raster::{self, Fonts};
use crate::value::{Value, as_text, entry, set};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 630;
/// The space at the left and the right.
const MARGIN: f32 = 80.0;
/// Where a chart begins.
const CHART_LEFT: f32 = 600.0;

/// The card of a post, as templates see it: `url`, `width` and `height`. `None` if there is none.
pub(super) fn value(
    site: &Shared<'_>,
    post: &Post<'_>,
    rendered: &RenderedPost<'_>,
) -> Option<Value> {
    if !site.config.social_cards || !missing(site, rendered).is_empty() {
        return None;
    }
    let mut map = Map::new();
    set(&mut map, "url", crate::slug::percent_encoded(&format!("/{}", file(post))));
    set(&mut map, "width", i64::from(WIDTH));
    set(&mut map, "height", i64::from(HEIGHT));
    Some(Value::from(map))
}

/// The file of the card of the post at `index`, which has one.
pub(super) fn made(site: &Shared<'_>, index: usize) -> Option<Made> {
    let (post, rendered) = (&site.blog.posts[index], &site.posts[index]);
    let svg = svg(site, index, post, rendered);
    let key = memo::key([raster::VERSION.as_bytes(), svg.as_bytes(), site.fonts_key().as_bytes()]);
    let png = || raster::png(&svg, WIDTH, site.fonts()).unwrap_or_default();
    let content = site.cache.content(key, "png", png)?;
    Some(Made::of(file(post), content).from(post.body.path))
}

/// A warning for each post without a card because no font has the letters of its title.
pub(super) fn warnings(site: &Shared<'_>) -> Vec<Diagnostic> {
    if !site.config.social_cards {
        return Vec::new();
    }
    let posts = site.blog.posts.iter().zip(&site.posts);
    let warning = |(post, rendered): (&Post<'_>, &RenderedPost<'_>)| {
        let missing = missing(site, rendered);
        let first = missing.first()?;
        let message = format!("the post has no social card: no font has the letter `{first}`");
        let hint = "name a font that has it: `picture_fonts: [assets/fonts/NAME.ttf]`";
        Some(Diagnostic::new(post.front.place("title"), message).hint(hint).into_warning())
    };
    posts.filter_map(warning).collect()
}

fn missing(site: &Shared<'_>, rendered: &RenderedPost<'_>) -> Vec<char> {
    site.fonts().missing(&format!("{}{}", rendered.body.summary.title, site.config.title))
}

/// The path of the card, beside the page.
fn file(post: &Post<'_>) -> String {
    let page = post.address.file.as_str();
    match page.strip_suffix("index.html") {
        Some(folder) => format!("{folder}card.png"),
        None => format!("{}.card.png", page.trim_end_matches(".html")),
    }
}

fn svg(site: &Shared<'_>, index: usize, post: &Post<'_>, rendered: &RenderedPost<'_>) -> String {
    let html = rendered.content();
    let html = html.as_str().unwrap_or_default();
    let chart = charts(html).into_iter().next().map(|range| &html[range]);
    // With a chart, the title is at its left.
    let (letter, width, most) = match chart {
        Some(_) => (44.0, CHART_LEFT - MARGIN - 40.0, 7),
        None => (72.0, WIDTH as f32 - 2.0 * MARGIN, 4),
    };
    let lines = shortened(lines(&rendered.body.summary.title, width / letter, site.fonts()), most);
    let names = site.structure.authors_of(index).iter();
    let names = names.filter_map(|author| entry(author, "name").map(as_text));
    let foot: Vec<String> = names.chain(post.date.format("%Y-%m-%d")).collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\
         <rect width=\"{WIDTH}\" height=\"12\" fill=\"#1a66c2\"/>\
         <text x=\"{MARGIN}\" y=\"90\" font-size=\"28\" fill=\"#59636e\">{}</text>\
         <text x=\"{MARGIN}\" y=\"570\" font-size=\"24\" fill=\"#59636e\">{}</text>",
        escaped(&site.config.title),
        escaped(&foot.join(" · "))
    );
    // The lines are in the middle of the height.
    let height = lines.len() as f32 * letter * 1.2;
    let first = (HEIGHT as f32 - height) / 2.0 + letter;
    for (at, line) in lines.iter().enumerate() {
        let y = first + at as f32 * letter * 1.2;
        let _ = write!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" font-size=\"{letter}\" font-weight=\"600\" \
             letter-spacing=\"-0.01em\" fill=\"#1f2328\">{}</text>",
            escaped(line)
        );
    }
    svg.extend(chart.map(nested));
    svg + "</svg>"
}

/// The chart, at the right.
fn nested(chart: &str) -> String {
    let (width, height) = drawing_size(chart);
    let space = (WIDTH as f32 - CHART_LEFT - 50.0, HEIGHT as f32 - 180.0);
    let scale = (space.0 / width as f32).min(space.1 / height as f32);
    let (width, height) = (width as f32 * scale, height as f32 * scale);
    let top = (HEIGHT as f32 - height) / 2.0;
    let tag = format!("<svg x=\"{CHART_LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" ");
    drawing::standalone(chart).replacen("<svg ", &tag, 1)
}

/// The text in lines of at most `most` times the font size. Words are kept whole if they fit; Chinese and Japanese text is broken
/// between any two characters.
fn lines(text: &str, most: f32, fonts: &Fonts) -> Vec<String> {
    let (mut lines, mut line): (Vec<String>, String) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let with_word = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if fonts.width(&with_word) <= most {
            line = with_word;
            continue;
        }
        lines.extend((!line.is_empty()).then(|| std::mem::take(&mut line)));
        for c in word.chars() {
            let with_character = format!("{line}{c}");
            if fonts.width(&with_character) > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

fn shortened(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_broken_into_lines_that_fit() {
        let fonts = Fonts::built_in();
        let title = "How many labels does a small convolutional network need before it is right?";
        let lines = lines(title, 14.0, &fonts);
        assert!(lines.len() > 1 && lines.join(" ") == title, "{lines:?}");
        assert!(lines.iter().all(|line| fonts.width(line) <= 14.0));
        let long = super::lines(&"x".repeat(200), 14.0, &fonts);
        assert_eq!(long.concat().len(), 200);
    }

    #[test]
    fn long_titles_end_in_an_ellipsis() {
        let lines = |text: &[&str]| text.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        assert_eq!(shortened(lines(&["ab", "cd", "ef"]), 2), ["ab", "c…"]);
        assert_eq!(shortened(lines(&["ab", "cd"]), 2), ["ab", "cd"]);
    }
}
