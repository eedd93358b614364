//! The documentation: it is a site that labpress builds, its examples are right, and it has an entry
//! for every key, tag, filter, command and event.

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

use labpress::experiment::spec;
use labpress::post::front_matter;
use regex::Regex;
use serde_json::Value;
use support::{Site, TOY_RUNNER, answer, assert_success, copy_folder, stderr};

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

/// The keys that a JSON Schema allows, with dots for nested ones. Those of the values of a map by name,
/// such as metrics, are nested in the map.
fn keys_of_schema(schema: &Value, root: &Value, outer: &str, keys: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return keys_of_schema(&root["$defs"][name], root, outer, keys);
    }
    for schema in schema["anyOf"].as_array().into_iter().flatten() {
        keys_of_schema(schema, root, outer, keys);
    }
    keys_of_schema_if_map(&schema["additionalProperties"], root, outer, keys);
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let key = if outer.is_empty() { key.clone() } else { format!("{outer}.{key}") };
        keys_of_schema(schema, root, &key, keys);
        keys.insert(key);
    }
}

fn keys_of_schema_if_map(schema: &Value, root: &Value, outer: &str, keys: &mut BTreeSet<String>) {
    if schema.is_object() {
        keys_of_schema(schema, root, outer, keys);
    }
}

#[test]
fn every_key_of_an_experiment_has_an_entry_and_the_example_has_all() {
    let schema = spec::schema();
    let mut keys = BTreeSet::new();
    keys_of_schema(&schema, &schema, "", &mut keys);
    assert!(keys.contains("limits.time") && keys.contains("metrics.goal"), "{keys:?}");
    assert!(keys.contains("runner.command"), "{keys:?}");
    check_entries("`experiment.yml`", keys);
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

/// The keys of an event with its name, as the page of events writes them.
fn keys_of_event(event: &Value) -> BTreeSet<(String, String)> {
    let name = event["event"].as_str().unwrap();
    let mut keys = BTreeSet::new();
    for (key, value) in event.as_object().unwrap().iter().filter(|(key, _)| *key != "event") {
        keys.insert((name.to_owned(), key.clone()));
        for inner in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
            keys.extend(inner.keys().map(|inner| (name.to_owned(), format!("{key}.{inner}"))));
        }
    }
    keys
}

