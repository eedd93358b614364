//! Compiles pages that are style sheets in Sass, and the files that they import, to CSS.
//!
//! Imports are searched for next to the importing file and in the folders that `sass` in
//! `_config.yml` names, by default `_sass`; nothing outside the site is read. The compiler is the
//! crate `grass`.
//!
//! The compiler has no limits: chains of `@extend`, strings that keep doubling and nested
//! expressions can exhaust time, memory or stack in a few lines. So the program compiles each style
//! sheet in a separate process, which the system kills at its limits (see
//! [`Site::compile_sass`](super::Site::compile_sass)); only tests and other users of the library
//! compile in their own process.

mod limits;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Config, SassLimits};
use crate::diagnostic::{Diagnostic, Place, Position};
use crate::inputs::Inputs;
use crate::text::Located;
use crate::value::{Value, as_text, entry};

/// How deep braces may nest in a style sheet: far more than anyone writes, and far less than would
/// overflow the compiler's stack.
const MAX_DEPTH: usize = 100;

/// The style sheets of a site, and how to compile them.
pub(super) struct Sass<'a> {
    /// Text by path.
    sheets: BTreeMap<&'a str, &'a str>,
    load_paths: Vec<String>,
    is_compressed: bool,
    limits: SassLimits,
    compiler: Compiler,
}

/// A style sheet, everything that it may import, and how to compile it: all that a separate process
/// needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// Text by path.
    sheets: BTreeMap<String, String>,
    load_paths: Vec<String>,
    is_compressed: bool,
    path: String,
    text: String,
    lines_above: usize,
    /// How much time and memory it may take.
    #[serde(skip)]
    pub limits: SassLimits,
}

