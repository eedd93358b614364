//! `labpress mv`: renames an experiment, with its results and everything that refers to it.
//!
//! All new files are first staged in `.labpress/mv/`, followed by a journal that lists them. If the
//! command is killed before it writes the journal, nothing has changed; if it is killed later, the
//! same call completes the rename. Until then, no other command reads the site.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::site;
use super::{Error, answer, counted, report, report_waiting};
use labpress::diagnostic::{Diagnostic, Place, Position};
use labpress::experiment::pin;
use labpress::experiment::rename::{self, Renaming};
use labpress::experiment::{Name, name_rule};
use labpress::figure;
use labpress::post::{front_matter, pin_edit};
use labpress::roles::Role;
use labpress::site::Site;
use labpress::store::Store;
use labpress::yaml::Yaml;

#[derive(Args)]
pub(super) struct Options {
    /// The experiment
    #[arg(value_name = "OLD")]
    old: String,
    /// Its new name
    #[arg(value_name = "NEW")]
    new: String,
    /// Report what would be changed, without changing it
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// The folder of staged files.
const STAGED: &str = ".labpress/mv";
/// The journal. As long as it exists, the rename is incomplete.
const JOURNAL: &str = ".labpress/mv/journal.json";

/// The steps of a rename, in order. Each step is idempotent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Journal {
    old: String,
    new: String,
    /// Folders to rename.
    folders: Vec<(String, String)>,
    /// Files to write, and their staged contents.
    written: Vec<(String, String)>,
    /// Files to delete.
    removed: Vec<String>,
}

/// Returns an error if a call of `labpress mv` was interrupted.
pub(super) fn check_unfinished(root: &Path) -> Result<(), Error> {
    let Some(journal) = Journal::read(root, &Store::of(root))? else { return Ok(()) };
    let call = format!("labpress mv {} {}", journal.old, journal.new);
    Err(anyhow!("`{call}` was interrupted, so the rename is incomplete\nhint: run `{call}` again")
        .into())
}

pub(super) fn mv(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = if options.dry_run { None } else { Some(store.lock(report_waiting)?) };
    if let Some(journal) = Journal::read(&root, &store)? {
        if options.dry_run || (&journal.old, &journal.new) != (&options.old, &options.new) {
            return check_unfinished(&root);
        }
        journal.complete(&root, &store)?;
        report(format_args!(
            "completed the interrupted rename of `{}` to `{}`",
            journal.old, journal.new
        ));
        return Ok(());
    }
    let site = site::read(&root)?;
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    let old = site.experiment(&options.old).map_err(Error::Errors)?.name.clone();
    let new = new_name(&options.new, &root)?;
    let (renaming, edited) = changes((&old, &new), &site, &store)?;
    answer(&listed((&old, &new), &renaming, &edited));
    for path in mentioning(&old, &site) {
        report(format_args!(
            "note: {path} refers to a file in `experiments/{old}/`: update it by hand"
        ));
    }
    let count = counted(1 + renaming.written.len() + edited.len(), "change");
    if options.dry_run {
        report(format_args!("{count}: nothing was written"));
        return Ok(());
    }
    let journal = Journal::staged((&old, &new), &renaming, &edited, &store)?;
    journal.complete(&root, &store)?;
    report(format_args!(
        "renamed `{old}` to `{new}` with all results: commit experiments/ and the changed posts"
    ));
    Ok(())
}

fn new_name(text: &str, root: &Path) -> Result<Name, Error> {
    let place = Place::file(format!("experiments/{text}"));
    let Some(name) = Name::new(text).filter(|name| name.as_str() != "data") else {
        let error = Diagnostic::new(place, format!("`{text}` cannot be the name of an experiment"));
        return Err(Error::Errors(vec![error.hint(name_rule(text))]));
    };
    if root.join("experiments").join(text).symlink_metadata().is_ok() {
        let error = Diagnostic::new(place, "already exists");
        return Err(Error::Errors(vec![error.hint("choose another name")]));
    }
    Ok(name)
}

