//! What a post shows of its experiments: inline values, charts and tables, from recorded numbers.
//!
//! Figures are drawn when the site is built, so a change of their look never asks for a rerun. One file a kind.

use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::results::Results;
use crate::markdown::embed::Embed;

/// A figure: what stands in the page, and the files that it brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What stands in the page.
    pub embed: Embed,
    /// The numbers behind it as files of the site, by path: `figures/EXPERIMENT/….csv`.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The tags that make figures, in order.
pub const TAGS: [&str; 3] = ["chart", "table", "value"];

/// Makes the figure of `{% TAG ARGUMENTS %}`, which stands at `place`. `base_url` is the site's `baseurl` (`""` or
/// `/blog`), for links to the figure's files.
pub fn figure(
    tag: &str,
    arguments: &str,
    place: &Place,
    results: &Results<'_>,
    base_url: &str,
) -> Result<Figure, Diagnostic> {
    let _ = (arguments, results, base_url);
    Err(Diagnostic::new(place.clone(), format!("unknown tag `{tag}`")))
}

/// The name of the experiment that the tag is about, whether there is such an experiment or not. For finding out which
/// experiments the posts need before anything runs.
pub fn experiment_of(arguments: &str) -> Option<&str> {
    arguments.split_whitespace().next()?.split('.').next()
}
