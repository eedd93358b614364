//! What a template in Tera depends on, found in its text, because Tera does not say what it reads.
//!
//! The result may be more than what a template really reads, but never less: a template that it
//! can name in any way, and all of `site` unless a key follows the name directly.

use std::collections::BTreeSet;

use super::limits;
use crate::liquid::Read;
use crate::post::Blog;
use crate::site::layouts::Wanted;
use crate::site::memo::is_list;
use crate::site::post::Detail;
use crate::text::Located;

/// What a template depends on.
pub(super) struct Reads {
    pub(super) reads: BTreeSet<Read>,
    pub(super) wanted: Wanted,
}

impl Reads {
    /// What the template at `path` depends on. `all` are the templates of the site.
    pub(super) fn of(path: &str, all: &[Located<'_>], blog: &Blog<'_>) -> Reads {
        let used = used(path, all);
        let tags: Vec<&str> =
            used.iter().flat_map(|template| limits::tags(template.text)).collect();
        let is_page = !tags.iter().any(|tag| words(bound(tag), "page").next().is_some());
        let detail = tags.iter().map(|tag| detail(tag, is_page)).max().unwrap_or_default();
        let mut wanted = Wanted { detail, ..Wanted::default() };
        let mut reads = BTreeSet::new();
        for of_site in tags.iter().flat_map(|tag| of_site(tag)) {
            let (read, lists) = match of_site {
                OfSite::All => (Read::WholeSite, Some(Detail::Whole)),
                OfSite::Key(key) if !is_list(key, blog) => (Read::Site(key.to_owned()), None),
                OfSite::Newest(count) if detail > Detail::Head => {
                    wanted.newest = wanted.newest.max(count);
                    (Read::Newest(count), Some(Detail::Head))
                }
                OfSite::Key(key) if detail > Detail::Head => {
                    (Read::Site(key.to_owned()), Some(detail))
                }
                OfSite::Key(key) => (Read::Heads(key.to_owned()), Some(Detail::Head)),
                OfSite::Newest(_) => (Read::Heads("posts".to_owned()), Some(Detail::Head)),
            };
            wanted.lists = wanted.lists.max(lists);
            reads.insert(read);
        }
        reads.extend(used.iter().map(|template| Read::File(template.path.to_owned())));
        Reads { reads, wanted }
    }
}

/// All templates that the template at `path` may use, itself among them.
fn used<'t>(path: &str, all: &'t [Located<'t>]) -> Vec<&'t Located<'t>> {
    // Components are found by their names, not by those of their files.
    let has_components =
        all.iter().any(|template| limits::tags(template.text).any(|tag| tag.contains("component")));
    let mut used: Vec<&Located<'_>> =
        all.iter().filter(|template| has_components || template.path == path).collect();
    let mut at = 0;
    while at < used.len() {
        let text = used[at].text;
        let is_named = |template: &&Located<'_>| {
            limits::tags(text).any(|tag| tag.contains(short_name(template.path)))
        };
        let is_new = |template: &&Located<'_>| used.iter().all(|one| one.path != template.path);
        let more: Vec<&Located<'_>> = all.iter().filter(is_named).filter(is_new).collect();
        used.extend(more);
        at += 1;
    }
    used
}

/// The shortest name by which another template can use this one.
fn short_name(path: &str) -> &str {
    path.strip_prefix("_layouts/").or_else(|| path.strip_prefix("_includes/")).unwrap_or(path)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a tag has a word.
fn words<'t>(tag: &'t str, word: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let around = tag.match_indices(word).map(move |(at, _)| (&tag[..at], &tag[at + word.len()..]));
    around.filter(|(before, behind)| !before.ends_with(is_word) && !behind.starts_with(is_word))
}

/// What a tag names of the variable `site`.
enum OfSite<'t> {
    All,
    Key(&'t str),
    /// This many of the posts, from the newest on.
    Newest(usize),
}

