//! Measures the conversion of a typical post of 9 kB to HTML: `cargo bench --package kramdown`.
//!
//! Prints the median and the fastest of many runs. `cargo bench --package kramdown -- FILE…` also
//! measures other posts, without their front matter.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench reads the clock and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kramdown::{Options, to_html};

/// The size of a typical post in bytes.
const LENGTH: usize = 9_000;
const RUNS: usize = 2_000;

/// What posts mostly consist of, in typical proportions.
const PART: &str = r#"## What the numbers "say" about part NUMBER

It's a truth -- almost universally acknowledged -- that a net in possession of *many parameters* must be in want of
**data**. We'll look at [the first attempt](https://example.org/a/b_c.html "A title") and ask what went wrong... The
learning rate was `0.1`, which isn't small, and the loss went up after 30 steps, as the figure shows (see below).

![A loss that goes up](/assets/loss-NUMBER.png)

A second thought: the "warm-up" of [Goyal et al.][goyal] keeps the first steps small. With $$\eta_t = \eta t / T$$ for
the first $$T$$ steps it holds, and after that the cosine takes over; there is nothing else to it.[^NUMBER]

- Fewer steps cost less, but the result isn't as good.
- More seeds give *tighter* intervals:
  the spread falls with the root of their number.
- `batch_size: 64` was never changed.

```python
for step in range(100):
    loss = model(x).mean()
    loss.backward()
```

> A rule of thumb isn't a law, and "it worked for me" is no argument.

So much for this part. Whoever wants to try it finds all files in the [repository](https://example.org/repo), and can
run it on a laptop within a minute or two; nothing here needs a large machine, or one at all that has a fan.

[^NUMBER]: See the appendix of the paper, where it's written in a footnote as well.

"#;

fn typical_post() -> String {
    let mut post = String::from("[goyal]: https://arxiv.org/abs/1706.02677\n\n");
    for number in 1.. {
        let part = PART.replace("NUMBER", &number.to_string());
        if post.len() + part.len() > LENGTH {
            break;
        }
        post.push_str(&part);
    }
    post
}

fn measure(name: &str, post: &str) {
    let options = Options::default();
    let run = || {
        let start = Instant::now();
        black_box(to_html(black_box(post), &options));
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    times.sort();
    println!(
        "{name}: {} bytes, median {:?}, fastest {:?} of {RUNS}",
        post.len(),
        times[RUNS / 2],
        times[0]
    );
}

fn main() {
    measure("typical post", &typical_post());
    for file in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let body = text
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
            .map_or(&*text, |(_, body)| body);
        measure(&file, body);
    }
}
