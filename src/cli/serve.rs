//! `labpress serve`: shows the site in a browser while it is written.
#![expect(clippy::disallowed_methods, reason = "`cli` opens the browser")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;

use super::environment::{self, Interrupts};
use super::train::Trainer;
use super::{Error, Jobs, build, counted, duration, report, site};
use labpress::diagnostic::Diagnostic;
use labpress::post::Shown;
use labpress::runner::Stop;
use labpress::serve::preview::Preview;
use labpress::serve::{Listen, Rebuilt, Session, Watching};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Options {
    /// Where to listen: a name or an address of this machine [default: 127.0.0.1, which only this
    /// machine reaches]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on [default: 4000, or any free one]
    #[arg(long, short = 'p', value_name = "PORT")]
    port: Option<u16>,
    /// Open the site in the browser
    #[arg(long, short)]
    open: bool,
    /// Show only what a build would publish: no drafts, no posts dated in the future
    #[arg(long)]
    published: bool,
    /// Do the runs that pages lack, in the background; charts grow while they are at work
    #[arg(long)]
    train: bool,
    #[command(flatten)]
    jobs: Jobs,
    /// Look for changed files regularly, where the system does not report changes
    #[arg(long)]
    poll: bool,
    /// Compare each version with one rendered from nothing, and warn of differences; slow, for
    /// finding bugs
    #[arg(long)]
    check: bool,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// How often to look whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many changed files a message lists.
const MOST_PATHS: usize = 3;

pub(super) fn serve(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let site = site::read(&root)?;
    let configured = build::as_configured(&site.config);
    let shown = if options.published {
        configured
    } else {
        Shown { drafts: true, future: true, unpublished: true, ..configured }
    };
    let preview = Preview::new(site, shown, environment::variable);
    let preview = if options.check { preview.checked() } else { preview };
    let listen = Listen {
        host: options.host.clone(),
        port: options.port,
        names: environment::machine_names(),
    };
    let (mut session, first) = Session::start(preview, &listen, options.poll)?;
    // From here on; until then, Ctrl-C ends the program as usual.
    let interrupts = Interrupts::counted()?;
    let mut terminal = Terminal { quiet: options.quiet, warnings: Vec::new(), has_errors: false };
    terminal.built(&first, true);
    terminal.started(&session);
    if options.open {
        open(&session.url());
    }
    let trainer = options.train.then(|| Trainer::start(&root, options.jobs, session.reporter()));
    let order = |rebuilt: &Rebuilt, session: &Session| {
        // With errors, it is not known what pages need.
        if let Some(trainer) = trainer.as_ref().filter(|_| rebuilt.problems.is_empty()) {
            trainer.order(session.site(), &rebuilt.needs);
        }
    };
    order(&first, &session);
    while interrupts.stop() == Stop::GoOn {
        if let Some(rebuilt) = session.next(LOOK_EVERY) {
            terminal.built(&rebuilt, false);
            order(&rebuilt, &session);
        }
    }
    if let Some(trainer) = trainer {
        trainer.stop(&interrupts);
    }
    Ok(())
}

/// What the terminal shows.
struct Terminal {
    quiet: bool,
    /// The warnings of the last build: only new ones are shown.
    warnings: Vec<Diagnostic>,
    has_errors: bool,
}

impl Terminal {
    fn line(&self, line: std::fmt::Arguments<'_>) {
        if !self.quiet {
            report(line);
        }
    }

    fn started(&self, session: &Session) {
        if let Watching::Polling(reason) = session.watching() {
            self.line(format_args!("looking for changed files regularly: {reason}"));
        }
        if session.is_open() {
            self.line(format_args!("warning: other machines can reach this preview"));
        }
        self.line(format_args!("serving {} (Ctrl-C stops)", session.url()));
    }

    fn built(&mut self, rebuilt: &Rebuilt, is_first: bool) {
        for warning in rebuilt.warnings.iter().filter(|warning| !self.warnings.contains(warning)) {
            self.line(format_args!("{warning}\n"));
        }
        self.warnings.clone_from(&rebuilt.warnings);
        for problem in &rebuilt.problems {
            report(format_args!("{problem}\n"));
        }
        let took = duration(rebuilt.duration.as_secs_f64());
        let errors = rebuilt.problems.len();
        if errors > 0 {
            let shown = if is_first { "nothing" } else { "the last version without errors" };
            report(format_args!(
                "{}: the preview shows {shown} until {} fixed",
                counted(errors, "error"),
                if errors == 1 { "it is" } else { "they are" }
            ));
        } else if is_first {
            self.line(format_args!("built in {took}"));
            self.needs(rebuilt);
        } else {
            let fixed = if self.has_errors { "no more errors, " } else { "" };
            self.line(format_args!("{fixed}rebuilt in {took}: {}", paths(&rebuilt.changed)));
        }
        self.has_errors = errors > 0;
    }

    /// Says which results pages lack.
    fn needs(&self, rebuilt: &Rebuilt) {
        let mut names: Vec<&str> =
            rebuilt.needs.iter().map(|need| need.experiment.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            let listed = labpress::diagnostic::listed(names);
            self.line(format_args!("pages have placeholders for the results of {listed}"));
        }
    }
}

fn paths(changed: &[String]) -> String {
    match changed {
        [] => "the whole site".to_owned(),
        paths if paths.len() <= MOST_PATHS => paths.join(", "),
        [first, rest @ ..] => format!("{first} and {}", counted(rest.len(), "other file")),
    }
}

/// Opens an address in the user's browser.
fn open(url: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start"])
    } else {
        ("xdg-open", &[])
    };
    let started = Command::new(program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => report(format_args!("warning: cannot open a browser: `{program}`: {error}")),
    }
}
