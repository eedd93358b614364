//! Numbers in prose that look like results and are typed: they go on saying what a run gave once,
//! when the run has long given something else.

mod decide;
mod recorded;
mod token;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::decide::Look;
use self::recorded::Recorded;
use self::token::Number;
use super::{Finding, Rule};
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::plan::plan;
use crate::experiment::results::Results;
use crate::markdown::prose::{Block, prose};
use crate::post::front_matter::FrontMatter;
use crate::post::{self, Shown};
use crate::site::{Site, Source};
use crate::text::Located;

/// What a comment on the line of a number says, so that the number is left alone. Alone on a line,
/// it is about the paragraph below.
const ALLOWED: &str = "number: allow";

/// The keys of front matter that are prose.
const SHOWN_KEYS: [&str; 4] = ["description", "excerpt", "subtitle", "title"];

/// Finds the typed results in all posts, documents and pages in Markdown.
pub fn check(site: &Site, shown: &Shown, sources: &[Source]) -> Vec<Finding> {
    let (blog, _) = post::read(&site.inputs, &site.config, shown);
    let planned = plan(&site.experiments, &site.records);
    let results = Results::of(&site.experiments, &planned, &site.verifications);
    let recorded = Recorded::of(&results);
    let documents = blog.documents().filter(|post| post.is_markdown);
    let documents = documents.map(|post| (&post.front, post.body));
    let pages = blog.pages.iter().map(|page| (&page.front, page.body));
    let pages = pages.filter(|(_, body)| site.config.roles.is_markdown(body.path));
    let files: BTreeMap<&str, &String> =
        sources.iter().map(|source| (source.path.as_str(), &source.file)).collect();
    let mut findings = Vec::new();
    for (front, body) in documents.chain(pages) {
        let source = site.inputs.text(body.path).unwrap_or(body.text);
        let mut found = of_front(front, source, &recorded);
        found.extend(of_body(body, &recorded));
        let pages: BTreeSet<String> =
            files.get(body.path).map(ToString::to_string).into_iter().collect();
        findings.extend(found.into_iter().map(|diagnostic| {
            let diagnostic = site.inputs.at_origin(diagnostic);
            Finding { rule: Rule::Number, diagnostic, pages: pages.clone() }
        }));
    }
    findings
}

/// Finds the typed results in a body.
fn of_body(body: Located<'_>, recorded: &Recorded<'_>) -> Vec<Diagnostic> {
    let named = recorded.named_in(body.text);
    let prose = prose(body.text);
    let allowed = allowed(body.text, &prose.blocks);
    let is_allowed = |at: usize| allowed.iter().any(|range| range.contains(&at));
    let mut found = Vec::new();
    for Block { range, head } in &prose.blocks {
        let text = &prose.text[range.clone()];
        for (number, look) in decide::looks(text, head.as_deref()) {
            let at = range.start + number.range.start;
            let context = format!("{text} {}", head.as_deref().unwrap_or_default());
            if !is_allowed(at)
                && let Some(finding) = finding(text, &number, look)
            {
                let tags = recorded.tags(&number, &context, &named);
                found.extend(diagnostic(body.place(at), finding, &tags));
            }
        }
    }
    found
}

/// Finds the typed results in the keys of front matter that readers see.
fn of_front(front: &FrontMatter<'_>, source: &str, recorded: &Recorded<'_>) -> Vec<Diagnostic> {
    let named = recorded.named_in(source);
    let mut found = Vec::new();
    for key in SHOWN_KEYS {
        let Some(text) = front.value(key).and_then(|value| value.as_str()) else { continue };
        let place = front.place(key);
        // Defaults are not at a place of this file.
        let Some(position) = place.position else { continue };
        let line = source.lines().nth(position.line - 1).unwrap_or_default();
        if text.contains("{%") || line.contains(&format!("# {ALLOWED}")) {
            continue;
        }
        for (number, look) in decide::looks(text, None) {
            if let Some(finding) = finding(text, &number, look) {
                let tags = recorded.tags(&number, text, &named);
                found.extend(diagnostic(place.clone(), finding, &tags));
            }
        }
    }
    found
}

/// A number that may be a result.
struct Typed {
    /// With its unit, on one line.
    written: String,
    /// Whether it is one only if a recorded number is equal.
    needs_equal: bool,
}

fn finding(text: &str, number: &Number, look: Look) -> Option<Typed> {
    let needs_equal = match look {
        Look::Result => false,
        Look::Any if number.is_telling() => true,
        Look::Any | Look::Other => return None,
    };
    let written = text[number.range.start..number.end].split_whitespace();
    Some(Typed { written: written.collect::<Vec<_>>().join(" "), needs_equal })
}

fn diagnostic(place: Place, typed: Typed, tags: &[String]) -> Option<Diagnostic> {
    let Typed { written, needs_equal } = typed;
    if tags.is_empty() {
        let message = format!("`{written}` looks like a result and is typed");
        let hint = format!(
            "show a recorded number with `{{% value EXPERIMENT.VARIANT.METRIC %}}`, or write \
             `<!-- {ALLOWED} -->` at the end of the line"
        );
        return (!needs_equal).then(|| Diagnostic::new(place, message).hint(hint));
    }
    let message = format!("`{written}` is typed and equal to a recorded result");
    let tags: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
    Some(Diagnostic::new(place, message).hint(format!("write {}", tags.join(" or "))))
}

/// Where numbers are allowed by comments.
fn allowed(text: &str, blocks: &[Block]) -> Vec<Range<usize>> {
    let mut allowed = Vec::new();
    for (at, _) in text.match_indices(ALLOWED) {
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let before = text[start..at].trim();
        let is_comment = ["<!--", "{% comment %}", "{%- comment -%}", "{::comment}"];
        let Some(opening) = is_comment.iter().find(|opening| before.ends_with(**opening)) else {
            continue;
        };
        allowed.push(start..end);
        if before.len() == opening.len()
            && let Some(below) = blocks.iter().find(|block| block.range.start >= start)
        {
            allowed.push(below.range.clone());
        }
    }
    allowed
}

/// Where a source has numbers that look like results, as far as words tell.
#[cfg(test)]
fn typed_results(source: &str) -> Vec<Range<usize>> {
    let prose = prose(source);
    let mut found = Vec::new();
    for Block { range, head } in &prose.blocks {
        for (number, look) in decide::looks(&prose.text[range.clone()], head.as_deref()) {
            if look == Look::Result {
                let number = number.moved(range.start);
                found.push(number.range);
            }
        }
    }
    found
}