fn of_site(tag: &str) -> impl Iterator<Item = OfSite<'_>> {
    let whole = tag.contains("__tera_context").then_some(OfSite::All);
    let named = words(tag, "site").filter(|(before, _)| !before.ends_with('.'));
    let named = named.map(|(_, behind)| {
        let key = behind.strip_prefix('.').unwrap_or_default();
        let (key, behind) = key.split_at(key.find(|c| !is_word(c)).unwrap_or(key.len()));
        match newest(behind) {
            _ if key.is_empty() => OfSite::All,
            Some(count) if key == "posts" => OfSite::Newest(count),
            _ => OfSite::Key(key),
        }
    });
    whole.into_iter().chain(named)
}

/// How many posts, from the newest on, are left of a list by the filter behind it.
fn newest(behind: &str) -> Option<usize> {
    let filter = behind.trim_start().strip_prefix('|')?.trim_start();
    let name = filter.split(|c| !is_word(c)).next()?;
    match name {
        "length" => Some(0),
        "first" => Some(1),
        "slice" => {
            let arguments = filter[name.len()..].trim_start().strip_prefix('(')?;
            let end = arguments.trim_start().strip_prefix("end")?.trim_start();
            let count = end.strip_prefix('=')?.trim_start().split_once(')')?.0;
            count.trim_end().parse().ok()
        }
        _ => None,
    }
}

/// How much a tag may show of a document other than the page. `is_page` says whether the variable
/// `page` is always that of the page.
fn detail(tag: &str, is_page: bool) -> Detail {
    // A field that is named by a variable, all fields, or a document as a whole.
    let is_named_by_variable = ["key", "attribute"].into_iter().any(|argument| {
        let values =
            words(tag, argument).filter_map(|(_, behind)| behind.trim_start().strip_prefix('='));
        values.map(str::trim_start).any(|value| !value.starts_with(['"', '\'']))
    });
    let has_variable_index = tag.match_indices('[').any(|(at, _)| {
        let (before, index) = (&tag[..at], tag[at + 1..].split(']').next().unwrap_or_default());
        let is_word = index.trim().starts_with(|c: char| c.is_alphabetic() || c == '_');
        // A number that is computed is the index of a list.
        let is_number = index.contains(['+', '-', '*', '/', '%']);
        let is_of_names =
            ["site.tag_urls", "site.category_urls"].iter().any(|map| before.ends_with(map));
        is_word && !is_number && !is_of_names
    });
    let has_pairs = statement(tag) == "for" && bound(tag).contains(',');
    let is_whole = ["json_encode", "__tera_context"].into_iter().any(|word| tag.contains(word));
    if is_named_by_variable || has_variable_index || has_pairs || is_whole {
        return Detail::Whole;
    }
    let fields = [
        ("content", Detail::Whole),
        ("toc", Detail::Whole),
        ("headings", Detail::Whole),
        ("excerpt", Detail::Excerpt),
        ("reading_minutes", Detail::Length),
        ("words", Detail::Length),
    ];
    let is_of_other = |(before, behind): (&str, &str)| {
        let Some(owner) = before.strip_suffix('.') else {
            // As a variable, `content` is that of the page.
            return before.ends_with(['"', '\'']) && behind.starts_with(['"', '\'']);
        };
        let owner = owner.strip_suffix("page").filter(|_| is_page);
        owner.is_none_or(|before| before.ends_with(is_word) || before.ends_with('.'))
    };
    let named = fields.into_iter().filter(|(field, _)| words(tag, field).any(is_of_other));
    named.map(|(_, detail)| detail).max().unwrap_or_default()
}

/// The first word of a tag that is a statement.
fn statement(tag: &str) -> &str {
    let inside = tag.strip_prefix("{%").unwrap_or_default().trim_start_matches('-').trim_start();
    &inside[..inside.find(|c| !is_word(c)).unwrap_or(inside.len())]
}