/// The result of a [`Job`].
#[derive(Debug, Serialize, Deserialize)]
pub enum Compiled {
    /// CSS.
    Css(String),
    /// An error in a style sheet.
    Error {
        /// The file.
        path: String,
        /// Line and column, if known.
        position: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// Compiles a style sheet. An `Err` says why the compiler did not finish.
pub type Compiler = fn(&Job) -> Result<Compiled, String>;

/// Compiles in this process, without limits on time and memory: only for trusted style sheets.
#[expect(clippy::unnecessary_wraps, reason = "it is a `Compiler`")]
pub(crate) fn in_this_process(job: &Job) -> Result<Compiled, String> {
    Ok(job.compiled())
}

impl<'a> Sass<'a> {
    /// Collects all style sheets of the site.
    pub(super) fn new(inputs: &'a Inputs, config: &Config, compiler: Compiler) -> Sass<'a> {
        let sheets =
            inputs.texts().map(|(path, text)| (path, text.text.as_str())).filter(|(path, _)| {
                let ending = path.rsplit('.').next().unwrap_or("");
                matches!(ending, "scss" | "sass" | "css")
            });
        let options = config.value("sass");
        let option = |key| options.and_then(|options| entry(options, key));
        let folder = option("sass_dir").map(as_text).filter(|folder| !folder.is_empty());
        let more =
            option("load_paths").and_then(Value::as_array).unwrap_or_default().iter().map(as_text);
        // Jekyll compiles every style sheet as if it were at the site's root, so imports from there
        // are also found.
        let load_paths =
            more.chain([folder.unwrap_or_else(|| "_sass".to_owned()), String::new()]).collect();
        let style = option("style").map(as_text);
        let is_compressed =
            style.as_deref().map(|style| style.trim_start_matches(':')) == Some("compressed");
        Sass {
            sheets: sheets.collect(),
            load_paths,
            is_compressed,
            limits: config.sass_limits,
            compiler,
        }
    }

    /// The CSS of a style sheet.
    pub(super) fn css(&self, sheet: Located<'_>) -> Result<String, Diagnostic> {
        let sheets =
            self.sheets.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let job = Job {
            sheets: sheets.collect(),
            load_paths: self.load_paths.clone(),
            is_compressed: self.is_compressed,
            path: sheet.path.to_owned(),
            text: sheet.text.to_owned(),
            lines_above: sheet.lines_above,
            limits: self.limits,
        };
        match (self.compiler)(&job) {
            Ok(Compiled::Css(css)) => Ok(css),
            Ok(Compiled::Error { path, position, message, hint }) => {
                let position = position.map(|(line, column)| Position { line, column });
                let diagnostic = Diagnostic::new(Place { path, position }, message);
                Err(match hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                })
            }
            Err(message) => {
                let hint = "simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in \
                            `_config.yml`";
                Err(Diagnostic::new(Place::file(sheet.path), message).hint(hint))
            }
        }
    }
}

impl Job {
    /// Compiles the style sheet in this process.
    pub fn compiled(&self) -> Compiled {
        match self.css() {
            Ok(css) => Compiled::Css(css),
            Err(diagnostic) => Compiled::Error {
                path: diagnostic.place().path.clone(),
                position: diagnostic
                    .place()
                    .position
                    .map(|position| (position.line, position.column)),
                message: diagnostic.message().to_owned(),
                hint: diagnostic.hinted().map(str::to_owned),
            },
        }
    }

    fn css(&self) -> Result<String, Diagnostic> {
        let sheet = Located { path: &self.path, text: &self.text, lines_above: self.lines_above };
        let files = Files { sheets: &self.sheets, entry: sheet };
        let style = if self.is_compressed {
            grass::OutputStyle::Compressed
        } else {
            grass::OutputStyle::Expanded
        };
        let compile = || {
            let options = grass::Options::default()
                .fs(&files)
                .logger(&grass::NullLogger)
                .quiet(true)
                // Every page declares its encoding, and Jekyll writes no `@charset`.
                .allows_charset(false)
                .style(style)
                .load_paths(&self.load_paths);
            let compiled = grass::from_path(sheet.path, &limits::counting(options));
            compiled.map_err(|error| diagnostic(*error, sheet))
        };
        limits::run(compile).unwrap_or_else(|| {
            let message = "the Sass compiler crashed on this style sheet";
            Err(Diagnostic::new(Place::file(sheet.path), message)
                .hint("bisect the file to find the rule that causes this, and rewrite it"))
        })
    }
}

fn diagnostic(error: grass::Error, sheet: Located<'_>) -> Diagnostic {
    match error.kind() {
        grass::ErrorKind::ParseError { message, loc, .. } => {
            let path = loc.file.name().to_owned();
            let line = loc.file.source_line(loc.begin.line);
            let column = limits::column_before(line, loc.begin.column);
            let position = Position { line: loc.begin.line + 1, column: column + 1 };
            let position =
                if path == sheet.path { position.down(sheet.lines_above) } else { position };
            let mut message = message.trim_end_matches('.').to_owned();
            if let Some(first) = message.get(..1) {
                message = first.to_lowercase() + &message[1..];
            }
            let diagnostic = Diagnostic::new(Place::new(path, position), message.clone());
            if message.starts_with("can't find stylesheet") {
                return diagnostic.hint(
                    "put the file into `_sass`, or name its folder in `sass: {load_paths: […]}`",
                );
            }
            diagnostic
        }
        grass::ErrorKind::IoError(error) => {
            Diagnostic::new(Place::file(sheet.path), format!("cannot be compiled: {error}"))
        }
        _ => Diagnostic::new(Place::file(sheet.path), "cannot be compiled"),
    }
}

/// The file system that the compiler sees: the site's style sheets.
#[derive(Debug)]
struct Files<'a> {
    sheets: &'a BTreeMap<String, String>,
    entry: Located<'a>,
}

impl Files<'_> {
    fn text(&self, path: &Path) -> Option<&str> {
        let path = normal(path);
        if path == self.entry.path {
            Some(self.entry.text)
        } else {
            self.sheets.get(path.as_str()).map(String::as_str)
        }
    }
}

impl grass::Fs for Files<'_> {
    fn is_dir(&self, path: &Path) -> bool {
        let folder = normal(path) + "/";
        self.sheets
            .range(folder.clone()..)
            .next()
            .is_some_and(|(path, _)| path.starts_with(&folder))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.text(path).is_some()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.text(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        if depth(text) > MAX_DEPTH {
            return Err(io::Error::other(format!("blocks are nested more than {MAX_DEPTH} deep")));
        }
        let has_braces = path.extension().is_some_and(|ending| ending == "scss");
        let text = if has_braces { limits::stepping(text) } else { text.to_owned() };
        Ok(text.into_bytes())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(PathBuf::from(normal(path)))
    }
}

