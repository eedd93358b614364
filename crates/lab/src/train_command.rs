//! `lab train`: does one run of an experiment without labpress and leaves its results in a folder.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints to its terminal")]

use std::fmt::Write as _;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use labpress::runner::child::{self, Launch};
use labpress::runner::collect::Collected;
use labpress::runner::{NoResult, RunEvent, Stop};
use labpress_runner::protocol::{EVENTS_FILE, Event};

use super::command_line::Wish;

/// Trains as `labpress run` does, in a separate process, and prints its results. An interrupted run is
/// resumed.
#[expect(clippy::disallowed_methods, reason = "the command line restarts a run in its folder")]
pub(crate) fn run(wish: &Wish, is_stop_asked: &dyn Fn() -> bool) -> anyhow::Result<()> {
    let asked = wish.asked(&mut |line| eprintln!("{line}"))?;
    let folder = &asked.folder;
    // Events of a finished run are useless; others belong to a run to resume.
    if std::fs::read_to_string(folder.join(EVENTS_FILE))
        .is_ok_and(|events| ["\"done\"", "\"diverged\""].iter().any(|end| events.contains(end)))
    {
        std::fs::remove_file(folder.join(EVENTS_FILE))?;
    }
    println!("{} · {} · seed {}", asked.title, asked.variant, asked.task.seed);
    let launch = asked.machine.launch(&asked.task, folder)?;
    // An experiment outside a site has no folder there.
    let launch = Launch { working_folder: folder.clone(), ..launch };
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {percent:>3} % · {elapsed} · {msg}")
            .expect("the template is constant"),
    );
    let mut epoch = String::new();
    let mut watch = |event: RunEvent<'_>| match event {
        RunEvent::Reported(Event::Progress { step, of }) => {
            bar.set_length(of);
            bar.set_position(step);
        }
        RunEvent::Reported(Event::Metric { name, step: Some(number), value, .. }) => {
            if name == "train.loss" {
                epoch = format!("epoch {number}");
            }
            let _ = write!(epoch, " · {name} {}", shown(value));
            bar.set_message(epoch.clone());
            if name == "lr" {
                bar.suspend(|| println!("{epoch}"));
            }
        }
        RunEvent::Reported(Event::Note { text }) => bar.suspend(|| println!("{text}")),
        _ => {}
    };
    let stop = || if is_stop_asked() { Stop::Gently } else { Stop::GoOn };
    let ended = child::run(&launch, &stop, &mut watch);
    bar.finish_and_clear();
    match ended {
        Ok(Collected { diverged: Some(diverged), .. }) => {
            bail!("{}", diverged.phrase("epoch"))
        }
        Ok(collected) => {
            for (name, value) in collected.metrics.iter().chain(&collected.timing) {
                println!("{name:<20} {}", shown(*value));
            }
            println!("results are in {}", folder.display());
            Ok(())
        }
        Err(NoResult::Interrupted(_)) => {
            bail!("interrupted; the same command resumes from the last checkpoint")
        }
        Err(NoResult::Failed(failure)) => {
            bail!("the run {}\n{}", failure.reason, failure.log_end)
        }
        Err(NoResult::Skipped(reason)) => bail!("{reason}"),
        Err(NoResult::Broken(error)) => Err(error.into()),
    }
}

/// A number for people.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1e-3 || size <= 0.0 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}
