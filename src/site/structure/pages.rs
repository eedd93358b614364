//! The pages of groups and of the archive, each if there is a layout for it and the author has no
//! such page.

use std::collections::BTreeSet;

use tera::Map;

use super::groups::{Group, Kind};
use crate::diagnostic::{Diagnostic, Place};
use crate::liquid::Read;
use crate::site::layouts::Layouts;
use crate::site::{Files, Made, Shared, ids, in_parallel, memo};
use crate::value::{Value, set};

/// The layout of the archive.
const ARCHIVE: &str = "archive";

/// A page of the archive: all posts, or those of a year or a month.
struct Part<'a> {
    url: String,
    title: String,
    /// `type`, `year` and `month` of `page.archive`.
    about: Map,
    posts: &'a [usize],
}

/// All pages of groups, their lists, and the archive.
pub(in crate::site) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    let mut files = Vec::new();
    for kind in Kind::WITH_PAGES {
        let groups = site.structure.groups(kind);
        if layouts.has(kind.layout()) {
            files.extend(in_parallel(groups, |_, group| group_page(site, layouts, kind, group))?);
        }
        let list = list_file(kind);
        if has_list(site, layouts, kind) && !site.taken.contains(&list) {
            let mut page = Map::new();
            set(&mut page, "title", kind.list_title());
            set(&mut page, "url", format!("/{}/", kind.folder()));
            files.extend(rendered(site, layouts, kind.list_layout(), page, &list)?.0);
        }
    }
    if layouts.has(ARCHIVE) {
        files.extend(in_parallel(&archive(site), |_, part| archive_page(site, layouts, part))?);
    }
    Ok(files)
}

/// The addresses of all these pages.
pub(in crate::site) fn urls(site: &Shared<'_>, layouts: &Layouts<'_>) -> Vec<String> {
    let mut urls = Vec::new();
    for kind in Kind::WITH_PAGES {
        if layouts.has(kind.layout()) {
            urls.extend(site.structure.groups(kind).iter().map(Group::url));
        }
        if has_list(site, layouts, kind) {
            urls.push(format!("/{}/", kind.folder()));
        }
    }
    if layouts.has(ARCHIVE) {
        urls.extend(archive(site).into_iter().map(|part| part.url));
    }
    urls
}

fn has_list(site: &Shared<'_>, layouts: &Layouts<'_>, kind: Kind) -> bool {
    layouts.has(kind.list_layout()) && !site.structure.groups(kind).is_empty()
}

fn list_file(kind: Kind) -> String {
    format!("{}/index.html", kind.folder())
}

fn group_page(site: &Shared<'_>, layouts: &Layouts<'_>, kind: Kind, group: &Group) -> Files {
    let file = group.file();
    if site.taken.contains(&file) {
        return Ok(Vec::new());
    }
    let posts = || group.posts.iter().map(|&index| &site.posts[index]);
    let (url, about) = (group.url(), group.about());
    let own = [group.name.as_bytes(), url.as_bytes(), about.as_bytes()];
    let wanted = layouts.wanted(Some(kind.layout()));
    let key = memo::key_of(&own, posts().map(|post| post.identity(wanted.detail)));
    let shown = match kind {
        Kind::Tag => "the posts with the tag",
        Kind::Category => "the posts in the category",
        Kind::Author => "the author and their posts",
        Kind::Series | Kind::Language => "the posts of the series",
    };
    site.pages.page(&file, "", (shown, key), || {
        let mut page = Map::new();
        set(&mut page, "title", group.title());
        // Tags and categories have nothing but a name.
        match kind {
            Kind::Tag | Kind::Category => set(&mut page, kind.layout(), group.name.as_str()),
            _ => set(&mut page, kind.layout(), group.value(&site.posts, wanted.detail)),
        }
        set(&mut page, "url", url.as_str());
        if let Some(feed) = site.feed_of(group) {
            set(&mut page, "feed", feed);
        }
        set(&mut page, "posts", posts().map(|post| post.value(wanted.detail)).collect::<Vec<_>>());
        rendered(site, layouts, kind.layout(), page, &file)
    })
}

fn archive<'a>(site: &'a Shared<'_>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    if site.posts.is_empty() {
        return parts;
    }
    let about = |kind: &str| {
        let mut map = Map::new();
        set(&mut map, "type", kind);
        map
    };
    let (url, title) = ("/archive/".to_owned(), "Archive".to_owned());
    parts.push(Part { url, title, about: about("all"), posts: &site.structure.all });
    for year in &site.structure.years {
        let mut of_year = about("year");
        set(&mut of_year, "year", i64::from(year.number));
        let title = format!("{:04}", year.number);
        parts.push(Part { url: year.url(), title, about: of_year, posts: &year.posts });
        for month in &year.months {
            let mut of_month = about("month");
            set(&mut of_month, "year", i64::from(month.year));
            set(&mut of_month, "month", i64::from(month.number));
            set(&mut of_month, "date", month.first_day());
            let title = format!("{:04}-{:02}", month.year, month.number);
            parts.push(Part { url: month.url(), title, about: of_month, posts: &month.posts });
        }
    }
    parts
}

fn archive_page(site: &Shared<'_>, layouts: &Layouts<'_>, part: &Part<'_>) -> Files {
    let file = format!("{}index.html", part.url.trim_start_matches('/'));
    if site.taken.contains(&file) {
        return Ok(Vec::new());
    }
    let posts = || part.posts.iter().map(|&index| &site.posts[index]);
    let wanted = layouts.wanted(Some(ARCHIVE));
    let key = memo::key_of(&[], posts().map(|post| post.identity(wanted.detail)));
    site.pages.page(&file, "", ("the posts of that time", key), || {
        let mut page = Map::new();
        set(&mut page, "title", part.title.as_str());
        set(&mut page, "url", part.url.as_str());
        set(&mut page, "archive", part.about.clone());
        set(&mut page, "posts", posts().map(|post| post.value(wanted.detail)).collect::<Vec<_>>());
        rendered(site, layouts, ARCHIVE, page, &file)
    })
}

pub(in crate::site) fn rendered(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    layout: &str,
    page: Map,
    path: &str,
) -> Result<(Vec<Made>, BTreeSet<Read>), Vec<Diagnostic>> {
    let wanted = layouts.wanted(Some(layout));
    let variables = [("site", site.site(wanted, None)), ("page", Value::from(page))];
    let place = || Place::file(format!("_layouts/{layout}.html"));
    let page = layouts.render(Some(layout), Value::from(""), &variables, place)?;
    let figures = page.files.into_iter().map(|(path, bytes)| Made::new(path, bytes));
    let with = site.images.of_page(ids::unique(&page.text).into_owned(), &format!("/{path}"));
    let made = Made::new(path, with.html);
    let files = std::iter::once(made).chain(figures).chain(with.files).collect();
    Ok((files, &page.reads | &with.reads))
}
