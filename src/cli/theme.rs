//! `labpress theme`: lists the files of the built-in theme, and copies them into a site to be
//! changed there.

use std::path::Path;

use clap::Subcommand;

use super::{Error, answer, report, site};
use labpress::config;
use labpress::diagnostic::{Diagnostic, Place};
use labpress::inputs;
use labpress::store::Store;
use labpress::theme::{self, ThemeFile};

#[derive(Subcommand)]
pub(super) enum What {
    /// List the files of the built-in theme, and which of them the site has replaced
    List,
    /// Copy files of the built-in theme into the site, to change them there
    #[command(long_about = "Copies files of the built-in theme into the site, at the same paths. \
                            The site's files are used instead of the built-in ones, one by one; \
                            all others stay built in and are updated with labpress.\n\n\
                            Without FILE, copies all of them.")]
    Eject {
        /// Files of the theme, such as `_layouts/post.html`
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// Overwrite the site's own files
        #[arg(long)]
        force: bool,
    },
}

pub(super) fn theme(root: &Path, what: &What) -> Result<(), Error> {
    match what {
        What::List => {
            let root = site::root(root).ok();
            let is_own = |path: &str| root.as_ref().is_some_and(|root| root.join(path).exists());
            let line = |file: &ThemeFile| {
                let note = if is_own(file.path) { "  (replaced by the site's own)" } else { "" };
                format!("{}{note}\n", file.path)
            };
            answer(&theme::FILES.iter().map(line).collect::<String>());
            Ok(())
        }
        What::Eject { files, force } => eject(&site::root(root)?, files, *force),
    }
}

fn eject(root: &Path, names: &[String], is_forced: bool) -> Result<(), Error> {
    let files = named(names).map_err(Error::Errors)?;
    let taken = files.iter().filter(|file| !is_forced && root.join(file.path).exists());
    let taken = taken.map(|file| {
        let error = Diagnostic::new(Place::file(file.path), "already exists");
        error.hint("edit it, or overwrite it with `--force`")
    });
    let taken: Vec<Diagnostic> = taken.collect();
    if !taken.is_empty() {
        return Err(Error::Errors(taken));
    }
    let is_used = site::read(root)?.inputs.has_built_in_theme();
    let store = Store::of(root);
    let _lock = store.lock(super::report_waiting)?;
    for file in files {
        store.site.write(file.path, file.bytes)?;
        report(format_args!("{}", file.path));
    }
    // With some layouts of its own, a site would otherwise seem to have all that it needs.
    let text = inputs::read_one(root, config::PATH)?.unwrap_or_default();
    if is_used && config::read(Some(&text)).0.value("theme").is_none() {
        let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let added = format!(
            "{text}{line_end}# The built-in theme, for all files that the site does not have.\n\
             theme: {}\n",
            theme::NAME
        );
        store.site.write(config::PATH, added.as_bytes())?;
        report(format_args!("{}: added `theme: {}`", config::PATH, theme::NAME));
    }
    Ok(())
}

/// The files with these names; all, if there are none.
fn named(names: &[String]) -> Result<Vec<&'static ThemeFile>, Vec<Diagnostic>> {
    if names.is_empty() {
        return Ok(theme::FILES.iter().collect());
    }
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        if let Some(file) = theme::file(name.trim_start_matches("./")) {
            files.push(file);
            continue;
        }
        let message = format!("the built-in theme has no file `{name}`");
        let error = Diagnostic::new(Place::file(name), message);
        errors.push(error.hint_nearest(name, theme::FILES.iter().map(|file| file.path)));
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}
