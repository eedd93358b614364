//! What a post shows of its experiments: inline values, charts and tables of recorded numbers.
//!
//! Figures are drawn when the site is built, so a change of their look never requires a rerun. Each
//! kind has a file: `value`, `table`, `artifact_table`, the charts `compare`, `curves`, `sweep`,
//! `heatmap`, `confusion` and `curve`, and `image`. All but `value` only make the parts of a figure, which
//! `parts` turns into one. They share `arguments`, which reads tags, `request`, which looks up
//! names in results, `artifact`, which finds what runs wrote, `number`, which formats numbers, and
//! `lines` and `svg`, which draw. Colours and sizes are left to the stylesheet,
//! `assets/theme/figures.css` of the built-in theme.
//!
//! No figure depends on another: the same tag gives the same bytes anywhere. It has no `id` unless
//! its author gives it one, so it can appear many times on a page.

mod align;
mod arguments;
mod artifact;
mod artifact_table;
mod best;
mod card;
mod claim;
mod compare;
mod confusion;
mod csv;
mod curve;
mod curves;
mod evaluate;
mod expression;
mod heatmap;
mod html;
mod image;
mod latex;
mod lines;
pub mod measured;
pub mod number;
mod numeric;
mod parameters;
mod parts;
mod provenance;
mod request;
mod svg;
mod sweep;
mod table;
mod table_json;
mod terms;
mod units;
mod value;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Place, listed};
use crate::experiment::evidence::Evidence;
use crate::experiment::results::{ExperimentResults, Need, Results};
use crate::liquid::{self, Call, Expanded, Read, Tag};
use crate::timings::span_of;
use arguments::{Arguments, Piece};
use kramdown::embed::Embed;
use parts::Parts;
use request::Request;

/// What a tag shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The figure; a placeholder if it cannot be drawn yet.
    pub figure: Figure,
    /// The names of the experiments that the tag names.
    pub experiments: BTreeSet<String>,
    /// The results that are not recorded yet.
    pub need: Option<Need>,
    /// What the number of a `value` is, and what it was computed from.
    pub evidence: Option<Evidence>,
}

/// A figure: its HTML, and the files that it brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Its HTML.
    pub embed: Embed,
    /// Its numbers or its image as files of the site, by path: `figures/EXPERIMENT/….csv`. The
    /// digest of the content is part of the path, so the same path means the same bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The tags that make figures, in order.
pub(crate) const TAGS: [&str; 6] = ["chart", "claim", "figure", "provenance", "table", "value"];

/// Why a tag has no figure.
enum Undrawn {
    /// The tag is invalid.
    Invalid(Diagnostic),
    /// The results that it shows are not recorded.
    Waiting(Need),
    /// Its experiment cannot be read, which is an error in the experiment's own file.
    Unreadable,
}

impl From<Diagnostic> for Undrawn {
    fn from(diagnostic: Diagnostic) -> Undrawn {
        Undrawn::Invalid(diagnostic)
    }
}

/// What a figure takes from the site.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The site's `baseurl` (`""` or `/blog`), for links to the figure's files.
    pub base_url: &'a str,
    /// The address of the site, with `baseurl`, and its author, for citations.
    pub site_url: &'a str,
    /// The name of the site's author, or else its title.
    pub author: &'a str,
    /// Makes HTML of a caption, which is Markdown within a line.
    pub markdown: &'a (dyn Fn(&str) -> String + Sync),
}

