//! Groups of posts with a name in common, and their addresses.

use std::collections::{BTreeMap, BTreeSet};

use tera::Map;
use tera::value::Key;

use super::{series, texts};
use crate::post::{Blog, Post};
use crate::site::post::{Detail, RenderedPost};
use crate::slug;
use crate::value::{Value, set, set_default};

/// What the posts of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::site) enum Kind {
    Tag,
    Category,
    Author,
    Series,
    /// Has a feed, but no page.
    Language,
}

/// A tag, a category, an author, a series or a language, and its posts.
#[derive(Debug, Clone)]
pub(in crate::site) struct Group {
    pub(super) kind: Kind,
    /// As it is spelled in the newest post.
    pub(in crate::site) name: String,
    pub(super) slug: String,
    /// Indices into the list of posts, the newest first; those of a series in reading order.
    pub(in crate::site) posts: Vec<usize>,
    /// What the site's data say about it.
    pub(super) about: Map,
}

impl Kind {
    /// The kinds whose groups have pages.
    pub(in crate::site) const WITH_PAGES: [Kind; 4] =
        [Kind::Tag, Kind::Category, Kind::Author, Kind::Series];

    /// The folder of the groups' pages, which is also the address of their list.
    pub(in crate::site) fn folder(self) -> &'static str {
        match self {
            Kind::Tag => "tags",
            Kind::Category => "categories",
            Kind::Author => "authors",
            Kind::Series => "series",
            Kind::Language => "",
        }
    }

    /// The layout of a group's page, and the key of `page` that holds the group.
    pub(in crate::site) fn layout(self) -> &'static str {
        match self {
            Kind::Tag => "tag",
            Kind::Category => "category",
            Kind::Author => "author",
            Kind::Series => "series",
            Kind::Language => "language",
        }
    }

    /// The layout of the list of all groups.
    pub(in crate::site) fn list_layout(self) -> &'static str {
        match self {
            Kind::Series => "all-series",
            kind => kind.folder(),
        }
    }

    /// The title of the list of all groups.
    pub(in crate::site) fn list_title(self) -> &'static str {
        match self {
            Kind::Tag => "Tags",
            Kind::Category => "Categories",
            Kind::Author => "Authors",
            Kind::Series => "Series",
            Kind::Language => "Languages",
        }
    }
}

/// The groups of the posts, in order of name. `names` are those of a post. Names that differ only in
/// case, spaces and hyphens are one group. `spell` says whether slugs spell out punctuation.
pub(super) fn by_names(
    blog: &Blog<'_>,
    kind: Kind,
    spell: bool,
    names: impl Fn(&Post<'_>) -> Vec<String>,
) -> Vec<Group> {
    by_lists(blog.posts.iter().map(names), kind, spell)
}

/// As [`by_names`], from the names of each post.
pub(super) fn by_lists(
    lists: impl Iterator<Item = Vec<String>>,
    kind: Kind,
    spell: bool,
) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (index, names) in lists.enumerate() {
        for name in names {
            let group = groups.entry(key(&name)).or_insert_with(|| Group::new(kind, &name));
            if group.posts.last() != Some(&index) {
                group.posts.push(index);
            }
        }
    }
    let slugs = slugs(groups.keys().map(String::as_str), spell);
    let with_slug = |(key, group): (String, Group)| Group { slug: slugs[&key].clone(), ..group };
    let mut groups: Vec<Group> = groups.into_iter().map(with_slug).collect();
    groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.slug.clone()));
    groups
}

/// The key that all names of one group share.
pub(super) fn key(name: &str) -> String {
    let words = name
        .split(|c: char| c.is_whitespace() || c == '-' || c == '_')
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The slug of each group. With `spell`, `+`, `#` and `&` become words, so that `c`, `c#` and `c++`
/// have the same addresses whichever of them a blog has; without it, only those of groups that
/// would share Jekyll's slug do. Of groups that still share one, the one that is spelled like the
/// slug keeps it, and the others spell out all their punctuation, or get a number.
fn slugs<'k>(keys: impl Iterator<Item = &'k str>, spell: bool) -> BTreeMap<String, String> {
    let mut by_slug: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for key in keys {
        let spelled = if spell { spelled_out(key, &OFTEN) } else { slug::slugify(key) };
        // A name of nothing but punctuation still needs an address.
        let slug = if spelled.is_empty() {
            slug::percent_encoded(key).replace(['/', '%', '.'], "-")
        } else {
            spelled
        };
        by_slug.entry(slug).or_default().push(key);
    }
    let mut taken: BTreeSet<String> = by_slug.keys().cloned().collect();
    let mut slugs = BTreeMap::new();
    for (slug, keys) in by_slug {
        let is_shared = keys.len() > 1;
        for key in keys {
            let own = if is_shared && key != slug {
                free(&spelled_out(key, &[&OFTEN[..], &SELDOM].concat()), &mut taken)
            } else {
                slug.clone()
            };
            slugs.insert(key.to_owned(), own);
        }
    }
    slugs
}