/// The part of a statement that names variables.
fn bound(tag: &str) -> &str {
    match statement(tag) {
        "for" => tag.split(" in ").next().unwrap_or_default(),
        "set" | "set_global" => tag.split('=').next().unwrap_or_default(),
        "macro" | "component" => tag,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_template_reads_what_it_and_the_templates_it_names_read() {
        let template = |path, text| Located { path, text, lines_above: 0 };
        let all = [
            template(
                "_layouts/post.html",
                r#"{% extends "base.html" %}{{ sitemap }} {{ x.site }} site other.html"#,
            ),
            template("_layouts/base.html", r#"{{ site.title }}{% include "nav.html" %}"#),
            template(
                "_includes/nav.html",
                "{% for post in site.posts %}{{ post.url }}{% endfor %}",
            ),
            template("_includes/other.html", "{{ site | json_encode }}"),
        ];
        let blog = Blog::default();
        let reads = |path| Reads::of(path, &all, &blog);
        let post = reads("_layouts/post.html");
        expect![[r#"
            {Site("title"), Heads("posts"), File("_includes/nav.html"), File("_layouts/base.html"), File("_layouts/post.html")}"#]]
        .assert_eq(&format!("{:?}", post.reads));
        assert_eq!(post.wanted, Wanted { lists: Some(Detail::Head), ..Wanted::default() });
        let other = reads("_includes/other.html");
        expect![[r#"{WholeSite, File("_includes/other.html")}"#]]
            .assert_eq(&format!("{:?}", other.reads));
        assert_eq!(other.wanted, Wanted { detail: Detail::Whole, ..Wanted::ALL });
    }

    #[track_caller]
    fn check_detail(text: &str, expected: Detail) {
        let all = [Located { path: "a.html", text, lines_above: 0 }];
        let reads = Reads::of("a.html", &all, &Blog::default());
        assert_eq!(reads.wanted.detail, expected, "{text}");
    }

    #[test]
    fn the_fields_that_a_template_names_decide_how_much_it_sees() {
        let head = [
            "{{ content | safe }} content {{ page.content }} {{ page.toc }}",
            "{{ post.title }} {{ page.previous.url }} {{ page.words }}",
            r#"{% include "toc.html" %}{{ tags[0] }}{{ post["title"] }}"#,
            "{{ t.months[month - 1] }}{{ site.tag_urls[tag] }}",
        ];
        for text in head {
            check_detail(text, Detail::Head);
        }
        check_detail("{{ post.reading_minutes }}", Detail::Length);
        check_detail(r#"{{ post["excerpt"] }}"#, Detail::Excerpt);
        let whole = [
            "{{ post.content }}",
            "{{ page.previous.content }}",
            "{{ mypage.toc }}",
            r#"{{ site.posts | map(attribute="content") }}"#,
            "{{ post[key] }}",
            "{{ post[ names.first ].x }}",
            "{{ post | get(key=name) }}",
            "{% for key, value in post %}",
            "{{ post | json_encode }}",
            "{% for page in site.pages %}{{ page.content }}{% endfor %}",
            "{% set page = site.posts | first %}{{ page.toc }}",
        ];
        for text in whole {
            check_detail(text, Detail::Whole);
        }
    }

    #[test]
    fn a_template_that_shows_the_newest_posts_reads_only_those() {
        let text = "{% for post in site.posts | slice(end=20) %}{{ post.content }}{% endfor %}\
                    {{ site.posts | first | get(key=\"date\") }}{{ site.posts|length }}";
        let all = [Located { path: "feed.xml", text, lines_above: 0 }];
        let reads = Reads::of("feed.xml", &all, &Blog::default());
        expect![[r#"{Newest(0), Newest(1), Newest(20), File("feed.xml")}"#]]
            .assert_eq(&format!("{:?}", reads.reads));
        let (detail, lists) = (Detail::Whole, Some(Detail::Head));
        assert_eq!(reads.wanted, Wanted { detail, lists, newest: 20 });
    }
}
