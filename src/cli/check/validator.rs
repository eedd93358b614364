//! Runs the Nu Html Checker, which browsers' authors use, over all pages.
#![expect(clippy::disallowed_methods, reason = "`cli` starts the programs that it needs")]

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use labpress::check::{Finding, Rule};
use labpress::destination;
use labpress::diagnostic::{Diagnostic, Place};
use labpress::output::Output;

#[derive(Deserialize)]
struct Report {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    url: String,
    last_line: Option<usize>,
    #[serde(rename = "message")]
    text: String,
}

/// Returns a finding for each error in a page.
pub(super) fn check(output: &Output, jar: Option<&Path>) -> anyhow::Result<Vec<Finding>> {
    let folder = tempfile::tempdir()?;
    // The path that the checker sees has no symbolic links.
    let root = folder.path().canonicalize()?;
    destination::write(output, &root, || {})?;
    let mut program = match jar {
        Some(jar) => {
            let mut java = Command::new("java");
            java.arg("-jar").arg(jar);
            java
        }
        None => Command::new("vnu"),
    };
    program.args(["--format", "json", "--errors-only", "--skip-non-html"]).arg(&root);
    let missing = "cannot start the Nu Html Checker: install it (`npm install vnu-jar` brings a \
                   vnu.jar, `apt install default-jre-headless` a java), and name it: --html=vnu.jar";
    let done = program.stdin(Stdio::null()).output().context(missing)?;
    // The report is on standard error.
    let Ok(report) = serde_json::from_slice::<Report>(&done.stderr) else {
        bail!("the Nu Html Checker failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    };
    let prefix = format!("file:{}/", root.display());
    let finding = |message: Message| {
        let file = message.url.strip_prefix(&prefix).unwrap_or(&message.url).to_owned();
        let line =
            message.last_line.map_or(String::new(), |line| format!(" (line {line} of the page)"));
        let text = format!("{}{line}", message.text);
        Finding::on(file.clone(), Rule::Validator, Diagnostic::new(Place::file(file), text))
    };
    Ok(report.messages.into_iter().filter(|one| one.kind == "error").map(finding).collect())
}
