//! Syntax highlighting: code → spans with the short class names of Rouge.
//!
//! The themes of Jekyll have CSS for these names. The grammars are those of Sublime Text, by
//! syntect and two-face; the table `CLASSES` maps their scopes to classes. Spans do not nest,
//! adjacent text of one class is one span, and what looks like plain text (names, punctuation) has
//! none.
//!
//! A style sheet for light and dark needs these classes, all inside `.highlight`:
//! - comments: `c1` to the line's end, `cm` in blocks, `cd` and `sd` documentation, `cp`
//!   preprocessor and `cpf` the file it includes
//! - strings: `s`, `s1`, `s2`, `sh` here-document, `sr` regular expression, `se` escape, `si`
//!   interpolation, `sa` prefix, `ss` symbol, `sc` character, `ni` entity
//! - numbers: `mi`, `mf`, `mh`, `mo`, `mb`
//! - keywords: `k`, `kc` constant, `kd` declaration, `kn` import, `kt` type
//! - operators: `o`, `ow` those that are words
//! - names: `nf` function, `nb` builtin, `nc` class, `nn` module, `nd` decorator and macro, `nt`
//!   tag and option of a command, `na` attribute, `nl` key, property and label, `py` key in TOML,
//!   `nv` variable of a shell, `no` constant, `bp` `self` and `None`, `vi` `vg` `vc` variables of
//!   Ruby
//! - markup and diffs: `gh` heading, `gu` place in a diff, `gs` strong, `ge` emphasis, `gi`
//!   inserted, `gd` deleted
//! - `gp` the prompt of a terminal, `go` the output of a command

use std::collections::BTreeMap;
use std::sync::LazyLock;

use syntect::parsing::{
    BasicScopeStackOp, ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet,
};
use syntect::util::LinesWithEndings;

use kramdown::html::escape_text;

/// The longest line that is highlighted, in bytes. Longer ones are minified scripts or data, which
/// nobody reads and which would take seconds.
const LONGEST_LINE: usize = 4_000;

/// Appends `code`, escaped and with spans, or without spans if the language is unknown.
pub(crate) fn write(out: &mut String, language: &str, code: &str) {
    let is_readable = LinesWithEndings::from(code).all(|line| line.len() <= LONGEST_LINE);
    let before = out.len();
    let done = match syntax(language) {
        Some(syntax) if is_readable && is_session(language) => {
            write_session(out, syntax, code).is_ok()
        }
        Some(syntax) if is_readable && is_typed(language, code) => {
            write_typed(out, syntax, code).is_ok()
        }
        Some(syntax) if is_readable => write_spans(out, syntax, code).is_ok(),
        _ => false,
    };
    if !done {
        out.truncate(before);
        escape_text(out, code);
    }
}

/// Whether code in this language is a terminal session: prompts, commands and their output.
fn is_session(language: &str) -> bool {
    ["console", "shell-session", "terminal"]
        .iter()
        .any(|session| language.eq_ignore_ascii_case(session))
}

/// Writes a terminal session: highlighted commands after each `$`, `#`, `%` or `>`, and their
/// output.
fn write_session(out: &mut String, syntax: &SyntaxReference, code: &str) -> Result<(), NotParsed> {
    let mut is_output = false;
    for line in LinesWithEndings::from(code) {
        let command =
            line.split_once(' ').filter(|(prompt, _)| matches!(*prompt, "$" | "#" | "%" | ">"));
        if is_output != command.is_none() {
            is_output = command.is_none();
            out.push_str(if is_output { "<span class=\"go\">" } else { "</span>" });
        }
        match command {
            Some((prompt, command)) => {
                out.push_str("<span class=\"gp\">");
                escape_text(out, prompt);
                out.push_str("</span> ");
                write_spans(out, syntax, command)?;
            }
            None => escape_text(out, line),
        }
    }
    if is_output {
        out.push_str("</span>");
    }
    Ok(())
}

/// Whether code in this language is a shell script that nevertheless contains prompts.
fn is_typed(language: &str, code: &str) -> bool {
    let is_shell =
        ["bash", "sh", "shell", "zsh"].iter().any(|shell| language.eq_ignore_ascii_case(shell));
    is_shell && (code.starts_with("$ ") || code.contains("\n$ "))
}

