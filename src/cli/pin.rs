//! `labpress pin`: keeps the results in a post fixed, or removes the pins.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use clap::Args;

use super::site;
use super::{Error, counted, environment, report, report_waiting};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::errors::Errors;
use labpress::experiment::pin::Pin;
use labpress::experiment::plan::plan;
use labpress::experiment::results::{Need, Results};
use labpress::post::{self, Blog, pin_edit};
use labpress::site::Site;
use labpress::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The post's path or file name
    post: String,
    /// The experiments to pin [default: all that the post shows, or with --remove, all that it
    /// pins]
    #[arg(value_name = "EXPERIMENT")]
    experiments: Vec<String>,
    /// Remove the pins, so that the post shows current results again
    #[arg(long)]
    remove: bool,
}

pub(super) fn pin(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = store.lock(report_waiting)?;
    let site = site::read(&root)?;
    if !site.config_errors.is_empty() {
        return Err(Error::Errors(site.config_errors));
    }
    let shown =
        post::Shown { now: environment::now(), drafts: true, future: true, unpublished: true };
    let (blog, errors) = post::read(&site.inputs, &site.config, &shown);
    if !errors.is_empty() {
        return Err(Error::Errors(errors));
    }
    let path = find(&blog, &options.post)?;
    let changes = if options.remove {
        removals(&blog, path, &options.experiments)?
    } else {
        pins(&site, &shown, path, &options.experiments, &store)?
    };
    let file = site.inputs.origin(path);
    let mut text = store.site.text(file)?;
    for (experiment, id) in &changes {
        text = pin_edit::with_pin(&text, experiment, id.as_deref())
            .ok_or_else(|| by_hand(path, experiment, id.as_deref()))?;
    }
    store.site.write(file, text.as_bytes())?;
    for (experiment, id) in &changes {
        match id {
            Some(id) => report(format_args!(
                "pinned the current results of `{experiment}` in {path} ({id})"
            )),
            None => report(format_args!("removed the pin of `{experiment}` from {path}")),
        }
    }
    Ok(())
}

/// An experiment and its pin; `None` removes the pin.
type Change = (String, Option<String>);

fn by_hand(path: &str, experiment: &str, id: Option<&str>) -> Error {
    let hint = match id {
        Some(id) => format!("add `pin: {{{experiment}: \"{id}\"}}` by hand"),
        None => format!("remove `{experiment}` from `pin` by hand"),
    };
    let error = Diagnostic::new(Place::file(path), "cannot edit `pin` in this front matter");
    Error::Errors(vec![error.hint(hint)])
}

/// The path of the post or page `named`.
pub(super) fn find<'a>(blog: &Blog<'a>, named: &str) -> Result<&'a str, Error> {
    let wanted = named.trim_start_matches("./").replace('\\', "/");
    let paths: Vec<&str> = blog.addresses().map(|(path, _)| path).collect();
    let stem = |path: &'a str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    };
    let is_meant = |path: &&&'a str| {
        **path == wanted || path.ends_with(&format!("/{wanted}")) || stem(path) == wanted
    };
    match paths.iter().filter(is_meant).copied().collect::<Vec<_>>()[..] {
        [path] => Ok(path),
        [] => {
            let error = Diagnostic::new(Place::file(named), "is not a post of this site");
            Err(Error::Errors(vec![error.hint_nearest(&wanted, paths)]))
        }
        [first, second, ..] => {
            Err(anyhow!("`{named}` is ambiguous: give the path, `{first}` or `{second}`").into())
        }
    }
}

fn removals(blog: &Blog<'_>, path: &str, named: &[String]) -> Result<Vec<Change>, Error> {
    let posts = blog.posts.iter().map(|post| (post.body.path, &post.front));
    let pages = blog.pages.iter().map(|page| (page.body.path, &page.front));
    let front = posts.chain(pages).find(|(at, _)| *at == path).map(|(_, front)| front);
    let pinned: Vec<&str> =
        front.iter().flat_map(|front| &front.pin).map(|(name, _)| name.as_str()).collect();
    if let Some(other) = named.iter().find(|name| !pinned.contains(&name.as_str())) {
        let error = Diagnostic::new(Place::file(path), format!("does not pin `{other}`"));
        return Err(Error::Errors(vec![error.hint_nearest(other, pinned)]));
    }
    let is_wanted = |name: &&str| named.is_empty() || named.iter().any(|named| named == name);
    let removed: Vec<Change> =
        pinned.into_iter().filter(is_wanted).map(|name| (name.to_owned(), None)).collect();
    if removed.is_empty() {
        report(format_args!("{path} has no pins"));
    }
    Ok(removed)
}

/// Writes pins of the current results, and returns what to write to the post.
fn pins(
    site: &Site,
    shown: &post::Shown,
    path: &str,
    named: &[String],
    store: &Store,
) -> Result<Vec<Change>, Error> {
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors.clone()));
    }
    let planned = plan(&site.experiments, &site.records);
    let results = Results::of(&site.experiments, &planned, &site.verifications)
        .with_files(site.inputs.artifacts());
    let experiments: BTreeSet<String> = if named.is_empty() {
        let mut built = site.render(shown);
        let mut errors = Errors::from(std::mem::take(&mut built.errors));
        built.needs.retain(|need| need.place.path == path);
        errors.extend(Need::errors(&built.needs));
        errors.finish(()).map_err(Error::Errors)?;
        built.experiments.remove(path).unwrap_or_default()
    } else {
        named.iter().cloned().collect()
    };
    if experiments.is_empty() {
        return Err(anyhow!("`{path}` shows no results to pin").into());
    }
    let pin_of = |name: String| {
        site.experiment(&name).map_err(Error::Errors)?;
        let of_today = results.experiments.get(name.as_str());
        let needs: Vec<Need> =
            of_today.and_then(|results| results.need(|| Place::file(path))).into_iter().collect();
        let pin = of_today.and_then(Pin::of);
        let pin = pin.ok_or_else(|| Error::Errors(Need::errors(&needs)))?;
        Ok((name, pin))
    };
    let pins: Vec<(String, Pin)> =
        experiments.into_iter().map(pin_of).collect::<Result<_, Error>>()?;
    for (name, pin) in &pins {
        store.site.write(&pin.path(), pin.to_text().as_bytes())?;
        report(format_args!(
            "{} of `{name}` in {}: commit it with the post",
            counted(pin.run_count(), "run"),
            pin.path()
        ));
    }
    Ok(pins.into_iter().map(|(name, pin)| (name, Some(pin.id()))).collect())
}
