//! `labpress data`: lists, fetches, checks and shows data sets.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Error, answer, environment, report, report_waiting, site};
use labpress::data::fetch::{self, FetchEvent, Places};
use labpress::data::images::{Images, Wanted};
use labpress::data::sheet::{Row, Sheet, Tile};
use labpress::data::{DataSet, built_in, built_in_names, read, split};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::inputs;
use labpress::path;
use labpress::store::Store;
use labpress::yaml::Yaml;

#[derive(Subcommand)]
pub(super) enum What {
    /// List the built-in data sets and those of this site
    List,
    /// Fetch data sets, as the first run that needs them would
    Fetch(Names),
    /// Check the files of data sets against their digests
    Check(Names),
    /// Draw a contact sheet with images of every class
    Show(Show),
    /// Print the digest to declare for a file or a folder
    Digest {
        /// The file or folder
        path: PathBuf,
    },
}

#[derive(Args)]
pub(super) struct Names {
    /// The data sets
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

#[derive(Args)]
pub(super) struct Show {
    /// The data set
    name: String,
    /// The split whose training images are shown
    #[arg(long, value_name = "S", default_value = split::DEFAULT)]
    split: String,
    /// Images per class
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=40))]
    count: u32,
    /// Show test images instead
    #[arg(long)]
    test: bool,
    /// The PNG file to write [default: .labpress/sheets/NAME.png; NAME.png outside a site]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn data(root: &Path, what: &What) -> Result<(), Error> {
    // The built-in data sets are also available outside a site.
    let root = site::root(root).ok();
    match what {
        What::List => list(root.as_deref()),
        What::Fetch(Names { names }) => names.iter().try_for_each(|name| {
            let set = declaration(name, root.as_deref())?;
            let folder = fetched(name, &set, root.as_deref())?;
            answer(&format!("{name}: {}", folder.display()));
            Ok(())
        }),
        What::Check(Names { names }) => names.iter().try_for_each(|name| {
            let set = declaration(name, root.as_deref())?;
            if !fetch::is_there(name, &set, &cache()?) {
                let message = format!(
                    "the data set `{name}` has not been fetched: run `labpress data fetch {name}`"
                );
                return Err(anyhow::Error::msg(message).into());
            }
            fetch::check_again(name, &set, &cache()?).with_context(|| {
                format!("the data set `{name}` is damaged: run `labpress data fetch {name}`")
            })?;
            answer(&format!("{name}: all files match their digests"));
            Ok(())
        }),
        What::Show(show) => sheet(show, root.as_deref()),
        What::Digest { path } => {
            let digest =
                fetch::sha256(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let folder = if path.is_dir() { "folder: true, " } else { "" };
            answer(&format!("{{{folder}sha256: {digest}}}"));
            Ok(())
        }
    }
}

/// Fetches a data set unless it is there, and returns its folder. Reports progress, on a terminal
/// with a bar.
pub(super) fn fetched(name: &str, set: &DataSet, root: Option<&Path>) -> Result<PathBuf, Error> {
    let cache = cache()?;
    let style = ProgressStyle::with_template("  {spinner} {bytes} {bytes_per_sec}")
        .expect("the template is valid");
    let whole_style = ProgressStyle::with_template(
        "  {bar:24.cyan/dim} {bytes} of {total_bytes} {bytes_per_sec} {eta} left",
    )
    .expect("the template is valid")
    .progress_chars("━╸─");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    let folder =
        fetch::fetch_from(
            name,
            set,
            Places { cache: &cache, site: root },
            &mut |event| match event {
                FetchEvent::Line(line) => bar.suspend(|| report(format_args!("{line}"))),
                FetchEvent::Bytes { done, of } => {
                    if let Some(of) = of.filter(|of| bar.length() != Some(*of)) {
                        bar.set_style(whole_style.clone());
                        bar.set_length(of);
                    }
                    bar.set_position(done);
                }
            },
        );
    bar.finish_and_clear();
    Ok(folder?)
}

fn cache() -> Result<PathBuf, Error> {
    Ok(environment::data_cache()
        .context("there is no folder for data sets: set LABPRESS_DATA, or HOME")?)
}