/// Writes a script with prompts. Rouge takes each of them for a variable.
fn write_typed(out: &mut String, syntax: &SyntaxReference, code: &str) -> Result<(), NotParsed> {
    for line in LinesWithEndings::from(code) {
        let command = line.strip_prefix("$ ");
        if command.is_some() {
            out.push_str("<span class=\"nv\">$ </span>");
        }
        write_spans(out, syntax, command.unwrap_or(line))?;
    }
    Ok(())
}

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let language = language.to_ascii_lowercase();
    // Names that Rouge knows and the grammars do not.
    let token = match language.as_str() {
        "" | "text" | "plaintext" | "plain" | "txt" | "none" | "output" => return None,
        "console" | "shell" | "shell-session" | "terminal" | "zsh" | "shellscript" => "bash",
        "rust,ignore" | "rust,no_run" | "rust,should_panic" | "rs,ignore" | "rs,no_run"
        | "rs,should_panic" => "rust",
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

/// The grammar failed at run time, so the code is not highlighted.
struct NotParsed;

/// The classes of the open scopes, innermost last; `None` is plain text.
#[derive(Default)]
struct Classes {
    open: Vec<Option<&'static str>>,
    known: BTreeMap<Scope, Found>,
    import: Import,
}

/// The position of the parser in an import of Python, whose grammar gives the module and its alias
/// the same scope.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Import {
    #[default]
    Outside,
    /// After `from`: the names after `import` are not modules.
    From,
    /// After `import`.
    Module,
}

impl Classes {
    fn now(&self) -> Option<&'static str> {
        self.open.last().copied().flatten()
    }

    fn push(&mut self, scope: Scope) {
        let outer = self.now();
        let found = *self.known.entry(scope).or_insert_with(|| found(scope));
        let class = match found {
            // A quoted key is a key.
            Found::Class(class) if outer == Some("nl") && class.starts_with('s') => outer,
            Found::Class(class) => Some(class),
            Found::Plain => None,
            Found::Nothing => outer,
            Found::Import(part) => self.class_in_import(part, outer),
        };
        self.open.push(class);
    }

    fn class_in_import(
        &mut self,
        part: ImportPart,
        outer: Option<&'static str>,
    ) -> Option<&'static str> {
        let (import, class) = match (part, self.import) {
            (ImportPart::From, _) => (Import::From, Some("kn")),
            (ImportPart::Import, Import::From) => (Import::Outside, Some("kn")),
            (ImportPart::Import, _) => (Import::Module, Some("kn")),
            (ImportPart::Name, Import::Module) => (Import::Outside, Some("nn")),
            (ImportPart::Name, import) => (import, outer),
        };
        self.import = import;
        class
    }

    fn pop(&mut self) {
        self.open.pop();
    }
}

/// Joins adjacent text of one class into one span.
struct Spans<'a, 'code> {
    out: &'a mut String,
    open: Option<&'static str>,
    /// White space after the open span, which belongs to it if text of the same class follows.
    space: &'code str,
}

impl<'code> Spans<'_, 'code> {
    fn push(
        &mut self,
        code: &'code str,
        range: std::ops::Range<usize>,
        class: Option<&'static str>,
    ) {
        let text = &code[range.clone()];
        let body = text.trim_end();
        if body.is_empty() {
            match self.open {
                // `space` and `text` are adjacent in `code`.
                Some(_) => self.space = &code[range.start - self.space.len()..range.end],
                None => self.out.push_str(text),
            }
            return;
        }
        // Comments and strings continue across lines, but keywords on two lines are two spans.
        let continues = self.open.is_some_and(|class| class.starts_with(['c', 's']))
            || !self.space.contains('\n');
        if class != self.open || !continues {
            self.close();
            // Indentation stays outside the span.
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

/// The entry of a scope in the table `CLASSES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Class(&'static str),
    /// Plain text, even inside a scope with a class.
    Plain,
    /// The class of the scope around it.
    Nothing,
    /// Depends on its position in an import.
    Import(ImportPart),
}

/// The parts of an import of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ImportPart {
    From,
    Import,
    Name,
}

fn found(scope: Scope) -> Found {
    if let Some((_, part)) = IMPORT.iter().find(|(known, _)| *known == scope) {
        return Found::Import(*part);
    }
    let longest = TABLE
        .iter()
        .filter(|(prefix, _)| prefix.is_prefix_of(scope))
        .max_by_key(|(prefix, _)| prefix.len());
    match longest {
        None | Some((_, "=")) => Found::Nothing,
        Some((_, "")) => Found::Plain,
        Some((_, class)) => Found::Class(class),
    }
}

static IMPORT: LazyLock<[(Scope, ImportPart); 3]> = LazyLock::new(|| {
    [
        ("keyword.control.import.from.python", ImportPart::From),
        ("keyword.control.import.python", ImportPart::Import),
        ("meta.qualified-name.python", ImportPart::Name),
    ]
    .map(|(scope, part)| (Scope::new(scope).expect("at most eight parts, as above"), part))
});

