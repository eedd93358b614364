//! Builds every folder of `tests/sites` and compares what comes out with its `expected` folder, or
//! what is refused with its `expected-errors.txt`. After a change that is meant:
//! `SNAPSHOTS=overwrite cargo test --test sites`, and read the difference.
//!
//! The records of `results`, `results-pinned` and `tables` were made by `labpress run` there, with a runner
//! that needs no more than Python. If their experiments change, make them again.
#![expect(clippy::disallowed_methods, reason = "tests read and write the expected output")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use labpress::config::{self, Config};
use labpress::inputs::{self, Inputs};
use labpress::output::{Content, Output};
use labpress::post::{self, Shown};
use labpress::site::Site;
use labpress::theme;
use serde_json::Value;
use snapbox::assert::{Action, DEFAULT_ACTION_ENV};
use snapbox::{Data, IntoData};

/// The moment of all these builds.
const NOW: &str = "2026-06-01T12:00:00Z";

fn build(root: &Path) -> Result<Output, String> {
    let config = config::read(read_config(root).as_deref());
    let roles = config.0.roles.clone().without(["expected", "expected-errors.txt"]);
    let inputs = inputs::read(root, &roles).expect("it can be read");
    built(&Site::parse(config, inputs, &|_| None))
}

fn read_config(root: &Path) -> Option<String> {
    inputs::read_one(root, config::PATH).expect("it can be read")
}

fn built(site: &Site) -> Result<Output, String> {
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
        Content::AsWritten { .. } => unreachable!("there was no earlier build"),
    };
    let files = output.files().filter(|(path, content)| !is_asset_of_theme(path, content));
    files.map(|(path, content)| (path.to_owned(), text(content))).collect()
}

/// Whether the file is copied from the built-in theme. Expected output does not repeat those.
fn is_asset_of_theme(path: &str, content: &Content) -> bool {
    let built_in = theme::file(path).map(|file| file.bytes);
    built_in.is_some_and(|bytes| matches!(content, Content::Bytes(made) if **made == *bytes))
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
    for (path, content) in
        output.files().filter(|(path, content)| !is_asset_of_theme(path, content))
    {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        match content {
            Content::Bytes(bytes) => fs::write(path, bytes).expect("it can be written"),
            Content::CopyOf(from) => drop(fs::copy(from, path).expect("it can be copied")),
            Content::AsWritten { .. } => unreachable!("there was no earlier build"),
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
        (Err(errors), Some(expected)) => {
            vec![diff(&format!("{name}/expected-errors.txt"), &expected, &errors)]
        }
        (Err(errors), None) => vec![format!("{name} should be built, and was refused:\n{errors}")],
        (Ok(_), Some(_)) => vec![format!("{name} should be refused, and was built")],
        (Ok(output), None) => file_differences(&name, &texts_in(&folder), &texts(&output)),
    }
}

/// The differences of the files of a site, each as its diff.
fn file_differences(
    name: &str,
    expected: &BTreeMap<String, String>,
    made: &BTreeMap<String, String>,
) -> Vec<String> {
    let paths: BTreeSet<&String> = expected.keys().chain(made.keys()).collect();
    let difference = |path: &String| {
        let file = format!("{name}/expected/{path}");
        match (expected.get(path), made.get(path)) {
            (Some(expected), Some(made)) if expected == made => None,
            (Some(expected), Some(made)) => Some(diff(&file, expected, made)),
            (Some(_), None) => Some(format!("`{file}` is expected and was not made")),
            (None, Some(made)) => Some(format!("`{file}` was made and is not expected:\n{made}")),
            (None, None) => unreachable!("the path is of one of them"),
        }
    };
    paths.into_iter().filter_map(difference).collect()
}

fn diff(path: &str, expected: &str, made: &str) -> String {
    let mut text = String::new();
    let made_path = format!("{path}, as it was made");
    snapbox::report::write_diff(
        &mut text,
        &Data::text(expected).raw(),
        &Data::text(made).raw(),
        Some(&path),
        Some(&made_path),
        snapbox::report::Palette::plain(),
    )
    .expect("a string can be written to");
    text
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
    let is_update = Action::with_env_var(DEFAULT_ACTION_ENV) == Some(Action::Overwrite);
    let differences: Vec<String> =
        roots.iter().flat_map(|root| differences(root, is_update)).collect();
    assert!(
        differences.is_empty(),
        "{}\n\n`SNAPSHOTS=overwrite cargo test --test sites` accepts all",
        differences.join("\n\n")
    );
}

/// What of a JSON value breaks the rules of JSON Feed 1.1 (jsonfeed.org/version/1.1).
fn broken_rules(feed: &Value) -> Vec<String> {
    const FEED: [&str; 9] = [
        "version",
        "title",
        "home_page_url",
        "feed_url",
        "description",
        "language",
        "authors",
        "icon",
        "items",
    ];
    const ITEM: [&str; 11] = [
        "id",
        "url",
        "title",
        "content_html",
        "summary",
        "image",
        "date_published",
        "date_modified",
        "authors",
        "tags",
        "language",
    ];
    let mut broken = Vec::new();
    let mut check = |is_met: bool, rule: &str| {
        if !is_met {
            broken.push(rule.to_owned());
        }
    };
    let has_known_keys = |value: &Value, known: &[&str]| {
        value.as_object().is_some_and(|map| map.keys().all(|key| known.contains(&key.as_str())))
    };
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_address =
        |value: &Value| value.as_str().is_some_and(|text| text.starts_with("https://"));
    let is_absent_or =
        |value: &Value, is_met: &dyn Fn(&Value) -> bool| value.is_null() || is_met(value);
    let all = |value: &Value, is_met: &dyn Fn(&Value) -> bool| {
        value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_met))
    };
    let is_author = |author: &Value| {
        has_known_keys(author, &["name", "url", "avatar"])
            && author.as_object().is_some_and(|map| !map.is_empty() && map.values().all(is_text))
    };
    let is_moment =
        |value: &Value| value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
    check(feed["version"] == "https://jsonfeed.org/version/1.1", "the version is 1.1");
    check(has_known_keys(feed, &FEED), "a feed has no other keys");
    check(feed["title"].is_string(), "a feed has a title");
    check(is_address(&feed["home_page_url"]), "the address of its page is a URL");
    check(is_address(&feed["feed_url"]), "its own address is a URL");
    check(
        is_absent_or(&feed["authors"], &|list| all(list, &is_author)),
        "authors have a name or URL",
    );
    check(feed["items"].is_array(), "a feed has items");
    let items = feed["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    check(ids.len() == items.len(), "each item has an id of its own");
    for item in items {
        check(has_known_keys(item, &ITEM), "an item has no other keys");
        check(is_address(&item["url"]), "the address of an item is a URL");
        check(item["content_html"].is_string(), "an item has content");
        for key in ["date_published", "date_modified"] {
            check(is_absent_or(&item[key], &is_moment), "dates are as in RFC 3339");
        }
        check(is_absent_or(&item["authors"], &|list| all(list, &is_author)), "authors have a name");
        check(is_absent_or(&item["tags"], &|list| all(list, &is_text)), "tags are strings");
        for key in ["title", "summary", "language"] {
            check(is_absent_or(&item[key], &is_text), "title, summary and language are strings");
        }
    }
    broken
}

