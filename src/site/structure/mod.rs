//! How posts belong together: tags, categories, authors, series, years and months, languages, and
//! related posts.
//!
//! All of it refers to posts by their index, the newest first, and is found before any page is
//! made. [`pages`] makes the pages of groups from it.

mod archive;
mod authors;
mod groups;
pub(super) mod pages;
mod related;
mod series;
mod translations;

use std::collections::BTreeMap;

use tera::Map;
use tera::value::Key;

pub(super) use self::archive::Year;
pub(super) use self::groups::{Group, Kind};

use super::post::{Detail, RenderedPost};
use super::{Shared, memo};
use crate::config::Config;
use crate::digest::Digest;
use crate::post::Blog;
use crate::value::{self, Value, set};

/// The groups of a blog's posts. A blog from Jekyll has tags only: its theme makes the others.
#[derive(Debug, Default)]
pub(super) struct Structure {
    /// The tags, in order of name.
    pub(super) tags: Vec<Group>,
    /// The categories, in order of name.
    pub(super) categories: Vec<Group>,
    /// The authors that posts name, in order of name; empty if no post names one.
    pub(super) authors: Vec<Group>,
    /// The series, the one with the newest post first. Their posts are in reading order.
    pub(super) series: Vec<Group>,
    /// For each post in a series, the index of the series.
    series_of: BTreeMap<usize, usize>,
    /// The languages of the posts, that of the site first; empty if there is only one.
    pub(super) languages: Vec<Group>,
    /// The years with posts, the newest first.
    pub(super) years: Vec<Year>,
    /// The indices of all posts.
    pub(super) all: Vec<usize>,
    /// For each post, its authors.
    authors_of: Vec<Vec<Value>>,
    /// For each post, the posts on the same subject, the closest first.
    related: Vec<Vec<usize>>,
    /// For each post, the posts that are the same in other languages and itself, if there are any.
    translations: BTreeMap<usize, Vec<usize>>,
    /// For each page, by index, the same.
    of_pages: BTreeMap<usize, Vec<usize>>,
}

impl Structure {
    /// The structure of the posts. `data` is `site.data`; `with_related` says whether a template
    /// shows related posts.
    pub(super) fn of(
        blog: &Blog<'_>,
        config: &Config,
        data: &Value,
        with_related: bool,
    ) -> Structure {
        let spell = config.compat.spells_out_slugs;
        let tags = groups::by_names(blog, Kind::Tag, spell, |post| post.front.tags.clone());
        if !config.compat.generates_pages {
            return Structure { tags, ..Structure::default() };
        }
        let categories =
            groups::by_names(blog, Kind::Category, spell, |post| post.front.categories.clone());
        let (authors, authors_of) = authors::of(blog, config, data);
        let series = series::of(blog, config, data);
        let parts = series.iter().enumerate();
        let parts = parts.flat_map(|(at, one)| one.posts.iter().map(move |&post| (post, at)));
        let series_of = parts.collect();
        let related = if with_related {
            related::of(blog.posts.len(), &[(&series, 3), (&tags, 2), (&categories, 1)])
        } else {
            Vec::new()
        };
        let translations = translations::of_posts(blog, config);
        Structure {
            authors,
            authors_of,
            languages: translations::languages(blog, config),
            years: archive::years(blog),
            all: (0..blog.posts.len()).collect(),
            of_pages: translations::of_pages(blog, config),
            tags,
            categories,
            series,
            series_of,
            related,
            translations,
        }
    }

    /// The groups of a kind.
    pub(super) fn groups(&self, kind: Kind) -> &[Group] {
        match kind {
            Kind::Tag => &self.tags,
            Kind::Category => &self.categories,
            Kind::Author => &self.authors,
            Kind::Series => &self.series,
            Kind::Language => &self.languages,
        }
    }

