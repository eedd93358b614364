//! Every string is valid kramdown and takes time proportional to its length.

#![no_main]

use std::time::{Duration, Instant};

use kramdown::{Options, to_html};
use libfuzzer_sys::fuzz_target;

/// A thousand times what a post takes per byte, plus an allowance for a busy machine.
fn allowed(length: usize) -> Duration {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    Duration::from_millis(500) + Duration::from_micros(10) * length
}

fuzz_target!(|text: &str| {
    let options = Options::default();
    let start = Instant::now();
    let html = to_html(text, &options);
    let (took, length) = (start.elapsed(), text.len());
    assert!(took < allowed(length), "{took:?} for {length} bytes");
    assert!(html.len() <= 4096 + length * 400, "{} bytes of HTML", html.len());
});
