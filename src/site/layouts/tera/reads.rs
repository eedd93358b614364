//! What a template in Tera depends on, found in its text, because Tera does not say what it reads.
//!
//! The result may be more than what a template really reads, but never less: a template that it
//! can name in any way, and all of `site` unless a key follows the name directly.

use std::collections::BTreeSet;

use super::limits;
use crate::liquid::Read;
use crate::text::Located;

/// What the template at `path` depends on. `all` are the templates of the site.
pub(super) fn reads(path: &str, all: &[Located<'_>]) -> BTreeSet<Read> {
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
    let of_site = used.iter().flat_map(|template| of_site(template.text));
    let files = used.iter().map(|template| Read::File(template.path.to_owned()));
    of_site.chain(files).collect()
}

/// The shortest name by which another template can use this one.
fn short_name(path: &str) -> &str {
    path.strip_prefix("_layouts/").or_else(|| path.strip_prefix("_includes/")).unwrap_or(path)
}

/// What the text names of the variable `site`.
fn of_site(text: &str) -> BTreeSet<Read> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut reads = BTreeSet::new();
    for tag in limits::tags(text) {
        if tag.contains("__tera_context") {
            reads.insert(Read::WholeSite);
        }
        for (at, name) in tag.match_indices("site") {
            let behind = &tag[at + name.len()..];
            if tag[..at].ends_with(|c| is_word(c) || c == '.') || behind.starts_with(is_word) {
                continue;
            }
            let key = behind
                .strip_prefix('.')
                .map(|key| &key[..key.find(|c| !is_word(c)).unwrap_or(key.len())]);
            reads.insert(match key {
                Some(key) if !key.is_empty() => Read::Site(key.to_owned()),
                _ => Read::WholeSite,
            });
        }
    }
    reads
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
        expect![[r#"
            {Site("posts"), Site("title"), File("_includes/nav.html"), File("_layouts/base.html"), File("_layouts/post.html")}"#]]
        .assert_eq(&format!("{:?}", reads("_layouts/post.html", &all)));
        expect![[r#"{WholeSite, File("_includes/other.html")}"#]]
            .assert_eq(&format!("{:?}", reads("_includes/other.html", &all)));
    }
}
