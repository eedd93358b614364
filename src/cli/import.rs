//! `labpress import`: checks a Jekyll blog, writes the one line that it needs, and says what builds
//! and what does not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use tera::value::Key;

use super::build;
use super::site;
use super::table::table;
use super::{Error, answer, report_waiting};
use crate::config::{self, Config};
use crate::diagnostic::Diagnostic;
use crate::plugin::{self, Fate};
use crate::post::{self, Blog};
use crate::roles::Role;
use crate::site::{Built, Site};
use crate::source;
use crate::store::Store;
use crate::value::as_text;

#[derive(Args)]
pub(super) struct Options {
    /// The blog's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
}

/// What an imported blog has in `_config.yml`.
const ADDED: &str = "\n# Layouts and pages are templates in Jekyll's Liquid (added by `labpress import`).\ntemplates: liquid\n";

pub(super) fn import(options: &Options) -> Result<(), Error> {
    let root = site::root(&options.folder)?;
    let store = Store::of(&root);
    let read = || source::read_one(&root, config::PATH);
    // A blog to which nothing is written is looked at without waiting for anybody.
    let is_written = !options.dry_run && with_templates(read()?.as_deref()).is_some();
    let _lock = if is_written { Some(store.lock(report_waiting)?) } else { None };
    let before = read()?;
    let added = with_templates(before.as_deref());
    let after = added.as_deref().or(before.as_deref());
    let mut site = site::read_with(&root, config::read(after), None)?;
    if let Some(after) = after {
        site.source = site.source.with(config::PATH, after);
    }
    let shown = build::as_configured(&site.config);
    // Results of experiments come when the blog is built.
    let Built { errors, mut warnings, .. } = site.render(&shown);
    let config = site.config_errors.is_empty().then_some(&site.config);
    let mut found = String::new();
    if let Some(config) = config {
        let (blog, _) = post::read(&site.source, config, &shown);
        write_counts(&mut found, &site, config, &blog);
    }
    let mut report = format!("{}\n\n", root.display());
    report.push_str(match (&before, &added, config) {
        (_, None, _) => "nothing to do: _config.yml says `templates` already\n",
        (_, _, None) => "_config.yml is left as it is, since it cannot be read\n",
        (Some(_), _, _) if options.dry_run => {
            "_config.yml: would get `templates: liquid` at its end\n"
        }
        (Some(_), _, _) => "_config.yml: added `templates: liquid` at its end\n",
        (None, _, _) if options.dry_run => "_config.yml: would be made, with `templates: liquid`\n",
        (None, _, _) => "_config.yml: made, with `templates: liquid`\n",
    });
    report.push_str(&found);
    // Last of all, so that what fails before leaves the blog as it was.
    if let (Some(added), Some(_), false) = (&added, config, options.dry_run) {
        store.site.write(config::PATH, added.as_bytes())?;
    }
    let mut lacks_theme = false;
    if let Some(config) = config {
        lacks_theme = write_theme(&mut report, config, &site);
        write_plugins(&mut report, config);
    }
    // What the report says elsewhere: plugins, and layouts of a theme that is not there.
    warnings.retain(|warning| {
        let is_of_theme = warning.message().starts_with("there is no layout")
            || warning.message().starts_with("the files of the theme");
        !(warning.message().contains("what the plugin") || lacks_theme && is_of_theme)
    });
    write_ruby(&mut report, &ruby_files(&root.join("_plugins")));
    write_by_file(&mut report, "worth a look", &warnings.iter().collect::<Vec<_>>());
    write_errors(&mut report, &errors);
    if errors.is_empty() {
        let folder = options.folder.display();
        let how = if lacks_theme {
            "It builds, but looks like nothing without its theme"
        } else {
            "All of it builds"
        };
        let _ = write!(report, "\n{how}: `labpress build --source {folder}`\n");
    }
    answer(&report);
    if errors.is_empty() { Ok(()) } else { Err(Error::Unimported(errors.len())) }
}

