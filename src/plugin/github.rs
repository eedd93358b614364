//! `site.github`: what jekyll-github-metadata derives from the name of a repository. Values from
//! GitHub's API (contributors, releases, the description) are nil, because a build does not use the
//! network.

use tera::Map;

use crate::config::Config;
use crate::value::{Value, as_text, set};

/// The values, if the blog names the plugin and its `repository`.
pub(crate) fn metadata(config: &Config) -> Option<Value> {
    if !config.has_plugin("jekyll-github-metadata") {
        return None;
    }
    let repository = config.value("repository").map(as_text)?;
    let (owner, name) = repository.trim_matches('/').split_once('/')?;
    let url = format!("https://github.com/{owner}/{name}");
    let is_user_page = name.eq_ignore_ascii_case(&format!("{owner}.github.io"));
    let owner_page = format!("https://{}.github.io", owner.to_lowercase());
    let mut map = Map::new();
    let texts = [
        ("hostname", "github.com".to_owned()),
        ("pages_hostname", "github.io".to_owned()),
        ("repository_nwo", format!("{owner}/{name}")),
        ("repository_name", name.to_owned()),
        ("project_title", name.to_owned()),
        ("repository_url", url.clone()),
        ("owner_name", owner.to_owned()),
        ("owner_url", format!("https://github.com/{owner}")),
        ("owner_gravatar_url", format!("https://github.com/{owner}.png")),
        ("clone_url", format!("{url}.git")),
        ("zip_url", format!("{url}/zipball/gh-pages")),
        ("tar_url", format!("{url}/tarball/gh-pages")),
        ("issues_url", format!("{url}/issues")),
        ("wiki_url", format!("{url}/wiki")),
        ("releases_url", format!("{url}/releases")),
        ("url", if is_user_page { owner_page } else { format!("{owner_page}/{name}") }),
    ];
    for (key, text) in texts {
        set(&mut map, key, text);
    }
    set(&mut map, "is_user_page", is_user_page);
    set(&mut map, "is_project_page", !is_user_page);
    Some(Value::from(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::entry;

    #[test]
    fn metadata_is_derived_from_the_name() {
        let config = Config::for_tests("repository: Ada/notes\nplugins: [github-pages]\n");
        let metadata = metadata(&config).expect("it names both");
        let text = |key| entry(&metadata, key).map(as_text);
        assert_eq!(text("repository_url").as_deref(), Some("https://github.com/Ada/notes"));
        assert_eq!(text("url").as_deref(), Some("https://ada.github.io/notes"));
        assert_eq!(text("is_user_page").as_deref(), Some("false"));
    }

    #[test]
    fn without_a_name_there_is_no_metadata() {
        assert!(metadata(&Config::for_tests("plugins: [jekyll-github-metadata]\n")).is_none());
        assert!(metadata(&Config::for_tests("repository: a/b\n")).is_none());
    }
}
