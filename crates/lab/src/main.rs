//! `lab`, labpress's built-in experiment runner: trains nets with libtorch, one run per process.
//!
//! labpress starts it with `LABPRESS_RUN=DIR` and follows what it writes to `DIR/events.jsonl`,
//! according to the protocol ([`labpress_runner::protocol`]). [`train`] is the recipe, which reads
//! from top to bottom.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "libtorch counts in `i64`, Rust in `usize`; the counts here are of images and \
              weights, far below either's end"
)]

mod artifacts;
mod aten;
mod augment;
mod bench_command;
mod checkpoint;
mod classify_command;
mod command_line;
mod data;
mod grids;
mod learning;
mod lr_find;
mod lr_find_command;
mod machine;
mod metrics;
mod model;
mod optimizer;
mod random;
mod samples;
mod schedule;
mod train;
mod train_command;
mod weights;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand};
use classify_command::Pictures;
use command_line::Wish;
use labpress::recipe::image_classification::{self, OutOfBounds, Params};
use labpress::runner::supervisor;
use labpress_runner::protocol::{Device, INTERRUPTED, Job, PROCESS_VARIABLE, RUN_FOLDER_VARIABLE};
use labpress_runner::reporter::Run;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// labpress's built-in experiment runner: trains nets with libtorch.
///
/// `labpress build` and `labpress run` start it for every run of an experiment with a `recipe`, with
/// LABPRESS_RUN set to the run's folder. It reads `run.json` there and writes `events.jsonl`. The
/// commands are for direct use.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the build, the version of libtorch, the devices and the CPU's features as one line of
    /// JSON.
    Info,
    /// Trains one run of an experiment and prints its results.
    Train(Wish),
    /// Finds a learning rate for a run: plots the loss over rising rates and suggests one.
    LrFind(Wish),
    /// Classifies pictures with a net trained on ImageNet.
    Classify(Pictures),
    /// Prints how many images per second the nets train on and evaluate on this machine.
    Bench {
        /// `auto`, `cpu` or `cuda`.
        #[arg(long, default_value = "auto")]
        device: Device,
        /// How many CPU threads to use.
        #[arg(long)]
        threads: Option<usize>,
    },
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// A number was no longer finite; this was reported.
    Diverged,
    /// It was asked to stop and left a checkpoint.
    Interrupted,
}

/// Whether the run should write a checkpoint and exit.
struct Stop {
    asked: Arc<AtomicBool>,
    parent: u32,
    /// The labpress that started this process; `None` if it was started directly.
    labpress: Option<Pid>,
}

impl Stop {
    /// Watches for the signals TERM and INT, and for the end of labpress.
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment names the labpress that started this process"
    )]
    fn watch() -> anyhow::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&asked))
                .context("cannot watch for signals")?;
        }
        let labpress =
            std::env::var(PROCESS_VARIABLE).ok().and_then(|id| Pid::from_raw(id.parse().ok()?));
        Ok(Stop { asked, parent: std::os::unix::process::parent_id(), labpress })
    }

    fn is_asked(&self) -> bool {
        // An orphan gets a new parent, and its result would not be recorded.
        let is_orphan = || {
            std::os::unix::process::parent_id() != self.parent
                || self
                    .labpress
                    .is_some_and(|labpress| test_kill_process(labpress) == Err(Errno::SRCH))
        };
        self.asked.load(Ordering::Relaxed) || is_orphan()
    }
}

#[expect(clippy::print_stderr, reason = "standard error is the run's log")]
#[expect(clippy::print_stdout, reason = "standard output is for `lab info`")]
#[expect(clippy::disallowed_methods, reason = "the environment names the folder of the run")]
fn main() -> ExitCode {
    if let Some(code) = supervisor::main_if_supervisor() {
        return code;
    }
    let arguments = Arguments::parse();
    let folder = std::env::var_os(RUN_FOLDER_VARIABLE);
    // tch turns errors inside libtorch, such as lack of memory, into panics. Their message belongs in
    // the run's log.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("lab: {}", first_line(panic.payload_as_str()));
    }));
    match (arguments.command, folder) {
        (Some(Command::Info), _) => {
            machine::open_cuda();
            println!("{}", machine::info());
            ExitCode::SUCCESS
        }
        (Some(Command::Train(wish)), _) => command(&|stop| train_command::run(&wish, stop)),
        (Some(Command::LrFind(wish)), _) => command(&|stop| {
            machine::open_cuda();
            lr_find_command::run(&wish, stop)
        }),
        (Some(Command::Classify(pictures)), _) => command(&|_| classify_command::run(&pictures)),
        (Some(Command::Bench { device, threads }), _) => {
            command(&|_| bench_command::run(device, threads))
        }
        (None, Some(folder)) => match catch_unwind(AssertUnwindSafe(|| run(Path::new(&folder)))) {
            Ok(Ok(Outcome::Done | Outcome::Diverged)) => ExitCode::SUCCESS,
            Ok(Ok(Outcome::Interrupted)) => ExitCode::from(INTERRUPTED as u8),
            Ok(Err(error)) => {
                eprintln!("lab: {error:#}");
                ExitCode::FAILURE
            }
            Err(_) => ExitCode::FAILURE,
        },
        (None, None) => {
            eprintln!("{}", Arguments::command().render_long_help());
            ExitCode::from(2)
        }
    }
}

/// Runs a command and prints errors to the terminal.
#[expect(clippy::print_stderr, reason = "a command prints to its terminal")]
fn command(work: &dyn Fn(&dyn Fn() -> bool) -> anyhow::Result<()>) -> ExitCode {
    let done = Stop::watch().and_then(|stop| {
        let done = catch_unwind(AssertUnwindSafe(|| work(&|| stop.is_asked())));
        done.unwrap_or_else(|_| bail!("libtorch reported an error"))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// libtorch puts a stack trace below its message.
fn first_line(message: Option<&str>) -> &str {
    message.and_then(|message| message.lines().next()).unwrap_or("an error without a message")
}

fn run(folder: &Path) -> anyhow::Result<Outcome> {
    aten::keep_memory();
    let stop = Stop::watch()?;
    let run = Run::in_folder(folder)?;
    machine::open_cuda();
    let threads = i32::try_from(run.job.threads.max(1)).context("`threads` is too large")?;
    tch::set_num_threads(threads);
    // Batches are processed one after another.
    tch::set_num_interop_threads(1);
    match run.job.recipe.as_deref() {
        Some(image_classification::NAME) => {
            let params = params(&run.job)?;
            train::run(run, &params, &|| stop.is_asked())
        }
        Some(other) => bail!("unknown recipe `{other}`; expected `{}`", image_classification::NAME),
        None => bail!("`run.json` has no `recipe`"),
    }
}

fn params(job: &Job) -> anyhow::Result<Params> {
    let params: Params = serde_json::from_value(job.params.clone()).context("`params`")?;
    match params.out_of_bounds().first() {
        Some(OutOfBounds { keys, rule }) => bail!("`{}` {rule}", keys.join(".")),
        None => Ok(params),
    }
}