/// The configuration with `templates: liquid`, every other byte as it was; `None` if it says what
/// `templates` is.
fn with_templates(text: Option<&str>) -> Option<String> {
    let text = text.unwrap_or("");
    let says_already = text.lines().any(|line| line.starts_with("templates:"));
    let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added = if text.is_empty() { ADDED.trim_start() } else { ADDED };
    (!says_already).then(|| format!("{text}{line_end}{added}"))
}

fn write_counts(report: &mut String, site: &Site, config: &Config, blog: &Blog<'_>) {
    let count = |role: Role| site.source.of(role).count();
    let mut rows: Vec<(String, usize)> = vec![
        ("posts".to_owned(), blog.posts.len()),
        ("pages".to_owned(), blog.pages.len()),
        ("layouts".to_owned(), count(Role::Layout)),
        ("includes".to_owned(), count(Role::Include)),
        ("data files".to_owned(), count(Role::Data)),
        ("static files".to_owned(), site.source.statics().count()),
    ];
    for name in collections(config) {
        let count = count(Role::Document(name.as_str().into()));
        rows.push((format!("collection `{name}`"), count));
    }
    let width = rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    report.push_str("\nfound\n");
    for (what, count) in rows.iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(report, "  {what:width$}  {count:>6}");
    }
}

fn collections(config: &Config) -> Vec<String> {
    let Some(collections) = config.values.get(&Key::Str("collections")) else {
        return Vec::new();
    };
    let names: Vec<String> = match (collections.as_map(), collections.as_array()) {
        (Some(map), _) => map.keys().map(|key| as_text(&key.as_value())).collect(),
        (_, Some(names)) => names.iter().map(as_text).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| name != "posts").collect()
}

/// A theme that is a gem or another repository: its files have to lie in the blog. Returns whether
/// pages have no layout without them.
fn write_theme(report: &mut String, config: &Config, site: &Site) -> bool {
    let named =
        |key| config.values.get(&Key::Str(key)).map(as_text).filter(|name| !name.is_empty());
    let has_layouts = site.source.of(Role::Layout).next().is_some();
    let note = if has_layouts {
        "the blog has layouts; for those that it lacks"
    } else {
        "its layouts are needed"
    };
    let folder =
        site.source.root().join(config.value("theme_dir").map_or("_theme".to_owned(), as_text));
    let is_there = folder.exists();
    let folder = folder.display();
    if let Some(theme) = named("theme").or(named("remote_theme")).filter(|_| is_there) {
        let _ = write!(report, "\ntheme\n  `{theme}` is read from {folder}\n");
        return false;
    }
    if let Some(theme) = named("theme") {
        let _ = write!(
            report,
            "\ntheme\n  `{theme}` is a gem, which labpress reads from `_theme`; {note}:\n  \
             cp -r \"$(bundle info {theme} --path)\" {folder}\n"
        );
    } else if let Some(theme) = named("remote_theme") {
        let (repository, version) = theme.split_once('@').unwrap_or((&theme, ""));
        let branch =
            if version.is_empty() { String::new() } else { format!("--branch {version} ") };
        let _ = write!(
            report,
            "\ntheme\n  `{theme}` is a repository, which labpress reads from `_theme`; {note}:\n  \
             git clone --depth 1 {branch}https://github.com/{repository} {folder}\n"
        );
    } else {
        return false;
    }
    !has_layouts
}

fn write_plugins(report: &mut String, config: &Config) {
    let fates = plugin::fates(config);
    if fates.is_empty() {
        return;
    }
    report.push_str("\nplugins\n");
    let width = fates.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, fate) in fates {
        let said = match fate {
            Fate::BuiltIn => "built in",
            Fate::NotNeeded => "not needed",
            Fate::WithoutNetwork => "built in, but for what only GitHub's network can say",
            Fate::Theme => "its theme is read from a folder, see `theme`",
            Fate::Missing => "what it adds is missing; a tag of it can be an include, see `tags`",
        };
        let _ = writeln!(report, "  {name:width$}  {said}");
    }
}

