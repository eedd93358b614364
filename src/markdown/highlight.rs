//! Colours for code: source text → text with spans whose classes are Rouge's short names.
//!
//! Jekyll's themes bring CSS for those names, so a theme colours our code too. Grammars are Sublime Text's, by syntect
//! and two-face; [`CLASSES`] says which class a grammar's scope becomes. Spans do not nest, neighbours of one class
//! are one span, and what is coloured like plain text (names, punctuation) gets none.
//!
//! A style sheet for light and dark needs these classes, all inside `.highlight`:
//! `c1 cm cp cd sd` comments · `s s1 s2 sh sr se si sa ss sc` strings, their escapes, interpolations, prefixes and
//! symbols · `mi mf mh mo mb` numbers · `k kc kd kn kt` keywords, constants, declarations, imports, types · `o ow`
//! operators · `nf nb nc nn nd nt na nl nv no bp` names: functions, builtins, classes, modules, decorators, tags,
//! attributes, labels and keys, variables, constants, `self` · `vi vg vc` Ruby's variables · `gh gu gs ge gi gd gp`
//! headings, subheadings, strong, emphasis, inserted, deleted, prompts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use syntect::parsing::{BasicScopeStackOp, ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};
use syntect::util::LinesWithEndings;

use super::html::escape_text;

/// A longer line than this is no code that someone reads (minified scripts, data), and would take seconds.
const LONGEST_LINE: usize = 4_000;

/// Writes `code`, escaped, with spans for its colours, or without any if the language is not known.
pub fn write(out: &mut String, language: &str, code: &str) {
    let is_readable = LinesWithEndings::from(code).all(|line| line.len() <= LONGEST_LINE);
    let before = out.len();
    let done = match syntax(language) {
        Some(syntax) if is_readable => write_spans(out, syntax, code).is_ok(),
        _ => false,
    };
    if !done {
        out.truncate(before);
        escape_text(out, code);
    }
}

/// Whether code in this language gets colours.
pub fn is_known(language: &str) -> bool {
    syntax(language).is_some()
}

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let language = language.to_ascii_lowercase();
    // Names that Rouge knows and the grammars do not.
    let token = match language.as_str() {
        "" | "text" | "plaintext" | "plain" | "txt" | "none" | "output" => return None,
        "console" | "shell" | "shell-session" | "terminal" | "zsh" | "shellscript" => "bash",
        "c++" | "cuda" | "cu" => "cpp",
        "c#" | "csharp" => "cs",
        "golang" => "go",
        "ipython" | "ipython3" | "python3" | "pycon" | "py3" => "python",
        "javascript" | "node" | "jsx" | "mjs" => "js",
        "typescript" => "ts",
        "docker" => "dockerfile",
        "tex" => "latex",
        "objective-c" | "objc" | "objectivec" => "m",
        "html+erb" => "erb",
        "viml" | "vimscript" => "vim",
        "powershell" => "ps1",
        "make" => "makefile",
        "elisp" | "emacs-lisp" => "lisp",
        "f#" | "fsharp" => "fs",
        "jsonc" | "json5" => "json",
        "proto" => "protobuf",
        token => token,
    };
    SYNTAXES.find_syntax_by_token(token)
}

fn write_spans(out: &mut String, syntax: &SyntaxReference, code: &str) -> Result<(), NotParsed> {
    let mut parser = ParseState::new(syntax);
    let mut scopes = ScopeStack::new();
    let mut classes = Classes::default();
    let mut spans = Spans { out, open: None, space: "" };
    let mut written = 0;
    for line in LinesWithEndings::from(code) {
        let start = written;
        for (offset, operation) in parser.parse_line(line, &SYNTAXES).map_err(|_| NotParsed)? {
            let at = start + offset;
            if at > written {
                spans.push(code, written..at, classes.now());
                written = at;
            }
            scopes
                .apply_with_hook(&operation, |change, _| match change {
                    BasicScopeStackOp::Push(scope) => classes.push(scope),
                    BasicScopeStackOp::Pop => classes.pop(),
                })
                .map_err(|_| NotParsed)?;
        }
        let end = start + line.len();
        spans.push(code, written..end, classes.now());
        written = end;
    }
    spans.close();
    Ok(())
}

/// The grammar failed at run time; the code is shown without colours.
struct NotParsed;

/// The class of every scope that is open, innermost last; `None` is plain text.
#[derive(Default)]
struct Classes {
    open: Vec<Option<&'static str>>,
    known: BTreeMap<Scope, Found>,
}

impl Classes {
    fn now(&self) -> Option<&'static str> {
        self.open.last().copied().flatten()
    }

    fn push(&mut self, scope: Scope) {
        let outer = self.now();
        let found = *self.known.entry(scope).or_insert_with(|| found(scope));
        self.open.push(match found {
            // A key in quotes is a key.
            Found::Class(class) if outer == Some("nl") && class.starts_with('s') => outer,
            Found::Class(class) => Some(class),
            Found::Plain => None,
            Found::Nothing => outer,
        });
    }

    fn pop(&mut self) {
        self.open.pop();
    }
}

/// Joins text of one class to one span.
struct Spans<'a, 'code> {
    out: &'a mut String,
    open: Option<&'static str>,
    /// White space behind the open span, which belongs to it if text of the same class follows.
    space: &'code str,
}