/// The names of all data sets, built-in and of the site.
#[expect(
    clippy::disallowed_methods,
    reason = "reading the whole site only to list one folder would be slow"
)]
fn names(root: Option<&Path>) -> Vec<String> {
    let folder = root.map(|root| root.join("experiments/data"));
    let entries = folder
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let of_site = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".yml").map(str::to_owned));
    let mut names: Vec<String> = of_site.chain(built_in_names().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

/// The declaration of a data set. One of the site overrides a built-in one of the same name.
fn declaration(name: &str, root: Option<&Path>) -> Result<DataSet, Error> {
    let path = format!("experiments/data/{name}.yml");
    let known = names(root);
    if !known.iter().any(|known| known == name) {
        let error = Diagnostic::new(Place::file(&path), format!("unknown data set `{name}`"));
        return Err(Error::Errors(vec![
            error.hint_nearest(name, known.iter().map(String::as_str)),
        ]));
    }
    let of_site = root.map(|root| inputs::read_one(root, &path)).transpose()?.flatten();
    let text = of_site.as_deref().or_else(|| built_in(name)).unwrap_or_default();
    DataSet::parse(&Yaml::file(&path, text)).map_err(Error::Errors)
}

fn list(root: Option<&Path>) -> Result<(), Error> {
    let cache = environment::data_cache();
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for name in names(root) {
        let set = match declaration(&name, root) {
            Ok(set) => set,
            Err(Error::Errors(found)) => {
                errors.extend(found);
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_present = cache.as_ref().is_some_and(|cache| fetch::is_present(&name, &set, cache));
        let size = match &cache {
            Some(cache) if is_present => HumanBytes(fetch::bytes(&name, &set, cache)).to_string(),
            _ => set.download.as_ref().map(|size| format!("{size} to fetch")).unwrap_or_default(),
        };
        rows.push(vec![
            name,
            if is_present { "present".to_owned() } else { "-".to_owned() },
            set.classes.len().to_string(),
            set.images.map(|images| images.to_string()).unwrap_or_default(),
            size,
            set.title,
            set.licence,
        ]);
    }
    answer(&super::table::table(
        &["NAME", "HERE", "CLASSES", "IMAGES", "SIZE", "TITLE", "LICENCE"],
        &rows,
    ));
    if let Some(cache) = cache {
        report(format_args!("data sets are kept in {}", cache.display()));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Errors(errors)) }
}

#[expect(clippy::disallowed_methods, reason = "the user asked for this file")]
fn sheet(show: &Show, root: Option<&Path>) -> Result<(), Error> {
    let set = declaration(&show.name, root)?;
    let folder = fetched(&show.name, &set, root)?;
    let wanted = Wanted { split: &show.split, seed: 0, image_size: None, channels: None };
    // Resize pictures of different sizes.
    let splits = read::read(&show.name, &folder, &set, &wanted).or_else(|_| {
        read::read(&show.name, &folder, &set, &Wanted { image_size: Some(128), ..wanted })
    })?;
    let images = if show.test { &splits.test } else { &splits.train };
    let part = if show.test { "test" } else { "train" };
    let counted = |count: usize| {
        if count == 1 { "1 image".to_owned() } else { format!("{} images", grouped(count)) }
    };
    let subtitle = format!(
        "{} for training, {} for testing (split `{}`), {}×{} pixels, {}; \
         shown: {part}\nLicence: {}",
        grouped(splits.train.count()),
        grouped(splits.test.count()),
        show.split,
        images.columns,
        images.rows,
        if images.channels == 1 { "grey" } else { "colour" },
        set.licence,
    );
    let rows = set.classes.iter().enumerate().map(|(class, name)| {
        let of_class: Vec<usize> = (0..images.count())
            .filter(|&image| usize::from(images.labels[image]) == class)
            .collect();
        Row {
            heading: name.clone(),
            note: counted(of_class.len()),
            tiles: spread(&of_class, show.count as usize)
                .map(|image| tile(images, image))
                .collect(),
        }
    });
    let sheet = Sheet { title: set.title.clone(), subtitle, rows: rows.collect() };
    // A folder that a build does not publish.
    let usual =
        |root: Option<&Path>| root.map_or_else(PathBuf::new, |root| root.join(".labpress/sheets"));
    let out = show.out.clone().unwrap_or_else(|| usual(root).join(format!("{}.png", show.name)));
    let folder =
        out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = match folder.canonicalize() {
        Err(_) if show.out.is_none() => folder.to_owned(),
        folder => folder.with_context(|| format!("cannot write `{}`", out.display()))?,
    };
    if let Some(root) = root.filter(|root| folder.starts_with(root)) {
        let store = Store::of(root);
        let _lock = store.lock(report_waiting)?;
        store.site.write(
            &path::of_disk(root, &folder.join(out.file_name().unwrap_or_default())),
            &sheet.png(),
        )?;
    } else {
        std::fs::write(&out, sheet.png())
            .with_context(|| format!("cannot write `{}`", out.display()))?;
    }
    if !set.redistribute {
        report(format_args!(
            "do not publish this sheet: the licence of `{}` does not allow it",
            show.name
        ));
    }
    answer(&out.display().to_string());
    Ok(())
}

/// Picks this many of the items, evenly spread.
fn spread(items: &[usize], count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(items.len());
    (0..count).map(move |number| items[number * items.len() / count])
}

fn tile(images: &Images, image: usize) -> Tile {
    Tile {
        pixels: images.image(image).to_vec(),
        channels: images.channels,
        rows: images.rows,
        columns: images.columns,
        caption: Vec::new(),
    }
}

/// A number with commas as thousands separators.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn images_are_evenly_spread() {
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5, 6, 7], 3).collect::<Vec<_>>(), [0, 2, 5]);
        assert_eq!(spread(&[4, 5], 9).collect::<Vec<_>>(), [4, 5]);
    }
}
