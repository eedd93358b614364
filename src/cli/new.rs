//! `labpress new`: creates a site, a post, a page, an experiment or a data set.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Error, environment, report, site, starter};
use labpress::data::{self, fetch};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::digest::pretty;
use labpress::experiment::{Name, name_rule, spec};
use labpress::slug::slugify;
use labpress::store::Store;

/// The address of the JSON Schema of data sets, for editors.
const DATA_SCHEMA: &str = "experiments/data/data.schema.json";
/// The address of the JSON Schema of `experiment.yml`, for editors.
pub(super) const SCHEMA: &str = "experiments/experiment.schema.json";

#[derive(Subcommand)]
pub(super) enum What {
    /// Create a post with today's date in _posts/
    Post {
        /// Its title
        title: String,
    },
    /// Create a site in a new folder: a blog that builds at once
    #[command(
        long_about = "Creates a blog in the folder DIR: its configuration, a first post that \
                            shows by example how posts and experiments go together, an experiment \
                            with its results, an about page, and files for git and for \
                            publishing from GitHub and GitLab.\n\nThe theme is built in: see \
                            `labpress theme`."
    )]
    Site(starter::SiteOptions),
    /// Create a page
    Page {
        /// Its title
        title: String,
    },
    /// Declare a data set in experiments/data/NAME.yml
    Data(DataOptions),
    /// Create an experiment in experiments/NAME/
    Experiment {
        /// Its name: lowercase letters, digits and hyphens
        name: String,
    },
}

#[derive(Args)]
pub(super) struct DataOptions {
    /// Its name: lowercase letters, digits and hyphens
    name: String,
    /// A folder of images, with a folder for each class
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

pub(super) fn new(root: &Path, what: &What) -> Result<(), Error> {
    if let What::Site(options) = what {
        return starter::new_site(options);
    }
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = store.lock(super::report_waiting)?;
    let (path, text) = match what {
        What::Site(_) => return Ok(()),
        What::Post { title } => post(title)?,
        What::Page { title } => page(title)?,
        What::Data(options) => {
            let made = data_set(&root, options)?;
            store.site.write(DATA_SCHEMA, pretty(&data::schema()).as_bytes())?;
            made
        }
        What::Experiment { name } => {
            let made = experiment(name)?;
            store.site.write(SCHEMA, pretty(&spec::schema()).as_bytes())?;
            made
        }
    };
    if root.join(&path).exists() {
        let error = Diagnostic::new(Place::file(&path), "already exists");
        return Err(Error::Errors(vec![error.hint("edit it, or choose another name")]));
    }
    store.site.write(&path, text.as_bytes())?;
    report(format_args!("{path}"));
    Ok(())
}

fn post(title: &str) -> Result<(String, String), Error> {
    let name = file_name(title, "_posts/")?;
    let day = environment::now().to_string()[..10].to_owned();
    let title = quoted(title);
    Ok((
        format!("_posts/{day}-{name}.md"),
        format!("---\nlayout: post\ntitle: {title}\ndescription:\ntags: []\n---\n\n"),
    ))
}

fn page(title: &str) -> Result<(String, String), Error> {
    let name = file_name(title, "")?;
    let title = quoted(title);
    let text = format!("---\nlayout: page\ntitle: {title}\npermalink: /{name}/\n---\n\n");
    Ok((format!("{name}.md"), text))
}

/// The name of a file for a title.
fn file_name(title: &str, folder: &str) -> Result<String, Error> {
    let name = slugify(title);
    if name.is_empty() {
        let message = format!("cannot make a file name from the title `{title}`");
        let error = Diagnostic::new(Place::file(folder), message);
        return Err(Error::Errors(vec![error.hint("use a title with letters or digits")]));
    }
    Ok(name)
}

/// A JSON string, which is also a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The declaration of a data set: of the images in a folder, or with places to fill in.
fn data_set(
    root: &Path,
    DataOptions { name, from }: &DataOptions,
) -> Result<(String, String), Error> {
    let path = format!("experiments/data/{name}.yml");
    if Name::new(name).is_none() {
        let message = format!("`{name}` cannot be the name of a data set");
        let error = Diagnostic::new(Place::file(path), message);
        return Err(Error::Errors(vec![error.hint(name_rule(name))]));
    }
    let Found { folder, classes, digest } = match from {
        Some(from) => found(root, from)?,
        None => Found::example(),
    };
    let (above, folder) = folder.rsplit_once('/').unwrap_or((".", &folder));
    let classes: Vec<String> = classes.iter().map(|class| quoted(class)).collect();
    let text = format!(
        "# yaml-language-server: $schema=data.schema.json\n\
         title: {}\n\
         licence: Say under which licence the images are\n\
         homepage: https://example.org/{name}\n\
         citation: Author (year). Title.\n\
         classes: [{}]\n\
         # A folder for each class, with PNG and JPEG files.\n\
         format: {{kind: image-folder, train: {folder}}}\n\
         files:\n  \
           # From `labpress data digest {above}/{folder}`.\n  \
           {folder}: {{folder: true, sha256: {digest}}}\n\
         sources:\n  \
           - {{kind: folder, path: {above}}}\n\
         splits: {{default: {{kind: stratified, test: 0.2}}}}\n",
        quoted(name),
        classes.join(", "),
    );
    Ok((path, text))
}

/// A folder of images, by its path from the site's root.
struct Found {
    folder: String,
    classes: Vec<String>,
    digest: String,
}

impl Found {
    /// A placeholder for a folder that is not known yet.
    fn example() -> Found {
        Found {
            folder: "pictures/train".to_owned(),
            classes: vec!["cat".to_owned(), "dog".to_owned()],
            digest: "0".repeat(64),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the user asked for this folder")]
fn found(root: &Path, from: &Path) -> Result<Found, Error> {
    let cannot_read = || format!("cannot read `{}`", from.display());
    let folder = from.canonicalize().with_context(cannot_read)?;
    let Ok(inside) = folder.strip_prefix(root) else {
        return Err(anyhow::anyhow!(
            "`{}` is not in the site's folder\nhint: move it there, or leave `--from` out and \
             declare where the files come from under `sources`",
            from.display()
        )
        .into());
    };
    let mut classes = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        if entry.path().is_dir() {
            classes.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    classes.sort();
    if classes.len() < 2 {
        return Err(anyhow::anyhow!(
            "`{}` has no folders for at least two classes\nhint: make a folder for each class, and \
             put its images there",
            from.display()
        )
        .into());
    }
    Ok(Found {
        folder: labpress::path::of_disk(root, &root.join(inside)),
        classes,
        digest: fetch::sha256(&folder).with_context(cannot_read)?,
    })
}

fn experiment(name: &str) -> Result<(String, String), Error> {
    let path = format!("experiments/{name}/experiment.yml");
    let Some(name) = Name::new(name).filter(|name| name.as_str() != "data") else {
        let error = Diagnostic::new(
            Place::file(path),
            format!("`{name}` cannot be the name of an experiment"),
        );
        return Err(Error::Errors(vec![error.hint(name_rule(name))]));
    };
    let text = format!(
        "# yaml-language-server: $schema=../experiment.schema.json\n\
        title: {name}\n\
        question: What should it find out?\n\
        recipe: image-classification\n\
        data: digits\n\
        seeds: 3\n\
        params: {{epochs: 5}}\n\
        variants:\n  small: {{model: {{kind: mlp, hidden: [16]}}}}\n  large: {{model: {{kind: mlp, hidden: [256]}}}}\n"
    );
    Ok((path, text))
}