/// Makes the figure of `{% TAG ARGUMENTS %}`. `place` is where the arguments start: errors are
/// reported at their own word.
pub fn figure(
    tag: &str,
    arguments: &str,
    place: &Place,
    results: &Results<'_>,
    surroundings: Surroundings<'_>,
) -> Result<Shown, Diagnostic> {
    let arguments = Arguments::parse(arguments, place)?;
    let mut evidence = None;
    let drawn = match tag {
        "chart" => chart(&arguments, results).map(|parts| parts.figure(surroundings)),
        "figure" => image(&arguments, results).map(|parts| parts.figure(surroundings)),
        "provenance" => card::card(&arguments, results, surroundings),
        "table" => table(&arguments, results).map(|parts| parts.figure(surroundings)),
        "value" => value::value(&arguments, results).map(|(figure, found)| {
            let expression = arguments.phrase().to_owned();
            let experiments = distinct_experiments(tag, &arguments);
            let shown = figure.embed.text.clone();
            let place = place.clone();
            evidence =
                Some(Evidence { place, verdict: None, shown, expression, found, experiments });
            figure
        }),
        _ => {
            let unknown = Diagnostic::new(place.clone(), format!("unknown tag `{tag}`"));
            return Err(unknown.hint_nearest(tag, TAGS));
        }
    };
    let (figure, need) = match drawn {
        Ok(figure) => (figure, None),
        Err(Undrawn::Invalid(diagnostic)) => return Err(diagnostic),
        Err(Undrawn::Waiting(need)) => {
            let provisional = provisional(tag, &arguments, results, surroundings);
            let missing = || placeholder(tag, &arguments, &need.message());
            (provisional.unwrap_or_else(missing), Some(need))
        }
        Err(Undrawn::Unreadable) => {
            (placeholder(tag, &arguments, "the experiment has errors"), None)
        }
    };
    let experiments = experiments(tag, &arguments).into_iter();
    Ok(Shown {
        figure,
        experiments: experiments.map(|name| name.text.to_owned()).collect(),
        need,
        evidence,
    })
}

/// The tags of figures in Liquid.
pub struct FigureTags<'a> {
    /// The results that they show.
    pub results: &'a Results<'a>,
    /// What figures take from the site.
    pub surroundings: Surroundings<'a>,
}

impl Tag for FigureTags<'_> {
    fn render(&self, call: &Call<'_, '_>, expanded: &mut Expanded) -> Result<String, Diagnostic> {
        // A page may be pinned to other results, and so are the files that it includes.
        let results = self.results.shown_in(call.page);
        let _span = span_of("draw figures", call.arguments);
        if call.name == CLAIM {
            return claimed(call, results, expanded);
        }
        let shown = figure(call.name, call.arguments, &call.place, results, self.surroundings)?;
        expanded.files.extend(shown.figure.files);
        expanded.reads.extend(shown.experiments.iter().cloned().map(Read::Results));
        if call.name == "provenance" {
            let of =
                shown.experiments.iter().filter_map(|name| results.experiments.get(name.as_str()));
            let needed = of.flat_map(|of| card::lineage::needed(of.experiment, results));
            expanded.reads.extend(needed.map(|name| Read::Results(name.to_owned())));
        }
        expanded.experiments.extend(shown.experiments);
        expanded.needs.extend(shown.need);
        expanded.evidence.extend(shown.evidence);
        Ok(expanded.embeds.marker(shown.figure.embed))
    }

    fn is_for_literals(&self, name: &str) -> bool {
        name == "value"
    }

    fn is_block(&self, name: &str) -> bool {
        name == CLAIM
    }
}

/// The tag of claims, which is a block.
const CLAIM: &str = "claim";

/// The text of a claim, with marks around it that say what the results say.
fn claimed(
    call: &Call<'_, '_>,
    results: &Results<'_>,
    expanded: &mut Expanded,
) -> Result<String, Diagnostic> {
    let arguments = Arguments::parse(call.arguments, &call.place)?;
    let text = call.content.unwrap_or_default();
    if text.contains("\n\n") {
        let error = arguments.error_of_all("a claim spans several paragraphs");
        return Err(error.hint("end it with `{% endclaim %}` in the paragraph in which it starts"));
    }
    let names = distinct_experiments(CLAIM, &arguments);
    expanded.reads.extend(names.iter().cloned().map(Read::Results));
    expanded.experiments.extend(names.iter().cloned());
    let marks = match claim::check(&arguments, results) {
        Ok(checked) => {
            // Numbers in the sentence are markers so far.
            let sentence = expanded.embeds.as_text(text);
            let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
            match claim::problem(&checked, &sentence, &arguments, results) {
                Ok(warning) => expanded.warnings.extend(warning),
                Err(error) => expanded.failed.push(error),
            }
            expanded.evidence.push(Evidence {
                place: call.place.clone(),
                verdict: Some(checked.verdict),
                shown: sentence,
                expression: arguments.phrase().to_owned(),
                found: checked.evidence.clone(),
                experiments: names,
            });
            checked.marks()
        }
        Err(Undrawn::Invalid(diagnostic)) => return Err(diagnostic),
        Err(Undrawn::Waiting(need)) => {
            let shown = placeholder(CLAIM, &arguments, &need.message()).embed;
            expanded.needs.push(need);
            claim::marks(&format!(" {}", shown.html), format!(" {}", shown.text))
        }
        Err(Undrawn::Unreadable) => {
            let shown = placeholder(CLAIM, &arguments, "the experiment has errors").embed;
            claim::marks(&format!(" {}", shown.html), format!(" {}", shown.text))
        }
    };
    let before = expanded.embeds.marker(marks.before);
    let after = expanded.embeds.marker(marks.after);
    Ok(format!("{before}{text}{after}"))
}

