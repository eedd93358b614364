//! The feeds: the newest posts with their full content, as Atom and as JSON Feed; those of all
//! posts, and those of each tag, category, author, series and language.
//!
//! Charts are pictures in feeds, because mail programs and most readers show no SVG.

mod atom;
pub(super) mod content;
mod json;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rayon::prelude::*;

use self::content::for_readers;
use super::post::Detail;
use super::structure::{Group, Kind};
use super::{Made, Shared, drawing, memo};
use crate::config::Config;
use crate::value::{Value, as_text, entry};

/// The path of the feed that labpress generates.
const FILE: &str = "feed.xml";
/// The path of the same feed as JSON.
const JSON_FILE: &str = "feed.json";
/// Paths of an author's own feed. If one of them exists, none is generated.
const OWN: [&str; 3] = ["feed.xml", "atom.xml", "rss.xml"];

/// A feed.
struct Feed<'a> {
    /// Its path in the site.
    file: String,
    /// The address of the page with the same posts, without `baseurl`.
    url: String,
    title: String,
    language: &'a str,
    /// Indices into the list of posts, in the order of the feed.
    posts: Vec<usize>,
}

/// A post in feeds.
pub(super) struct Item {
    /// As an entry of Atom.
    atom: String,
    /// As an item of JSON Feed.
    json: String,
    /// The pictures that it refers to.
    pictures: Vec<Made>,
}

/// The posts in feeds. Each is made when the first feed needs it.
pub(super) type Items = Vec<OnceLock<Item>>;

/// The address of the site's feed: the author's own, or the generated one, which needs `url` for
/// its ids.
pub(super) fn address(config: &Config, taken: &BTreeSet<String>) -> Option<String> {
    let own = OWN.into_iter().find(|file| taken.contains(*file));
    let made = is_made(config).then_some(FILE);
    own.or(made).map(|file| format!("/{file}"))
}

/// The address of the same feed as JSON, if there is one.
pub(super) fn json_address(config: &Config) -> Option<String> {
    (is_made(config) && config.feeds.json).then(|| format!("/{JSON_FILE}"))
}

fn is_made(config: &Config) -> bool {
    !config.url.is_empty() && config.feed_limit > 0 && config.feeds.is_on
}

/// All feeds: that of all posts unless the author has one, and those of groups.
pub(super) fn files(site: &Shared<'_>) -> Vec<Made> {
    if !is_made(site.config) {
        return Vec::new();
    }
    let mut files = Vec::new();
    let limited = |posts: &[usize]| posts.iter().copied().take(site.config.feed_limit).collect();
    let all = Feed {
        file: FILE.to_owned(),
        url: "/".to_owned(),
        title: site.config.title.clone(),
        language: &site.config.language,
        posts: limited(&site.structure.all),
    };
    if !OWN.into_iter().any(|file| site.taken.contains(file)) {
        files.extend(made(site, &all, atom::feed));
    }
    if site.config.feeds.json && !site.taken.contains(JSON_FILE) {
        files.extend(made(site, &Feed { file: JSON_FILE.to_owned(), ..all }, json::feed));
    }
    let groups: Vec<(Kind, &Group)> = KINDS
        .into_iter()
        .flat_map(|kind| site.structure.groups(kind).iter().map(move |group| (kind, group)))
        .filter(|(_, group)| site.feed_of(group).is_some())
        .collect();
    let of_groups = groups.par_iter().flat_map_iter(|(kind, group)| {
        let mut posts = group.posts.clone();
        // Series are in reading order.
        posts.sort_unstable();
        let feed = Feed {
            file: format!("{}{FILE}", group.feed_folder()),
            url: if *kind == Kind::Language { "/".to_owned() } else { group.url() },
            title: format!("{} · {}", group.title(), site.config.title),
            language: if *kind == Kind::Language { &group.name } else { &site.config.language },
            posts: limited(&posts),
        };
        of_group(site, &feed)
    });
    files.extend(of_groups.collect::<Vec<Made>>());
    files
}

/// The kinds of groups that have feeds.
const KINDS: [Kind; 5] = [Kind::Tag, Kind::Category, Kind::Author, Kind::Series, Kind::Language];

