//! Sites that are broken at random are built or refused: without a panic, within bounds of time and
//! memory, and with one thread as with eight. Nothing that the author wrote is changed by it.
//!
//! `LABPRESS_MUTANTS=5000` builds more of them, `LABPRESS_SEED=7` others. A site that fails is
//! kept, and its folder named.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test writes sites and starts programs")]
#![expect(clippy::print_stderr, reason = "a test says how many sites it has tried")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use labpress::digest::{Digest, pretty};
use labpress::experiment::verification;
use serde_json::Value;
use support::random::{Random, number_of};
use support::{Site, assert_success};

/// The files of a site, by path.
type Files = BTreeMap<String, Content>;

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Bytes(Vec<u8>),
    LinkTo(String),
}

/// What means something to one of the languages that a site is written in.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "---\n", "\n---\n", "{{", "}}", "{%", "%}", "{% raw %}", "{% endraw %}", "{% if a %}", "{% endif %}",
    "{% for i in (1..99999999) %}", "{% endfor %}", "{% include x.html %}", "{% assign a = a | append: a %}",
    "{% capture a %}", "{% value toy.fast.accuracy %}", "{% chart toy curves %}", "{% table toy %}", "{{ page }}",
    "{{ site | inspect }}", "{{ content | safe }}", " | ", ": ", "- ", "? ", "&a ", "*a", "<<: *a", "!!binary ",
    "!ruby/object:A ", "[", "]", "{", "}", "\"", "'", "`", "```", "~~~", "~~~ rust\n", "| a | b |\n|---|---|\n", "* ",
    "1. ", "> ", "# ", "#", "==", "[^1]", "[^1]: ", "*[HTML]: ", "{:.class #id key=\"v\"}", "{::nomarkdown}", "{:/}",
    "{:toc}", "$$", "<div>", "</div>", "<!--", "-->", "<script>", "&amp;", "&#x110000;", "\\", "\r\n", "\r", "\t",
    "\u{0}", "\u{feff}", "\u{202e}", "ü", "ß", "İ", "e\u{301}", "\u{1f469}\u{200d}\u{1f4bb}", "\u{2028}", "null",
    "true", "~", "0", "-0.0", "1e400", "-1", ".nan", ".inf", "9223372036854775808", "0.1", "2026-02-30",
    "2026-01-02 25:00:00 +9900", "@import 'x';", "@extend a;", "@include a;", "@mixin a { @include a; }",
    "$a: $a + $a;", "@for $i from 1 through 9999999 { a { b: $i } }", "&:hover", "@if not not a {",
    "permalink: /:title/:x/../../a", "layout: none", "date: 2026-01-01", "tags: [C, C#, c++]", "categories: a/b",
    "destination: .", "destination: ..", "exclude: [\"**\"]", "seeds: 1000000", "needs: [toy]",
    "grid: {a: [1, 2], b: [3]}", "\"metrics\":", "\"digest\": \"\"", "<<<<<<< HEAD\n",
];

/// Names that files cannot, should not or seldom have.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "über.html", "ß.md", "İ.scss", "a b.md", "a\\b.txt", "con", "aux.md", "-.md", ".hidden", "_x.md", "index.html",
    "404.html", "2026-01-01-ü.md", "2026-13-01-a.md", "2026-01-01-.md", "feed.xml", "%2e%2e.html", "a?b#c.html",
    "a\nb.md", "\u{202e}x.md", "e\u{301}.md", "\u{1f469}\u{200d}\u{1f4bb}.html", "a.b.c.", "experiment.yml",
    "style.scss", "...", "x.labpress-new", "~",
];

/// The sites that the tests have, without what is expected of them; and one with experiments,
/// records of today and before, a pin and a verification.
fn originals() -> Vec<Files> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut originals: Vec<Files> =
        folders.into_iter().map(|folder| files(&Site::at(folder))).collect();
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    assert_success(&site.labpress(&["verify", "--sample", "1"]));
    let charts = "\n{% chart toy compare metric=\"accuracy\" %}\n\n{% chart toy sweep x=\"params.rate\" y=\"accuracy\" %}\n";
    site.write("_posts/2026-01-03-pinned.md", &format!("{}{charts}", support::TOY_POST));
    assert_success(&site.labpress(&["pin", "2026-01-03-pinned"]));
    site.replace("experiments/toy/experiment.yml", "fast: {rate: 0.5}", "fast: {rate: 0.6}");
    assert_success(&site.labpress(&["run"]));
    // Most of the languages meet here only if this site comes often.
    originals.extend(vec![files(&site); 10]);
    originals
}