fn events_of(site: &Site, arguments: &[&str]) -> BTreeSet<(String, String)> {
    let output = String::from_utf8(site.labpress(arguments).stdout).unwrap();
    let events = output.lines().map(|line| serde_json::from_str(line).unwrap());
    events.flat_map(|event: Value| keys_of_event(&event)).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn the_page_of_events_lists_the_keys_that_the_commands_write() {
    let page = read("docs/events.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split('`').step_by(2).take(2).collect::<Vec<_>>());
    let listed: BTreeSet<(String, String)> =
        cells.map(|cells| (cells[0].to_owned(), cells[1].to_owned())).collect();

    let site = Site::with_toy();
    // It says that it takes long, so that its runs are left out when there is less time.
    site.write("experiments/toy/train.py", &TOY_RUNNER.replace("time.process_time()", "9.0"));
    let toy =
        site.read("experiments/toy/experiment.yml").replace("epochs: 3", "epochs: 3, seconds: 0.3");
    site.write("experiments/toy/experiment.yml", &toy);
    let mut seen = events_of(&site, &["run", "--dry-run", "--json"]);
    seen.extend(events_of(&site, &["build", "--json"]));
    site.write("experiments/toy/experiment.yml", &toy.replace("epochs: 3", "epochs: 4"));
    seen.extend(events_of(&site, &["run", "--json", "--budget", "1s"]));
    site.write(
        "experiments/toy/experiment.yml",
        &toy.replace("epochs: 3", "epochs: 3, fail-at: 2"),
    );
    seen.extend(events_of(&site, &["run", "--json"]));
    assert_eq!(seen, listed, "docs/events.md");

    let written = found(r#""event": "([a-z-]+)""#, &files("src/cli", ".rs"));
    let names: BTreeSet<String> = listed.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(written, names);
    let lines: Vec<Value> = examples(&["json"])
        .into_iter()
        .filter(|(place, _)| place.starts_with("docs/events.md"))
        .flat_map(|(_, text)| {
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
            lines.collect::<Vec<Value>>()
        })
        .collect();
    let shown: BTreeSet<(String, String)> = lines.iter().flat_map(keys_of_event).collect();
    assert_eq!(shown, listed, "the examples have every key");
}

/// The commands in lines of examples, in blocks and in sentences: what comes after `labpress`.
fn commands() -> Vec<(String, Vec<String>)> {
    let quoted = Regex::new("\"[^\"]*\"").unwrap();
    let in_sentence = Regex::new("`labpress ([^`]+)`").unwrap();
    let in_block = Regex::new(r"(?m)^    (?:\$ )?labpress ([^#\n]+)").unwrap();
    let mut commands = Vec::new();
    for path in files("docs", ".md").into_iter().chain([root().join("README.md")]) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if name == "docs/commands.md" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for found in in_sentence.captures_iter(&text).chain(in_block.captures_iter(&text)) {
            let line = quoted.replace_all(&found[1], "x");
            // Not arguments: where the output goes, and what is left out.
            let words = line.split_whitespace().take_while(|word| !matches!(*word, ">" | "|"));
            let words = words.filter(|word| *word != "…").map(|word| word.replace(['[', ']'], ""));
            // One of several commands.
            let words = words.map(|word| word.split('|').next().unwrap_or_default().to_owned());
            commands.push((format!("{name}: labpress {}", &found[1]), words.collect()));
        }
    }
    commands
}

#[test]
fn every_command_in_an_example_is_one() {
    let site = Site::empty();
    let commands = commands();
    assert!(commands.len() > 80, "{}", commands.len());
    for (place, words) in commands {
        // What labpress starts itself is not a command of the command line.
        if words == ["supervise"] {
            continue;
        }
        // Arguments before it are read first, so that unknown ones are errors.
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let done = site.labpress(&arguments);
        assert!(done.status.success(), "{place}: {}", stderr(&done));
    }
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

#[test]
fn every_example_of_html_is_part_of_a_page() {
    let examples = examples(&["html"]);
    assert!(examples.len() > 1, "{}", examples.len());
    for (place, html) in examples {
        let site = site_of_examples();
        site.write("_config.yml", "markdown: CommonMark\ntheme: labpress\n");
        let path = if html.starts_with("---") {
            "_layouts/note.html"
        } else {
            "_includes/head-custom.html"
        };
        let layout = if html.starts_with("---") { "layout: note\n" } else { "" };
        site.write(path, &html);
        site.write(
            "_posts/2026-01-02-x.md",
            &format!("---\ntitle: x\npermalink: /x/\n{layout}---\n## A heading\n\nText.\n"),
        );
        assert_success(&site.labpress(&["build"]));
        let page = site.read("public/x/index.html");
        let first = html.lines().find(|line| line.starts_with('<')).unwrap();
        assert!(page.contains(first), "{place}:\n{page}");
        assert!(layout.is_empty() || page.contains("#a-heading"), "{place}");
    }
}

#[test]
fn every_expression_for_templates_has_a_value() {
    let page = read("docs/theme.md");
    let (_, table) = page.split_once("| expression | is |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let expressions: Vec<String> =
        rows.map(|row| row.split('`').nth(1).unwrap().replace("\\|", "|")).collect();
    assert!(expressions.len() > 2, "{expressions:?}");
    for expression in expressions {
        let site = site_of_examples();
        site.write("_config.yml", "markdown: CommonMark\ntheme: labpress\n");
        let layout = format!(
            "{{% set found = {expression} %}}<p>{{% if found %}}There it is{{% endif %}}</p>"
        );
        site.write("_layouts/note.html", &layout);
        site.write(
            "_posts/2026-01-02-x.md",
            "---\ntitle: x\nlayout: note\npermalink: /x/\n---\n## A heading\n\nText.\n",
        );
        assert_success(&site.labpress(&["build"]));
        assert!(site.read("public/x/index.html").contains("There it is"), "{expression}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_example_of_a_curve_is_drawn() {
    let (_, curve) = examples(&["json"])
        .into_iter()
        .find(|(place, _)| place.starts_with("docs/figures.md"))
        .unwrap();
    let site = Site::empty();
    let experiment = "title: A curve\nrunner: {command: [sh, run.sh]}\n";
    site.write("experiments/curve/experiment.yml", experiment);
    site.write("experiments/curve/curve.json", &curve);
    let event = |event: &str| format!("echo '{event}' >> $LABPRESS_RUN/events.jsonl\n");
    let script = [
        "cp curve.json $LABPRESS_RUN/\n".to_owned(),
        event(r#"{"event": "start", "environment": {}}"#),
        event(
            r#"{"event": "artifact", "name": "lr-curve", "path": "curve.json", "kind": "curve"}"#,
        ),
        event(r#"{"event": "metric", "name": "rate", "value": 0.01}"#),
        event(r#"{"event": "done"}"#),
    ];
    site.write("experiments/curve/run.sh", &script.concat());
    let post = "---\ntitle: x\npermalink: /x/\n---\n{% chart curve artifact=\"lr-curve\" %}\n";
    site.write("_posts/2026-01-02-x.md", post);
    assert_success(&site.labpress(&["build"]));
    let page = site.read("public/x/index.html");
    assert!(page.contains("<svg") && page.contains("learning rate"), "{page}");
}
