//! `labpress import`: checks a Jekyll blog, adds the one line that it needs, and reports what
//! builds and what does not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use tera::value::Key;

use super::build;
use super::site;
use super::table::table;
use super::{Error, answer, report_waiting};
use labpress::config::{self, Config};
use labpress::diagnostic::Diagnostic;
use labpress::inputs;
use labpress::plugin::{self, Fate};
use labpress::post::{self, Blog};
use labpress::roles::Role;
use labpress::site::{Built, Site};
use labpress::store::Store;
use labpress::value::as_text;

#[derive(Args)]
pub(super) struct Options {
    /// The blog's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Report what would be written, without writing it
    #[arg(long)]
    dry_run: bool,
}

/// The lines to add to `_config.yml`.
const ADDED: &str = "\n# Layouts and pages are templates in Jekyll's Liquid \
                     (added by `labpress import`).\ntemplates: liquid\n";

pub(super) fn import(options: &Options) -> Result<(), Error> {
    let root = site::root(&options.folder)?;
    let store = Store::of(&root);
    let read = || inputs::read_one(&root, config::PATH);
    // Without writing, no lock is needed.
    let is_written = !options.dry_run && with_templates(read()?.as_deref()).is_some();
    let _lock = if is_written { Some(store.lock(report_waiting)?) } else { None };
    let before = read()?;
    let added = with_templates(before.as_deref());
    let after = added.as_deref().or(before.as_deref());
    let mut site = site::read_with(&root, config::read(after), None)?;
    if let Some(after) = after {
        site.inputs = site.inputs.with(config::PATH, after);
    }
    let shown = build::as_configured(&site.config);
    // Experiments are run only when the blog is built.
    let Built { errors, mut warnings, .. } = site.render(&shown);
    let config = site.config_errors.is_empty().then_some(&site.config);
    let mut found = String::new();
    if let Some(config) = config {
        let (blog, _) = post::read(&site.inputs, config, &shown);
        write_counts(&mut found, &site, config, &blog);
    }
    let mut report = format!("{}\n\n", root.display());
    report.push_str(match (&before, &added, config) {
        (_, None, _) => "nothing to do: _config.yml already sets `templates`\n",
        (_, _, None) => "_config.yml is unchanged, because it is invalid\n",
        (Some(_), _, _) if options.dry_run => "_config.yml: would append `templates: liquid`\n",
        (Some(_), _, _) => "_config.yml: appended `templates: liquid`\n",
        (None, _, _) if options.dry_run => {
            "_config.yml: would be created with `templates: liquid`\n"
        }
        (None, _, _) => "_config.yml: created with `templates: liquid`\n",
    });
    report.push_str(&found);
    // At the end, so that an earlier failure leaves the blog unchanged.
    if let (Some(added), Some(_), false) = (&added, config, options.dry_run) {
        store.site.write(config::PATH, added.as_bytes())?;
    }
    let mut lacks_theme = false;
    if let Some(config) = config {
        lacks_theme = write_theme(&mut report, config, &site);
        write_plugins(&mut report, config);
    }
    // The report has its own sections for plugins and for a missing theme.
    warnings.retain(|warning| {
        let is_of_theme = warning.message().starts_with("there is no layout")
            || warning.message().starts_with("the files of the theme");
        !(warning.message().starts_with("the plugin `") || lacks_theme && is_of_theme)
    });
    write_ruby(&mut report, &ruby_files(&root.join("_plugins")));
    write_by_file(&mut report, "warnings", &warnings.iter().collect::<Vec<_>>());
    write_errors(&mut report, &errors);
    if errors.is_empty() {
        let folder = options.folder.display();
        let how =
            if lacks_theme { "The blog builds, but without its theme" } else { "The blog builds" };
        let _ = write!(report, "\n{how}: `labpress build --source {folder}`\n");
    }
    answer(&report);
    if errors.is_empty() { Ok(()) } else { Err(Error::Unimported(errors.len())) }
}

/// The configuration with `templates: liquid`, otherwise unchanged; `None` if it sets `templates`.
fn with_templates(text: Option<&str>) -> Option<String> {
    let text = text.unwrap_or("");
    let says_already = text.lines().any(|line| line.starts_with("templates:"));
    let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added = if text.is_empty() { ADDED.trim_start() } else { ADDED };
    (!says_already).then(|| format!("{text}{line_end}{added}"))
}

fn write_counts(report: &mut String, site: &Site, config: &Config, blog: &Blog<'_>) {
    let count = |role: Role| site.inputs.of(role).count();
    let mut rows: Vec<(String, usize)> = vec![
        ("posts".to_owned(), blog.posts.len()),
        ("pages".to_owned(), blog.pages.len()),
        ("layouts".to_owned(), count(Role::Layout)),
        ("includes".to_owned(), count(Role::Include)),
        ("data files".to_owned(), count(Role::Data)),
        ("static files".to_owned(), site.inputs.statics().count()),
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

/// Reports a theme that is a gem or another repository, whose files have to be copied into the
/// blog. Returns whether layouts are missing without them.
fn write_theme(report: &mut String, config: &Config, site: &Site) -> bool {
    let named =
        |key| config.values.get(&Key::Str(key)).map(as_text).filter(|name| !name.is_empty());
    let has_layouts = site.inputs.of(Role::Layout).next().is_some();
    let note = if has_layouts {
        "needed for layouts that the blog does not have"
    } else {
        "its layouts are required"
    };
    let folder =
        site.inputs.root().join(config.value("theme_dir").map_or("_theme".to_owned(), as_text));
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
            Fate::WithoutNetwork => "built in, except for data from GitHub's API",
            Fate::Theme => "its theme is read from a folder; see `theme`",
            Fate::Missing => "not supported; its tags can be includes, see `tags`",
        };
        let _ = writeln!(report, "  {name:width$}  {said}");
    }
}

/// The blog's own plugins.
#[expect(
    clippy::disallowed_methods,
    reason = "`cli` may read the disk; the folder is not part of a site's source"
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
    let _ =
        write!(report, "\nRuby plugins, which labpress does not run\n  {}\n", files.join("\n  "));
}

/// Reports unknown tags, then all other errors by file.
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
        let _ = write!(report, "\nunknown tags\n{}", table(&["  TAG", "TIMES", "FIRST"], &rows));
        let mapping: Vec<String> = tags.keys().map(|tag| format!("{tag}: {tag}.html")).collect();
        let _ = write!(
            report,
            "\n  Write an include for each (it sees `include.arguments`, `include.words` and named \
             arguments),\n  and list them in _config.yml:\n\n    liquid:\n      tags: {{{}}}\n",
            mapping.join(", ")
        );
    }
    write_by_file(report, "errors", &others);
}

/// Lists diagnostics by file. One that occurs often is listed only once.
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

/// The maximum number of errors shown per file.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_gets_one_key_and_is_otherwise_unchanged() {
        let text = "title: T # mine\nbaseurl: \"\"";
        let added = with_templates(Some(text)).expect("it does not set `templates`");
        assert!(
            added.starts_with("title: T # mine\nbaseurl: \"\"\n\n#")
                && added.ends_with("\ntemplates: liquid\n")
        );
        assert_eq!(with_templates(Some(&added)), None);
        assert!(
            with_templates(None).expect("it does not set `templates`").starts_with("# Layouts")
        );
    }
}