#[test]
fn json_feeds_follow_the_rules_of_their_format() {
    let feeds = walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites"));
    let feeds = feeds.into_iter().filter_map(Result::ok);
    let feeds: Vec<_> = feeds.filter(|entry| entry.file_name() == "feed.json").collect();
    assert!(feeds.len() > 5);
    for feed in feeds {
        let text = fs::read_to_string(feed.path()).expect("it can be read");
        let value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(broken_rules(&value), [""; 0], "{}", feed.path().display());
    }
    let invalid =
        serde_json::json!({"version": "1", "items": [{"id": 1, "authors": [{"name": ""}]}]});
    assert_eq!(broken_rules(&invalid).len(), 8);
}

#[test]
fn each_difference_of_a_site_is_shown() {
    let files = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
        files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect()
    };
    let lines: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    let expected = files(&[("a", &lines), ("b", "same\n"), ("c", "only expected\n")]);
    let lines = lines.replace("line 12\n", "line XII\n");
    let made = files(&[("a", &lines), ("b", "same\n"), ("d", "only made\n")]);
    let differences = file_differences("site", &expected, &made);
    snapbox::assert_data_eq!(
        differences.join("\n\n"),
        snapbox::str![[r#"

---- expected: site/expected/a
++++ actual:   site/expected/a, as it was made
   1    1 | line 1
   2    2 | line 2
   3    3 | line 3
   4    4 | line 4
   5    5 | line 5
          ⋮
   7    7 | line 7
   8    8 | line 8
   9    9 | line 9
  10   10 | line 10
  11   11 | line 11
  12      - line 12
       12 + line XII
  13   13 | line 13
  14   14 | line 14
  15   15 | line 15
  16   16 | line 16
  17   17 | line 17
  18   18 | line 18
  19   19 | line 19
  20   20 | line 20


`site/expected/c` is expected and was not made

`site/expected/d` was made and is not expected:
only made

"#]]
        .raw()
    );
}

/// A site with the built-in theme and the post that the test brings.
fn with_theme(post: &str) -> Result<Output, String> {
    let (config, errors) =
        config::read(Some("theme: labpress\npermalink: /:year/:month/:title/\n"));
    let inputs = Inputs::of_roles(config.roles.clone()).with("_posts/2026-01-31-a.md", post);
    let site = Site::parse((config, errors), inputs.with_built_in_theme(), &|_| None);
    built(&site)
}

/// The files of this repository's own blog.
fn own_source() -> (Config, Inputs) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (config, errors) = config::read(read_config(root).as_deref());
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
fn the_built_in_theme_renders_a_bare_post() {
    let output = with_theme("Text.\n").expect("it can be built");
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
        let _ = with_theme(&post);
    }
}
