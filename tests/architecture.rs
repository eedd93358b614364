//! What `ARCHITECTURE.md` promises of the modules.
#![expect(clippy::disallowed_methods, reason = "the test reads the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Which top module imports which, with a file that does.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// The imports of one another among the modules of a package's `src`.
fn imports(src: &Path) -> Imports {
    let mut imports = Imports::new();
    let entries = walkdir::WalkDir::new(src).sort_by_file_name();
    for entry in entries.into_iter().map(|entry| entry.expect("it can be read")) {
        let path = entry.path().strip_prefix(src).expect("walked from it").display().to_string();
        let Some(stem) = path.strip_suffix(".rs") else { continue };
        let module = stem.split('/').next().expect("a path has a part").to_owned();
        if matches!(module.as_str(), "lib" | "main") || stem.ends_with("/tests") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("it can be read");
        for imported in imported(code(&text)) {
            if imported != module {
                imports.entry(module.clone()).or_default().insert(imported, path.clone());
            }
        }
    }
    imports
}

/// The text without its unit tests, which may import anything.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// The modules after each `crate::`, outside of comments.
fn imported(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut modules = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let is_part = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        match rest.strip_prefix('{') {
            None => drop(modules.insert(rest.split(is_part).next().unwrap_or("").to_owned())),
            Some(list) => {
                // `crate::{a, b::{c, d}}` imports from a and b.
                let mut depth = 0;
                let mut is_start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => is_start = true,
                        c if is_start && c.is_ascii_lowercase() => {
                            let name = list[at..].split(is_part).next().unwrap_or("");
                            modules.insert(name.to_owned());
                            is_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    modules
}

/// A way along imports that leads back to where it starts.
fn cycle(imports: &Imports) -> Option<Vec<String>> {
    fn follow(imports: &Imports, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        let last = way.last().expect("it has a start").clone();
        for next in imports.get(&last).into_iter().flat_map(BTreeMap::keys) {
            if let Some(start) = way.iter().position(|module| module == next) {
                way.drain(..start);
                way.push(next.clone());
                return true;
            }
            if done.contains(next) {
                continue;
            }
            way.push(next.clone());
            if follow(imports, way, done) {
                return true;
            }
            way.pop();
        }
        done.insert(last);
        false
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|start| {
        let mut way = vec![start.clone()];
        follow(imports, &mut way, &mut done).then_some(way)
    })
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = imports(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(imports.contains_key("site"), "the sources were not found");
    if let Some(cycle) = cycle(&imports) {
        let steps: Vec<String> = cycle
            .windows(2)
            .map(|step| {
                format!("{} imports {} in src/{}", step[0], step[1], imports[&step[0]][&step[1]])
            })
            .collect();
        panic!("modules import each other:\n{}", steps.join("\n"));
    }
}

#[test]
fn a_circle_of_imports_is_found() {
    let text = "use crate::{b, c::{x, y}};\n// use crate::d;\nlet e = crate::e::f();\n\
                \n#[cfg(test)]\nmod tests {\nuse crate::g;\n}";
    assert_eq!(imported(code(text)).into_iter().collect::<Vec<_>>(), ["b", "c", "e"]);
    let import = |from: &str, to: &str| {
        (from.to_owned(), BTreeMap::from([(to.to_owned(), format!("{from}.rs"))]))
    };
    let mut imports = Imports::from([import("a", "b"), import("b", "c"), import("d", "a")]);
    assert_eq!(cycle(&imports), None);
    imports.extend([import("c", "a")]);
    assert_eq!(cycle(&imports), Some(["a", "b", "c", "a"].map(str::to_owned).to_vec()));
}