/// The path without `.` and `..`, with `/` between its parts. A path that would leave the site is
/// kept inside it.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The deepest nesting of brackets of any kind.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn css(files: &[(&str, &str)], config: &str) -> Result<String, Diagnostic> {
        let inputs =
            files.iter().fold(Inputs::default(), |inputs, (path, text)| inputs.with(*path, *text));
        let sass = Sass::new(&inputs, &Config::for_tests(config), in_this_process);
        let (path, text) = files[0];
        sass.css(Located { path, text, lines_above: 3 })
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], config: &str, expected: &str) {
        assert_eq!(css(files, config).unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn imports_are_found_in_sass_and_next_to_the_file() {
        check(
            &[
                ("assets/main.scss", "@import \"colors\", 'part/x';\na { color: $red; }\n"),
                ("_sass/_colors.scss", "$red: #f00;"),
                ("assets/part/_x.sass", "b\n  top: 1px\n"),
            ],
            "",
            "b {\n  top: 1px;\n}\n\na {\n  color: #f00;\n}\n",
        );
    }

    #[test]
    fn a_style_sheet_that_imports_itself_is_an_error() {
        check(
            &[
                ("main.scss", "@import 'a';"),
                ("_sass/a.scss", "@import 'b';"),
                ("_sass/b.scss", "x {}\n@import 'a';"),
            ],
            "",
            "error: this file is already being loaded\n --> _sass/b.scss:2:9",
        );
    }

    #[test]
    fn errors_have_their_place_in_the_file_below_its_front_matter() {
        check(
            &[("main.scss", "a {\n  top: $x;\n}\n")],
            "",
            "error: undefined variable\n --> main.scss:5:8",
        );
        check(
            &[("main.scss", "@import 'x';")],
            "",
            "error: can't find stylesheet to import\n --> main.scss:4:9\n\
             hint: put the file into `_sass`, or name its \
             folder in `sass: {load_paths: […]}`",
        );
    }

    #[test]
    fn nothing_outside_the_site_is_read() {
        check(
            &[("main.scss", "@import '../../../../etc/passwd', '/etc/passwd';")],
            "sass: {load_paths: [/etc, ../..]}",
            "error: can't find stylesheet to import\n --> main.scss:4:9\n\
             hint: put the file into `_sass`, or name its \
             folder in `sass: {load_paths: […]}`",
        );
    }

    #[test]
    fn the_configuration_sets_folder_and_style() {
        check(
            &[("main.scss", "@import 'x';"), ("css/_x.scss", "a { top: 1px; b { left: 0 } }")],
            "sass: {sass_dir: css, style: compressed}",
            "a{top:1px}a b{left:0}",
        );
    }

    #[test]
    fn endless_loops_and_recursion_are_errors() {
        let error = |reason, column| format!("error: {reason}\n --> main.scss:4:{column}");
        let steps = "loops and calls take more than 1000000 steps";
        check(&[("main.scss", "@while true { }")], "", &error(steps, 14));
        check(&[("main.scss", "@for $i from 1 through 1000000000 { }")], "", &error(steps, 36));
        let calls = "this calls itself too often";
        check(
            &[("main.scss", "@function f($x) { @return f($x + 1); } a { b: f(1) }")],
            "",
            &error(calls, 18),
        );
        check(
            &[("main.scss", "@mixin m { a { @include m; } } @include m;")],
            "",
            &error(calls, 11),
        );
    }

    #[test]
    fn loops_functions_and_mixins_work_and_errors_in_them_have_their_place() {
        check(
            &[(
                "main.scss",
                "@function f($x) { @if $x > 2 { @return 1 } @return f($x + 1) + 1 } a { b: f(1) }",
            )],
            "",
            "a {\n  b: 3;\n}\n",
        );
        check(
            &[("main.scss", "@mixin m { a { b: $x } } @include m;")],
            "",
            "error: undefined variable\n --> main.scss:4:19",
        );
    }

    #[test]
    fn deeply_nested_braces_are_an_error() {
        let deep = "a{".repeat(10_000);
        check(
            &[("main.scss", &deep)],
            "",
            "error: cannot be compiled: blocks are nested more than 100 deep\n --> main.scss",
        );
    }
}