    /// The digest of what the page of the post at `index` shows of other posts, as far as `detail`
    /// goes.
    pub(super) fn key(&self, index: usize, posts: &[RenderedPost<'_>], detail: Detail) -> Digest {
        let series = self.series_of(index);
        let in_series = series.map_or(&[][..], |series| &series.posts);
        let versions = self.translations.get(&index).map_or(&[][..], Vec::as_slice);
        let [parts, languages] = [in_series.len(), versions.len()].map(usize::to_le_bytes);
        let about = series.map(|series| value::json(&Value::from(series.about.clone())));
        let authors = self.authors_text(index);
        let about = about.as_deref().unwrap_or_default();
        let related = self.related_to(index);
        let shown = in_series.iter().chain(&related).chain(versions);
        let shown = shown.map(|&at| posts[at].identity(detail));
        memo::key_of(&[authors.as_bytes(), about.as_bytes(), &parts, &languages], shown)
    }

    /// What the page of the post at `index` shows of other posts: values to add to `page`.
    pub(super) fn values(&self, index: usize, site: &Shared<'_>, detail: Detail) -> Map {
        let mut values = Map::new();
        set(&mut values, "authors", self.authors_of(index).to_vec());
        if let Some(series) = self.series_of(index) {
            set(&mut values, "series", series::of_post(series, index, &site.posts, detail));
        }
        if !self.related.is_empty() {
            let related = self.related_to(index).into_iter().map(|at| site.posts[at].value(detail));
            set(&mut values, "related", related.collect::<Vec<_>>());
        }
        if let Some(versions) = self.translations.get(&index) {
            let versions = translations::of_versions(versions, site.blog, site.config);
            set(&mut values, "translations", versions);
        }
        values
    }

    fn series_of(&self, index: usize) -> Option<&Group> {
        Some(&self.series[*self.series_of.get(&index)?])
    }

    /// The posts on the same subject as that at `index`. The same text in another language is not
    /// another text.
    fn related_to(&self, index: usize) -> Vec<usize> {
        let versions = self.translations.get(&index);
        let is_other = |at: &&usize| versions.is_none_or(|versions| !versions.contains(at));
        self.related.get(index).into_iter().flatten().filter(is_other).copied().collect()
    }

    /// `page.translations` of the page at `index`, if it has any.
    pub(super) fn translations_of_page(
        &self,
        index: usize,
        blog: &Blog<'_>,
        config: &Config,
    ) -> Option<Value> {
        let versions = self.of_pages.get(&index)?;
        Some(translations::of_page_versions(versions, blog, config))
    }

    /// The addresses of every post that has versions in other languages, by its own address, each
    /// with its language.
    pub(super) fn alternates(
        &self,
        blog: &Blog<'_>,
        config: &Config,
    ) -> BTreeMap<String, Vec<(String, String)>> {
        let posts = self.translations.iter().map(|(at, versions)| {
            let version = |at: &usize| {
                let post = &blog.posts[*at];
                (translations::language(&post.front, config), post.address.url.clone())
            };
            (blog.posts[*at].address.url.clone(), versions.iter().map(version).collect())
        });
        let pages = self.of_pages.iter().map(|(at, versions)| {
            let version = |at: &usize| {
                let page = &blog.pages[*at];
                (translations::language(&page.front, config), page.address.url.clone())
            };
            (blog.pages[*at].address.url.clone(), versions.iter().map(version).collect())
        });
        posts.chain(pages).collect()
    }

    /// The authors of the post at `index`.
    pub(super) fn authors_of(&self, index: usize) -> &[Value] {
        self.authors_of.get(index).map_or(&[], Vec::as_slice)
    }

    /// The same as text, for keys.
    pub(super) fn authors_text(&self, index: usize) -> String {
        self.authors_of(index).iter().map(value::json).collect()
    }

    /// Adds the keys of `site` that list groups, for templates in Tera.
    pub(super) fn set_values(&self, site: &mut Map, posts: &[RenderedPost<'_>], detail: Detail) {
        let values = |groups: &[Group]| {
            Value::from(groups.iter().map(|group| group.value(posts, detail)).collect::<Vec<_>>())
        };
        set(site, "tags", values(&self.tags));
        set(site, "categories", values(&self.categories));
        set(site, "authors", values(&self.authors));
        set(site, "series", values(&self.series));
        set(site, "languages", values(&self.languages));
        let years = self.years.iter().map(|year| year.value(posts, detail)).collect::<Vec<_>>();
        set(site, "archive", years);
    }

    /// The address of each name that posts use for a tag, without `baseurl`.
    pub(super) fn tag_urls(&self, blog: &Blog<'_>) -> Map {
        let names = blog.posts.iter().flat_map(|post| &post.front.tags);
        groups::urls(names, &self.tags)
    }

    /// The same for categories.
    pub(super) fn category_urls(&self, blog: &Blog<'_>) -> Map {
        let names = blog.posts.iter().flat_map(|post| &post.front.categories);
        groups::urls(names, &self.categories)
    }
}

/// The entry of a data file or of the configuration about a name, however it is spelled.
fn about(all: Option<&Value>, name: &str) -> Map {
    let key = groups::key(name);
    let mut entries = all.and_then(Value::as_map).into_iter().flatten();
    let found = entries.find(|(known, _)| groups::key(&value::as_text(&known.as_value())) == key);
    found.and_then(|(_, about)| about.as_map()).cloned().unwrap_or_default()
}

/// The strings at a key of front matter: one, or a list.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(list) if list.as_array().is_some() => {
            list.as_array().unwrap_or_default().iter().map(value::as_text).collect()
        }
        Some(one) if !value::is_nil(one) && one.as_bool().is_none() => vec![value::as_text(one)],
        _ => Vec::new(),
    }
}

/// Whether the map has a value at `key` that is not empty.
fn text_at(map: &Map, key: &'static str) -> Option<String> {
    let text = map.get(&Key::Str(key)).filter(|value| !value::is_nil(value)).map(value::as_text);
    text.filter(|text| !text.is_empty())
}
