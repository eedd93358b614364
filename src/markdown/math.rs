//! Renders TeX as MathML when the site is built, so that a page with formulas needs no script.
//!
//! Formulas are taken out before the parsers of the dialects run ([`take_out`]), so that nothing in
//! them is Markdown and both dialects have one rule for dollars; kramdown's own `$$` is left to its
//! parser. After it, [`set`] converts all formulas of a document together, because macros, numbers
//! and labels of equations belong to the document.

use std::borrow::Cow;
use std::ops::Range;

use math_core::{LatexError, LatexToMathML, MathCoreConfig, MathDisplay};

use super::scan::{self, Found};
use super::{Dialect, Problem};
use crate::html::escaped;
use kramdown::embed::{Embed, Embeds};
use kramdown::tree::{Document, Kind, Node};

/// How formulas are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Math {
    /// As MathML, made at build time.
    MathMl {
        /// The macros of the site: names without backslash, and what they stand for.
        macros: Vec<(String, String)>,
    },
    /// As TeX between `\(…\)` and `\[…\]`, for a script such as MathJax.
    Delimiters,
    /// Dollars are text.
    Off,
}

/// Commands that `math-core` does not have, as macros.
const MACROS: [(&str, &str); 7] = [
    ("boxed", r"\begin{array}{|c|}\hline #1\\\hline\end{array}"),
    ("mathbbm", r"\mathbb{#1}"),
    ("mathds", r"\mathbb{#1}"),
    ("mbox", r"\text{#1}"),
    ("pmb", r"\boldsymbol{#1}"),
    ("substack", r"\begin{subarray}{c}#1\end{subarray}"),
    ("widetilde", r"\tilde{#1}"),
];

/// Environments that `math-core` does not have, and what they are the same as.
const ENVIRONMENTS: [(&str, &str); 3] =
    [("split", "aligned"), ("smallmatrix", "matrix"), ("displaymath", "equation*")];

/// The formulas that were taken out of a text, by the numbers of their embeds.
pub(super) struct TakenOut {
    first: usize,
    formulas: Vec<Formula>,
}

#[derive(Debug, Clone)]
struct Formula {
    tex: String,
    display: bool,
}

/// Replaces formulas with markers, except those that the parser of the dialect reads. Where a marker
/// is in code or HTML after all, its text is the source.
pub(super) fn take_out<'t>(
    text: &'t str,
    embeds: &mut Cow<'_, Embeds>,
    dialect: Dialect,
) -> (Cow<'t, str>, TakenOut) {
    let mut taken = TakenOut { first: embeds.count(), formulas: Vec::new() };
    if !text.contains(['\\', '$']) {
        return (text.into(), taken);
    }
    let (mut out, mut written) = (String::new(), 0);
    for found in scan::formulas(text, dialect) {
        let Found { range, inside, display } = found;
        let source = &text[range.clone()];
        let tex = without_quote_marks(text, &range, text[inside].trim());
        if tex.is_empty() {
            continue;
        }
        out.push_str(&text[written..range.start]);
        written = range.end;
        taken.formulas.push(Formula { tex: embeds.in_tex(&tex), display });
        let source = embeds.as_text(source);
        let embed = Embed { html: source.clone(), text: source, block: display };
        out.push_str(&embeds.to_mut().marker(embed));
    }
    if written == 0 {
        return (text.into(), taken);
    }
    out.push_str(&text[written..]);
    (out.into(), taken)
}

/// The TeX of a formula without the marks of the quote that it is in.
fn without_quote_marks<'t>(text: &str, range: &Range<usize>, tex: &'t str) -> Cow<'t, str> {
    let line_start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let is_quoted = text[line_start..range.start].trim_start().starts_with('>');
    if !is_quoted || !tex.contains('\n') {
        return tex.into();
    }
    let lines = tex.lines().map(|line| line.trim_start_matches([' ', '>']));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned().into()
}

/// Replaces all formulas of a document with MathML. One with an error becomes its TeX as code.
pub(super) fn set(
    document: &mut Document,
    embeds: &mut Cow<'_, Embeds>,
    taken: &TakenOut,
    macros: &[(String, String)],
) -> Vec<Problem> {
    let mut found = Vec::new();
    let footnotes = document.footnotes.iter_mut().map(|note| &mut note.blocks);
    let parts: Vec<&mut Vec<Node>> =
        std::iter::once(&mut document.blocks).chain(footnotes).collect();
    for part in parts {
        collect(part, taken, &mut found);
    }
    if found.is_empty() {
        return Vec::new();
    }
    let formulas: Vec<Formula> = found.iter().map(|(_, formula)| formula.clone()).collect();
    let (converted, problems) = converted(&formulas, macros);
    for ((node, Formula { tex, display }), html) in found.into_iter().zip(converted) {
        let number = embeds.to_mut().add(Embed { html, text: tex, block: display });
        let formula = Node::new(Kind::Embed(number));
        if node.attributes.is_empty() {
            *node = formula;
        } else {
            let name = if display { "div" } else { "span" }.to_owned();
            node.kind = Kind::Element { name, block: display };
            node.children = vec![formula];
        }
    }
    problems
}

