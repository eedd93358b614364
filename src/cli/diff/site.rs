//! `labpress diff`: the numbers, claims and figures of the site that say something else than in a git
//! revision.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::Format;
use crate::cli::{Error, answer, build, counted, moved, site};
use labpress::digest::pretty;
use labpress::experiment::evidence::{Evidence, Verdict};
use labpress::output::{Content, Output};
use labpress::site::Built;

/// By which CI finds the comment that it updates.
const MARKER: &str = "<!-- labpress diff -->";

/// How figures have changed.
#[derive(Default)]
struct Figures {
    identical: usize,
    /// Drawn differently from the same numbers, by page.
    cosmetic: Vec<(String, String)>,
    /// Of other numbers, by page.
    changed: Vec<(String, String)>,
}

struct Difference<'b> {
    since: &'b str,
    numbers: Vec<(&'b Evidence, &'b Evidence)>,
    claims: Vec<(&'b Evidence, &'b Evidence)>,
    figures: Figures,
    causes: Vec<String>,
}

pub(super) fn diff(root: &Path, since: &str, format: Format) -> Result<(), Error> {
    let root = site::root(root)?;
    let now = site::read(&root)?;
    let shown = build::as_configured(&now.config);
    let then = moved::then(since, &root, &shown)
        .map_err(|error| anyhow!("cannot read the site of `{since}`: {error}"))?;
    let mut built = now.render(&shown);
    // A claim that fails now is an error; what it says is there nevertheless.
    let errors = std::mem::take(&mut built.errors);
    let (claims, numbers) = moved::moved(&then.built, &built)
        .into_iter()
        .partition(|(_, after)| after.verdict.is_some());
    let figures = figures(&then.built, &built);
    let causes = moved::causes(&then.site, &now).into_iter();
    let causes = causes.flat_map(|(experiment, of)| {
        of.into_iter().map(move |cause| format!("{experiment}: {cause}"))
    });
    let difference = Difference { since, numbers, claims, figures, causes: causes.collect() };
    answer(&match format {
        Format::Text => difference.as_text(),
        Format::Md => difference.as_markdown(),
        Format::Json => pretty(&difference.as_json()),
    });
    if errors.is_empty() { Ok(()) } else { Err(Error::Errors(errors)) }
}

/// A figure on a page: its HTML, and the path of its numbers.
struct Figure<'h> {
    html: &'h str,
    name: String,
    numbers: &'h str,
}

fn figures(then: &Built, now: &Built) -> Figures {
    let (before, after) = (then.unchecked_output(), now.unchecked_output());
    let mut found = Figures::default();
    for source in &now.sources {
        let earlier = on_page(before, &source.file);
        let mut by_name: BTreeMap<&str, Vec<&Figure<'_>>> = BTreeMap::new();
        for figure in earlier.iter().rev() {
            by_name.entry(&figure.name).or_default().push(figure);
        }
        for figure in on_page(after, &source.file) {
            let Some(old) = by_name.get_mut(figure.name.as_str()).and_then(Vec::pop) else {
                continue;
            };
            let named = (source.path.clone(), figure.name.clone());
            if old.html == figure.html {
                found.identical += 1;
            } else if old.numbers == figure.numbers {
                found.cosmetic.push(named);
            } else {
                found.changed.push(named);
            }
        }
    }
    found
}

/// The charts and tables of a page, in order.
fn on_page<'o>(output: &'o Output, file: &str) -> Vec<Figure<'o>> {
    let Some(Content::Bytes(bytes)) = output.file(file) else { return Vec::new() };
    let Ok(html) = std::str::from_utf8(bytes) else { return Vec::new() };
    let starts = ["<div class=\"labpress-figure\"", "<div class=\"labpress-table\""];
    let mut at: Vec<usize> =
        starts.iter().flat_map(|start| html.match_indices(start)).map(|(at, _)| at).collect();
    at.sort_unstable();
    let figure = |(index, &start): (usize, &usize)| {
        let rest = &html[start..at.get(index + 1).copied().unwrap_or(html.len())];
        let html = rest.find("</details>\n</div>").map_or(rest, |end| &rest[..end]);
        let (_, path) = html.split_once("/figures/")?;
        let numbers = path.split(['"', '?']).next()?;
        let name = numbers.rsplit_once('-').map_or(numbers, |(name, _)| name);
        Some(Figure { html, name: name.to_owned(), numbers })
    };
    at.iter().enumerate().filter_map(figure).collect()
}

