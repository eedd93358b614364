//! The command line: arguments → calls → messages and exit codes. One file a command.
//!
//! Verbosity goes to standard error, what was asked for to standard output. Exit codes: 0 all is well, 1
//! the site or a run is at error (each error was shown), 2 the arguments are.

mod build;
mod data;
mod destination;
mod diff;
mod doctor;
mod dry_run;
mod environment;
mod events;
mod gc;
mod import;
mod machine;
mod mv;
mod new;
mod pin;
mod progress;
mod run;
mod runs;
mod sass;
mod schema;
mod site;
mod status;
mod table;
mod terms;
mod verify;
mod why;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{Args, Parser, Subcommand};

use labpress::diagnostic::Diagnostic;
use labpress::runner::{processes, supervisor};

#[derive(Parser)]
#[command(
    name = "labpress",
    version,
    about = "A static blog whose posts carry reproducible deep-learning experiments",
    long_about = "labpress builds a blog as Jekyll does, and runs the experiments that its posts show.\n\n\
        Posts are in _posts/, layouts in _layouts/, experiments in experiments/NAME/experiment.yml. A post says \
        {% value NAME.VARIANT.accuracy %} or {% chart NAME curves %}, and the page has the numbers.",
    after_help = "Start with `labpress build`: it runs what is stale and writes public/. `labpress status` says how \
        your experiments stand, `labpress doctor` what this machine lacks."
)]
struct Cli {
    #[command(flatten)]
    site: SiteFolder,
    #[command(subcommand)]
    command: Command,
}

/// Which site a command is about.
#[derive(Args)]
struct SiteFolder {
    /// The site's folder
    #[arg(long, short = 's', value_name = "DIR", default_value = ".", global = true)]
    source: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Run what is stale, then write the site
    #[command(
        long_about = "Reads the site, runs the experiments whose results its posts need and that are stale or \
        missing, and writes public/.\n\nOnly files that changed are touched. If anything is wrong, all errors are \
        shown together and public/ stays as it was."
    )]
    Build(build::Options),
    /// Run an experiment's stale runs, whether a post needs them or not
    #[command(
        long_about = "Runs what is stale or missing of the named experiments, or of all.\n\nEach result is a \
        record in experiments/NAME/runs/: commit it, and others can build the site without training."
    )]
    Run(run::Options),
    /// Start a post or an experiment
    #[command(subcommand)]
    New(new::What),
    /// Take over a Jekyll blog: write what it needs, and say what builds and what does not
    #[command(
        long_about = "Checks a Jekyll blog and adds `templates: liquid` to its _config.yml, so that its own layouts \
        are used. No post, layout or page is touched.\n\nThe report says what was found, which plugins are built in, \
        what the theme lacks, and every error with its mend. Exit code 0: all of it builds."
    )]
    Import(import::Options),
    /// Show how every experiment stands: fresh, stale, missing or failed
    Status,
    /// Say why the runs of an experiment are stale: which part changed from what to what
    Why(why::Options),
    /// Do recorded runs again from the beginning, and say whether they come out the same
    #[command(
        long_about = "Does fresh runs again from the beginning, in a scratch place, and compares every number: \
        bit-identical, within tolerance, or different.\n\nThe verdicts are files in \
        experiments/NAME/verifications/: commit them, and figures say when their numbers were verified. A tolerance is \
        what `metrics` in experiment.yml states, else three standard deviations over the seeds. Times are never \
        compared."
    )]
    Verify(verify::Options),
    /// Make a post go on showing the results of today, whatever becomes of its experiments
    #[command(
        long_about = "Writes `pin: {EXPERIMENT: \"ID\"}` into the front matter of a post, and the pin itself to \
        experiments/NAME/pins/. The post then shows the results of today even when the experiment is changed and run \
        again, and says that newer ones exist."
    )]
    Pin(pin::Options),
    /// Show which numbers of an experiment moved, and whether beyond the spread over seeds
    Diff(diff::Options),
    /// List what no experiment, post or verification refers to any more, and delete it if asked
    #[command(
        long_about = "Lists records, files and kept artifacts that no experiment of today, no pin of a post and \
        no verification refers to, with their sizes. Nothing is deleted without --delete.\n\nRecords that were \
        committed stay in git's history."
    )]
    Gc(gc::Options),
    /// Give an experiment another name, and keep its results
    #[command(
        long_about = "Renames experiments/OLD/ to experiments/NEW/, with its records, verifications and pins, and the \
        name in `needs` of other experiments and in the tags and pins of posts and pages. No result gets stale. All that \
        is changed is listed.\n\nA call that was killed is completed by calling it again. A variant needs no such \
        command: rename it in experiment.yml, and its results are found."
    )]
    Mv(mv::Options),
    /// List, fetch, check and show data sets
    #[command(subcommand)]
    Data(data::What),
    /// Print the JSON Schema of a kind of file, for editors and other programs
    Schema(schema::Options),
    /// Say what this machine has, what it lacks, and how to mend it
    Doctor,
    /// Compile one style sheet: what a build starts for each
    #[command(name = sass::COMMAND, hide = true)]
    CompileSass {
        /// How many seconds of processor time it may take
        seconds: u64,
        /// How many bytes of memory it may take
        bytes: u64,
    },
}

