//! A site that is rendered again from the memo of an earlier rendering is the same, byte for byte,
//! as one rendered from nothing: after every kind of edit to every file of the sites in
//! `tests/sites`, and after random sequences of edits. The memo is tested as it is in memory, for
//! previews, and as bytes, for builds.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and makes its own files"
)]

use std::fs;
use std::path::{Path, PathBuf};

use labpress::config;
use labpress::digest::Digest;
use labpress::inputs;
use labpress::inputs::mark::Mark;
use labpress::output::{Content, Output};
use labpress::post::Shown;
use labpress::site::{Built, Memo, Site};
use labpress::store::cache::Cache;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rayon::prelude::*;

/// A copy of a site of `tests/sites`, and the memos of its last rendering and its last build.
struct Edited {
    name: String,
    folder: tempfile::TempDir,
    shown: Shown,
    memo: Memo,
    kept: Vec<u8>,
    /// Shared by all renderings: what it keeps depends on its key alone.
    cache: Cache,
    history: Vec<String>,
}

/// Everything about a rendering that anyone can see, and its files, if it has no errors. Files that
/// are still as an earlier build wrote them are shown as those of `fresh` that have the same digest.
fn visible(built: Built, fresh: Option<&Output>) -> (String, Option<Output>) {
    let Built { needs, errors, warnings, experiments, .. } = &built;
    let mut text = format!("{needs:#?}\n{errors:#?}\n{warnings:#?}\n{experiments:#?}\n");
    match built.into_output() {
        Ok(output) => {
            for (path, content) in output.files() {
                let same = fresh.and_then(|fresh| fresh.file(path));
                let same = same.filter(|same| same.digest() == content.digest());
                let content = match content {
                    Content::AsWritten { .. } => same.unwrap_or(content),
                    content => content,
                };
                text.extend([path, ": ", &as_text(content), "\n"]);
            }
            (text, Some(output))
        }
        Err(errors) => (format!("{text}{errors:#?}"), None),
    }
}

/// The text of a file, or what tells it apart from others.
fn as_text(content: &Content) -> String {
    match content {
        Content::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => Digest::of(bytes).to_string(),
        },
        other => format!("{other:?}"),
    }
}

fn copied(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let inside = entry.path().strip_prefix(from).unwrap();
        if inside.starts_with("expected") || inside == Path::new("expected-errors.txt") {
            continue;
        }
        if entry.file_type().is_dir() {
            fs::create_dir_all(to.join(inside)).unwrap();
        } else {
            fs::copy(entry.path(), to.join(inside)).unwrap();
        }
    }
}

impl Edited {
    fn new(site: &Path) -> Edited {
        let folder = tempfile::tempdir().unwrap();
        copied(site, folder.path());
        let name = site.file_name().unwrap().to_string_lossy().into_owned();
        let shown = Shown::at("2026-06-01T12:00:00Z".parse().unwrap());
        let (memo, kept, cache) = (Memo::default(), Vec::new(), Cache::default());
        Edited { name, folder, shown, memo, kept, cache, history: Vec::new() }
    }

    fn site(&self) -> Site {
        let root = self.folder.path();
        let config = config::read(inputs::read_one(root, config::PATH).unwrap().as_deref());
        let inputs = inputs::read(root, &config.0.roles).unwrap();
        let site = Site::parse(config, inputs, &|_| None);
        Site { cache: self.cache.clone(), ..site }
    }

    /// Renders the site from the memo and from nothing, and compares the two.
    #[track_caller]
    fn check(&mut self, edit: String) {
        self.history.push(edit);
        let site = self.site();
        let (cold, output) = visible(site.render(&self.shown), None);
        let mut warm = site.render_again(&self.shown, &self.memo);
        self.memo = std::mem::take(&mut warm.memo);
        self.compare("the memo", &visible(warm, None).0, &cold);
        // Some of the files are no longer as they were written.
        let mark = |path: &str| (!path.len().is_multiple_of(3)).then(Mark::default);
        let kept = Memo::from_bytes(&self.kept, mark).unwrap_or_default();
        let mut warm = site.render_again(&self.shown, &kept);
        if output.is_some() {
            self.kept = std::mem::take(&mut warm.memo).to_bytes();
        }
        self.compare("the memo of a build", &visible(warm, output.as_ref()).0, &cold);
    }

    #[track_caller]
    fn compare(&self, memo: &str, warm: &str, cold: &str) {
        if warm != cold {
            let mut difference = String::new();
            snapbox::report::write_diff(
                &mut difference,
                &snapbox::Data::text(cold).raw(),
                &snapbox::Data::text(warm).raw(),
                Some(&"from nothing"),
                Some(&format!("from {memo}")),
                snapbox::report::Palette::plain(),
            )
            .unwrap();
            panic!("{} after {:#?}:\n{difference}", self.name, self.history);
        }
    }

    /// The files of the site, in order of path.
    fn files(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.folder.path()).sort_by_file_name().into_iter();
        let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| entry.path().strip_prefix(self.folder.path()).unwrap().to_owned())
            .collect()
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A way to change a file, given its content: the new content, or `None` to remove it.
type Edit = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

const EDITS: [Edit; 10] = [
    ("append text", |bytes| Some([bytes, b"\nMore *text*.\n"].concat())),
    ("title", |bytes| with_key(bytes, "title: Another title")),
    ("date", |bytes| with_key(bytes, "date: 2026-05-05 10:00:00 +0000")),
    ("tags", |bytes| with_key(bytes, "tags: [one-more]")),
    ("category", |bytes| with_key(bytes, "category: elsewhere")),
    ("future", |bytes| with_key(bytes, "date: 2031-01-01")),
    ("not published", |bytes| with_key(bytes, "published: false")),
    ("Windows line ends", |bytes| {
        Some(std::str::from_utf8(bytes).ok()?.replace('\n', "\r\n").into_bytes())
    }),
    ("without front matter", |bytes| Some(bytes.strip_prefix(b"---\n")?.to_vec())),
    ("remove", |_| None),
];