fn files(site: &Site) -> Files {
    let files = site
        .files("")
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), Content::Bytes(bytes)));
    let is_made =
        |path: &str| ["expected", "public", ".labpress"].iter().any(|made| path.starts_with(made));
    files.filter(|(path, _)| !is_made(path)).collect()
}

/// Breaks a site in a few places.
fn mutate(site: &mut Files, all: &[Files], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let Some(path) = site.keys().nth(random.below(site.len())).cloned() else {
            return;
        };
        if random.is_within(15) {
            mutate_name(site, &path, random);
            continue;
        }
        let Some(Content::Bytes(mut bytes)) = site.get(&path).cloned() else {
            continue;
        };
        let is_sealed = path.ends_with(".json") && path.starts_with("experiments/");
        let value = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .filter(|_| is_sealed && random.is_within(60));
        if let Some(mut value) = value {
            mutate_value(&mut value, random);
            replace_sealed(site, &path, value);
            continue;
        }
        for _ in 0..=random.below(2) {
            let other = random.one_of(all);
            let other = match other.values().nth(random.below(other.len())) {
                Some(Content::Bytes(other)) => other,
                _ => &bytes.clone(),
            };
            mutate_bytes(&mut bytes, other, random);
        }
        site.insert(path, Content::Bytes(bytes));
    }
}

fn mutate_name(site: &mut Files, path: &str, random: &mut Random) {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let others: Vec<String> = site.keys().cloned().collect();
    let other = random.one_of(&others).clone();
    let (other_folder, other_name) = other.rsplit_once('/').unwrap_or(("", &other));
    let middle = name.floor_char_boundary(random.below(name.len()));
    let inserted = random.one_of(TOKENS).replace(['/', '\0'], "_");
    let new = match random.below(6) {
        0 => format!("{folder}/{}", random.one_of(NAMES)),
        1 => format!("{folder}/{}{inserted}{}", &name[..middle], &name[middle..]),
        2 => format!("{other_folder}/{name}"),
        3 => format!("{folder}/{other_name}"),
        4 => format!("{path}/{name}"),
        _ => format!(
            "{folder}/{}{}",
            random.one_of(NAMES),
            name.rsplit_once('.').map_or("", |(_, end)| end)
        ),
    };
    let new = new.trim_start_matches('/').to_owned();
    let content = site[path].clone();
    match random.below(6) {
        0 => drop(site.remove(path)),
        1 => drop(site.insert(new, content)),
        2 => drop(site.insert(new, Content::LinkTo(other))),
        _ => {
            site.remove(path);
            site.insert(new, content);
        }
    }
    // A file cannot be a folder, too, nor can a name be longer than file systems take.
    let paths: Vec<String> = site.keys().cloned().collect();
    let is_folder =
        |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
    let is_long = |path: &String| path.split('/').any(|part| part.len() > 250);
    site.retain(|path, _| {
        !is_folder(path) && !is_long(path) && !path.is_empty() && !path.contains("//")
    });
}

fn span(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(length + 1);
    let longest = *random.one_of(&[1, 4, 40, 400]);
    start..(start + random.below(longest + 1)).min(length)
}

fn mutate_bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let here = span(bytes.len(), random);
    let token = random.one_of(TOKENS).as_bytes().to_vec();
    let lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match random.below(14) {
        0 => drop(bytes.drain(here)),
        1 => {
            let times = *random.one_of(&[1, 2, 50]);
            let repeated = bytes[here.clone()].repeat(times);
            bytes.splice(here.end..here.end, repeated);
        }
        2..=4 => drop(bytes.splice(here.start..here.start, token)),
        5 => drop(bytes.splice(here, token)),
        6 => {
            let times = *random.one_of(&[3, 30, 3000]);
            bytes.splice(here.start..here.start, token.repeat(times));
        }
        7 => {
            let other = &other[span(other.len(), random)];
            bytes.splice(here, other.iter().copied());
        }
        8 => {
            // Any character of Unicode.
            let scalar = char::from_u32(u32::try_from(random.below(0x11_0000)).unwrap())
                .unwrap_or('\u{fffd}');
            bytes.splice(here.start..here.start, scalar.to_string().into_bytes());
        }
        9 if !bytes.is_empty() => {
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
        }
        10 if !lines.is_empty() => {
            let mut lines = lines;
            let (one, another) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(one, another);
            *bytes = lines.concat();
        }
        11 if !lines.is_empty() => {
            let mut lines = lines;
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            let line = if random.is_within(50) { lines.remove(from) } else { lines[from].clone() };
            lines.insert(to.min(lines.len()), line);
            *bytes = lines.concat();
        }
        12 => bytes.truncate(here.start),
        _ => {
            let end = *random.one_of(&["\r\n", "\r", "\n\n"]);
            *bytes = lines
                .concat()
                .split(|byte| *byte == b'\n')
                .collect::<Vec<_>>()
                .join(end.as_bytes());
        }
    }
}

