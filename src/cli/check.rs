//! `labpress check`: what is broken in the built site, although it builds.

mod external;
mod validator;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Error, answer, build, counted, report, site};
use labpress::check::{self, Checked, Finding, Rule, Subject};
use labpress::store::Store;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Options {
    /// Also follow links to other sites. Answers are remembered for a week
    #[arg(long)]
    external: bool,
    /// Also run the Nu Html Checker: `vnu`, or `java` with the given vnu.jar
    #[arg(long, value_name = "JAR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    html: Option<Option<PathBuf>>,
    /// Also find numbers in prose that look like results and are typed
    #[arg(long)]
    numbers: bool,
    /// Apply only these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    only: Vec<Rule>,
    /// Do not apply these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    skip: Vec<Rule>,
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also fail because of warnings
    #[arg(long)]
    strict: bool,
    /// Also check drafts
    #[arg(long, short = 'D')]
    drafts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A JSON object for each finding, one per line
    Json,
    /// Annotations for a workflow on GitHub
    Github,
}

fn rule(name: &str) -> Result<Rule, String> {
    let names = || labpress::diagnostic::listed(Rule::ALL.map(Rule::name));
    Rule::named(name).ok_or_else(|| format!("expected one of {}", names()))
}

pub(super) fn check(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let site = site::read(&root)?;
    let mut shown = build::as_configured(&site.config);
    shown.drafts |= options.drafts;
    let built = site.render(&shown);
    let sources = built.sources.clone();
    let output = built.into_output().map_err(Error::Errors)?;
    let subject = Subject { site: &site, shown: &shown, sources: &sources, output: &output };
    let Checked { mut findings, external } = check::check(&subject);
    if options.external {
        let ignored = check::ignored(&site.config);
        findings.extend(external::check(&external, &ignored, &Store::of(&root))?);
    }
    if let Some(jar) = &options.html {
        findings.extend(validator::check(&output, jar.as_deref())?);
    }
    if options.numbers || options.only.contains(&Rule::Number) {
        findings.extend(check::numbers::check(&site, &shown, &sources));
    }
    let mut findings = check::in_order(findings, &site.config);
    findings.retain(|finding| {
        let is_wanted = options.only.is_empty() || options.only.contains(&finding.rule);
        is_wanted && !options.skip.contains(&finding.rule)
    });
    if !findings.is_empty() {
        let text = findings.iter().map(|finding| written(finding, options.format));
        answer(&text.collect::<String>());
    }
    let errors = findings.iter().filter(|finding| finding.rule.is_error()).count();
    let warnings = findings.len() - errors;
    if options.format == Format::Text {
        let pages = output.files().filter(|(file, _)| file.ends_with(".html")).count();
        let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
        report(format_args!("{errors} and {warnings} in {}", counted(pages, "page")));
    }
    if errors > 0 || options.strict && warnings > 0 { Err(Error::Reported) } else { Ok(()) }
}

fn written(finding: &Finding, format: Format) -> String {
    let Finding { rule, diagnostic, pages } = finding;
    let place = diagnostic.place();
    match format {
        Format::Text => {
            let mut text = format!("{diagnostic}\n");
            // Writing to a `String` cannot fail.
            if pages.len() > 1 {
                let _ = writeln!(text, "rule: {} on {}", rule.name(), counted(pages.len(), "page"));
            } else {
                let _ = writeln!(text, "rule: {}", rule.name());
            }
            text + "\n"
        }
        Format::Json => {
            let severity = if rule.is_error() { "error" } else { "warning" };
            let position = place.position;
            let object = json!({
                "rule": rule.name(),
                "severity": severity,
                "path": place.path,
                "line": position.map(|position| position.line),
                "column": position.map(|position| position.column),
                "message": diagnostic.message(),
                "hint": diagnostic.hinted(),
                "pages": pages,
            });
            format!("{object}\n")
        }
        Format::Github => {
            let kind = if rule.is_error() { "error" } else { "warning" };
            let at = place
                .position
                .map_or(String::new(), |at| format!(",line={},col={}", at.line, at.column));
            let hint = diagnostic.hinted().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            let message = data(&format!("{}{hint}", diagnostic.message()));
            let path = property(&place.path);
            format!("::{kind} file={path}{at},title=labpress {}::{message}\n", rule.name())
        }
    }
}

/// Escapes the message of an annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of an annotation.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
