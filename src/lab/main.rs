//! `lab`, labpress's built-in experiment runner: trains nets by libtorch, one run a process.
//!
//! labpress starts it with `LABPRESS_RUN=DIR` and follows what it writes to `DIR/events.jsonl`, as the protocol
//! ([`labpress::runner::protocol`]) says. [`train`] is the recipe, to be read from top to bottom.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "libtorch counts in `i64`, Rust in `usize`; the counts here are of images and weights, far below either's end"
)]

mod augment;
mod checkpoint;
mod data;
mod machine;
mod model;
mod optimizer;
mod random;
mod recorder;
mod schedule;
mod train;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail, ensure};
use clap::{CommandFactory, Parser, Subcommand};
use labpress::recipe::image_classification::{self, OutOfBounds, Params};
use labpress::runner::protocol::{INTERRUPTED, JOB_FILE, Job, RUN_FOLDER_VARIABLE, VERSION};

/// labpress's built-in experiment runner: trains nets by libtorch.
///
/// `labpress build` and `labpress run` start it for every run of an experiment that says `runner: lab`, with
/// LABPRESS_RUN set to the run's folder. It reads `run.json` there and writes `events.jsonl`. By hand only `lab info`
/// is of use.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the version of libtorch, the devices and the CPU's abilities as one line of JSON.
    Info,
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It was asked to stop and left a checkpoint.
    Interrupted,
}

/// Tells a run when to write a checkpoint and leave.
struct Stop {
    asked: Arc<AtomicBool>,
    parent: u32,
}

impl Stop {
    /// Watches for the signals TERM and INT, and for the death of the process that started this one.
    fn watch() -> anyhow::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&asked)).context("cannot watch for signals")?;
        }
        Ok(Stop { asked, parent: std::os::unix::process::parent_id() })
    }

    fn is_asked(&self) -> bool {
        // An orphan gets another parent. Nobody would collect what it trains.
        self.asked.load(Ordering::Relaxed) || std::os::unix::process::parent_id() != self.parent
    }
}

#[expect(clippy::print_stderr, reason = "standard error is the run's log")]
#[expect(clippy::print_stdout, reason = "the answer of `lab info`")]
#[expect(clippy::disallowed_methods, reason = "the environment says which run to do")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let folder = std::env::var_os(RUN_FOLDER_VARIABLE);
    // tch turns faults inside libtorch (no memory left, say) into panics; their message is for the run's log.
    std::panic::set_hook(Box::new(|panic| eprintln!("lab: {}", first_line(panic.payload_as_str()))));
    match (arguments.command, folder) {
        (Some(Command::Info), _) => {
            machine::open_cuda();
            println!("{}", machine::info());
            ExitCode::SUCCESS
        }
        (None, Some(folder)) => match catch_unwind(AssertUnwindSafe(|| run(Path::new(&folder)))) {
            Ok(Ok(Outcome::Done)) => ExitCode::SUCCESS,
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

/// libtorch puts a stack trace below its message.
fn first_line(message: Option<&str>) -> &str {
    message.and_then(|message| message.lines().next()).unwrap_or("a fault without a message")
}

fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let stop = Stop::watch()?;
    let job = read_job(&folder.join(JOB_FILE))?;
    machine::open_cuda();
    let threads = i32::try_from(job.threads.max(1)).context("`threads` is too large")?;
    tch::set_num_threads(threads);
    // One batch after another: nothing to run side by side.
    tch::set_num_interop_threads(1);
    match job.recipe.as_deref() {
        Some(image_classification::NAME) => train::run(&job, &params(&job)?, folder, &|| stop.is_asked()),
        Some(other) => bail!("unknown recipe `{other}`; known is `{}`", image_classification::NAME),
        None => bail!("`{JOB_FILE}` names no recipe"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a runner reads its job itself")]
fn read_job(path: &Path) -> anyhow::Result<Job> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let job: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", path.display()))?;
    // Before the rest, which another version may have changed.
    let protocol = job.get("protocol").and_then(serde_json::Value::as_u64);
    ensure!(
        protocol == Some(u64::from(VERSION)),
        "`{}` is of protocol version {}, this `lab` speaks {VERSION}; build `lab` and `labpress` from one source",
        path.display(),
        protocol.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
    );
    serde_json::from_value(job).with_context(|| format!("`{}` is no job", path.display()))
}

fn params(job: &Job) -> anyhow::Result<Params> {
    let params: Params = serde_json::from_value(job.params.clone()).context("`params`")?;
    match params.out_of_bounds().first() {
        Some(OutOfBounds { keys, rule }) => bail!("`{}` {rule}", keys.join(".")),
        None => Ok(params),
    }
}
