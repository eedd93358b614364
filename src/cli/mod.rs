//! The command line: arguments → calls → messages and exit codes. One file per command.
//!
//! Messages go to standard error, requested output to standard output. Exit codes: 0 for success, 1
//! for errors in the site or in a run (each was reported), 2 for invalid arguments.

mod attest;
mod build;
mod check;
mod corrections;
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
mod moved;
mod mv;
mod new;
mod pin;
mod progress;
mod publish;
mod record;
mod review;
mod run;
mod runs;
mod sass;
mod schema;
mod serve;
mod shell;
mod signatures;
mod site;
mod starter;
mod status;
mod table;
mod terms;
mod theme;
mod timings;
mod train;
mod verify;
mod why;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use labpress::diagnostic::Diagnostic;
use labpress::runner::{processes, supervisor};

#[derive(Parser)]
#[command(
    name = "labpress",
    version,
    long_version = concat!(env!("CARGO_PKG_VERSION"), "\nbuild: ", env!("LABPRESS_SOURCES"), "\ntarget: ", env!("LABPRESS_TARGET")),
    about = "A static blog whose posts carry reproducible deep-learning experiments",
    long_about = "labpress builds a blog as Jekyll does, and runs the experiments that its posts \
                  show.\n\n\
        Posts are in _posts/, layouts in _layouts/, experiments in \
                  experiments/NAME/experiment.yml. A post \
        writes {% value NAME.VARIANT.accuracy %} or {% chart NAME curves %}, and the page shows \
                  the numbers.",
    after_help = "Start a blog with `labpress new site DIR`. `labpress build` runs stale experiments and writes public/. \
                  `labpress status` shows \
        the state of your experiments, `labpress doctor` what is missing on this machine."
)]
struct Cli {
    #[command(flatten)]
    site: SiteFolder,
    #[command(subcommand)]
    command: Command,
}

