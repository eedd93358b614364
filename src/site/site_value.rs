//! The variable `site` of templates and bodies.
//!
//! It is made when the first template needs it, with as much of all documents as the template may
//! show: after a small change, most pages need no list of posts, and few need their bodies.

use std::sync::OnceLock;

use tera::Map;
use tera::value::Key;

use super::layouts::Wanted;
use super::post::{Detail, RenderedPost};
use super::structure::Structure;
use super::values::{self, Listed, Sites};
use super::{Shared, feed};
use crate::compat::TemplateLanguage;
use crate::config::Config;
use crate::post::Blog;
use crate::value::{self, Value, set};

/// `site`, as far as it was needed.
pub(super) struct SiteValue {
    /// Without lists.
    base: Value,
    /// With lists, for each post, by [`Detail`].
    with_lists: [OnceLock<Sites>; 4],
    /// As Liquid bodies of pages see it, where tags and categories are maps.
    for_bodies: OnceLock<Value>,
}

impl SiteValue {
    pub(super) fn new(
        config: &Config,
        blog: &Blog<'_>,
        data: &Value,
        structure: &Structure,
        (feed, search): (Option<&str>, Option<&str>),
    ) -> SiteValue {
        let mut map = values::base(config, blog, data);
        value::set_default(&mut map, "tag_urls", structure.tag_urls(blog));
        if config.compat.has_theme_keys {
            value::set_default(&mut map, "category_urls", structure.category_urls(blog));
            // The configuration has options at this key.
            map.shift_remove(&Key::Str("feed"));
            if let Some(feed) = feed {
                set(&mut map, "feed", feed);
            }
            if let Some(search) = search {
                value::set_default(&mut map, "search_url", search);
            }
            if let Some(feed) = feed::json_address(config) {
                set(&mut map, "json_feed", feed);
            }
        }
        SiteValue {
            base: Value::from(map),
            with_lists: Default::default(),
            for_bodies: OnceLock::new(),
        }
    }
}

impl Shared<'_> {
    /// `site` without lists.
    pub(super) fn site_base(&self) -> &Value {
        &self.site.base
    }

    /// `site` for a template, on the page of the post at `index`, or on another page.
    pub(super) fn site(&self, wanted: Wanted, index: Option<usize>) -> Value {
        let Some(detail) = wanted.lists else { return self.site.base.clone() };
        let sites = self.site.with_lists[detail as usize].get_or_init(|| {
            let listed = self.listed(detail);
            let mut site = self.site_with(&listed);
            if self.config.compat.templates == TemplateLanguage::Tera {
                self.structure.set_values(&mut site, &self.posts, detail);
            }
            Sites::new(&Value::from(site), &listed.posts)
        });
        let site = sites.of(index);
        if wanted.newest == 0 || wanted.detail <= detail {
            return site.clone();
        }
        let mut map = super::entries(site);
        let posts = self.posts.iter().enumerate().map(|(index, post)| {
            post.value(if index < wanted.newest { wanted.detail } else { detail })
        });
        set(&mut map, "posts", posts.collect::<Vec<_>>());
        Value::from(map)
    }

    /// `site` for the Liquid body of a page.
    pub(super) fn site_for_bodies(&self) -> &Value {
        self.site
            .for_bodies
            .get_or_init(|| Value::from(self.site_with(&self.listed(Detail::Whole))))
    }

    fn site_with(&self, listed: &Listed) -> Map {
        let lists = values::lists(self.config, self.blog, listed);
        let mut map = super::entries(&self.site.base);
        map.extend(lists);
        map
    }

    fn listed(&self, detail: Detail) -> Listed {
        let values = |posts: &[RenderedPost<'_>]| -> Vec<Value> {
            posts.iter().map(|post| post.value(detail)).collect()
        };
        Listed {
            posts: values(&self.posts),
            collections: self.collections.iter().map(|posts| values(posts)).collect(),
        }
    }
}
