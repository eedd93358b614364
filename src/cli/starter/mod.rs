//! `labpress new site` and `labpress init`: the files of a blog that builds at once.
//!
//! They are a site themselves, `files/`, with the records of its experiment. If a change to a recipe
//! makes those stale, train it again: `labpress --source src/cli/starter/files run digits`.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;

use super::{Error, counted, environment, report};
use labpress::digest::pretty;
use labpress::experiment::spec;
use labpress::store::Store;

/// A file, by its path in the new site.
struct StarterFile {
    path: &'static str,
    bytes: &'static [u8],
}

/// All files of the folder `files`, in order of path: `build.rs` lists them.
const FILES: &[StarterFile] = &include!(concat!(env!("OUT_DIR"), "/starter_files.rs"));

/// The name of the first post in the list. A new site gets it with the day's date before it.
const POST: &str = "_posts/first-post.md";

#[derive(Args)]
pub(super) struct SiteOptions {
    /// The folder to create it in
    #[arg(value_name = "DIR")]
    folder: std::path::PathBuf,
    /// Its title [default: the name of the folder]
    #[arg(long)]
    title: Option<String>,
}

#[derive(Args)]
pub(super) struct InitOptions {
    /// The title of the blog [default: the name of the folder]
    #[arg(long)]
    title: Option<String>,
}

/// Creates a site in a folder that does not exist or is empty.
#[expect(clippy::disallowed_methods, reason = "the user asked for this folder")]
pub(super) fn new_site(SiteOptions { folder, title }: &SiteOptions) -> Result<(), Error> {
    let is_taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(anyhow::Error::new(error)
                .context(format!("cannot read `{}`", folder.display()))
                .into());
        }
    };
    if is_taken {
        return Err(anyhow::anyhow!(
            "`{0}` is not empty\nhint: choose another folder, or add what is missing there with \
             `labpress --source {0} init`",
            folder.display()
        )
        .into());
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let written = write(folder, title.as_deref())?;
    report(format_args!("{} written in {}", counted(written, "file"), folder.display()));
    report(format_args!(
        "next: `cd {}`, then `labpress serve` shows the blog, and `labpress build` writes public/",
        folder.display()
    ));
    Ok(())
}

/// Adds what a site lacks to the folder `root`. Existing files stay as they are.
pub(super) fn init(root: &Path, InitOptions { title }: &InitOptions) -> Result<(), Error> {
    let written = write(root, title.as_deref())?;
    report(format_args!("{} written; existing files are unchanged", counted(written, "file")));
    Ok(())
}

/// Writes the files that are not there, and returns how many.
fn write(root: &Path, title: Option<&str>) -> Result<usize, Error> {
    let root = root.canonicalize().with_context(|| format!("cannot read `{}`", root.display()))?;
    let store = Store::of(&root);
    let _lock = store.lock(super::report_waiting)?;
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let title = title.map(str::to_owned).or(name).unwrap_or_else(|| "My blog".to_owned());
    let day = environment::now().to_string()[..10].to_owned();
    // A blog that has posts needs no example.
    let has_posts = root.join("_posts").exists();
    let is_of_example = |path: &str| path == POST || path.starts_with("experiments/digits/");
    let mut written = 0;
    let mut add = |path: &str, bytes: &[u8]| -> Result<(), Error> {
        if !root.join(path).exists() {
            store.site.write(path, bytes)?;
            if !is_result(path) {
                report(format_args!("{path}"));
            }
            written += 1;
        }
        Ok(())
    };
    for file in FILES.iter().filter(|file| !(has_posts && is_of_example(file.path))) {
        let path = if file.path == POST {
            format!("_posts/{day}-{}", &POST["_posts/".len()..])
        } else {
            file.path.to_owned()
        };
        match std::str::from_utf8(file.bytes) {
            Ok(text) if !file.path.starts_with("experiments/") => {
                add(&path, filled(text, &title).as_bytes())?;
            }
            _ => add(&path, file.bytes)?,
        }
    }
    if !has_posts {
        add(super::new::SCHEMA, pretty(&spec::schema()).as_bytes())?;
    }
    Ok(written)
}

/// Whether the file is a record or belongs to one. Their names say nothing to a newcomer.
fn is_result(path: &str) -> bool {
    path.contains("/runs/") || path.contains("/files/")
}

/// A file with the title and the version of labpress filled in.
fn filled(text: &str, title: &str) -> String {
    // A JSON string is also a YAML string.
    let quoted = serde_json::Value::from(title).to_string();
    text.replace("TITLE", &quoted).replace("LABPRESS_VERSION", env!("CARGO_PKG_VERSION"))
}