/// Replaces all formulas of one line. Their errors are not reported: titles and captions are
/// rendered where nothing is known about their place.
pub(super) fn set_inline(
    nodes: &mut [Node],
    embeds: &mut Cow<'_, Embeds>,
    taken: &TakenOut,
    macros: &[(String, String)],
) {
    let mut found = Vec::new();
    collect(nodes, taken, &mut found);
    let formulas: Vec<Formula> = found
        .iter()
        .map(|(_, Formula { tex, .. })| Formula { tex: tex.clone(), display: false })
        .collect();
    if formulas.is_empty() {
        return;
    }
    let (converted, _) = converted(&formulas, macros);
    for ((node, formula), html) in found.into_iter().zip(converted) {
        let number = embeds.to_mut().add(Embed { html, text: formula.tex, block: false });
        *node = Node::new(Kind::Embed(number));
    }
}

/// The nodes that are formulas, in order.
fn collect<'n>(nodes: &'n mut [Node], taken: &TakenOut, found: &mut Vec<(&'n mut Node, Formula)>) {
    for node in nodes {
        let formula = match &node.kind {
            Kind::Math { tex, display } => Some(Formula { tex: tex.clone(), display: *display }),
            Kind::Embed(number) => {
                number.checked_sub(taken.first).and_then(|at| taken.formulas.get(at)).cloned()
            }
            _ => None,
        };
        match formula {
            Some(formula) => found.push((node, formula)),
            None => collect(&mut node.children, taken, found),
        }
    }
}

/// The HTML of all formulas of a document.
fn converted(formulas: &[Formula], macros: &[(String, String)]) -> (Vec<String>, Vec<Problem>) {
    let mut all: Vec<(String, String)> =
        MACROS.iter().map(|(name, body)| ((*name).to_owned(), (*body).to_owned())).collect();
    let mut define = |name: &str, body: &str| {
        all.retain(|(known, _)| known != name);
        all.push((name.to_owned(), body.to_owned()));
    };
    for (name, body) in macros {
        define(name, body);
    }
    let prepared: Vec<String> =
        formulas.iter().map(|formula| prepared(formula, &mut define)).collect();
    let (converter, mut problems) = converter(all);
    let snippets: Vec<(&str, MathDisplay)> = prepared
        .iter()
        .zip(formulas)
        .map(|(tex, formula)| {
            let display = if formula.display { MathDisplay::Block } else { MathDisplay::Inline };
            (tex.as_str(), display)
        })
        .collect();
    let results = converter.convert_all(&snippets);
    let html = results.into_iter().zip(formulas.iter().zip(&prepared));
    let html = html.map(|(result, (formula, prepared))| match result {
        Ok(_) if prepared.trim().is_empty() => String::new(),
        Ok(result) => finished(&result.mathml, formula),
        Err(error) => {
            problems.push(problem(&error, formula, prepared));
            format!("<code class=\"math-error\">{}</code>", escaped(&formula.tex))
        }
    });
    let html = html.collect();
    (html, problems)
}

/// The converter with these macros, without those that are invalid.
fn converter(mut macros: Vec<(String, String)>) -> (LatexToMathML, Vec<Problem>) {
    let mut problems = Vec::new();
    loop {
        let config = MathCoreConfig {
            macros: macros.clone(),
            allow_unreliable_rendering: true,
            ..MathCoreConfig::default()
        };
        match LatexToMathML::new(config) {
            Ok(converter) => return (converter, problems),
            Err((error, index, body)) => {
                let (name, _) = macros.remove(index);
                let message = format!("invalid TeX macro `\\{name}`: {}", message(&error));
                problems.push(Problem { source: body, at: 0, message, hint: None });
            }
        }
    }
}

