//! What a reader of the built site would trip over, and no error of a build: broken links, missing
//! pictures, misspelt keys, headings out of order, feeds that cannot be read.
//!
//! The rules look at the finished pages, so that they see what layouts and plugins add, too. A
//! finding is placed where the author has to make the change, if the text is there. Nothing is read
//! from the network: [`Checked::external`] are the links that a caller may follow.

mod keys;
mod links;
mod markup;
pub mod numbers;
mod page;
mod place;
mod tags;
mod writing;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};

use self::page::Page;
use self::place::Places;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::inputs::Inputs;
use crate::output::{Content, Output};
use crate::post::{self, Shown};
pub use crate::rule::Rule;
use crate::site::{Site, Source};

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What is wrong, where, and what to do.
    pub diagnostic: Diagnostic,
    /// The files of the built site that it was found in; empty if it is about a source.
    pub pages: BTreeSet<String>,
}

impl Finding {
    /// A finding about a file of the built site.
    pub fn on(page: impl Into<String>, rule: Rule, diagnostic: Diagnostic) -> Finding {
        Finding { rule, diagnostic, pages: BTreeSet::from([page.into()]) }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// By place, each once.
    pub findings: Vec<Finding>,
    /// The addresses on other sites that pages link to, each with the files that do.
    pub external: BTreeMap<String, BTreeSet<String>>,
}

/// A site, and what was built from it.
pub struct Subject<'a> {
    /// The site.
    pub site: &'a Site,
    /// Which posts the built site shows.
    pub shown: &'a Shown,
    /// Where pages come from.
    pub sources: &'a [Source],
    /// The built site.
    pub output: &'a Output,
}

/// Checks a built site by all rules except those that need other programs.
pub fn check(subject: &Subject<'_>) -> Checked {
    let Subject { site, shown, sources, output } = subject;
    let Site { config, inputs, .. } = site;
    let places = Places { inputs };
    let texts = texts(output, inputs);
    let by_file: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.file.as_str(), source)).collect();
    let pages: Vec<Page<'_>> = texts
        .iter()
        .filter(|(file, ..)| file.ends_with(".html"))
        .map(|(file, text, is_copy)| Page::parse(file, text, by_file.get(file).copied(), *is_copy))
        .collect();
    let mut found = Found { config, places, findings: Vec::new() };
    let external = links::check(&pages, output, &mut found);
    for page in pages.iter().filter(|page| !page.is_copy) {
        markup::html(page, &mut found);
        writing::check(page, &mut found);
    }
    for (file, text, _) in &texts {
        markup::data(file, text, &mut found);
    }
    let (blog, _) = post::read(inputs, config, shown);
    keys::check(&blog, inputs, &mut found);
    tags::check(&blog, &mut found);
    let findings = found
        .findings
        .into_iter()
        .map(|finding| Finding { diagnostic: inputs.at_origin(finding.diagnostic), ..finding });
    Checked { findings: in_order(findings.collect(), config), external }
}

/// The texts that rules read, by the path of their file, and whether the author wrote them as they
/// are.
fn texts<'a>(output: &'a Output, inputs: &Inputs) -> Vec<(&'a str, Cow<'a, str>, bool)> {
    let is_read = |file: &str| [".html", ".xml", ".json"].iter().any(|end| file.ends_with(end));
    let text = |(file, content): (&'a str, &'a Content)| match content {
        Content::Bytes(bytes) => Some((file, String::from_utf8_lossy(bytes), false)),
        Content::CopyOf(path) => {
            let path = path.strip_prefix(inputs.root()).ok()?.to_str()?;
            let text = String::from_utf8_lossy(&inputs.bytes(path)?).into_owned();
            Some((file, text.into(), true))
        }
        // Only in a build that starts from another one.
        Content::AsWritten { .. } => None,
    };
    output.files().filter(|(file, _)| is_read(file)).filter_map(text).collect()
}

/// The findings by place, those that are the same on several pages once, without what the
/// configuration leaves out.
pub fn in_order(findings: Vec<Finding>, config: &Config) -> Vec<Finding> {
    let ignored = ignored(config);
    let mut once: BTreeMap<(Diagnostic, Rule), BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        if !config.check.skip.contains(&finding.rule) {
            once.entry((finding.diagnostic, finding.rule)).or_default().extend(finding.pages);
        }
    }
    let is_ignored = |finding: &Finding| {
        !finding.pages.is_empty() && finding.pages.iter().all(|page| ignored.is_match(page))
    };
    let findings = once.into_iter().map(|((diagnostic, rule), pages)| {
        let diagnostic = if rule.is_error() { diagnostic } else { diagnostic.into_warning() };
        Finding { rule, diagnostic, pages }
    });
    findings.filter(|finding| !is_ignored(finding)).collect()
}

/// What the configuration says to ignore: files of the built site, and addresses on other sites.
pub fn ignored(config: &Config) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in &config.check.ignore {
        // The configuration has only valid patterns.
        if let Ok(glob) = Glob::new(pattern.trim_start_matches('/')) {
            set.add(glob);
        }
    }
    set.build().unwrap_or_default()
}

/// The findings so far, and what rules need to place more.
struct Found<'a> {
    config: &'a Config,
    places: Places<'a>,
    findings: Vec<Finding>,
}

impl Found<'_> {
    /// Adds a finding about a page, placed at the first of `texts` that its source or the site's
    /// layouts contain.
    fn add(&mut self, rule: Rule, page: &Page<'_>, texts: &[&str], message: String, hint: &str) {
        let place = self.places.find(page.source, page.file, texts);
        let mut diagnostic = Diagnostic::new(place, message);
        if !hint.is_empty() {
            diagnostic = diagnostic.hint(hint);
        }
        self.findings.push(Finding::on(page.file, rule, diagnostic));
    }

    /// Adds a finding about a file of the built site that has no source.
    fn add_to_file(&mut self, rule: Rule, file: &str, message: String, hint: &str) {
        let diagnostic = Diagnostic::new(Place::file(file), message).hint(hint);
        self.findings.push(Finding::on(file, rule, diagnostic));
    }

    /// Adds a finding about a source.
    fn add_to_source(&mut self, rule: Rule, diagnostic: Diagnostic) {
        self.findings.push(Finding { rule, diagnostic, pages: BTreeSet::new() });
    }
}