/// The site that a command is about.
#[derive(Args)]
struct SiteFolder {
    /// The site's folder
    #[arg(long, short = 's', value_name = "DIR", default_value = ".", global = true)]
    source: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Run stale experiments, then write the site
    #[command(
        long_about = "Reads the site, runs the experiments that its posts show and whose results \
                      are stale or \
        missing, and writes public/.\n\n\
                      Only files that changed are written. If there are errors, all of them are \
        shown together and public/ is left unchanged."
    )]
    Build(build::Options),
    /// Show the site in a browser and update it as files change
    #[command(
        long_about = "Builds the site in memory, serves it on this machine, and updates open pages \
                      whenever a file of the site changes. Nothing is written, except the results \
                      of --train; public/ is never touched.\n\n\
                      Drafts and posts dated in the future are shown and marked. Errors appear over \
                      the page and in the terminal, and the last version without errors stays. \
                      Results that are missing are placeholders; with --train, they are computed \
                      in the background, and charts grow while runs are at work."
    )]
    Serve(serve::Options),
    /// Find what is broken in the built site: links, pictures, misspelt keys, feeds
    #[command(
        long_about = "Builds the site in memory and looks at the finished pages: links, anchors and \
                      files that lead to nothing, addresses without `baseurl`, misspelt keys of front \
                      matter, tags in several spellings, pages that nothing links to, pictures without \
                      a text, headings out of order, long lines and unknown languages of code, HTML and \
                      feeds that are not well formed.\n\n\
                      Exit code 0: no errors; 1: errors, or warnings with --strict; 2: invalid \
                      arguments. `check` in _config.yml leaves out rules and files."
    )]
    Check(check::Options),
    /// Publish the site to a branch of a git repository, or to a folder
    #[command(
        long_about = "Builds the site as `build --locked` does, and publishes it: as a commit on a \
                      branch, which hosts such as GitHub Pages serve, or to a folder. Only what \
                      changed is published.\n\n\
                      The work tree, the index and the branches of your repository stay as they are. \
                      Files on the branch that labpress did not publish, such as CNAME, are kept. \
                      Nothing is published if results are stale or missing, or if files of the site \
                      are not committed."
    )]
    Publish(publish::Options),
    /// Walk through the claims and numbers of a post with their evidence
    #[command(
        long_about = "Builds the site in memory and shows each claim and each number of a post: the \
                      sentence, what it asserts, what the results say, and where it is written. In a \
                      terminal, one at a time; press Enter for the next, q to stop.\n\n\
                      Exit code 1 if a claim fails; `labpress build` would say so, too."
    )]
    Review(review::Options),
    /// Run stale experiments, whether or not a post shows them
    #[command(long_about = "Does the stale and missing runs of the named experiments, or of all \
                      experiments.\n\nEach result is a \
        record in experiments/NAME/runs/: commit it, and others can build the site without \
                      training.")]
    Run(run::Options),
    /// Record results of other programs: TensorBoard, MLflow, Weights & Biases, CSV, JSON
    #[command(
        long_about = "Reads results that another program has recorded and makes records of them, which posts \
                      can show like all others. They are marked as imported: labpress has not done \
                      these runs and cannot repeat them.\n\n\
                      Variants and seeds are found in parameters and names. A table says what became of \
                      each run; if that is wrong, use the options. The experiment is created if there is \
                      none. If a file is damaged, nothing is recorded."
    )]
    Record(record::Options),
    /// Create a site, a post, a page, an experiment or a data set
    #[command(subcommand)]
    New(new::What),
    /// Make an existing folder a site: add what is missing, overwrite nothing
    #[command(long_about = "Adds what a site needs to the site's folder: _config.yml, an about \
                            page, files for git and for publishing from GitHub and GitLab and, if \
                            there are no posts, a first post with an experiment and its \
                            results.\n\nExisting files stay as they are.")]
    Init(starter::InitOptions),
    /// List the files of the built-in theme, or copy some to change them
    #[command(subcommand)]
    Theme(theme::What),
    /// Import a Jekyll blog: adapt its configuration and report what builds
    #[command(
        long_about = "Checks a Jekyll blog and adds `templates: liquid` to its _config.yml, so \
                      that its own layouts \
        are used. Posts, layouts and pages are left unchanged.\n\n\
                      The report lists what was found, which plugins are \
        built in, what is missing from the theme, and every error with its fix. Exit code 0: \
                      everything builds."
    )]
    Import(import::Options),
    /// Show the state of every experiment: fresh, stale, missing or failed
    Status,
    /// Explain why runs are stale or a page is built again: what changed
    Why(why::Options),
    /// Re-run recorded runs from scratch and report whether they reproduce
    #[command(
        long_about = "Repeats fresh runs from scratch, in a temporary folder, and compares every \
                      number: \
        bit-identical, within tolerance, or different.\n\nThe verdicts are files in \
        experiments/NAME/verifications/: commit them, and figures say when their numbers were \
                      verified. The tolerance \
        is the one in `metrics` of experiment.yml, or three standard deviations over the seeds. \
                      Times are never \
        compared."
    )]
    Verify(verify::Options),
    /// Sign the results that posts show
    #[command(
        long_about = "Lists the records that a post shows in experiments/signatures/POST.json, by path and \
                      digest, and signs the list with an SSH key, by `ssh-keygen`. Commit both files.\n\n\
                      `labpress verify --signatures` and `labpress build --locked --require-signature` \
                      check that the results are those that somebody in experiments/allowed_signers signed."
    )]
    Attest(attest::Options),
    /// Keep a post's results fixed, even when its experiments change
    #[command(
        long_about = "Writes `pin: {EXPERIMENT: \"ID\"}` into the front matter of a post, and \
                      the pin itself to \
        experiments/NAME/pins/. The post keeps showing the present results, even when the \
                      experiment is changed and \
        run again, and then says that newer results exist."
    )]
    Pin(pin::Options),
    /// Show which numbers of an experiment changed, and whether by more than the spread over seeds
    Diff(diff::Options),
    /// List, and delete if asked, what no experiment, post or verification refers to
    #[command(
        long_about = "Lists records, files and stored artifacts that no present experiment, no \
                      pin of a post and \
        no verification refers to, with their sizes. Nothing is deleted without --delete.\n\n\
                      Records that were \
        committed remain in git's history."
    )]
    Gc(gc::Options),
    /// Rename an experiment and keep its results
    #[command(long_about = "Renames experiments/OLD/ to experiments/NEW/, with its records, \
                      verifications and pins, and the \
        name in `needs` of other experiments and in the tags and pins of posts and pages. No \
                      result becomes stale. \
        Every change is listed.\n\n\
                      If the command was interrupted, run it again to complete it. To rename a \
                      variant, \
        edit experiment.yml: its results are found under the new name.")]
    Mv(mv::Options),
    /// List, download, check and show data sets
    #[command(subcommand)]
    Data(data::What),
    /// Print the JSON Schema of a kind of file, for editors and other programs
    Schema(schema::Options),
    /// Check what this machine has, what is missing, and how to install it
    Doctor,
    /// Print a script that completes commands in a shell
    #[command(
        long_about = "Prints a script that completes commands and options of labpress in a shell.\n\n\
                            bash: `labpress completions bash > ~/.local/share/bash-completion/completions/labpress`; \
                            zsh: into a folder of $fpath, as _labpress; fish: \
                            `labpress completions fish > ~/.config/fish/completions/labpress.fish`."
    )]
    Completions(shell::Completions),
    /// Write the pages of the manual, one for each command
    Man(shell::Man),
    /// Compile one style sheet; a build starts this for each
    #[command(name = sass::COMMAND, hide = true)]
    CompileSass {
        /// How many seconds of processor time it may take
        seconds: u64,
        /// How many bytes of memory it may take
        bytes: u64,
    },
}