impl<'code> Spans<'_, 'code> {
    fn push(&mut self, code: &'code str, range: std::ops::Range<usize>, class: Option<&'static str>) {
        let text = &code[range.clone()];
        let body = text.trim_end();
        if body.is_empty() && self.open.is_some() {
            // `space` and `text` are neighbours in `code`.
            self.space = &code[range.start - self.space.len()..range.end];
            return;
        }
        if class != self.open {
            self.close();
            // Indentation stays outside of the span.
            let indentation = text.len() - text.trim_start().len();
            self.out.push_str(&text[..indentation]);
            if let Some(class) = class {
                self.out.push_str("<span class=\"");
                self.out.push_str(class);
                self.out.push_str("\">");
            }
            self.open = class;
            escape_text(self.out, text[indentation..].trim_end());
        } else {
            self.out.push_str(self.space);
            escape_text(self.out, body);
        }
        self.space = &text[body.len()..];
        if self.open.is_none() {
            self.out.push_str(std::mem::take(&mut self.space));
        }
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.out.push_str("</span>");
        }
        self.out.push_str(std::mem::take(&mut self.space));
    }
}

/// What [`CLASSES`] says about a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Class(&'static str),
    /// Coloured like plain text, even inside of something coloured.
    Plain,
    /// Coloured like what is around it.
    Nothing,
}

fn found(scope: Scope) -> Found {
    let longest = TABLE.iter().filter(|(prefix, _)| prefix.is_prefix_of(scope)).max_by_key(|(prefix, _)| prefix.len());
    match longest {
        None => Found::Nothing,
        Some((_, "")) => Found::Plain,
        Some((_, "=")) => Found::Nothing,
        Some((_, class)) => Found::Class(class),
    }
}

static TABLE: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    CLASSES
        .iter()
        .flat_map(|(class, scopes)| scopes.split_ascii_whitespace().map(move |scope| (scope, *class)))
        .map(|(scope, class)| (Scope::new(scope).expect("at most eight parts, as in the table"), class))
        .collect()
});

/// Class and the scopes that have it; of several that fit, the longest counts. An empty class is plain text, `=` is
/// the class of what is around it.
const CLASSES: [(&str, &str); 58] = [
    ("", "source text meta.interpolation punctuation keyword.operator.assignment.toml"),
    ("=", "punctuation.definition.comment punctuation.definition.string punctuation.definition.keyword"),
    ("=", "punctuation.definition.variable punctuation.definition.constant punctuation.definition.heading"),
    ("=", "punctuation.definition.bold punctuation.definition.italic punctuation.definition.raw"),
    ("=", "punctuation.definition.annotation punctuation.definition.inserted punctuation.definition.deleted"),
    ("=", "punctuation.definition.directive punctuation.definition.preprocessor punctuation.definition.attribute"),
    ("=", "punctuation.definition.from-file punctuation.definition.to-file punctuation.definition.range"),
    ("=", "punctuation.definition.entity punctuation.definition.numeric punctuation.definition.backslash"),
    ("c1", "comment comment.line"),
    ("cm", "comment.block"),
    ("cd", "comment.block.documentation comment.line.documentation"),
    ("sd", "comment.block.documentation.python comment.block.documentation.summary.python"),
    ("cp", "meta.preprocessor keyword.control.import.include keyword.control.directive keyword.directive"),
    ("s", "string"),
    ("s1", "string.quoted.single"),
    ("s2", "string.quoted.double string.quoted.triple string.quoted.multi"),
    ("sh", "string.unquoted.heredoc"),
    ("sr", "string.regexp"),
    ("se", "constant.character.escape"),
    ("si", "punctuation.section.interpolation constant.other.placeholder constant.character.format.placeholder"),
    ("sa", "storage.type.string"),
    ("ss", "constant.other.symbol"),
    ("sc", "constant.character"),
    ("mi", "constant.numeric"),
    ("mf", "constant.numeric.float constant.numeric.float.decimal"),
    ("mh", "constant.numeric.integer.hexadecimal constant.numeric.hex"),
    ("mo", "constant.numeric.integer.octal constant.numeric.octal"),
    ("mb", "constant.numeric.integer.binary constant.numeric.binary"),
    ("kc", "constant.language"),
    ("k", "keyword storage.modifier storage.type.function storage.type.class storage.type.struct storage.type.enum"),
    ("k", "storage.type.trait storage.type.impl storage.type.module storage.type.namespace storage.type.type"),
    ("kd", "keyword.declaration storage.type.js storage.type.ts storage.type.function.js storage.type.function.ts"),
    ("kn", "keyword.control.import keyword.other.import keyword.import"),
    ("kt", "storage.type support.type"),
    ("o", "keyword.operator"),
    ("ow", "keyword.operator.word keyword.operator.logical.python keyword.operator.new"),
    ("nf", "entity.name.function variable.function"),
    ("nb", "support.function support.constant support.type.exception"),
    ("nc", "entity.name.class entity.name.struct entity.name.enum entity.name.trait entity.name.type entity.name.impl"),
    ("nc", "entity.name.union entity.name.interface entity.other.inherited-class support.class"),
    ("nn", "entity.name.namespace entity.name.module"),
    ("nd", "variable.annotation meta.annotation support.macro entity.name.macro entity.name.function.decorator"),
    ("nt", "entity.name.tag"),
    ("na", "entity.other.attribute-name entity.name.tag.yaml"),
    ("nl", "entity.name.label meta.mapping.key meta.structure.dictionary.key support.type.property-name"),
    ("nv", "variable.other.readwrite.shell variable.other.normal.shell variable.other.php variable.parameter.shell"),
    ("no", "entity.name.constant constant.other"),
    ("bp", "variable.language"),
    ("vi", "variable.other.readwrite.instance"),
    ("vg", "variable.other.readwrite.global"),
    ("vc", "variable.other.readwrite.class"),
    ("gh", "markup.heading meta.diff.header"),
    ("gu", "meta.diff.range"),
    ("gs", "markup.bold"),
    ("ge", "markup.italic"),
    ("gi", "markup.inserted"),
    ("gd", "markup.deleted"),
    ("gp", "comment.other.shell"),
];