/// The text with another name for an experiment in all tags of figures and all claims in front matter
/// that name it.
pub fn with_experiment_renamed(text: &str, old: &str, new: &str) -> String {
    let mut renamed = String::new();
    let mut copied = 0;
    for (tag, arguments, arguments_at) in liquid::tags(text) {
        let names =
            if TAGS.contains(&tag) { named_experiments(tag, arguments) } else { Vec::new() };
        for (at, _) in names.into_iter().filter(|(_, name)| *name == old) {
            renamed.push_str(&text[copied..arguments_at + at]);
            renamed.push_str(new);
            copied = arguments_at + at + old.len();
        }
    }
    renamed.push_str(&text[copied..]);
    with_claims_renamed(&renamed, old, new)
}

/// The same for the lines at `claims` in front matter, which are no tags.
fn with_claims_renamed(text: &str, old: &str, new: &str) -> String {
    let mut renamed = String::new();
    let (mut is_front, mut is_claims) = (text.starts_with("---"), false);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        is_front &= index == 0 || !matches!(line.trim_end(), "---" | "...");
        // A key ends the list; items may be written at its column.
        if line.starts_with(|c: char| c.is_alphabetic()) {
            is_claims = line.starts_with("claims:");
        }
        if is_front && is_claims {
            renamed.push_str(&with_owner_renamed(line, old, new));
        } else {
            renamed.push_str(line);
        }
    }
    renamed
}

/// The line with `new.` for each `old.` that starts a name.
fn with_owner_renamed(line: &str, old: &str, new: &str) -> String {
    let is_in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut renamed = String::new();
    let mut copied = 0;
    for (at, _) in line.match_indices(old) {
        let is_owner = line[at + old.len()..].starts_with('.') && !line[..at].ends_with(is_in_name);
        if is_owner && at >= copied {
            renamed.push_str(&line[copied..at]);
            renamed.push_str(new);
            copied = at + old.len();
        }
    }
    renamed.push_str(&line[copied..]);
    renamed
}

/// Whether a text holds a tag of figures.
pub(crate) fn has_figures(text: &str) -> bool {
    liquid::tags(text).iter().any(|(tag, ..)| TAGS.contains(tag))
}

/// What a page shows instead of a figure that cannot be drawn yet. It has the figure's id, so that
/// references to the figure are right.
fn placeholder(tag: &str, arguments: &Arguments<'_>, reason: &str) -> Figure {
    let is_inline = tag == "value" || tag == CLAIM;
    let element = if is_inline { "span" } else { "p" };
    let id = arguments.option("id").filter(|_| !is_inline);
    let id = id.map_or(String::new(), |id| format!(" id=\"{}\"", html::escaped(id.text)));
    let reason = reason.replace('`', "");
    let shown = html::escaped(&reason);
    let html = format!("<{element} class=\"labpress-missing\"{id}>[{shown}]</{element}>");
    Figure {
        embed: Embed { html, text: format!("[{reason}]"), block: !is_inline },
        files: Vec::new(),
    }
}