/// The TeX of a formula as `math-core` reads it. Definitions of macros are taken out.
fn prepared(formula: &Formula, define: &mut impl FnMut(&str, &str)) -> String {
    let mut tex = Cow::Borrowed(formula.tex.as_str());
    if ["\\newcommand", "\\renewcommand", "\\def\\", "\\DeclareMathOperator"]
        .iter()
        .any(|command| tex.contains(command))
    {
        tex = without_definitions(&tex, define).into();
    }
    for (from, to) in ENVIRONMENTS {
        let (begin, end) = (format!("\\begin{{{from}}}"), format!("\\end{{{from}}}"));
        if tex.contains(&begin) {
            let replaced = tex.replace(&begin, &format!("\\begin{{{to}}}"));
            tex = replaced.replace(&end, &format!("\\end{{{to}}}")).into();
        }
    }
    if tex.contains("\\begin{alignedat}") {
        tex = without_count(&tex, "alignedat").replace("{alignedat}", "{aligned}").into();
    }
    if tex.contains("\\textcolor") {
        tex = with_color(&tex).into();
    }
    if tex.contains("\\\\[") {
        tex = without_row_gaps(&tex).into();
    }
    // A number or label of its own is only allowed in an equation.
    let has_number = ["\\tag{", "\\tag*{", "\\label{"].iter().any(|part| tex.contains(part));
    if formula.display && has_number && !tex.contains("\\begin{") {
        tex = format!("\\begin{{equation}}{tex}\\end{{equation}}").into();
    }
    tex.into_owned()
}

/// Takes definitions out of TeX and gives them to `define`: names without backslash, and bodies.
fn without_definitions(tex: &str, define: &mut impl FnMut(&str, &str)) -> String {
    let mut kept = String::new();
    let mut rest = tex;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        if let Some((name, body, after)) = definition(from) {
            define(name, &body);
            rest = after;
        } else {
            let length = 1 + from[1..].chars().next().map_or(0, char::len_utf8);
            kept.push_str(&from[..length]);
            rest = &from[length..];
        }
    }
    kept.push_str(rest);
    kept
}

/// The definition at the start of `tex`: its name, its body, and what follows.
fn definition(tex: &str) -> Option<(&str, String, &str)> {
    let (keyword, rest) = command(tex)?;
    let is_operator = keyword == "DeclareMathOperator";
    if !matches!(keyword, "newcommand" | "renewcommand" | "def") && !is_operator {
        return None;
    }
    let rest = rest.strip_prefix('*').unwrap_or(rest).trim_start();
    let (name, mut rest) = match group(rest) {
        Some((inside, rest)) => (command_name(inside.trim())?, rest),
        None => command(rest)?,
    };
    // The number of parameters, or in `\def` the parameters themselves, follows from the body.
    rest = &rest[rest.find('{')?..];
    let (body, rest) = group(rest)?;
    let body = if is_operator { format!("\\operatorname{{{body}}}") } else { body.to_owned() };
    Some((name, body, rest))
}

/// The name of the command at the start of `tex`, and what follows.
fn command(tex: &str) -> Option<(&str, &str)> {
    let inside = tex.strip_prefix('\\')?;
    let end = inside.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(inside.len());
    (end > 0).then(|| inside.split_at(end))
}

fn command_name(tex: &str) -> Option<&str> {
    command(tex).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| name)
}

/// What is inside the braces at the start of `tex`, and what follows.
fn group(tex: &str) -> Option<(&str, &str)> {
    let inside = tex.trim_start().strip_prefix('{')?;
    let (mut depth, mut is_escaped) = (1, false);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inside[..at], &inside[at + 1..]));
        }
    }
    None
}

/// Writes `\textcolor{red}{x}` as `{\color{red}x}`.
fn with_color(tex: &str) -> String {
    const COMMAND: &str = "\\textcolor";
    let Some((before, rest)) = tex.split_once(COMMAND) else { return tex.to_owned() };
    let Some((color, (inside, rest))) =
        group(rest).and_then(|(color, rest)| Some((color, group(rest)?)))
    else {
        return tex.to_owned();
    };
    format!("{before}{{\\color{{{color}}}{}}}{}", with_color(inside), with_color(rest))
}

/// Removes the number of columns of an environment.
fn without_count(tex: &str, environment: &str) -> String {
    let begin = format!("\\begin{{{environment}}}");
    let mut parts = tex.split(&begin);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(&begin);
        kept.push_str(group(part).map_or(part, |(_, rest)| rest));
    }
    kept
}

/// Removes the space below rows, `\\[4pt]`, for which MathML has no place.
fn without_row_gaps(tex: &str) -> String {
    let mut parts = tex.split("\\\\[");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str("\\\\");
        let length = part.split_once(']').filter(|(length, _)| {
            let number = length.trim().trim_start_matches('-');
            number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && number.ends_with(|c: char| c.is_ascii_alphabetic())
        });
        if let Some((_, rest)) = length {
            kept.push_str(rest);
        } else {
            kept.push('[');
            kept.push_str(part);
        }
    }
    kept
}