/// How many runs are done at once, for commands that run experiments.
#[derive(Args, Clone, Copy)]
struct Jobs {
    /// Do at most this many runs at once [default: as many as there are cores for]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// Why a command failed.
enum Error {
    /// Errors in the site's files.
    Errors(Vec<Diagnostic>),
    /// Runs without a result; the reason was reported when each ended.
    RunsWithoutResult(usize),
    /// Files that runs read without declaring them.
    Undeclared(Vec<Diagnostic>),
    /// Runs that the site needs but that did not fit into the budget.
    LeftOut(usize),
    /// Runs that did not reproduce; a table shows how they differ.
    Unconfirmed(usize),
    /// Errors that prevent an imported blog from being built; the report lists them.
    Unimported(usize),
    /// Findings that were reported.
    Reported,
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
    let matches = Cli::command().get_matches();
    let name = matches.subcommand_name().unwrap_or_default();
    let Cli { site: SiteFolder { source }, command } =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match command {
        Command::Build(options) => build::build(&source, &options),
        Command::Check(options) => check::check(&source, &options),
        Command::Publish(options) => publish::publish(&source, &options),
        Command::Review(options) => review::review(&source, &options),
        Command::Serve(options) => serve::serve(&source, &options),
        Command::Run(options) => run::run(&source, &options),
        Command::Record(options) => record::record(&source, &options),
        Command::New(what) => new::new(&source, &what),
        Command::Init(options) => starter::init(&source, &options),
        Command::Theme(what) => theme::theme(&source, &what),
        Command::Import(options) => import::import(&options),
        Command::Status => status::status(&source),
        Command::Why(options) => why::why(&source, &options),
        Command::Verify(options) => verify::verify(&source, &options),
        Command::Attest(options) => attest::attest(&source, &options),
        Command::Pin(options) => pin::pin(&source, &options),
        Command::Diff(options) => diff::diff(&source, &options),
        Command::Mv(options) => mv::mv(&source, &options),
        Command::Gc(options) => gc::gc(&source, &options),
        Command::Data(what) => data::data(&source, &what),
        Command::Schema(options) => {
            schema::schema(&options);
            Ok(())
        }
        Command::Completions(options) => {
            shell::completions(&options, Cli::command());
            Ok(())
        }
        Command::Man(options) => shell::man(&options, Cli::command()),
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
            report_error(&error, name);
            ExitCode::FAILURE
        }
    }
}

/// Reports why the command `name` failed.
fn report_error(error: &Error, name: &str) {
    match error {
        Error::Errors(errors) => {
            for error in errors {
                report(format_args!("{error}\n"));
            }
            let errors = counted(errors.len(), "error");
            match name {
                "build" => report(format_args!("nothing was written because of {errors}")),
                _ => report(format_args!("`labpress {name}` failed because of {errors}")),
            }
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
                "{} left out, and the site needs their results",
                counted(*runs, "run")
            ));
        }
        Error::RunsWithoutResult(runs) => {
            report(format_args!("{} without a result", counted(*runs, "run")));
        }
        Error::Unconfirmed(runs) => {
            report(format_args!("{} did not reproduce", counted(*runs, "run")));
        }
        Error::Unimported(errors) => {
            report(format_args!("{} to fix before it builds", counted(*errors, "error")));
        }
        Error::Reported => {}
        Error::Other(error) => report(format_args!("error: {error:#}")),
    }
}

/// Writes a message to standard error.
fn report(line: std::fmt::Arguments<'_>) {
    // The reader may have exited, which is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{}", printable(&line.to_string()));
}

/// The text with control characters escaped, except line ends and tabs: text from files and
/// programs must not control the terminal.
fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    let is_unsafe = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let escaped =
        |c: char| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}

/// Reports that another labpress is running in the same site, and which process holds the lock.
fn report_waiting(lock: &Path) {
    let holders =
        processes::holders(lock).map(|holders| format!(", {holders}")).unwrap_or_default();
    report(format_args!(
        "another labpress is running in this site{holders}: waiting for it to finish"
    ));
}

/// Writes requested output to standard output.
fn answer(text: &str) {
    write_answer(&printable(text.trim_end()));
}

/// Writes a line to standard output. A failure is reported at the end of the command, unless
/// nobody reads the output any more.
fn write_answer(line: &str) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = written.map_err(|error| (error.kind(), error))
        && error.0 != std::io::ErrorKind::BrokenPipe
    {
        // Keep the first error.
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