/// The figure of what runs at work have reported so far, marked as such; `None` if there is nothing
/// to show yet. Only numbers over the course of a run are known before it ends.
fn provisional(
    tag: &str,
    arguments: &Arguments<'_>,
    results: &Results<'_>,
    surroundings: Surroundings<'_>,
) -> Option<Figure> {
    let mut shown = results.clone();
    let (mut recorded, mut runs) = (0, 0);
    for name in experiments(tag, arguments) {
        let of = results.experiments.get(name.text)?;
        if let (Some(provisional), Some(with)) = (&of.provisional, of.with_provisional()) {
            recorded += provisional.recorded;
            runs += provisional.runs;
            shown.experiments.insert(of.experiment.name.as_str(), with);
        }
    }
    if runs == 0 {
        return None;
    }
    let is_of_curves = arguments.words().get(1).is_some_and(|kind| kind.text == "curves");
    let figure = match tag {
        "chart" if is_of_curves => chart(arguments, &shown).ok()?.figure(surroundings),
        "value" => value::value(arguments, &shown).ok()?.0,
        _ => return None,
    };
    let mark = format!("Provisional: {recorded} of {runs} runs are complete");
    Some(marked_provisional(figure, &mark))
}

/// The figure with a mark that it is not a result. It brings its own style, so no style sheet can
/// leave it out.
fn marked_provisional(figure: Figure, mark: &str) -> Figure {
    const FRAME: &str = "outline:2px dashed #b45309;outline-offset:4px";
    const LINE: &str = "border-bottom:2px dashed #b45309";
    const LABEL: &str = "display:inline-block;margin:0;padding:0 .75em;border-radius:1em;\
                         font:600 14px/1.8 system-ui,sans-serif;color:#fef3c7;background:#713f12";
    let Figure { embed: Embed { html, text, block }, files } = figure;
    let html = if block {
        format!(
            "<div class=\"labpress-provisional\" style=\"{FRAME}\">\n\
             <p style=\"{LABEL}\">{mark}</p>\n{html}\n</div>"
        )
    } else {
        format!(
            "<span class=\"labpress-provisional\" style=\"{LINE}\" title=\"{mark}\">{html} \
             (provisional)</span>"
        )
    };
    Figure { embed: Embed { html, text: format!("{text} (provisional)"), block }, files }
}

/// The names of experiments in the arguments of a tag, in order, each with the byte at which it
/// starts; none if the arguments are invalid.
fn named_experiments<'a>(tag: &str, arguments: &'a str) -> Vec<(usize, &'a str)> {
    let names = match Arguments::parse(arguments, &Place::file("")) {
        Ok(arguments) => experiments(tag, &arguments),
        Err(_) => Vec::new(),
    };
    names.into_iter().map(|name| (name.offset, name.text)).collect()
}

/// The names of experiments in the arguments of a tag, in order.
fn experiments<'a>(tag: &str, arguments: &Arguments<'a>) -> Vec<Piece<'a>> {
    if tag != "value" && tag != CLAIM {
        return arguments.words().iter().take(1).copied().collect();
    }
    let names = expression::parse(arguments).map(|parsed| parsed.names).unwrap_or_default();
    let experiment = |named: expression::Named<'a>| {
        Some(Piece { text: named.name.text.split_once('.')?.0, ..named.name })
    };
    names.into_iter().filter_map(experiment).collect()
}