/// Adds the TeX as alternative text; what stands alone can be scrolled if it is wider than the page.
fn finished(mathml: &str, formula: &Formula) -> String {
    let rest = mathml.strip_prefix("<math").unwrap_or(mathml);
    // The Nu HTML checker does not know the attribute there. Only in an index would 0 differ from
    // the default.
    let at_level_0 =
        |is_display| format!("<mtable displaystyle=\"{is_display}\" scriptlevel=\"0\"");
    let rest = rest
        .replace(&at_level_0(true), "<mtable displaystyle=\"true\"")
        .replace(&at_level_0(false), "<mtable displaystyle=\"false\"");
    let math = format!("<math alttext=\"{}\"{rest}", escaped(&formula.tex));
    if formula.display {
        format!("<div class=\"math-block\" tabindex=\"0\">{math}</div>")
    } else {
        math
    }
}

fn message(error: &LatexError) -> String {
    let message = error.error_message();
    let message = message.trim_end_matches('.').replace('"', "`");
    let mut letters = message.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

fn problem(error: &LatexError, formula: &Formula, prepared: &str) -> Problem {
    let at = if *prepared == formula.tex { error.0.start.min(formula.tex.len()) } else { 0 };
    let message = format!("invalid TeX: {}", message(error));
    let hint =
        "fix the formula, or define the command in `_config.yml`: `math: {macros: {NAME: TEX}}`";
    let is_unknown = message.to_lowercase().contains("unknown command");
    Problem { source: formula.tex.clone(), at, message, hint: is_unknown.then(|| hint.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(tex: &str) -> String {
        let formula = Formula { tex: tex.to_owned(), display: false };
        converted(&[formula], &[]).0.remove(0)
    }

    #[track_caller]
    fn check_problem(tex: &str, expected: &str, at: usize) {
        let formula = Formula { tex: tex.to_owned(), display: true };
        let (_, problems) = converted(&[formula], &[]);
        let found: Vec<(&str, usize)> =
            problems.iter().map(|problem| (problem.message.as_str(), problem.at)).collect();
        assert_eq!(found, [(expected, at)]);
    }

    #[test]
    fn tables_are_valid_html() {
        for (name, is_display) in [("aligned", true), ("pmatrix", false), ("cases", false)] {
            let table = html(&format!(r"\begin{{{name}}} a &= b \end{{{name}}}"));
            assert!(table.contains(&format!("<mtable displaystyle=\"{is_display}\"")), "{table}");
            assert!(!table.contains("scriptlevel"), "{table}");
        }
    }

    #[test]
    fn tex_is_the_alternative_text() {
        assert_eq!(
            html("x<1"),
            "<math alttext=\"x&lt;1\"><mi>x</mi><mo>&lt;</mo><mn>1</mn></math>"
        );
    }

    #[test]
    fn errors_have_a_place() {
        check_problem("a + \\fooo{x}", "invalid TeX: unknown command `\\fooo`", 4);
        check_problem(
            "\\frac{a",
            "invalid TeX: expected closing token `}`, but reached end of input",
            7,
        );
    }

    #[test]
    fn macros_of_one_formula_hold_in_all() {
        let formulas =
            ["\\newcommand{\\R}{\\mathbb{R}}", "\\R^n", "\\DeclareMathOperator{\\KL}{KL} \\KL"];
        let formulas: Vec<Formula> =
            formulas.iter().map(|tex| Formula { tex: (*tex).to_owned(), display: false }).collect();
        let (html, problems) = converted(&formulas, &[]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(html[0], "");
        assert!(html[1].contains('ℝ') && html[2].contains("KL"), "{html:?}");
    }

    #[test]
    fn common_commands_that_the_crate_lacks_are_known() {
        for tex in [
            r"\widetilde{f}",
            r"\sum_{\substack{i \\ j}}",
            r"\textcolor{blue}{y \textcolor{red}{z}}",
            r"\boxed{x}",
            r"\begin{split} a &= b \\ &= c \end{split}",
            r"\begin{smallmatrix} a & b \end{smallmatrix}",
            r"\begin{alignedat}{2} a &= b & c &= d \end{alignedat}",
            r"\begin{cases} a \\[4pt] b \end{cases}",
        ] {
            let html = html(tex);
            assert!(!html.contains("math-error") && !html.contains("4pt]0"), "{tex}: {html}");
        }
    }

    #[test]
    fn a_number_of_its_own_makes_an_equation() {
        let formula = Formula { tex: "a = b \\tag{2}".to_owned(), display: true };
        let (html, problems) = converted(&[formula], &[]);
        assert!(problems.is_empty() && html[0].contains("(2)"), "{problems:?} {html:?}");
    }
}