/// The feed of a group, from the memo if its posts have not changed.
fn of_group(site: &Shared<'_>, feed: &Feed<'_>) -> Vec<Made> {
    let posts = feed.posts.iter().map(|&index| site.posts[index].identity(Detail::Whole));
    let fonts = site.fonts_key();
    let authors: String =
        feed.posts.iter().map(|&index| site.structure.authors_text(index)).collect();
    let own = [&feed.title, &feed.url, &authors, &fonts].map(String::as_bytes);
    let key = memo::key_of(&own, posts);
    let made = || Ok((made(site, feed, atom::feed), BTreeSet::new()));
    let files = site.pages.page(&feed.file, "", ("the posts of the feed", key), made);
    files.expect("making a feed gives no errors")
}

/// The file of a feed, and the pictures that it refers to.
fn made(
    site: &Shared<'_>,
    feed: &Feed<'_>,
    write: fn(&Shared<'_>, &Feed<'_>, &[&Item]) -> String,
) -> Vec<Made> {
    let items: Vec<&Item> = feed.posts.par_iter().map(|&index| item(site, index)).collect();
    let file = Made::new(feed.file.as_str(), write(site, feed, &items));
    let pictures = items.iter().flat_map(|item| item.pictures.iter().cloned());
    std::iter::once(file).chain(pictures).collect()
}

/// The post at `index` in feeds.
fn item<'s>(site: &'s Shared<'_>, index: usize) -> &'s Item {
    site.feed_items[index].get_or_init(|| {
        let (post, rendered) = (&site.blog.posts[index], &site.posts[index]);
        let config = site.config;
        let url = format!("{}{}{}", config.url, config.base_url, post.address.url);
        let pictures = std::cell::RefCell::new(Vec::new());
        let picture = |chart: &str| {
            let (path, content) = drawing::of_chart(site, chart)?;
            let address = format!("{}/{path}", config.base_url);
            pictures.borrow_mut().push(Made::of(path, content));
            Some(address)
        };
        let html = rendered.content();
        let html = html.as_str().unwrap_or_default();
        let html = for_readers(html, &config.url, &url, &picture);
        let post = Entry { site, index, post, rendered, url: &url, html: &html };
        Item { atom: atom::entry(&post), json: json::item(&post), pictures: pictures.into_inner() }
    })
}

/// A post, for the writers of both formats.
struct Entry<'e, 's> {
    site: &'e Shared<'s>,
    index: usize,
    post: &'e crate::post::Post<'s>,
    rendered: &'e super::post::RenderedPost<'s>,
    url: &'e str,
    /// Its content.
    html: &'e str,
}

impl Entry<'_, '_> {
    /// When it was last changed.
    fn updated(&self) -> String {
        self.post.modified().to_xml_schema()
    }

    /// Its language, if it is not that of the site.
    fn language(&self) -> Option<String> {
        let language = self.post.front.value("lang").map(as_text);
        language.filter(|one| !one.is_empty() && *one != self.site.config.language)
    }

    fn authors(&self) -> &[Value] {
        self.site.structure.authors_of(self.index)
    }
}

/// When the newest post of a feed was changed. A feed must say so, and a build reads no clock:
/// without posts, use the epoch.
fn updated(site: &Shared<'_>, feed: &Feed<'_>) -> String {
    let newest = feed.posts.iter().map(|&index| site.blog.posts[index].modified()).max();
    newest.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), crate::time::Date::to_xml_schema)
}

/// The site's `author`, which is a name or a map with a `name`; otherwise its title.
fn author(site: &Shared<'_>) -> String {
    let author = entry(site.site_base(), "author");
    let name = author.and_then(|author| entry(author, "name").or(Some(author)));
    let name = name.filter(|name| name.as_str().is_some()).map(as_text);
    let title = || entry(site.site_base(), "title").and_then(Value::as_str).map(str::to_owned);
    name.filter(|name| !name.is_empty()).or_else(title).unwrap_or_default()
}

impl Shared<'_> {
    /// The address of a group's feed, without `baseurl`, if there is one: without a link in any
    /// template, nobody would find it.
    pub(super) fn feed_of(&self, group: &Group) -> Option<String> {
        let file = format!("{}{FILE}", group.feed_folder());
        let kind = group.kind();
        let is_made = is_made(self.config)
            && self.config.feeds.is_on_for(kind.folder())
            && (self.links_feeds || kind == Kind::Language);
        (is_made && !self.taken.contains(&file))
            .then(|| crate::slug::percent_encoded(&format!("/{file}")))
    }
}