/// Changes, adds or removes something in a JSON file.
fn mutate_value(value: &mut Value, random: &mut Random) {
    let some = |random: &mut Random| match random.below(8) {
        0 => Value::Null,
        1 => true.into(),
        2 => 0.into(),
        3 => (-1.5e308).into(),
        4 => u64::MAX.into(),
        5 => Value::Array(Vec::new()),
        _ => (*random.one_of(TOKENS)).into(),
    };
    match value {
        Value::Object(map) if !map.is_empty() && random.is_within(90) => {
            let key = map.keys().nth(random.below(map.len())).unwrap().clone();
            match random.below(12) {
                0 => drop(map.remove(&key)),
                1 => {
                    let moved = map.remove(&key).unwrap();
                    map.insert((*random.one_of(TOKENS)).to_owned(), moved);
                }
                _ => mutate_value(&mut map[&key], random),
            }
        }
        Value::Array(items) if !items.is_empty() && random.is_within(90) => {
            let place = random.below(items.len());
            match random.below(8) {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                _ => mutate_value(&mut items[place], random),
            }
        }
        value => *value = some(random),
    }
}

/// Puts a changed file in its place with a digest, or a name, that is right for its new content.
fn replace_sealed(site: &mut Files, path: &str, mut value: Value) {
    if path.contains("/runs/") || verification::is_path(path) {
        if let Some(map) = value.as_object_mut() {
            map.remove("digest");
            let digest = Digest::of_value(&value).to_string();
            value["digest"] = digest.into();
        }
        site.insert(path.to_owned(), Content::Bytes(pretty(&value).into_bytes()));
        return;
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (before, after) = (name.trim_end_matches(".json"), Digest::of_value(&value).short());
    for content in site.values_mut() {
        if let Content::Bytes(bytes) = content
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            *bytes = text.replace(before, &after).into_bytes();
        }
    }
    site.remove(path);
    site.insert(format!("{folder}/{after}.json"), Content::Bytes(pretty(&value).into_bytes()));
}

fn write(site: &Files, folder: &Path) {
    for (path, content) in site {
        let path = folder.join(path);
        let _ = std::fs::create_dir_all(path.parent().unwrap());
        // Names that only differ in case, or that this file system does not take, are for others to
        // try.
        let _ = match content {
            Content::Bytes(bytes) => std::fs::write(path, bytes),
            Content::LinkTo(target) => std::os::unix::fs::symlink(folder.join(target), path),
        };
    }
}

/// All files under a folder, links as what they lead to.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| !path.starts_with(folder.join("site/.labpress")))
        .map(|path| (path.clone(), without_moments(std::fs::read(&path).unwrap_or_default())))
        .collect()
}

/// The bytes with blanks for each `2026-11-27 21:22:32`: `site.time` is the moment of the build.
fn without_moments(mut bytes: Vec<u8>) -> Vec<u8> {
    let pattern = b"0000-00-00 00:00:00";
    let is_like =
        |(byte, like): (&u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like };
    for start in 0..bytes.len().saturating_sub(pattern.len() - 1) {
        let moment = &mut bytes[start..start + pattern.len()];
        if moment.iter().zip(pattern).all(is_like) {
            moment.fill(b' ');
        }
    }
    bytes
}

/// What a command comes to: how it ended, what it said, and the files that are there then.
#[derive(PartialEq, Eq)]
struct Came {
    code: Option<i32>,
    said: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// The most memory that a build may have, in KiB of its address space; and the most seconds of a
/// processor. One that waits for ever is ended, too.
const MEMORY: &str = "3000000";
const SECONDS: &str = "60";

fn came(folder: &Path, arguments: &[&str], threads: &str) -> Came {
    let bounded = format!(
        "ulimit -v {MEMORY} && ulimit -t {SECONDS} && exec timeout -s KILL 600 \"$0\" \"$@\""
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &bounded, env!("CARGO_BIN_EXE_labpress")])
        .args(arguments)
        .current_dir(folder.join("site"));
    let output =
        command.env("RAYON_NUM_THREADS", threads).env_remove("LABPRESS_LAB").output().unwrap();
    // How old records are, and how long something took, may differ.
    let out = if arguments[0] == "status" { "" } else { &*String::from_utf8_lossy(&output.stdout) };
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + out;
    let without_time = |line: &str| match line.rsplit_once(" (") {
        Some((line, time)) if time.ends_with("s)") => format!("{line}\n"),
        _ => format!("{line}\n"),
    };
    Came {
        code: output.status.code(),
        said: said.lines().map(without_time).collect(),
        files: tree(folder),
    }
}

