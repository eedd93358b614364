//! Any file is a post, a page or neither: its YAML, its date, its address.

#![no_main]

use std::time::{Duration, Instant};

use labpress::inputs::Inputs;
use labpress::{config, post};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let start = Instant::now();
    // The text as a whole file, and as YAML between fences that are right.
    let inputs = Inputs::default()
        .with("_posts/2026-01-02-a.md", text)
        .with("_posts/2026-01-03-b.md", format!("---\n{text}\n---\nbody\n"))
        .with("page.md", format!("---\n{text}\n---\nbody\n"));
    let _ = config::read(Some(text));
    {
        let (config, _) = config::read(Some("permalink: pretty\n"));
        let now = "2030-01-01T00:00:00Z".parse().expect("it is a moment");
        let (blog, _) = post::read(&inputs, &config, &post::Shown::at(now));
        for (_, address) in blog.addresses() {
            assert!(!address.file.starts_with('/') && !address.file.split('/').any(|part| part == ".."), "{address:?}");
        }
    }
    let allowed = Duration::from_secs(1) + Duration::from_micros(50) * u32::try_from(text.len()).unwrap_or(u32::MAX);
    assert!(start.elapsed() < allowed, "{:?} for {} bytes", start.elapsed(), text.len());
});
