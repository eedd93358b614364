//! An experiment in Rust: how close does the share of heads get to the coin's bias, the more often
//! it is flipped?
//!
//! `labpress run` starts it; docs/protocol.md explains it.
#![expect(clippy::disallowed_methods, reason = "a runner keeps its checkpoints on disk")]

use std::{fs, io};

use labpress_runner::reporter::Run;
use serde::{Deserialize, Serialize};

/// Everything that the run needs to resume after it was killed.
#[derive(Default, Serialize, Deserialize)]
struct State {
    heads: u64,
    shares: Vec<f64>,
}

fn main() -> io::Result<()> {
    let mut run = Run::from_environment()?;
    let (rounds, flips) = (whole(&run, "rounds")?, whole(&run, "flips")?);
    let checkpoint = run.checkpoints().join("state.json");
    let mut state = if run.job.resume {
        serde_json::from_slice(&fs::read(&checkpoint)?)?
    } else {
        State::default()
    };
    run.start([("device", "cpu")], Some(rounds))?;
    // Report the earlier points again, so that the series is complete even if events were lost.
    for (round, &share) in (1..).zip(&state.shares) {
        run.point("share", round, share)?;
    }
    for round in 1 + state.shares.len() as u64..=rounds {
        state.heads +=
            (0..flips).filter(|flip| is_heads(run.job.seed, round * flips + flip)).count() as u64;
        let share = state.heads as f64 / (round * flips) as f64;
        state.shares.push(share);
        run.point("share", round, share)?;
        run.progress(round, rounds)?;
        // Atomic: write a temporary file, then rename it.
        let written = run.folder().join("state.json");
        fs::write(&written, serde_json::to_vec(&state)?)?;
        fs::rename(&written, &checkpoint)?;
    }
    fs::write(run.folder().join("shares.json"), serde_json::to_vec(&state.shares)?)?;
    run.artifact("shares", "shares.json", "table")?;
    run.result("error", (state.heads as f64 / (rounds * flips) as f64 - 0.5).abs())?;
    run.done()
}

/// A parameter that must be a whole number above 0.
fn whole(run: &Run, name: &str) -> io::Result<u64> {
    let value = run.job.params[name].as_u64().filter(|&value| value > 0);
    value.ok_or_else(|| {
        io::Error::other(format!("the parameter `{name}` must be a whole number above 0"))
    })
}

/// The result of a flip, which is the same for a seed and flip on every machine. Uses the mixing
/// function of SplitMix64 (Steele, Lea and Flood 2014).
fn is_heads(seed: u64, flip: u64) -> bool {
    let mut bits = seed
        .wrapping_mul(0xd134_2543_de82_ef95)
        .wrapping_add(flip.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) & 1 == 0
}
