//! `labpress review`: the claims and numbers of a post with their evidence, one by one.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdin, stdout};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{Error, answer, build, counted, site};
use labpress::experiment::evidence::{Evidence, Verdict};
use labpress::site::{Built, Source};

#[derive(Args)]
pub(super) struct Options {
    /// A post or a page: its source, its file in the built site or its address
    post: String,
    /// Print it as a page: `labpress review POST --html > review.html`
    #[arg(long)]
    html: bool,
}

pub(super) fn review(root: &Path, options: &Options) -> Result<(), Error> {
    let site = site::read(&site::root(root)?)?;
    let shown = labpress::post::Shown {
        drafts: true,
        future: true,
        unpublished: true,
        ..build::as_configured(&site.config)
    };
    let built = site.render(&shown);
    let source = source(&built, &options.post)?.path.clone();
    let is_of_it = |evidence: &&Evidence| evidence.place.path == source;
    let all: Vec<&Evidence> = built.evidence.iter().filter(is_of_it).collect();
    if options.html {
        answer(page(&source, &all).trim_end());
    } else {
        walk(&source, &all)?;
    }
    let is_of_it = |error: &labpress::diagnostic::Diagnostic| error.place().path == source;
    let errors: Vec<_> = built.errors.into_iter().filter(is_of_it).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Errors(errors)) }
}

fn source<'b>(built: &'b Built, name: &str) -> Result<&'b Source, Error> {
    let is_named = |source: &&Source| {
        let stem = Path::new(&source.path).file_stem().map(|stem| stem.to_string_lossy());
        source.is_named(name) || stem.is_some_and(|stem| stem == name)
    };
    built.sources.iter().find(is_named).ok_or_else(|| {
        anyhow!(
            "there is no post or page `{name}`\n\
             hint: write the path of its source, such as `_posts/2026-01-31-title.md`"
        )
        .into()
    })
}

/// Shows one after the other; in a terminal, waits after each.
fn walk(source: &str, all: &[&Evidence]) -> Result<(), Error> {
    let waits = stdin().is_terminal() && stdout().is_terminal();
    answer(&summary(source, all));
    for (index, evidence) in all.iter().enumerate() {
        answer(&format!("\n{}", shown(evidence, index + 1, all.len())));
        if waits && index + 1 < all.len() {
            let mut line = String::new();
            let read = stdin().read_line(&mut line).context("cannot read the terminal")?;
            if read == 0 || line.trim().eq_ignore_ascii_case("q") {
                break;
            }
        }
    }
    Ok(())
}

fn summary(source: &str, all: &[&Evidence]) -> String {
    let claims: Vec<Verdict> = all.iter().filter_map(|evidence| evidence.verdict).collect();
    let count = |verdict| claims.iter().filter(|&&found| found == verdict).count();
    let mut text = format!(
        "{source}: {} and {}",
        counted(claims.len(), "claim"),
        counted(all.len() - claims.len(), "number")
    );
    let undecided = count(Verdict::Undecided);
    if undecided > 0 {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "; {undecided} undecided");
    }
    text
}

fn heading(evidence: &Evidence) -> String {
    let line = evidence.place.position.map_or(String::new(), |at| format!("line {}: ", at.line));
    match evidence.verdict {
        None => format!("{line}number"),
        Some(verdict) => format!("{line}claim, {}", verdict.word()),
    }
}

fn shown(evidence: &Evidence, number: usize, of: usize) -> String {
    let Evidence { shown, expression, found, verdict, .. } = evidence;
    let quoted = match verdict {
        Some(_) => format!("\u{201c}{shown}\u{201d}"),
        None => shown.clone(),
    };
    format!(
        "{number}/{of}  {}\n      {quoted}\n      {expression}\n      {found}\n      results: {}",
        heading(evidence),
        evidence.experiments.join(", ")
    )
}

fn escaped(text: &str) -> String {
    let mut html = String::new();
    kramdown::html::escape_attribute(&mut html, text);
    html
}

/// The same as a page that needs no other file.
fn page(source: &str, all: &[&Evidence]) -> String {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;\
                         padding:0 1rem;color-scheme:light dark}li{margin:0 0 1.5rem}\
                         q,output{font-size:1.15em}code{font-size:.9em}p{margin:.2rem 0}\
                         .undecided,.fails{font-weight:bold}";
    let mut items = String::new();
    for evidence in all {
        let Evidence { shown, expression, found, verdict, experiments, .. } = evidence;
        let (class, element) = match verdict {
            Some(verdict) => (verdict.word(), "q"),
            None => ("number", "output"),
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            items,
            "<li class=\"{class}\">\n<p>{}</p>\n<p><{element}>{}</{element}></p>\n\
             <p><code>{}</code></p>\n<p>{}</p>\n<p>Results: {}</p>\n</li>",
            escaped(&heading(evidence)),
            escaped(shown),
            escaped(expression),
            escaped(found),
            escaped(&experiments.join(", "))
        );
    }
    let (title, summary) = (escaped(source), escaped(&summary(source, all)));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Review of {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Review</h1>\n<p>{summary}</p>\n<ol>\n{items}</ol>\n</body>\n</html>\n"
    )
}
