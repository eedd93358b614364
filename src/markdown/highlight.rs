//! Syntax highlighting: code → spans with the short class names of Rouge.
//!
//! The themes of Jekyll have CSS for these names. The common languages have tables in [`lexer`]; for
//! all others there are the grammars of Sublime Text, by syntect and two-face, and the table
//! `CLASSES` maps their scopes to classes. That is about fifty times as slow, and less like Rouge.
//!
//! [`write()`] is compact: spans do not nest, adjacent text of one class is one span, and what looks
//! like plain text (the classes `PLAIN`: names, punctuation) has none. Few themes give that a color
//! of its own. For blogs from Jekyll, whose themes may, [`write_like_rouge`] marks it as Rouge does,
//! which makes code twice as long.
//!
//! A style sheet for light and dark needs these classes, all inside `.highlight`:
//! - comments: `c` `c1` to the line's end, `cm` in blocks, `cd` and `sd` documentation, `cp`
//!   preprocessor and `cpf` the file it includes
//! - strings: `s`, `s1`, `s2`, `sh` here-document, `sr` regular expression, `sx` other, `sb`
//!   backticks, `se` escape, `si` interpolation, `sa` prefix, `ss` symbol, `sc` character, `ni`
//!   entity
//! - numbers: `m`, `mi`, `mf`, `mh`, `mo`, `mb`, and `ld` for dates
//! - keywords: `k`, `kc` constant, `kd` declaration, `kn` import, `kp` pseudo, `kr` reserved, `kt`
//!   type
//! - operators: `o`, `ow` those that are words
//! - names: `nf` function, `nb` builtin, `nc` class, `nn` module, `nd` decorator and macro, `nt`
//!   tag and option of a command, `na` attribute and method, `nl` key, property and label, `py`
//!   property, `nv` variable, `no` constant, `nx` other name, `bp` `self` and `None`, `vi` `vg` `vc`
//!   variables of Ruby
//! - markup and diffs: `gh` heading, `gu` place in a diff, `gs` strong, `ge` emphasis, `gi`
//!   inserted, `gd` deleted
//! - `gp` the prompt of a terminal, `go` the output of a command

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::LazyLock;

use syntect::parsing::{
    BasicScopeStackOp, ParseState, Scope, ScopeStack, ScopeStackOp, SyntaxReference, SyntaxSet,
};
use syntect::util::LinesWithEndings;

use kramdown::html::escape_text;

use crate::diagnostic::nearest;
use crate::lexer::{self, Language};

/// The longest line that is highlighted, in bytes. Longer ones are minified scripts or data, which
/// nobody reads and which would take seconds.
const LONGEST_LINE: usize = 4_000;

/// Classes without a span: names, punctuation and white space.
const PLAIN: [&str; 6] = ["", "n", "p", "pi", "w", "x"];

/// Appends `code`, escaped and with spans, or without spans if the language is unknown.
pub(crate) fn write(out: &mut String, language: &str, code: &str) {
    write_by(write_tokens, out, language, code);
}

/// As [`write()`], with the spans that Rouge has, if the language has a table.
pub(crate) fn write_like_rouge(out: &mut String, language: &str, code: &str) {
    write_by(write_all_tokens, out, language, code);
}

/// Writes code by `write_tokens` if its language has a table.
fn write_by(
    write_tokens: fn(&mut String, &'static Language, &str),
    out: &mut String,
    language: &str,
    code: &str,
) {
    let language = language.to_ascii_lowercase();
    match lexer::language(&language) {
        Some(language) => write_tokens(out, language, code),
        None => write_parsed(out, &language, code),
    }
}

fn write_tokens(out: &mut String, language: &'static Language, code: &str) {
    let mut spans = Spans { out, open: None, space: "" };
    let mut written = 0;
    language.read(code, &mut |class, text| {
        let end = written + text.len();
        spans.push(code, written..end, (!PLAIN.contains(&class)).then_some(class));
        written = end;
    });
    spans.close();
}

fn write_all_tokens(out: &mut String, language: &'static Language, code: &str) {
    let mut open = "";
    language.read(code, &mut |class, text| {
        if class != open {
            if !open.is_empty() {
                out.push_str("</span>");
            }
            if !class.is_empty() {
                push_opening(out, class);
            }
            open = class;
        }
        escape_text(out, text);
    });
    if !open.is_empty() {
        out.push_str("</span>");
    }
}

fn push_opening(out: &mut String, class: &str) {
    out.push_str("<span class=\"");
    out.push_str(class);
    out.push_str("\">");
}

/// Writes code in a language without a table.
fn write_parsed(out: &mut String, language: &str, code: &str) {
    let is_readable = LinesWithEndings::from(code).all(|line| line.len() <= LONGEST_LINE);
    let before = out.len();
    match syntax(language).filter(|_| is_readable) {
        Some(syntax) if write_spans(out, syntax, code).is_ok() => {}
        _ => {
            out.truncate(before);
            escape_text(out, code);
        }
    }
}

/// Whether code in a language is highlighted, or is text.
pub(crate) fn is_known(language: &str) -> bool {
    let language = language.to_ascii_lowercase();
    TEXT.contains(&language.as_str())
        || lexer::language(&language).is_some()
        || syntax(&language).is_some()
}

/// The name of a language that is almost `language`.
pub(crate) fn nearest_language(language: &str) -> Option<&'static str> {
    let language = language.to_ascii_lowercase();
    let usual = nearest(&language, lexer::names().filter_map(|names| names.first().copied()));
    usual.or_else(|| nearest(&language, lexer::names().flatten().copied()))
}