fn place(evidence: &Evidence) -> String {
    match evidence.place.position {
        Some(at) => format!("{}:{}", evidence.place.path, at.line),
        None => evidence.place.path.clone(),
    }
}

/// `holds: the difference is +10 pp`.
fn verdict(evidence: &Evidence) -> String {
    let word = evidence.verdict.map_or("", Verdict::word);
    format!("{word}: {}", evidence.found)
}

impl Difference<'_> {
    fn summary(&self) -> String {
        let Figures { identical, cosmetic, changed } = &self.figures;
        let turned = |(before, after): &&(&Evidence, &Evidence)| before.verdict != after.verdict;
        format!(
            "since {}: {} moved, {} turned; figures: {identical} identical, {} cosmetic, {} changed",
            self.since,
            counted(self.numbers.len(), "number"),
            counted(self.claims.iter().filter(turned).count(), "claim"),
            cosmetic.len(),
            changed.len()
        )
    }

    fn as_text(&self) -> String {
        let mut text = self.summary();
        // Writing to a `String` cannot fail.
        for (before, after) in &self.numbers {
            let (from, to) = (&before.shown, &after.shown);
            let _ = write!(text, "\n\n{}  {}\n  {from}\n  {to}", place(after), after.expression);
        }
        for (before, after) in &self.claims {
            let _ = write!(
                text,
                "\n\n{}  \u{201c}{}\u{201d}\n  {}\n  {}",
                place(after),
                after.shown,
                verdict(before),
                verdict(after)
            );
        }
        for (kind, figures) in self.kinds() {
            for (path, name) in figures {
                let _ = write!(text, "\n\n{path}  {name}: {kind}");
            }
        }
        if !self.causes.is_empty() {
            let _ = write!(text, "\n\n{}", self.causes.join("\n"));
        }
        text
    }

    fn kinds(&self) -> [(&'static str, &[(String, String)]); 2] {
        [("cosmetic", &self.figures.cosmetic), ("changed", &self.figures.changed)]
    }

    fn as_markdown(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|").replace('\u{a0}', " ");
        let mut text = format!("{MARKER}\n**labpress** {}\n", self.summary());
        // Writing to a `String` cannot fail.
        if !self.numbers.is_empty() {
            text.push_str("\n| number | before | after | where |\n|---|---|---|---|\n");
        }
        for (before, after) in &self.numbers {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | `{}` |",
                cell(&after.expression),
                cell(&before.shown),
                cell(&after.shown),
                place(after)
            );
        }
        if !self.claims.is_empty() {
            text.push_str("\n| claim | before | after | where |\n|---|---|---|---|\n");
        }
        for (before, after) in &self.claims {
            let _ = writeln!(
                text,
                "| {} | {} | {} | `{}` |",
                cell(&after.shown),
                cell(&verdict(before)),
                cell(&verdict(after)),
                place(after)
            );
        }
        for (kind, figures) in self.kinds() {
            for (index, (path, name)) in figures.iter().enumerate() {
                let first = if index == 0 { "\n" } else { "" };
                let _ = writeln!(text, "{first}- {kind}: `{name}` in `{path}`");
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.join("\n- ");
            let _ = writeln!(
                text,
                "\n<details><summary>What changed in the experiments</summary>\n\n- {causes}\n\n</details>"
            );
        }
        text.trim_end().to_owned()
    }

    fn as_json(&self) -> Value {
        let side = |one: &Evidence| {
            json!({
                "shown": one.shown,
                "found": one.found,
                "verdict": one.verdict.map(Verdict::word),
            })
        };
        let pair = |(before, after): &(&Evidence, &Evidence)| {
            json!({
                "path": after.place.path,
                "line": after.place.position.map(|at| at.line),
                "expression": after.expression,
                "before": side(before),
                "after": side(after),
            })
        };
        let figure = |(path, name): &(String, String)| json!({"path": path, "figure": name});
        json!({
            "since": self.since,
            "numbers": self.numbers.iter().map(pair).collect::<Vec<_>>(),
            "claims": self.claims.iter().map(pair).collect::<Vec<_>>(),
            "figures": {
                "identical": self.figures.identical,
                "cosmetic": self.figures.cosmetic.iter().map(figure).collect::<Vec<_>>(),
                "changed": self.figures.changed.iter().map(figure).collect::<Vec<_>>(),
            },
            "causes": self.causes,
        })
    }
}