/// The files of labpress to write, and the edited contents of the author's files by path.
fn changes(
    (old, new): (&Name, &Name),
    site: &Site,
    store: &Store,
) -> Result<(Renaming, BTreeMap<String, String>), Error> {
    let mut pins = Vec::new();
    for (path, text) in site.inputs.of(Role::Pin) {
        pins.push(pin::parse(path, text).map_err(|error| Error::Errors(vec![error]))?);
    }
    let renaming =
        rename::renaming((old, new), &site.experiments, &site.records, &site.verifications, &pins);
    let mut edited = BTreeMap::new();
    for experiment in
        site.experiments.iter().filter(|experiment| experiment.needs.contains_key(old))
    {
        let path = if experiment.name == *old { continue } else { &experiment.path };
        let text = store.site.text(path)?;
        edited.insert(path.clone(), with_need_renamed(path, &text, old, new)?);
    }
    for (path, _) in site.inputs.texts().filter(|(path, _)| is_read_by_liquid(path)) {
        let file = site.inputs.origin(path);
        let text = store.site.text(file)?;
        let renamed = with_pins_renamed(
            file,
            figure::with_experiment_renamed(&text, old.as_str(), new.as_str()),
            &renaming,
        )?;
        if renamed != text {
            edited.insert(file.to_owned(), renamed);
        }
    }
    Ok((renaming, edited))
}

fn is_read_by_liquid(path: &str) -> bool {
    !(path.starts_with("experiments/")
        || path.starts_with("_data/")
        || path == labpress::config::PATH)
}

/// The text of an `experiment.yml` with the experiment's new name in `needs`.
fn with_need_renamed(path: &str, text: &str, old: &Name, new: &Name) -> Result<String, Error> {
    let yaml = Yaml::file(path, text);
    let mut text = text.to_owned();
    for index in 0.. {
        let index = index.to_string();
        if yaml.depth(&["needs", &index]) < 2 {
            break;
        }
        let at =
            yaml.place(&["needs", &index]).position.and_then(|position| byte_at(&text, position));
        let Some(at) = at else { continue };
        let quote = usize::from(text[at..].starts_with(['"', '\'']));
        let end = at + quote + old.as_str().len();
        let goes_on =
            text[at + quote..].strip_prefix(old.as_str()).map(|rest| rest.starts_with(is_of_name));
        if goes_on == Some(false) {
            text.replace_range(at + quote..end, new.as_str());
            // Later places in the line have moved.
            return with_need_renamed(path, &text, old, new);
        }
    }
    let needs: Option<Vec<String>> = yaml
        .parse::<BTreeMap<String, serde_yaml::Value>>()
        .ok()
        .and_then(|mut file| serde_yaml::from_value(file.remove("needs")?).ok());
    if needs.is_some_and(|needs| !needs.iter().any(|need| need == old.as_str())) {
        return Ok(text);
    }
    let error =
        Diagnostic::new(yaml.place(&["needs"]), format!("cannot replace `{old}` in `needs`"));
    Err(Error::Errors(vec![
        error.hint("write `needs` as a plain list of names, and run the command again"),
    ]))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn byte_at(text: &str, position: Position) -> Option<usize> {
    let line = text.split_inclusive('\n').take(position.line - 1).map(str::len).sum::<usize>();
    let column = text.get(line..)?.char_indices().nth(position.column - 1)?.0;
    Some(line + column)
}

/// The text of a post or page with the new names of pins.
fn with_pins_renamed(path: &str, mut text: String, renaming: &Renaming) -> Result<String, Error> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let Some((yaml, _)) = front_matter::split(path, &text[mark..]) else { return Ok(text) };
    let front: serde_yaml::Value = serde_yaml::from_str(yaml.text).unwrap_or_default();
    let Some(pins) = front.get("pin").and_then(serde_yaml::Value::as_mapping) else {
        return Ok(text);
    };
    for (experiment, id) in pins {
        let (Some(experiment), Some(id)) = (experiment.as_str(), id.as_str()) else { continue };
        let Some((name, new_id)) = renaming.pins.get(&(experiment.to_owned(), id.to_owned()))
        else {
            continue;
        };
        let renamed = pin_edit::with_pin(&text, name, Some(new_id)).and_then(|text| {
            if name == experiment {
                Some(text)
            } else {
                pin_edit::with_pin(&text, experiment, None)
            }
        });
        text = renamed.ok_or_else(|| {
            let error =
                Diagnostic::new(Place::file(path), "cannot edit `pin` in this front matter");
            Error::Errors(vec![error.hint(
                "write `pin` as a map with one experiment per line, and run the command again",
            )])
        })?;
    }
    Ok(text)
}