/// Plugins of the blog's own.
#[expect(
    clippy::disallowed_methods,
    reason = "`cli` may look; the folder is no part of a site's source"
)]
fn ruby_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".rb")).collect();
    names.sort();
    names
}

fn write_ruby(report: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let files: Vec<String> = names.iter().map(|name| format!("_plugins/{name}")).collect();
    let _ = write!(
        report,
        "\nprograms in Ruby, which labpress does not run\n  {}\n",
        files.join("\n  ")
    );
}

/// What does not build: tags that nothing is known of, then all other errors by file.
fn write_errors(report: &mut String, errors: &[Diagnostic]) {
    let mut tags: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    let mut others = Vec::new();
    for error in errors {
        let tag =
            error.message().strip_prefix("unknown tag `").and_then(|tag| tag.strip_suffix('`'));
        match tag {
            Some(tag) => tags.entry(tag).or_default().push(error),
            None => others.push(error),
        }
    }
    if !tags.is_empty() {
        let rows: Vec<Vec<String>> = tags
            .iter()
            .map(|(tag, errors)| {
                vec![format!("  {tag}"), errors.len().to_string(), errors[0].place().to_string()]
            })
            .collect();
        let _ = write!(
            report,
            "\ntags that no one makes\n{}",
            table(&["  TAG", "TIMES", "FIRST"], &rows)
        );
        let mapping: Vec<String> = tags.keys().map(|tag| format!("{tag}: {tag}.html")).collect();
        let _ = write!(
            report,
            "\n  Write an include for each (it sees `include.arguments`, `include.words` and named ones by their \
             names),\n  and name them in _config.yml:\n\n    liquid:\n      tags: {{{}}}\n",
            mapping.join(", ")
        );
    }
    write_by_file(report, "errors", &others);
}

/// Diagnostics under the files that they are about; but what is wrong with many files alike, once.
fn write_by_file(report: &mut String, title: &str, diagnostics: &[&Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let _ = writeln!(report, "\n{title}");
    let mut alike: BTreeMap<(&str, Option<&str>), Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in diagnostics {
        alike.entry((diagnostic.message(), diagnostic.hinted())).or_default().push(diagnostic);
    }
    let mut by_file: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for ((message, hint), found) in alike {
        if found.len() <= SHOWN {
            for one in found {
                by_file.entry(&one.place().path).or_default().push(one);
            }
            continue;
        }
        let _ = writeln!(report, "  {} times, first in {}", found.len(), found[0].place());
        let _ = writeln!(report, "    {message}");
        if let Some(hint) = hint {
            let _ = writeln!(report, "      {hint}");
        }
    }
    for (path, errors) in by_file {
        let _ = writeln!(report, "  {path}");
        for error in errors.iter().take(SHOWN) {
            let position = error
                .place()
                .position
                .map(|at| format!("{}:{} ", at.line, at.column))
                .unwrap_or_default();
            let _ = writeln!(report, "    {position}{}", error.message());
            if let Some(hint) = error.hinted() {
                let _ = writeln!(report, "      {hint}");
            }
        }
        if errors.len() > SHOWN {
            let _ = writeln!(report, "    and {} more", errors.len() - SHOWN);
        }
    }
}

/// How many errors of a file are shown.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_keeps_its_text_and_gets_one_key() {
        let text = "title: T # mine\nbaseurl: \"\"";
        let added = with_templates(Some(text)).expect("it has none");
        assert!(
            added.starts_with("title: T # mine\nbaseurl: \"\"\n\n#")
                && added.ends_with("\ntemplates: liquid\n")
        );
        assert_eq!(with_templates(Some(&added)), None);
        assert!(with_templates(None).expect("it has none").starts_with("# Layouts"));
    }
}
