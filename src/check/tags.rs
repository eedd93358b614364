//! Tags that differ only in how they are written.

use std::collections::BTreeMap;

use super::{Found, Rule};
use crate::diagnostic::Diagnostic;
use crate::post::{Blog, Post};

/// Finds tags such as `deep learning` beside `Deep-Learning`.
pub(super) fn check(blog: &Blog<'_>, found: &mut Found<'_>) {
    let mut spellings: BTreeMap<String, BTreeMap<&str, Vec<&Post<'_>>>> = BTreeMap::new();
    for post in &blog.posts {
        for tag in &post.front.tags {
            let same = spellings.entry(folded(tag)).or_default();
            same.entry(tag).or_default().push(post);
        }
    }
    for same in spellings.values().filter(|same| same.len() > 1) {
        let usual = same.iter().max_by_key(|(tag, posts)| (posts.len(), std::cmp::Reverse(**tag)));
        let Some((usual, _)) = usual else { continue };
        for (tag, posts) in same.iter().filter(|(tag, _)| *tag != usual) {
            for post in posts {
                let message = format!("the tag `{tag}` is written `{usual}` elsewhere");
                let hint = format!("write `{usual}`, so that both are one list");
                let key = if post.front.value("tag").is_some() { "tag" } else { "tags" };
                let place = post.front.place(key);
                found.add_to_source(Rule::Tag, Diagnostic::new(place, message).hint(hint));
            }
        }
    }
}

/// A tag without what spellings differ in. `c`, `c++` and `c#` stay apart.
fn folded(tag: &str) -> String {
    tag.to_lowercase().chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect()
}