/// Punctuation that is often what tells two names apart, with words for it.
const OFTEN: [(char, &str); 3] = [('+', "-plus-"), ('#', "-sharp-"), ('&', "-and-")];
/// The same for punctuation that seldom is.
const SELDOM: [(char, &str); 3] = [('.', "-dot-"), ('/', "-slash-"), ('*', "-star-")];

/// The slug of a name with words for some punctuation.
fn spelled_out(key: &str, words: &[(char, &str)]) -> String {
    let mut spelled = String::new();
    for c in key.chars() {
        match words.iter().find(|(sign, _)| *sign == c) {
            Some((_, word)) => spelled.push_str(word),
            None => spelled.push(c),
        }
    }
    slug::slugify(&spelled)
}

/// Takes the slug, with a number appended if it is already taken.
fn free(slug: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{slug}-{number}"));
    let free = std::iter::once(slug.to_owned()).chain(numbered).find(|slug| !taken.contains(slug));
    let free = free.expect("there are more numbers than groups");
    taken.insert(free.clone());
    free
}

/// The address of each of the names, without `baseurl`.
pub(super) fn urls<'n>(names: impl Iterator<Item = &'n String>, groups: &[Group]) -> Map {
    let by_key: BTreeMap<String, &Group> =
        groups.iter().map(|group| (key(&group.name), group)).collect();
    let names: BTreeSet<&String> = names.collect();
    let urls = names
        .into_iter()
        .filter_map(|name| Some((Key::from(name.clone()), by_key.get(&key(name))?.url())));
    urls.map(|(name, url)| (name, Value::from(url))).collect()
}

impl Group {
    pub(super) fn new(kind: Kind, name: &str) -> Group {
        let (name, slug) = (name.to_owned(), slug::slugify(name));
        Group { kind, name, slug, posts: Vec::new(), about: Map::new() }
    }

    /// As templates see it: `name`, `slug`, `url`, `posts`, and what the site's data say about it.
    pub(in crate::site) fn value(&self, posts: &[RenderedPost<'_>], detail: Detail) -> Value {
        let mut map = self.about.clone();
        set_default(&mut map, "name", self.name.as_str());
        set(&mut map, "slug", self.slug.as_str());
        set(&mut map, "url", self.url());
        set(&mut map, "feed", format!("/{}", self.feed_folder()) + "feed.xml");
        if self.kind == Kind::Series {
            series::set_values(&mut map, self);
        }
        set(
            &mut map,
            "posts",
            self.posts.iter().map(|&index| posts[index].value(detail)).collect::<Vec<_>>(),
        );
        Value::from(map)
    }

    pub(in crate::site) fn kind(&self) -> Kind {
        self.kind
    }

    /// What it is called on pages: the name that the site's data give it, or its own.
    pub(in crate::site) fn title(&self) -> String {
        let name = texts(self.about.get(&Key::Str("name")));
        name.into_iter().next().unwrap_or_else(|| self.name.clone())
    }

    pub(in crate::site) fn url(&self) -> String {
        slug::percent_encoded(&format!("/{}/{}/", self.kind.folder(), self.slug)).replace("//", "/")
    }

    pub(in crate::site) fn file(&self) -> String {
        format!("{}/{}/index.html", self.kind.folder(), self.slug)
    }

    /// The folder of its feeds, with a slash at the end.
    pub(in crate::site) fn feed_folder(&self) -> String {
        match self.kind {
            Kind::Language => format!("{}/", self.slug),
            kind => format!("{}/{}/", kind.folder(), self.slug),
        }
    }

    /// What the site's data say about it, as text.
    pub(in crate::site) fn about(&self) -> String {
        crate::value::json(&Value::from(self.about.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spell: bool, names: &[&str], expected: &[(&str, &str)]) {
        let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
        let found = slugs(keys.iter().map(String::as_str), spell);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(key, slug)| (key.as_str(), slug.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_that_differ_in_punctuation_have_addresses_of_their_own() {
        let all = [("c", "c"), ("c#", "c-sharp"), ("c++", "c-plus-plus")];
        for spell in [true, false] {
            check(spell, &["C", "C#", "c++"], &all);
            check(
                spell,
                &["C#", "c++", "c plus plus"],
                &[("c#", "c-sharp"), ("c++", "c-plus-plus-2"), ("c-plus-plus", "c-plus-plus")],
            );
            check(spell, &["a!", "a?"], &[("a!", "a-2"), ("a?", "a-3")]);
        }
        check(true, &["net", ".NET"], &[(".net", "dot-net"), ("net", "net")]);
    }

    #[test]
    fn an_address_does_not_depend_on_the_other_names() {
        check(true, &["C++"], &[("c++", "c-plus-plus")]);
        check(true, &["R&D", "node.js"], &[("node.js", "node-js"), ("r&d", "r-and-d")]);
    }

    #[test]
    fn a_blog_from_jekyll_keeps_the_slugs_of_jekyll() {
        check(false, &["C++"], &[("c++", "c")]);
        check(
            false,
            &["Deep Learning", "deep-learning", "deep_learning"],
            &[("deep-learning", "deep-learning")],
        );
        check(false, &["!!!", "Größe"], &[("!!!", "!!!"), ("größe", "größe")]);
    }
}