/// What is wrong with how labpress takes a site, if anything: a build, or also `more` commands if
/// it has experiments.
fn problem(site: &Files, more: &[&'static str], folder: &Path) -> Option<String> {
    let mut commands: Vec<&[&str]> = vec![&["build", "--locked"]];
    if site.keys().any(|path| path.starts_with("experiments/")) {
        commands.push(more);
    }
    let of_threads = ["1", "8"].map(|threads| {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder.join("site")).unwrap();
        write(site, &folder.join("site"));
        let before = tree(folder);
        let came: Vec<Came> =
            commands.iter().map(|arguments| came(folder, arguments, threads)).collect();
        (before, came)
    });
    let [(before, one), (_, eight)] = of_threads;
    for ((arguments, one), eight) in commands.iter().zip(&one).zip(&eight) {
        let command = arguments.join(" ");
        for came in [one, eight] {
            if !matches!(came.code, Some(0 | 1)) || came.said.contains("panicked") {
                return Some(format!("{command} ended with {:?}: {}", came.code, came.said));
            }
            if let Some((path, _)) =
                before.iter().find(|(path, bytes)| came.files.get(*path) != Some(*bytes))
            {
                return Some(format!("{command} changed {}", path.display()));
            }
        }
        if one.said != eight.said {
            return Some(format!(
                "{command} says with 1 thread: {}\nwith 8: {}",
                one.said, eight.said
            ));
        }
        let paths = one.files.keys().chain(eight.files.keys());
        if let Some(path) =
            paths.into_iter().find(|path| one.files.get(*path) != eight.files.get(*path))
        {
            return Some(format!("{command} makes another {} with 8 threads", path.display()));
        }
        if one.code != eight.code {
            return Some(format!("{command} ends otherwise with 8 threads"));
        }
    }
    None
}

#[test]
fn a_broken_site_is_built_or_refused_alike_with_one_thread_and_with_eight() {
    let (mutants, seed) = (number_of("LABPRESS_MUTANTS", 40), number_of("LABPRESS_SEED", 1));
    let (originals, next, since) = (originals(), AtomicU64::new(0), Instant::now());
    let (problems, slowest) = (Mutex::new(Vec::new()), Mutex::new(Duration::ZERO));
    let built = AtomicU64::new(0);
    let work = || {
        let folder = tempfile::tempdir().unwrap();
        // Deep enough for a path that leads up and out of the site.
        let folder = folder.path().join("a/b/c/d");
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= mutants {
                break;
            }
            let mut random = Random::from_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
            let mut site = random.one_of(&originals).clone();
            mutate(&mut site, &originals, &mut random);
            let start = Instant::now();
            let more: [&[&str]; 4] = [&["status"], &["gc"], &["diff", "toy"], &["why", "toy"]];
            let problem = problem(&site, more[random.below(more.len())], &folder);
            let mut slowest = slowest.lock().unwrap();
            *slowest = start.elapsed().max(*slowest);
            built.fetch_add(
                u64::from(
                    folder.join("site/public").exists() || folder.join("site/_site").exists(),
                ),
                Ordering::Relaxed,
            );
            if let Some(problem) = problem {
                let kept = std::env::temp_dir().join(format!("labpress-mutant-{seed}-{number}"));
                let _ = std::fs::remove_dir_all(&kept);
                write(&site, &kept);
                problems.lock().unwrap().push(format!("{}: {problem}", kept.display()));
            }
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(work);
        }
    });
    let (problems, slowest) = (problems.into_inner().unwrap(), slowest.into_inner().unwrap());
    eprintln!(
        "{mutants} sites in {} s, {} of them with pages, the slowest took {} ms",
        since.elapsed().as_secs(),
        built.into_inner(),
        slowest.as_millis()
    );
    assert!(problems.is_empty(), "{} sites fail:\n{}", problems.len(), problems.join("\n\n"));
}
