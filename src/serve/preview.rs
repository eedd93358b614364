//! The site behind a preview: takes what changed on disk and renders the site again.
//!
//! This is the one place where the preview and the site meet, so how much is rendered again is
//! decided here alone.

use std::collections::BTreeSet;
use std::io;

use crate::config;
use crate::experiment::record::Record;
use crate::experiment::spec::Environment;
use crate::inputs::{self, Effect};
use crate::path;
use crate::post::Shown;
use crate::roles::Role;
use crate::site::{Built, Memo, Site};

/// What changed on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The files at these paths from the site's root, and all files in them if they are or were
    /// folders.
    Paths(BTreeSet<String>),
    /// Anything.
    Everything,
}

impl Changed {
    /// Adds other changes.
    pub(super) fn merge(&mut self, other: Changed) {
        match (&mut *self, other) {
            (Changed::Paths(paths), Changed::Paths(more)) => paths.extend(more),
            (Changed::Everything, _) => {}
            (_, Changed::Everything) => *self = Changed::Everything,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Changed::Paths(paths) if paths.is_empty())
    }
}

/// A site that is rendered again and again.
pub struct Preview {
    site: Site,
    shown: Shown,
    environment: fn(&str) -> Option<String>,
    /// What the last rendering left for the next one.
    memo: Memo,
    /// Whether each rendering is compared with one from nothing.
    is_checked: bool,
    /// Whether the site could not be read completely, so that single changes do not suffice.
    is_incomplete: bool,
}

impl Preview {
    /// A preview of a site that was read. `environment` is what the site was parsed with.
    pub fn new(site: Site, shown: Shown, environment: fn(&str) -> Option<String>) -> Preview {
        let memo = Memo::default();
        Preview { site, shown, environment, memo, is_checked: false, is_incomplete: false }
    }

    /// The same, which compares each rendering with one from nothing and warns of differences. Much
    /// slower: it is for finding bugs.
    #[must_use]
    pub fn checked(self) -> Preview {
        Preview { is_checked: true, ..self }
    }

    /// The site as it is now.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Renders the site.
    pub fn built(&mut self) -> Built {
        let mut built = self.site.render_again(&self.shown, &self.memo);
        self.memo = std::mem::take(&mut built.memo);
        if self.is_checked { built.checked_against(&self.site.render(&self.shown)) } else { built }
    }

    /// Replaces what runs at work have reported so far. Returns whether that changes anything.
    pub(super) fn set_provisional(&mut self, provisional: Vec<Record>) -> bool {
        let is_new = self.site.provisional != provisional;
        self.site.provisional = provisional;
        is_new
    }

    /// Takes over what changed and renders the site again; `None` if nothing that it shows has
    /// changed. After an error, which names its file, the next call reads everything.
    pub fn rebuild(&mut self, changed: &Changed) -> io::Result<Option<Built>> {
        let effect = match changed {
            Changed::Paths(paths) if !self.is_incomplete => self.take_over(paths),
            Changed::Paths(_) | Changed::Everything => Ok(Effect::Everything),
        };
        self.is_incomplete = true;
        match effect? {
            Effect::None => {
                self.is_incomplete = false;
                return Ok(None);
            }
            Effect::Input(role) if !self.is_parsed(&role) => {}
            Effect::Program | Effect::Input(_) => self.parse_again(),
            Effect::Everything => self.read_again()?,
        }
        self.is_incomplete = false;
        Ok(Some(self.built()))
    }

    /// Reads the files at these paths again, and returns the largest effect.
    fn take_over(&mut self, paths: &BTreeSet<String>) -> io::Result<Effect> {
        let inputs = &self.site.inputs;
        let mut files = paths.clone();
        let mut gone = paths.iter().filter(|path| !inputs.root().join(path).is_file()).peekable();
        if gone.peek().is_some() {
            files.extend(inputs.paths_in(&gone.map(String::as_str).collect()));
        }
        let folders: BTreeSet<&str> = files.iter().filter_map(|path| parent(path)).collect();
        let unread: BTreeSet<&str> =
            folders.into_iter().filter(|folder| !inputs.is_folder_read(folder)).collect();
        let mut all = Effect::None;
        for file in &files {
            if parent(file).is_some_and(|folder| unread.contains(folder)) {
                continue;
            }
            // A folder has no content of its own; its files are among the paths.
            if self.site.inputs.root().join(file).is_dir() {
                continue;
            }
            match self.site.inputs.reread(file)? {
                Effect::Everything => return Ok(Effect::Everything),
                Effect::None => {}
                // The experiments are read again if any of the changes asks for it.
                effect => {
                    let suffices = matches!(&all, Effect::Program)
                        || matches!(&all, Effect::Input(role) if self.is_parsed(role));
                    if !suffices {
                        all = effect;
                    }
                }
            }
        }
        Ok(all)
    }

    /// Whether parsing the site, before it is rendered, depends on files with this role: on those of
    /// experiments. The damage of records is judged by what posts are pinned to.
    fn is_parsed(&self, role: &Role) -> bool {
        let is_of_experiments = matches!(
            role,
            Role::Config
                | Role::Experiment
                | Role::DataSet
                | Role::Record
                | Role::Pin
                | Role::Verification
                | Role::Artifact
        );
        is_of_experiments || !self.site.errors.is_empty() || !self.site.warnings.is_empty()
    }

    fn parse_again(&mut self) {
        let inputs = std::mem::take(&mut self.site.inputs);
        let config = (self.site.config.clone(), self.site.config_errors.clone());
        self.parse(config, inputs);
    }

    fn read_again(&mut self) -> io::Result<()> {
        let root = self.site.inputs.root().to_owned();
        let config = config::read(inputs::read_one(&root, config::PATH)?.as_deref());
        let inputs = inputs::read(&root, &config.0.roles)?.with_commits(&config.0);
        self.parse(config, inputs);
        Ok(())
    }

    fn parse(
        &mut self,
        config: (config::Config, Vec<crate::diagnostic::Diagnostic>),
        inputs: inputs::Inputs,
    ) {
        let environment: Environment<'_> = &self.environment;
        let compile_sass = self.site.compile_sass;
        let cache = self.site.cache.clone();
        let provisional = std::mem::take(&mut self.site.provisional);
        let parsed = Site::parse(config, inputs, environment);
        self.site = Site { provisional, compile_sass, cache, ..parsed };
    }
}

fn parent(path: &str) -> Option<&str> {
    path::folders(path).last()
}
