//! `labpress new`: creates a post or an experiment.

use std::path::Path;

use clap::Subcommand;

use super::{Error, environment, report, site};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::digest::pretty;
use labpress::experiment::{Name, name_rule, spec};
use labpress::slug::slugify;
use labpress::store::Store;

/// The address of the JSON Schema of `experiment.yml`, for editors.
const SCHEMA: &str = "experiments/experiment.schema.json";

#[derive(Subcommand)]
pub(super) enum What {
    /// Create a post with today's date in _posts/
    Post {
        /// Its title
        title: String,
    },
    /// Create an experiment in experiments/NAME/
    Experiment {
        /// Its name: lowercase letters, digits and hyphens
        name: String,
    },
}

pub(super) fn new(root: &Path, what: &What) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = store.lock(super::report_waiting)?;
    let (path, text) = match what {
        What::Post { title } => post(title)?,
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
    let name = slugify(title);
    if name.is_empty() {
        let error = Diagnostic::new(
            Place::file("_posts/"),
            format!("cannot make a file name from the title `{title}`"),
        );
        return Err(Error::Errors(vec![error.hint("use a title with letters or digits")]));
    }
    let now = environment::now();
    let day = now.to_string()[..10].to_owned();
    // A JSON string is also a YAML string.
    let title_text = serde_json::Value::from(title).to_string();
    Ok((
        format!("_posts/{day}-{name}.md"),
        format!("---\nlayout: post\ntitle: {title_text}\n---\n\n"),
    ))
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
