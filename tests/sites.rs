//! Builds every folder of `tests/sites` and compares what comes out with its `expected` folder, or
//! what is refused with its `expected-errors.txt`. After a change that is meant: `LABPRESS_UPDATE=1
//! cargo test --test sites`, and read the difference.
#![expect(clippy::disallowed_methods, reason = "tests read and write the expected output")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use labpress::config::{self, Config};
use labpress::inputs::{self, Inputs};
use labpress::output::{Content, Output};
use labpress::post::{self, Shown};
use labpress::site::Site;

/// The moment of all these builds.
const NOW: &str = "2026-06-01T12:00:00Z";

fn build(root: &Path) -> Result<Output, String> {
    let config = config::read(inputs::read_one(root, config::PATH).unwrap().as_deref());
    let roles = config.0.roles.clone().without(["expected", "expected-errors.txt"]);
    let inputs = inputs::read(root, &roles).expect("it can be read");
    built(Site::parse(config, inputs, &|_| None))
}

fn built(site: Site) -> Result<Output, String> {
    let output = site.render(&shown()).into_output();
    output.map_err(|errors| {
        errors.iter().map(|error| format!("{error}\n")).collect::<Vec<_>>().join("\n")
    })
}

fn shown() -> Shown {
    Shown::at(NOW.parse().expect("it is a moment"))
}

/// Text of each file, by path; what is no text as its length.
fn texts(output: &Output) -> BTreeMap<String, String> {
    let text = |content: &Content| match content {
        Content::Bytes(bytes) => as_text(bytes),
        Content::CopyOf(path) => as_text(&fs::read(path).expect("it can be read")),
    };
    output.files().map(|(path, content)| (path.to_owned(), text(content))).collect()
}

fn texts_in(folder: &Path) -> BTreeMap<String, String> {
    let files = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file());
    let text = |path: &Path| as_text(&fs::read(path).expect("it can be read"));
    let inside = |path: &Path| {
        path.strip_prefix(folder).expect("walked from it").to_string_lossy().replace('\\', "/")
    };
    files.map(|entry| (inside(entry.path()), text(entry.path()))).collect()
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| format!("{} bytes", bytes.len()))
}

/// Writes the output to the folder, without the list of files that a destination has.
fn update(output: &Output, folder: &Path) {
    fs::remove_dir_all(folder).or_else(|_| fs::create_dir(folder)).expect("it can be emptied");
    for (path, content) in output.files() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        match content {
            Content::Bytes(bytes) => fs::write(path, bytes).expect("it can be written"),
            Content::CopyOf(from) => drop(fs::copy(from, path).expect("it can be copied")),
        }
    }
}

/// The differences of a site's output from what is expected, or of its errors.
fn differences(root: &Path, is_update: bool) -> Vec<String> {
    let name = root.file_name().expect("it has a name").to_string_lossy().into_owned();
    let (folder, errors_file) = (root.join("expected"), root.join("expected-errors.txt"));
    let built = build(root);
    if let Ok(again) = &built {
        assert_eq!(build(root).as_ref(), Ok(again), "{name}: two builds differ");
    }
    if is_update {
        match &built {
            Ok(output) => update(output, &folder),
            Err(errors) => fs::write(&errors_file, errors).expect("it can be written"),
        }
        return Vec::new();
    }
    let expected_errors = fs::read_to_string(&errors_file).ok();
    match (built, expected_errors) {
        (Err(errors), Some(expected)) if errors == expected => Vec::new(),
        (Err(errors), _) => vec![format!("{name}: was refused:\n{errors}")],
        (Ok(_), Some(_)) => vec![format!("{name}: was built, and should be refused")],
        (Ok(output), None) => {
            let (built, expected) = (texts(&output), texts_in(&folder));
            let missing = expected.keys().filter(|path| !built.contains_key(*path));
            let missing =
                missing.map(|path| format!("{name}: `{path}` is expected and was not made"));
            let other = built.iter().filter(|(path, text)| expected.get(*path) != Some(text));
            let other = other.map(|(path, text)| match expected.get(path) {
                Some(expected) => {
                    format!("{name}: `{path}` differs\n--- expected\n{expected}\n--- made\n{text}")
                }
                None => format!("{name}: `{path}` is not expected:\n{text}"),
            });
            missing.chain(other).collect()
        }
    }
}

#[test]
fn every_site_comes_out_as_expected() {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites");
    let mut roots: Vec<PathBuf> = fs::read_dir(sites)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    roots.sort();
    assert!(!roots.is_empty(), "there is no site to test");
    let is_update = std::env::var_os("LABPRESS_UPDATE").is_some();
    let differences: Vec<String> =
        roots.iter().flat_map(|root| differences(root, is_update)).collect();
    assert!(
        differences.is_empty(),
        "{}\n\n`LABPRESS_UPDATE=1 cargo test --test sites` accepts all",
        differences.join("\n\n")
    );
}

/// This repository's own theme, with the posts that the test brings.
fn own_theme(post: &str) -> Result<Output, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = Inputs::default()
        .with("_posts/2026-01-31-a.md", post)
        .with("index.html", "---\nlayout: home\n---\n");
    for folder in ["_layouts", "_includes"] {
        for (path, text) in texts_in(&root.join(folder)) {
            inputs = inputs.with(format!("{folder}/{path}"), text);
        }
    }
    let text = fs::read_to_string(root.join(config::PATH)).expect("it is there");
    built(Site::parse(config::read(Some(&text)), inputs, &|_| None))
}

/// The files of this repository's own blog.
fn own_source() -> (Config, Inputs) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (config, errors) = config::read(inputs::read_one(root, config::PATH).unwrap().as_deref());
    assert_eq!(errors, []);
    let inputs = inputs::read(root, &config.roles).expect("it can be read");
    (config, inputs)
}

#[test]
fn all_posts_of_the_repository_are_found() {
    let (config, inputs) = own_source();
    let (blog, errors) = post::read(&inputs, &config, &Shown { future: true, ..shown() });
    let posts = texts_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("_posts"));
    assert_eq!((blog.posts.len(), errors), (posts.len(), Vec::new()));
}

#[test]
fn of_the_repository_only_the_blog_is_published() {
    let (_, inputs) = own_source();
    let others: Vec<&str> = inputs
        .statics()
        .map(|(path, _)| path)
        .filter(|path| !path.starts_with("assets/"))
        .collect();
    assert_eq!(others, Vec::<&str>::new(), "`exclude` in `_config.yml` does not name them");
}

#[test]
fn the_own_theme_renders_a_bare_post() {
    let output = own_theme("Text.\n").expect("it can be built");
    let Some(Content::Bytes(html)) = output.file("2026/01/a/index.html") else {
        unreachable!("a post has a page");
    };
    let html = String::from_utf8_lossy(html);
    assert!(html.contains("<h1>A</h1>") && html.contains("<p>Text.</p>"), "{html}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(300))]
    #[test]
    fn any_text_as_a_post_is_built_or_refused(
        front in proptest::option::of("(title|date|tags|layout|permalink|published|slug|x)?(: |:|)\\PC{0,20}\n?"),
        body in "(\\PC|\n|\\{%|%\\}|\\{\\{|\\}\\}|`{3}|\\[|\\]|\\||- |# ){0,80}",
    ) {
        let post = front.map_or(body.clone(), |front| format!("---\n{front}\n---\n{body}"));
        let _ = own_theme(&post);
    }
}