/// Those names, each once.
fn distinct_experiments(tag: &str, arguments: &Arguments<'_>) -> Vec<String> {
    let names: BTreeSet<&str> =
        experiments(tag, arguments).into_iter().map(|name| name.text).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The kinds of charts.
const CHARTS: [&str; 6] = ["compare", "confusion", "curve", "curves", "heatmap", "sweep"];

fn chart<'r>(arguments: &'r Arguments<'r>, results: &'r Results<'r>) -> Result<Parts<'r>, Undrawn> {
    let (experiment, kind) = match arguments.words() {
        [experiment, kind] => (*experiment, *kind),
        // `{% chart EXPERIMENT artifact="lr-curve" %}`: the artifact says what it is.
        [experiment] if arguments.option("artifact").is_some() => {
            (*experiment, Piece { text: "curve", ..*experiment })
        }
        [_, _, more, ..] => return Err(arguments.unexpected(*more).into()),
        _ => {
            let error = arguments.error_of_all("a chart needs an experiment and a kind");
            let kinds = listed(CHARTS);
            let hint = format!("write `{{% chart EXPERIMENT KIND %}}`; KIND is one of {kinds}");
            return Err(error.hint(hint).into());
        }
    };
    let make = match kind.text {
        "compare" => compare::compare,
        "confusion" => confusion::confusion,
        "curve" => curve::curve,
        "curves" => curves::curves,
        "heatmap" => heatmap::heatmap,
        "sweep" => sweep::sweep,
        _ => return Err(arguments.unknown("kind of chart", kind, CHARTS).into()),
    };
    Ok(make(&request(arguments, experiment, results)?)?)
}

fn image<'r>(arguments: &'r Arguments<'r>, results: &'r Results<'r>) -> Result<Parts<'r>, Undrawn> {
    Ok(image::image(&request_of_one(arguments, results, "a figure", image::USAGE)?)?)
}

fn table<'r>(arguments: &'r Arguments<'r>, results: &'r Results<'r>) -> Result<Parts<'r>, Undrawn> {
    let request = request_of_one(arguments, results, "a table", "write `{% table EXPERIMENT %}`")?;
    Ok(match arguments.option("artifact") {
        Some(artifact) => artifact_table::table(&request, artifact)?,
        None => table::table(&request)?,
    })
}

/// The request of a tag whose only word names an experiment. `what` the tag is and its `usage` are
/// for the messages.
fn request_of_one<'r>(
    arguments: &'r Arguments<'r>,
    results: &'r Results<'r>,
    what: &str,
    usage: &str,
) -> Result<Request<'r>, Undrawn> {
    match arguments.words() {
        [experiment] => request(arguments, *experiment, results),
        [_, more, ..] => Err(arguments.unexpected(*more).hint(usage).into()),
        [] => Err(arguments.error_of_all(format!("{what} needs an experiment")).hint(usage).into()),
    }
}

fn request<'r>(
    arguments: &'r Arguments<'r>,
    experiment: Piece<'_>,
    results: &'r Results<'r>,
) -> Result<Request<'r>, Undrawn> {
    Ok(Request { arguments, of: complete(arguments, experiment, results)?, results })
}

/// The results of the experiment that `name` names, all of them recorded and fresh.
fn complete<'r, 'e>(
    arguments: &Arguments<'_>,
    name: Piece<'_>,
    results: &'r Results<'e>,
) -> Result<&'r ExperimentResults<'e>, Undrawn> {
    let Some(found) = results.experiments.get(name.text) else {
        if results.unreadable.contains(name.text) {
            return Err(Undrawn::Unreadable);
        }
        let unknown = arguments.unknown("experiment", name, results.experiments.keys().copied());
        let is_first = results.experiments.is_empty();
        let hint = "write `experiments/NAME/experiment.yml` first: the site has no experiments";
        return Err(if is_first { unknown.hint(hint) } else { unknown }.into());
    };
    match found.need(|| arguments.place(name.offset)) {
        None => Ok(found),
        Some(need) => Err(Undrawn::Waiting(need)),
    }
}

/// The name of a number in words: `valid.accuracy` is "valid accuracy".
fn in_words(name: &str) -> String {
    name.replace(['.', '-', '_'], " ")
}

/// "3 seeds", "1 seed", "2 to 3 seeds".
fn seed_count(counts: impl IntoIterator<Item = usize>) -> String {
    let counts: BTreeSet<usize> = counts.into_iter().collect();
    match (counts.first(), counts.last()) {
        (Some(1), Some(1)) => "1 seed".to_owned(),
        (Some(least), Some(most)) if least == most => format!("{most} seeds"),
        (Some(least), Some(most)) => format!("{least} to {most} seeds"),
        _ => "no seeds".to_owned(),
    }
}

/// The note if there are only single runs.
const SINGLE_RUNS: &str = "1 run each: no interval.";

#[cfg(test)]
mod tests;