/// The files that refer to a file in the experiment's folder: the path may be a parameter, which is
/// part of fingerprints.
fn mentioning(old: &Name, site: &Site) -> Vec<String> {
    let folder = format!("experiments/{old}/");
    let texts = site
        .inputs
        .texts()
        .filter(|(path, text)| !path.ends_with(".json") && text.text.contains(&folder));
    texts.map(|(path, _)| site.inputs.origin(path).to_owned()).collect()
}

fn listed(
    (old, new): (&Name, &Name),
    renaming: &Renaming,
    edited: &BTreeMap<String, String>,
) -> String {
    let mut lines = vec![format!("rename experiments/{old}/ to experiments/{new}/")];
    lines.extend(renaming.written.keys().map(|path| format!("write  {path}")));
    lines.extend(renaming.removed.iter().map(|path| format!("remove {path}")));
    lines.extend(edited.keys().map(|path| format!("edit   {path}")));
    lines.join("\n")
}

impl Journal {
    fn read(root: &Path, store: &Store) -> Result<Option<Journal>, Error> {
        if !root.join(JOURNAL).exists() {
            return Ok(None);
        }
        let text = store.site.text(JOURNAL)?;
        let journal = serde_json::from_str(&text)
            .map_err(|error| anyhow!("`{JOURNAL}` is damaged: {error}"))?;
        Ok(Some(journal))
    }

    /// Stages all files, then writes the journal.
    fn staged(
        (old, new): (&Name, &Name),
        renaming: &Renaming,
        edited: &BTreeMap<String, String>,
        store: &Store,
    ) -> Result<Journal, Error> {
        let mut written = Vec::new();
        for (number, (path, text)) in renaming.written.iter().chain(edited).enumerate() {
            let staged = format!("{STAGED}/{number}");
            store.site.write(&staged, text.as_bytes())?;
            written.push((path.clone(), staged));
        }
        let folder = |parent: &str| (format!("{parent}/{old}"), format!("{parent}/{new}"));
        let journal = Journal {
            old: old.to_string(),
            new: new.to_string(),
            folders: ["experiments", ".labpress/runs", ".labpress/logs"].map(folder).into(),
            written,
            removed: renaming.removed.clone(),
        };
        let text = serde_json::to_string_pretty(&journal).expect("a journal has only strings");
        store.site.write(JOURNAL, text.as_bytes())?;
        Ok(journal)
    }

    /// Performs the remaining steps.
    fn complete(&self, root: &Path, store: &Store) -> Result<(), Error> {
        for (from, to) in &self.folders {
            if root.join(from).exists() && !root.join(to).exists() {
                store.site.rename(from, to)?;
            }
        }
        for (path, staged) in &self.written {
            store.site.write(path, store.site.text(staged)?.as_bytes())?;
        }
        store.site.remove_all(
            self.removed.iter().map(String::as_str).filter(|path| root.join(path).exists()),
        )?;
        // Deletes the journal and the staged files together.
        store.site.remove_all([STAGED].into_iter())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_need(text: &str, expected: &str) {
        let name = |text| Name::new(text).unwrap();
        let renamed = with_need_renamed("a.yml", text, &name("toy"), &name("toys-2")).ok().unwrap();
        assert_eq!(renamed, expected);
    }

    #[test]
    fn a_need_is_renamed_in_place() {
        check_need("title: toy\nneeds: [toy-2, toy]\n", "title: toy\nneeds: [toy-2, toys-2]\n");
        check_need(
            "needs:\n  - \"toy\" # toy\n  - other\n",
            "needs:\n  - \"toys-2\" # toy\n  - other\n",
        );
        check_need("needs: ['toy', toy]", "needs: ['toys-2', toys-2]");
    }
}