static TABLE: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    CLASSES
        .iter()
        .flat_map(|(class, scopes)| {
            scopes.split_ascii_whitespace().map(move |scope| (scope, *class))
        })
        .map(|(scope, class)| {
            (Scope::new(scope).expect("at most eight parts, as in the table"), class)
        })
        .collect()
});

/// Classes and their scopes. If several scopes match, the longest wins. An empty class is plain
/// text, `=` is the class of the scope around it.
const CLASSES: &[(&str, &str)] = &[
    ("", "source text meta.interpolation meta.group.annotation punctuation"),
    ("", "keyword.operator.accessor"),
    ("=", "punctuation.definition.comment punctuation.definition.string"),
    ("=", "punctuation.definition.keyword punctuation.definition.variable"),
    ("=", "punctuation.definition.constant punctuation.definition.heading"),
    ("=", "punctuation.definition.bold punctuation.definition.italic punctuation.definition.raw"),
    ("=", "punctuation.definition.annotation punctuation.definition.inserted"),
    ("=", "punctuation.definition.deleted punctuation.definition.directive"),
    ("=", "punctuation.definition.preprocessor punctuation.definition.attribute"),
    ("=", "punctuation.definition.from-file punctuation.definition.to-file"),
    ("=", "punctuation.definition.range punctuation.definition.entity"),
    ("=", "punctuation.definition.numeric punctuation.definition.backslash"),
    ("=", "punctuation.terminator.entity punctuation.separator.decimal"),
    ("=", "keyword.operator.quantifier.regexp keyword.other.template keyword.other.block"),
    ("=", "punctuation.definition.parameter.shell"),
    // Rouge distinguishes calls from other names in few languages, and not in these.
    ("", "variable.function.python variable.function.c variable.function.c++ variable.function.js"),
    ("", "variable.function.ts variable.function.shell variable.function.r string.unquoted.shell"),
    ("", "support.function.C99 support.type.object.js support.function.console.js"),
    ("", "support.function.node.js support.type.object.console.js"),
    ("", "entity.other.inherited-class.python entity.name.struct.rust entity.name.enum.rust"),
    ("", "entity.name.trait.rust entity.name.impl.rust entity.name.type.rust"),
    ("c1", "comment comment.line"),
    ("cm", "comment.block"),
    ("cd", "comment.block.documentation comment.line.documentation"),
    ("sd", "comment.block.documentation.python comment.block.documentation.summary.python"),
    ("cp", "meta.preprocessor keyword.control.import.include keyword.control.directive"),
    ("cp", "keyword.directive"),
    ("cpf", "string.quoted.other.lt-gt.include"),
    ("s", "string"),
    ("s1", "string.quoted.single"),
    ("s2", "string.quoted.double string.quoted.triple string.quoted.multi"),
    ("sh", "string.unquoted.heredoc"),
    ("sr", "string.regexp"),
    ("se", "constant.character.escape"),
    ("si", "punctuation.section.interpolation keyword.other.substitution"),
    ("si", "constant.other.placeholder constant.character.format.placeholder"),
    ("sa", "storage.type.string"),
    ("ss", "constant.other.symbol"),
    ("sc", "constant.character"),
    ("ni", "constant.character.entity"),
    ("mi", "constant.numeric"),
    ("mf", "constant.numeric.float constant.numeric.float.decimal"),
    ("mh", "constant.numeric.integer.hexadecimal constant.numeric.hex"),
    ("mo", "constant.numeric.integer.octal constant.numeric.octal"),
    ("mb", "constant.numeric.integer.binary constant.numeric.binary"),
    ("kc", "constant.language"),
    ("k", "keyword storage.modifier storage.type.function storage.type.class storage.type.struct"),
    ("k", "storage.type.enum storage.type.trait storage.type.impl storage.type.module"),
    ("k", "storage.type.namespace storage.type.type keyword.declaration storage.type.keyword"),
    ("kd", "storage.type.js storage.type.ts storage.type.function.js storage.type.function.ts"),
    ("kn", "keyword.control.import keyword.other.import keyword.import"),
    ("kt", "storage.type support.type"),
    ("o", "keyword.operator"),
    ("ow", "keyword.operator.word keyword.operator.logical.python keyword.operator.new"),
    ("nf", "entity.name.function variable.function support.function.magic support.function.rust"),
    ("nb", "support.function support.constant support.type.exception storage.modifier.shell"),
    ("nc", "entity.name.class entity.name.struct entity.name.enum entity.name.trait"),
    ("nc", "entity.name.type entity.name.impl entity.name.union entity.name.interface"),
    ("nc", "entity.other.inherited-class support.class"),
    ("nn", "entity.name.namespace entity.name.module entity.name.table meta.import-name.python"),
    ("nn", "meta.path.rust"),
    ("nd", "variable.annotation meta.annotation support.macro entity.name.macro"),
    ("nd", "entity.name.function.decorator"),
    ("nt", "entity.name.tag variable.parameter.option.shell"),
    ("na", "entity.other.attribute-name entity.name.tag.yaml"),
    ("py", "entity.name.tag.toml"),
    ("nl", "entity.name.label meta.mapping.key meta.structure.dictionary.key"),
    ("nl", "support.type.property-name"),
    ("nv", "variable.other.readwrite.shell variable.other.readwrite.assignment.shell"),
    ("nv", "variable.other.normal.shell variable.other.php variable.parameter.makefile"),
    ("no", "entity.name.constant constant.other"),
    ("bp", "variable.language constant.language.python"),
    ("vi", "variable.other.readwrite.instance"),
    ("vg", "variable.other.readwrite.global"),
    ("vc", "variable.other.readwrite.class"),
    ("gh", "markup.heading meta.diff.header"),
    ("gu", "meta.diff.range"),
    ("gs", "markup.bold"),
    ("ge", "markup.italic"),
    ("gi", "markup.inserted"),
    ("gd", "markup.deleted"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(language: &str, code: &str, expected: &str) {
        let mut out = String::new();
        write(&mut out, language, code);
        assert_eq!(out, expected);
    }

    fn without_spans(html: &str) -> String {
        let mut text = String::new();
        let mut rest = html;
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            rest = tag.split_once('>').expect("tags end").1;
        }
        text + rest
    }

    #[test]
    fn python_has_the_classes_of_rouge() {
        check(
            "python",
            "def f(x):\n    return x < 1  # no\n",
            "<span class=\"k\">def</span> <span class=\"nf\">f</span>(x):\n    \
             <span class=\"k\">return</span> x <span class=\"o\">&lt;</span> <span class=\"mi\">1</span>  \
             <span class=\"c1\"># no</span>\n",
        );
    }

    #[test]
    fn imports_of_python_name_modules_and_calls_are_plain() {
        check(
            "python",
            "import a.b as c\nfrom d import e\nf(None)\n",
            "<span class=\"kn\">import</span> <span class=\"nn\">a</span>.<span class=\"nn\">b</span> \
             <span class=\"kn\">as</span> c\n<span class=\"kn\">from</span> <span class=\"nn\">d</span> \
             <span class=\"kn\">import</span> e\nf(<span class=\"bp\">None</span>)\n",
        );
    }

    #[test]
    fn neighbours_of_one_class_share_a_span() {
        check("rust", "pub struct A;", "<span class=\"k\">pub struct</span> A;");
        check("c", "/* a\n b */\n", "<span class=\"cm\">/* a\n b */</span>\n");
    }

    #[test]
    fn keys_in_quotes_are_keys() {
        check(
            "json",
            "{\"a\": \"b\"}",
            "{<span class=\"nl\">\"a\"</span>: <span class=\"s2\">\"b\"</span>}",
        );
    }

    #[test]
    fn a_script_with_prompts_is_a_session_too() {
        check("bash", "$ ls -l\n", "<span class=\"nv\">$ </span>ls <span class=\"nt\">-l</span>\n");
    }

    #[test]
    fn a_terminal_session_has_prompts_and_output() {
        check(
            "console",
            "$ ls x\na  b\n> cd\n",
            "<span class=\"gp\">$</span> ls x\n<span class=\"go\">a  b\n</span><span class=\"gp\">&gt;</span> \
             <span class=\"nb\">cd</span>\n",
        );
    }

    #[test]
    fn languages_of_two_face_are_known() {
        for language in [
            "toml",
            "TypeScript",
            "Dockerfile",
            "yml",
            "c++",
            "shell",
            "golang",
            "julia",
            "diff",
            "r",
        ] {
            assert!(syntax(language).is_some(), "{language}");
        }
    }

    #[test]
    fn unknown_languages_and_endless_lines_stay_plain() {
        check("nonsense", "a < 1", "a &lt; 1");
        check("", "def f():", "def f():");
        let line = "x = 1;".repeat(LONGEST_LINE);
        check("js", &line, &line);
    }

    #[test]
    fn every_scope_of_the_table_is_one() {
        assert!(TABLE.len() > CLASSES.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn only_spans_are_added(
            code in "[ \\na-c0-9\"'#/*<>&(){}\\[\\]=.,:$`%-]{0,60}",
            language in prop::sample::select(vec!["python", "rust", "js", "bash", "yaml", "html", "console", "c", "css"]),
        ) {
            let mut out = String::new();
            write(&mut out, language, &code);
            let mut escaped = String::new();
            escape_text(&mut escaped, &code);
            prop_assert_eq!(without_spans(&out), escaped);
        }
    }
}