/// Names for text without a language.
const TEXT: [&str; 7] = ["", "text", "plaintext", "plain", "txt", "none", "output"];

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    // Names that Rouge knows and the grammars do not.
    let token = match language {
        token if TEXT.contains(&token) => return None,
        "objective-c" | "objc" | "objectivec" => "m",
        "html+erb" => "erb",
        "viml" | "vimscript" => "vim",
        "powershell" => "ps1",
        "make" => "makefile",
        "elisp" | "emacs-lisp" => "lisp",
        "f#" | "fsharp" => "fs",
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
        for (offset, operation) in &*parse_line(&mut parser, line)? {
            let at = start + offset;
            if at > written {
                spans.push(code, written..at, classes.now());
                written = at;
            }
            scopes
                .apply_with_hook(operation, |change, _| match change {
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

type Operations = Rc<[(usize, ScopeStackOp)]>;

/// A line that was parsed.
struct Parsed {
    before: ParseState,
    after: ParseState,
    operations: Operations,
}

/// How many lines a thread remembers, and each in how many states: a few megabytes.
const REMEMBERED_LINES: usize = 1_000;
const REMEMBERED_STATES: usize = 4;

thread_local! {
    /// The lines that this thread parsed lately. Parsing is slow, and many lines of a blog occur
    /// again, such as those with one bracket.
    static PARSED: RefCell<HashMap<String, Vec<Parsed>>> = RefCell::default();
    /// The entries of scopes in `CLASSES`, of which grammars have a few thousand.
    static FOUND: RefCell<BTreeMap<Scope, Found>> = RefCell::default();
}

fn parse_line(parser: &mut ParseState, line: &str) -> Result<Operations, NotParsed> {
    PARSED.with_borrow_mut(|lines| {
        let known =
            lines.get(line).and_then(|all| all.iter().find(|known| known.before == *parser));
        if let Some(known) = known {
            *parser = known.after.clone();
            return Ok(Rc::clone(&known.operations));
        }
        let before = parser.clone();
        let operations: Operations =
            parser.parse_line(line, &SYNTAXES).map_err(|_| NotParsed)?.into();
        if lines.len() >= REMEMBERED_LINES {
            lines.clear();
        }
        let all = lines.entry(line.to_owned()).or_default();
        all.truncate(REMEMBERED_STATES - 1);
        let parsed = Parsed { before, after: parser.clone(), operations: Rc::clone(&operations) };
        all.insert(0, parsed);
        Ok(operations)
    })
}

/// The grammar failed at run time, so the code is not highlighted.
struct NotParsed;

/// The classes of the open scopes, innermost last; `None` is plain text.
#[derive(Default)]
struct Classes {
    open: Vec<Option<&'static str>>,
}

impl Classes {
    fn now(&self) -> Option<&'static str> {
        self.open.last().copied().flatten()
    }

    fn push(&mut self, scope: Scope) {
        let outer = self.now();
        let found =
            FOUND.with_borrow_mut(|known| *known.entry(scope).or_insert_with(|| found(scope)));
        let class = match found {
            // A quoted key is a key.
            Found::Class(class) if outer == Some("nl") && class.starts_with('s') => outer,
            Found::Class(class) => Some(class),
            Found::Plain => None,
            Found::Nothing => outer,
        };
        self.open.push(class);
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
                push_opening(self.out, class);
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
}

fn found(scope: Scope) -> Found {
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
    // Rouge does not distinguish calls from other names in these, which other languages contain.
    ("", "variable.function.js variable.function.shell string.unquoted.shell"),
    ("", "support.type.object.js support.function.console.js support.type.object.console.js"),
    ("c1", "comment comment.line"),
    ("cm", "comment.block"),
    ("cd", "comment.block.documentation comment.line.documentation"),
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
    ("ow", "keyword.operator.word keyword.operator.new"),
    ("nf", "entity.name.function variable.function support.function.magic"),
    ("nb", "support.function support.constant support.type.exception storage.modifier.shell"),
    ("nc", "entity.name.class entity.name.struct entity.name.enum entity.name.trait"),
    ("nc", "entity.name.type entity.name.impl entity.name.union entity.name.interface"),
    ("nc", "entity.other.inherited-class support.class"),
    ("nn", "entity.name.namespace entity.name.module entity.name.table"),
    ("nd", "variable.annotation meta.annotation support.macro entity.name.macro"),
    ("nd", "entity.name.function.decorator"),
    ("nt", "entity.name.tag variable.parameter.option.shell"),
    ("na", "entity.other.attribute-name entity.name.tag.yaml"),
    ("nl", "entity.name.label meta.mapping.key meta.structure.dictionary.key"),
    ("nl", "support.type.property-name"),
    ("nv", "variable.other.readwrite.shell variable.other.readwrite.assignment.shell"),
    ("nv", "variable.other.normal.shell variable.other.php variable.parameter.makefile"),
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
    fn languages_without_a_table_have_grammars() {
        check(
            "lua",
            "local x = f(1) -- no\n",
            "<span class=\"k\">local</span> x <span class=\"o\">=</span> <span class=\"nf\">f</span>(<span class=\"mi\">1</span>) \
             <span class=\"c1\">-- no</span>\n",
        );
    }

    #[test]
    fn names_and_punctuation_are_marked_as_rouge_does() {
        let mut out = String::new();
        write_like_rouge(&mut out, "python", "def f(x):\n    y = [x]\n");
        assert_eq!(
            out,
            "<span class=\"k\">def</span> <span class=\"nf\">f</span><span class=\"p\">(</span>\
             <span class=\"n\">x</span><span class=\"p\">):</span>\n    <span class=\"n\">y</span> \
             <span class=\"o\">=</span> <span class=\"p\">[</span><span class=\"n\">x</span>\
             <span class=\"p\">]</span>\n",
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
    fn a_terminal_session_has_prompts_and_output() {
        check(
            "console",
            "$ ls x\na  b\n> cd\n",
            "<span class=\"gp\">$</span> <span class=\"nb\">ls</span> x\n<span class=\"go\">a  b</span>\n\
             <span class=\"gp\">&gt;</span> <span class=\"nb\">cd</span>\n",
        );
    }

    #[test]
    fn common_names_of_languages_are_known() {
        let tables = ["toml", "yml", "c++", "shell", "golang", "julia", "diff", "r"];
        assert!(tables.iter().all(|name| lexer::language(name).is_some()));
        let grammars = ["lua", "php", "haskell", "makefile", "powershell", "f#", "viml", "scss"];
        assert!(grammars.iter().all(|name| syntax(name).is_some()));
    }

    #[test]
    fn names_of_languages_ignore_case() {
        check("TypeScript", "let", "<span class=\"kd\">let</span>");
        check("Lua", "local", "<span class=\"k\">local</span>");
    }

    #[test]
    fn unknown_languages_and_endless_lines_stay_plain() {
        check("nonsense", "a < 1", "a &lt; 1");
        check("", "def f():", "def f():");
        let line = "x = 1;".repeat(LONGEST_LINE);
        check("lua", &line, &line);
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
            language in prop::sample::select(vec!["python", "js", "bash", "html", "console", "lua", "php", "haskell", "scss"]),
        ) {
            let mut out = String::new();
            write(&mut out, language, &code);
            let mut escaped = String::new();
            escape_text(&mut escaped, &code);
            prop_assert_eq!(without_spans(&out), &*escaped);
            // Now all lines are remembered.
            let mut again = String::new();
            write(&mut again, language, &code);
            prop_assert_eq!(again, out);
            let mut like_rouge = String::new();
            write_like_rouge(&mut like_rouge, language, &code);
            prop_assert_eq!(without_spans(&like_rouge), escaped);
        }
    }
}
