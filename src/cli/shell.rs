//! `labpress completions` and `labpress man`: what shells and readers of manuals need, made from the
//! command line itself.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Error, answer};
use labpress::destination;
use labpress::output::{Content, Output};

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Man {
    /// The folder to write them to
    folder: PathBuf,
}

/// Prints the script that completes `command` in a shell.
pub(super) fn completions(Completions { shell }: &Completions, mut command: Command) {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, name, &mut script);
    answer(&String::from_utf8_lossy(&script));
}

/// Writes a page of the manual for `command` and each of its subcommands.
pub(super) fn man(Man { folder }: &Man, command: Command) -> Result<(), Error> {
    let mut output = Output::default();
    let mut command = command.disable_help_subcommand(true);
    // Names the inner commands after the outer ones: `labpress-data-fetch`.
    command.build();
    add_pages(&command, &mut output)?;
    destination::write(&output, folder, || {})?;
    Ok(())
}

fn add_pages(command: &Command, output: &mut Output) -> Result<(), Error> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    // No two commands have one name.
    let _ = output.add(format!("{name}.1"), Content::Bytes(text.into()));
    let mut inner = command.get_subcommands().filter(|command| !command.is_hide_set());
    inner.try_for_each(|inner| add_pages(inner, output))
}