/// The file with another line at the start of its YAML.
fn with_key(bytes: &[u8], line: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (start, yaml) = match text.strip_prefix("---\n") {
        Some(yaml) => ("---\n", yaml),
        None => ("", text),
    };
    let key = line.split(':').next()?;
    let others = yaml.split_inclusive('\n').filter(|other| !other.starts_with(key));
    Some(format!("{start}{line}\n{}", others.collect::<String>()).into_bytes())
}

fn sites() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites");
    let mut sites: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    sites.sort();
    sites
}

#[test]
fn every_edit_to_every_file_gives_what_a_fresh_build_gives() {
    sites().par_iter().for_each(|site| every_edit(site));
}

/// Edits each file of a site in every way, one after the other, and restores it.
fn every_edit(site: &Path) {
    let mut edited = Edited::new(site);
    edited.check("reading it".to_owned());
    for path in edited.files() {
        let original = fs::read(edited.folder.path().join(&path)).unwrap();
        for (name, edit) in EDITS {
            match edit(&original) {
                Some(bytes) => edited.write(&path, &bytes),
                None if name == "remove" => {
                    fs::remove_file(edited.folder.path().join(&path)).unwrap();
                }
                None => continue,
            }
            edited.check(format!("{}: {name}", path.display()));
        }
        edited.write(&path, &original);
        edited.check(format!("{}: restored", path.display()));
        let renamed = path
            .with_file_name(format!("2026-04-04-{}", path.file_name().unwrap().to_string_lossy()));
        let root = edited.folder.path();
        fs::rename(root.join(&path), root.join(&renamed)).unwrap();
        edited.check(format!("{}: rename", path.display()));
        let root = edited.folder.path();
        fs::rename(root.join(&renamed), root.join(&path)).unwrap();
    }
    edited.check("restoring it".to_owned());
}

/// A folder with these files.
fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

/// Replaces a file of a site and compares the renderings.
fn check_edit(files: &[(&str, &str)], path: &str, text: &str) {
    let folder = written(files);
    let mut edited = Edited::new(folder.path());
    assert_eq!(edited.site().render(&edited.shown).errors, []);
    edited.check("reading it".to_owned());
    edited.write(Path::new(path), text.as_bytes());
    edited.check(path.to_owned());
}

#[test]
fn a_body_with_warnings_shows_what_it_includes_now() {
    let files = [
        ("_layouts/post.html", "{{ content }}"),
        ("_includes/a.html", "One"),
        ("_posts/2026-01-01-a.md", "---\nlayout: post\n---\n`{{ none }}` {% include a.html %}\n"),
    ];
    check_edit(&files, "_includes/a.html", "Two");
}

#[test]
fn a_page_that_cites_shows_the_bibliography_of_now() {
    let entry = "@book{a, author = {Ann}, title = {One}, year = {2020}, publisher = {P}}\n";
    let files = [
        ("_config.yml", "markdown: CommonMark\nbibliography: references.bib\n"),
        ("_layouts/page.html", "{{ content }}"),
        ("references.bib", entry),
        ("about.md", "---\nlayout: page\n---\nSee [@a].\n"),
    ];
    check_edit(&files, "references.bib", &entry.replace("One", "Two"));
}

#[test]
fn time_that_passes_changes_what_depends_on_it() {
    let folder = written(&[
        ("_layouts/post.html", "{{ page.title }} {{ page.date }} {{ content }}"),
        ("_drafts/undated.md", "---\nlayout: post\ntitle: Undated\n---\nDraft {{ page.date }}\n"),
        ("_posts/2026-01-01-old.md", "---\nlayout: post\ntitle: Old\n---\n{{ page.next.date }}\n"),
        ("_posts/2026-06-15-due.md", "---\nlayout: post\ntitle: Due\n---\nDue\n"),
    ]);
    let mut edited = Edited::new(folder.path());
    edited.shown.drafts = true;
    assert_eq!(edited.site().render(&edited.shown).errors, []);
    for time in ["2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z", "2026-07-01T12:00:00Z"] {
        edited.shown.now = time.parse().unwrap();
        edited.check(time.to_owned());
    }
}

/// One of the random edits that are done together, as when a branch is checked out.
type Choice = (Index, Index, Index);

fn edit_at_random(edited: &Edited, (path, other, edit): &Choice) -> String {
    let files = edited.files();
    let (path, other) = (path.get(&files), other.get(&files));
    let bytes = fs::read(edited.folder.path().join(path)).unwrap();
    let (name, edit) = edit.get(&EDITS);
    match edit(&bytes) {
        Some(bytes) => edited.write(path, &bytes),
        None if *name == "remove" && files.len() > 3 => {
            fs::remove_file(edited.folder.path().join(path)).unwrap();
        }
        // Another file's content, in its place.
        None => edited.write(other, &bytes),
    }
    format!("{}: {name} ({})", path.display(), other.display())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_edits_give_what_a_fresh_build_gives(
        site in any::<Index>(),
        steps in vec(vec(any::<Choice>(), 1..4), 1..12),
    ) {
        let sites: Vec<PathBuf> = sites();
        let site: &PathBuf = site.get(&sites);
        let mut edited = Edited::new(site);
        for choices in steps {
            let done: Vec<String> =
                choices.iter().map(|choice| edit_at_random(&edited, choice)).collect();
            edited.check(done.join(", "));
        }
    }
}
