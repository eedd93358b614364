//! The documentation: it is a site that labpress builds, its examples are right, and it has an entry
//! for every key, tag, filter and command.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use labpress::post::front_matter;
use regex::Regex;
use support::{Site, answer, assert_success, copy_folder, stderr};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All files in a folder of the repository that end so.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter();
    let files = entries.map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// What the first group of a pattern finds in the sources.
fn found(pattern: &str, sources: &[PathBuf]) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    let texts = sources.iter().map(|path| fs::read_to_string(path).unwrap());
    let found = texts.flat_map(|text| {
        let captures = pattern.captures_iter(&text).map(|one| one[1].to_owned());
        captures.collect::<Vec<_>>()
    });
    found.collect()
}

/// Every name has an entry in this part of the reference.
#[track_caller]
fn check_entries(part: &str, names: impl IntoIterator<Item = String>) {
    let reference = read("docs/reference.md");
    let (_, text) = reference.split_once(&format!("\n## {part}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let names: Vec<String> = names.into_iter().collect();
    assert!(names.len() > 5, "the sources do not have the names where this test looks: {names:?}");
    let is_missing = |name: &&String| !text.contains(&format!("`{name}`"));
    let missing: Vec<&String> = names.iter().filter(is_missing).collect();
    assert_eq!(missing, Vec::<&String>::new(), "docs/reference.md, {part}");
}

#[test]
fn every_key_of_the_configuration_has_an_entry() {
    let sources = ["src/config.rs", "src/defaults.rs"].map(|path| root().join(path));
    let mut keys = found(r#"fields\s*\.(?:value|texts?|bool|count)\(\s*"([a-z_]+)""#, &sources);
    // `layout` is a key of kramdown's options there.
    keys.remove("layout");
    let roles = [root().join("src/roles.rs")];
    keys.extend(found(r#"(?-u:\b)(?:texts?|folder|config\.get)\("([a-z_]+)"\)"#, &roles));
    keys.extend(found(r#"\("([a-z]+_dir)", "_"#, &roles));
    check_entries("`_config.yml`", keys);
}

#[test]
fn every_key_of_front_matter_has_an_entry() {
    check_entries("Front matter", front_matter::KEYS.map(str::to_owned));
}

#[test]
fn front_matter_names_every_key_that_is_read() {
    let sources = files("src", ".rs");
    let read = found(r#"front(?:\s*\.keys)?\s*\.value\(\s*"([a-z_]+)""#, &sources);
    let mut keys = found(
        r#"fields\s*\.(?:value|texts?|bool|named_texts)\(\s*"([a-z_]+)""#,
        &[root().join("src/post/front_matter.rs")],
    );
    keys.extend(read);
    let is_unknown = |key: &&String| !front_matter::KEYS.contains(&key.as_str());
    let unknown: Vec<&String> = keys.iter().filter(is_unknown).collect();
    assert!(keys.len() > 10, "{keys:?}");
    assert_eq!(unknown, Vec::<&String>::new(), "`front_matter::KEYS` lacks them");
}

#[test]
fn every_tag_has_an_entry() {
    let lists = Regex::new(r"(?s)const TAGS: \[&str; \d+\] =\s*\[(.*?)\]").unwrap();
    let mut names = BTreeSet::new();
    for source in files("src", ".rs") {
        for list in lists.captures_iter(&fs::read_to_string(source).unwrap()) {
            names.extend(list[1].split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    check_entries("Tags", names);
}

#[test]
fn every_filter_has_an_entry() {
    let sources = files("src/liquid/filters", ".rs");
    let mut names = found(r#"(?m)^\s*(?:\| )?"([a-z_]+)"(?: \| "[a-z_]+")* (?:=>|if)"#, &sources);
    names.extend(found(r#" \| "([a-z_]+)"(?: \| "[a-z_]+")* =>"#, &sources));
    // Values of arguments: modes of `slugify`.
    for mode in ["raw", "pretty", "ascii", "latin"] {
        names.remove(mode);
    }
    names.extend(found(r#"register_filter\(\s*"([a-z_]+)""#, &files("src/site", ".rs")));
    check_entries("Filters", names);
}

#[test]
fn the_page_of_commands_is_what_the_commands_say() {
    let site = Site::empty();
    let mut parts = vec!["# Commands\n\nWhat `labpress COMMAND --help` says.\n".to_owned()];
    let mut names = vec![String::new()];
    while let Some(name) = names.pop() {
        let arguments: Vec<&str> = name.split_whitespace().chain(["--help"]).collect();
        let help = answer(&site.labpress(&arguments));
        let commands = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
        let commands = commands.split("\n\n").next().unwrap_or_default();
        let inner = commands.lines().filter_map(|line| line.strip_prefix("  "));
        let inner = inner.filter(|line| !line.starts_with(' '));
        let inner = inner.filter_map(|line| line.split_whitespace().next());
        let mut inner: Vec<String> =
            inner.filter(|one| *one != "help").map(|one| format!("{name} {one}")).collect();
        inner.reverse();
        names.extend(inner);
        let level = if name.is_empty() { "##" } else { "###" };
        let help = help.trim_end();
        parts.push(format!("\n{level} `labpress{name}`\n\n```text\n{help}\n```\n"));
    }
    let path = root().join("docs/commands.md");
    snapbox::assert_data_eq!(parts.concat(), snapbox::Data::read_from(&path, None).raw());
}

/// `labpress check` finds nothing.
#[track_caller]
fn check_order(site: &Site) {
    let checked = site.labpress(&["check", "--strict"]);
    assert!(stderr(&checked).starts_with("0 errors and 0 warnings in "), "{}", answer(&checked));
}

#[test]
fn the_documentation_is_a_site_in_order() {
    let site = Site::empty();
    copy_folder(&root().join("docs"), site.path());
    let _ = fs::remove_dir_all(site.path().join("public"));
    assert_success(&site.labpress(&["build", "--locked"]));
    assert!(site.read("public/figures.html").contains("{% value"), "Liquid is shown");
    check_order(&site);
}

#[test]
fn the_blog_of_this_repository_is_in_order() {
    check_order(&Site::at(root().to_owned()));
}

/// The fenced blocks in these languages of all pages and the README, each with its page and line.
fn examples(languages: &[&str]) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    for path in files("docs", ".md").into_iter().chain([root().join("README.md")]) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let mut open: Option<(usize, String)> = None;
        for (at, line) in text.lines().enumerate() {
            match &mut open {
                Some((start, block)) if line == "```" => {
                    examples.push((format!("{name}:{start}"), std::mem::take(block)));
                    open = None;
                }
                Some((_, block)) => block.extend([line, "\n"]),
                None => {
                    let language = line.strip_prefix("```");
                    open = language
                        .filter(|language| languages.contains(language))
                        .map(|_| (at + 1, String::new()));
                }
            }
        }
    }
    examples
}

/// A new site with what examples refer to.
fn site_of_examples() -> Site {
    let site = Site::empty();
    for folder in ["_data", "images"] {
        let to = site.path().join(folder);
        fs::create_dir_all(&to).unwrap();
        copy_folder(&root().join("tests/sites/writing").join(folder), &to);
    }
    let cited = "@misc{loshchilov2019, author={A. B.}, title={T}, year={2019}}\n";
    let bibliography = site.read("_data/references.bib") + cited;
    site.write("_data/references.bib", &bibliography);
    site.write("references.bib", &bibliography);
    site.write("assets/mermaid.min.js", "");
    let repository = Command::new("git").args(["init", "--quiet"]).arg(site.path()).status();
    assert!(repository.unwrap().success());
    let readme = examples(&["yaml"]).into_iter().find(|(place, _)| place.starts_with("README.md"));
    site.write("experiments/first/experiment.yml", &readme.unwrap().1);
    // The two nets that examples compare.
    site.write(
        "experiments/nets/experiment.yml",
        "title: Nets\nrunner: {command: [\"true\"], inputs: []}\nvariants: {plain: {}, norm: {}}\n",
    );
    site
}

/// Nothing runs, so results may be missing.
#[track_caller]
fn check_example(site: &Site, place: &str) {
    let done = site.labpress(&["build", "--dry-run"]);
    assert!(done.status.success(), "{place}: {}", stderr(&done));
}

#[test]
fn every_example_of_yaml_is_accepted() {
    let examples = examples(&["yaml"]);
    assert!(examples.len() > 15, "{}", examples.len());
    let reference = read("docs/reference.md");
    let parts: Vec<&str> = reference.split("\n## ").collect();
    let names = |part: &str, yaml: &str| {
        let part = parts.iter().find(|text| text.starts_with(part)).unwrap();
        let lines = yaml.lines().filter(|line| line.starts_with(char::is_alphabetic));
        let mut keys = lines.filter_map(|line| line.split(':').next());
        keys.all(|key| part.contains(&format!("`{key}`")))
    };
    for (place, yaml) in examples {
        let site = site_of_examples();
        let has = |key: &str| yaml.lines().any(|line| line.starts_with(&format!("{key}:")));
        let yaml = yaml.replace("---\n", "");
        if place.starts_with("docs/protocol.md") {
            // They need the programs of that page: tests/protocol.rs.
            continue;
        }
        let path = yaml.lines().next().and_then(|line| line.strip_prefix("# "));
        if let Some(path) = path.filter(|path| path.ends_with(".yml")) {
            site.write(path, &yaml);
        } else if has("recipe") || has("runner") {
            site.write("experiments/example/experiment.yml", &yaml);
        } else if has("files") || has("source") {
            site.write("experiments/data/example.yml", &yaml);
        } else if names("`_config.yml`", &yaml) {
            site.write("_config.yml", &yaml);
        } else {
            assert!(names("Front matter", &yaml), "{place}: what is this?\n{yaml}");
            site.write("_posts/2026-01-02-a.md", &format!("---\n{yaml}---\nText.\n"));
        }
        check_example(&site, &place);
    }
}

#[test]
fn every_example_of_markdown_is_built() {
    let examples = examples(&["markdown"]);
    assert!(examples.len() > 5, "{}", examples.len());
    for (place, text) in examples {
        let site = site_of_examples();
        site.write("_config.yml", "markdown: CommonMark\nurl: https://example.org\n");
        let is_whole = text.starts_with("---");
        let text = if is_whole { text } else { format!("---\ntitle: x\n---\n{text}") };
        site.write("_posts/2026-01-02-a.md", &text);
        check_example(&site, &place);
    }
}
