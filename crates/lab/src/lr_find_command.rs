//! `lab lr-find`: finds a learning rate.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints to its terminal")]

use anyhow::{Context, bail};

use super::checkpoint::Found;
use super::command_line::{Asked, Wish};
use super::{artifacts, lr_find, params, train};

/// Rows and columns of the plot.
const ROWS: usize = 12;
const COLUMNS: usize = 64;

/// Runs the learning-rate finder for a run, plots its curve, prints its suggestion, and writes the
/// curve as JSON.
#[expect(clippy::disallowed_methods, reason = "the command line writes its result")]
pub(crate) fn run(wish: &Wish, is_stop_asked: &dyn Fn() -> bool) -> anyhow::Result<()> {
    let Asked { task, machine, folder, .. } = wish.asked(&mut |line| eprintln!("{line}"))?;
    let job = machine.job(&task)?;
    tch::set_num_threads(i32::try_from(job.threads.max(1)).context("`threads` is too large")?);
    let params = params(&job)?;
    let setting = train::setting(&job, &params)?;
    let train = setting.learning.inputs(&setting.net, setting.train);
    let optimizer = train::new_optimizer(&setting.net, &params);
    let found = lr_find::found(
        &setting.learning,
        &setting.net,
        optimizer,
        &train,
        job.seed,
        is_stop_asked,
    )?;
    let Some(found) = found else { bail!("interrupted") };
    println!("{}", plot(&found));
    println!("suggested learning rate: {:.2e} (the middle of the longest valley, `|`)", found.rate);
    let path = folder.join("lr-curve.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&artifacts::curve(&found))?)?;
    println!("the curve is in {}", path.display());
    Ok(())
}

/// The curve in characters: rates to the right on a logarithmic scale, losses upwards, a column of
/// `|` at the suggestion.
fn plot(found: &Found) -> String {
    let losses = || found.curve.iter().map(|[_, loss]| *loss);
    let (low, high) =
        (losses().fold(f64::INFINITY, f64::min), losses().fold(f64::NEG_INFINITY, f64::max));
    // Losses far above the first one only show that the training diverged.
    let high = high.min(low + 1.5 * (found.curve[0][1] - low).max(1e-9));
    let (first, last) = (found.curve[0][0].ln(), found.curve[found.curve.len() - 1][0].ln());
    let column = |rate: f64| {
        ((rate.ln() - first) / (last - first).max(1e-9) * (COLUMNS - 1) as f64).round() as usize
    };
    let mut cells = vec![vec![' '; COLUMNS]; ROWS];
    for row in &mut cells {
        row[column(found.rate)] = '|';
    }
    for [rate, loss] in &found.curve {
        let share = ((high - loss) / (high - low).max(1e-9)).clamp(0.0, 1.0);
        cells[(share * (ROWS - 1) as f64).round() as usize][column(*rate)] = '•';
    }
    let lines: Vec<String> =
        cells.into_iter().map(|row| row.into_iter().collect::<String>()).collect();
    let (from, to) = (format!("{:.1e}", found.curve[0][0]), format!("{:.1e}", last.exp()));
    let gap = COLUMNS.saturating_sub(from.len() + to.len());
    format!("loss {high:.3}\n{}\nloss {low:.3}\n{from}{}{to}", lines.join("\n"), " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_the_suggestion_in_its_column() {
        let curve = vec![[1e-3, 2.0], [1e-2, 1.0], [1e-1, 3.0]];
        let plot = plot(&Found { rate: 1e-2, curve });
        assert_eq!(plot.lines().count(), ROWS + 3);
        assert!(plot.lines().nth(1).unwrap().contains('•'));
        assert!(plot.lines().nth(3).unwrap().chars().nth(32) == Some('|'), "{plot}");
    }
}