/// How many runs may go on, for the commands that run.
#[derive(Args, Clone, Copy)]
struct Jobs {
    /// Train at most this many runs at once [default: as many as there are cores for]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// Why a command did not succeed.
enum Error {
    /// Errors in the site's files.
    Errors(Vec<Diagnostic>),
    /// Runs that have no result; why was told when each ended.
    RunsWithoutResult(usize),
    /// Files that runs read and their experiments do not declare.
    Undeclared(Vec<Diagnostic>),
    /// Runs that the site needs and that did not fit into the budget.
    LeftOut(usize),
    /// Runs that did not come out as recorded; how was told in a table.
    Unconfirmed(usize),
    /// Errors that keep an imported blog from being built; the report has told them.
    Unimported(usize),
    /// Anything else, such as a full disk.
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Error {
    fn from(error: E) -> Error {
        Error::Other(error.into())
    }
}

/// Runs the program with the process's arguments.
#[must_use]
pub(crate) fn main() -> ExitCode {
    if let Some(code) = supervisor::main_if_supervisor() {
        return code;
    }
    let Cli { site: SiteFolder { source }, command } = Cli::parse();
    let done = match command {
        Command::Build(options) => build::build(&source, &options),
        Command::Run(options) => run::run(&source, &options),
        Command::New(what) => new::new(&source, &what),
        Command::Import(options) => import::import(&options),
        Command::Status => status::status(&source),
        Command::Why(options) => why::why(&source, &options),
        Command::Verify(options) => verify::verify(&source, &options),
        Command::Pin(options) => pin::pin(&source, &options),
        Command::Diff(options) => diff::diff(&source, &options),
        Command::Mv(options) => mv::mv(&source, &options),
        Command::Gc(options) => gc::gc(&source, &options),
        Command::Data(what) => data::data(&source, &what),
        Command::Schema(options) => {
            schema::schema(&options);
            Ok(())
        }
        Command::CompileSass { seconds, bytes } => sass::answer_job(seconds, bytes),
        Command::Doctor => {
            doctor::doctor(&source);
            Ok(())
        }
    };
    let done = done.and_then(|()| match UNWRITTEN.get() {
        Some(error) => Err(anyhow::anyhow!("cannot write to standard output: {error}").into()),
        None => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn report_error(error: &Error) {
    match error {
        Error::Errors(errors) => {
            for error in errors {
                report(format_args!("{error}\n"));
            }
            report(format_args!(
                "nothing was written because of {}",
                counted(errors.len(), "error")
            ));
        }
        Error::Undeclared(errors) => {
            for error in errors {
                report(format_args!("{error}\n"));
            }
            report(format_args!(
                "the results are recorded despite {}",
                counted(errors.len(), "error")
            ));
        }
        Error::LeftOut(runs) => {
            report(format_args!(
                "{} left out, and the site needs what they find",
                counted(*runs, "run")
            ));
        }
        Error::RunsWithoutResult(runs) => {
            report(format_args!("{} without a result", counted(*runs, "run")))
        }
        Error::Unconfirmed(runs) => {
            report(format_args!("{} did not come out as recorded", counted(*runs, "run")))
        }
        Error::Unimported(errors) => {
            report(format_args!("{} to mend before it builds", counted(*errors, "error")))
        }
        Error::Other(error) => report(format_args!("error: {error:#}")),
    }
}

/// Writes a line of verbosity to standard error.
fn report(line: std::fmt::Arguments<'_>) {
    // Nobody may be listening any more; that is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{}", printable(&line.to_string()));
}

/// The text with control characters escaped, except line ends and tabs: what comes from files,
/// notes and programs must not steer the terminal.
fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    let is_unsafe = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let escaped =
        |c: char| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}

/// Says that another labpress is at work on the same site, and which process holds the lock.
fn report_waiting(lock: &Path) {
    let holders =
        processes::holders(lock).map(|holders| format!(", {holders}")).unwrap_or_default();
    report(format_args!(
        "another labpress is at work in this site{holders}: waiting for it to end"
    ));
}

/// Writes what was asked for to standard output.
fn answer(text: &str) {
    write_answer(&printable(text.trim_end()));
}

/// Writes a line to standard output. That it cannot be written is an error at the end of the
/// command, unless nobody listens any more.
fn write_answer(line: &str) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = written.map_err(|error| (error.kind(), error))
        && error.0 != std::io::ErrorKind::BrokenPipe
    {
        // The first error says most.
        let _ = UNWRITTEN.set(error.1);
    }
}

/// Why standard output could not be written.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// `1 run`, `2 runs`.
fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// A duration for people: `40 ms`, `8.2 s`, `3 min 20 s`, `5 h`, `3 days`.
fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, at least 0, and a float's conversion saturates"
    )]
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 0.95 => format!("{:.0} ms", seconds.max(0.0) * 1000.0),
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=5399 => format!("{} min {:02} s", whole / 60, whole % 60),
        5400..=172_799 => format!("{} h", (whole + 1800) / 3600),
        _ => format!("{} days", whole / 86_400),
    }
}
