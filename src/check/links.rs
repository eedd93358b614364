//! Links and files: whether they lead to something. Orphans: whether anything leads to a page.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Link, Page};
use super::{Found, Rule};
use crate::config::Config;
use crate::diagnostic::nearest;
use crate::output::Output;
use crate::permalink::percent_decoded;
use crate::url::{has_scheme, inside};

/// Checks the links of all pages. Returns those to other sites.
pub(super) fn check(
    pages: &[Page<'_>],
    output: &Output,
    found: &mut Found<'_>,
) -> BTreeMap<String, BTreeSet<String>> {
    let by_file: BTreeMap<&str, &Page<'_>> = pages.iter().map(|page| (page.file, page)).collect();
    let files = output.files().map(|(file, _)| file);
    let (addresses, others) = files
        .map(|file| format!("/{}", file.strip_suffix("index.html").unwrap_or(file)))
        .partition(|address| address.ends_with('/') || address.ends_with(".html"));
    let targets = Targets { output, by_file, addresses, others, config: found.config };
    let (mut external, mut linked) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeSet::new());
    for page in pages {
        for link in &page.links {
            match targets.target(page, &link.address) {
                Target::Elsewhere(address) if link.is_followed => {
                    external.entry(address).or_default().insert(page.file.to_owned());
                }
                Target::Elsewhere(_) | Target::Other => {}
                Target::WithoutBase(path) => without_base(page, link, &path, found),
                Target::Missing(path) => missing(page, link, &path, &targets, found),
                Target::File { file, fragment } => {
                    if file != page.file && link.is_followed {
                        linked.insert(file.clone());
                    }
                    anchor(page, link, &file, &fragment, &targets, found);
                }
            }
        }
    }
    orphans(pages, &linked, found);
    external
}

/// What an address leads to.
enum Target {
    /// A file of the site, and the part of it.
    File { file: String, fragment: String },
    /// A path of the site without a file.
    Missing(String),
    /// A path on the host, but outside of the folder that the site is in.
    WithoutBase(String),
    /// Another site.
    Elsewhere(String),
    /// Mail, a script, or the data itself.
    Other,
}

struct Targets<'a> {
    output: &'a Output,
    by_file: BTreeMap<&'a str, &'a Page<'a>>,
    /// The addresses of all pages, and of all other files.
    addresses: Vec<String>,
    others: Vec<String>,
    config: &'a Config,
}

impl Targets<'_> {
    fn target(&self, page: &Page<'_>, address: &str) -> Target {
        let own = Some(self.config.url.as_str()).filter(|url| !url.is_empty());
        let on_host = own.and_then(|url| address.strip_prefix(url));
        let on_host = on_host.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
        let is_own = on_host.is_some();
        let address = match on_host {
            Some(rest) => rest,
            None if address.starts_with("//") => {
                return Target::Elsewhere(format!("https:{address}"));
            }
            None if has_scheme(address) => {
                let is_web = ["https://", "http://"].iter().any(|web| address.starts_with(web));
                return if is_web { Target::Elsewhere(address.to_owned()) } else { Target::Other };
            }
            None => address,
        };
        let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
        let path = path.split('?').next().unwrap_or_default();
        let fragment = fragment.to_owned();
        if path.is_empty() && !is_own {
            return Target::File { file: page.file.to_owned(), fragment };
        }
        let inside = inside(&self.config.base_url, path);
        let path = match (path.strip_prefix('/'), inside) {
            // Another site of the host.
            (_, None) if is_own => return Target::Other,
            (Some(_), None) => return Target::WithoutBase(path.to_owned()),
            (Some(_), Some(inside)) => inside.to_owned(),
            (None, _) if is_own => String::new(),
            (None, _) => format!("{}{path}", &page.url[..=page.url.rfind('/').unwrap_or(0)]),
        };
        match self.output.served(&path) {
            Some(file) => Target::File { file, fragment },
            None => Target::Missing(path),
        }
    }
}

fn missing(page: &Page<'_>, link: &Link, path: &str, targets: &Targets<'_>, found: &mut Found<'_>) {
    let address = &link.address;
    let wanted = percent_decoded(path);
    let known = if link.is_followed { &targets.addresses } else { &targets.others };
    let near = nearest(&wanted, known.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `{}{near}`?", targets.config.base_url),
        None if link.is_followed => {
            "correct the address, or remove the link; for a page that has moved, put `redirect_from` \
             into its front matter"
                .to_owned()
        }
        None => "correct the address, or add the file".to_owned(),
    };
    let decoded = percent_decoded(address);
    let (rule, message) = if link.is_followed {
        (Rule::Link, format!("the link `{address}` leads to nothing"))
    } else {
        (Rule::File, format!("there is no file `{address}` in the site"))
    };
    found.add(rule, page, &[address, &decoded], message, &hint);
}

fn without_base(page: &Page<'_>, link: &Link, path: &str, found: &mut Found<'_>) {
    let base = &found.config.base_url;
    let message = format!("`{}` is outside of `{base}`, the folder of this site", link.address);
    let hint = format!("write `{{{{ \"{path}\" | relative_url }}}}`, which adds `baseurl`");
    found.add(Rule::BasePath, page, &[&link.address], message, &hint);
}

fn anchor(
    page: &Page<'_>,
    link: &Link,
    file: &str,
    fragment: &str,
    targets: &Targets<'_>,
    found: &mut Found<'_>,
) {
    // `#top` is the start of every page, and `#:~:text=` a piece of text.
    if matches!(fragment, "" | "top") || fragment.contains(":~:") || !link.is_followed {
        return;
    }
    let Some(target) = targets.by_file.get(file).filter(|target| !target.is_redirect) else {
        return;
    };
    let decoded = percent_decoded(fragment);
    if target.ids.contains_key(&decoded) || target.ids.contains_key(fragment) {
        return;
    }
    let address = &link.address;
    let on = if file == page.file { "this page".to_owned() } else { format!("`{}`", target.url) };
    let message = format!("the link `{address}` leads to a part of {on} that is not there");
    let near = nearest(&decoded, target.ids.keys().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `#{near}`?"),
        None => "ids are made from headings; `{#name}` behind a heading sets one".to_owned(),
    };
    let alone = format!("#{fragment}");
    found.add(Rule::Anchor, page, &[address, &alone], message, &hint);
}

fn orphans(pages: &[Page<'_>], linked: &BTreeSet<String>, found: &mut Found<'_>) {
    for page in pages {
        let Some(source) = page.source.filter(|_| !page.is_redirect) else { continue };
        let is_entry = matches!(page.file, "index.html" | "404.html" | "search/index.html");
        if is_entry || linked.contains(page.file) || source.is_unlisted {
            continue;
        }
        let message = format!("no other page links to `{}`", page.url);
        let hint = "link to it, or say `unlisted: true` if readers get its address elsewhere";
        found.add(Rule::Orphan, page, &[], message, hint);
    }
}
