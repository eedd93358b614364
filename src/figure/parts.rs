//! Makes a figure from its parts. Each kind of figure only says what it shows; the title, the
//! caption, the note about where the runs were made, the file for download and the HTML around it
//! are made here, the same way for all kinds.

use super::html::{Table, escaped, write_to};
use super::provenance::{Run, origin, provenance};
use super::request::Request;
use super::svg::Drawing;
use super::{Figure, Surroundings};
use crate::digest::Digest;
use crate::html::without_html;
use kramdown::embed::Embed;

/// What a figure is made of. All strings are plain text.
pub(super) struct Parts<'r> {
    pub(super) request: Request<'r>,
    /// What the figure shows of the experiment, in a phrase; empty if it shows the experiment as a
    /// whole.
    pub(super) subject: String,
    pub(super) content: Content,
    /// How to read it, in sentences.
    pub(super) note: String,
    /// The runs that it shows.
    pub(super) runs: Vec<Run<'r>>,
    pub(super) file: File,
}

/// What is visible.
pub(super) enum Content {
    /// A chart, with its numbers as a table below it.
    Chart {
        /// The wide drawing and the narrow one.
        drawings: [Drawing; 2],
        /// What can be seen in it, in sentences.
        description: String,
        numbers: Table,
        /// What the numbers are, in a phrase.
        numbers_of: String,
    },
    /// A table.
    Table {
        table: Table,
        /// Whether readers may sort its rows.
        is_sortable: bool,
        /// Its numbers in other formats, beside the figure's file.
        files: Vec<File>,
    },
    /// The figure's file is an image.
    Image { width: u32, height: u32, alternative: String },
}

/// A file that a figure brings along.
pub(super) struct File {
    /// What its name starts with; the rest is the digest of its bytes.
    pub(super) name: String,
    pub(super) ending: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Parts<'_> {
    /// The figure in its surroundings.
    pub(super) fn figure(
        self,
        Surroundings { base_url, markdown, .. }: Surroundings<'_>,
    ) -> Figure {
        let title = self.request.title(&self.subject);
        // A blank line would end the figure, as Markdown sees it.
        let given = self.request.option("caption").map(|given| given.replace('\n', " "));
        let mut shown_caption = match &given {
            Some(given) => markdown(given),
            None => escaped(&title),
        };
        let caption = given.map_or_else(|| title.clone(), |_| without_html(&shown_caption));
        let note = self.note + &origin(&self.runs);
        if !note.is_empty() {
            let note = escaped(note.trim_start());
            write_to(
                &mut shown_caption,
                format_args!("<br><span class=\"labpress-note\">{note}</span>"),
            );
        }
        let experiment = self.request.of.experiment.name.as_str();
        let link = |file: &File| {
            let path = file.path(experiment);
            let address = escaped(&format!("{}/{path}", base_url.trim_end_matches('/')));
            (path, address)
        };
        let (path, address) = link(&self.file);
        let download = format!("<p><a href=\"{address}\" download>Download CSV</a></p>");
        let mut files = Vec::new();
        let made = provenance(&self.runs);
        let made = match made.trim_start() {
            "" => String::new(),
            made => format!("<p>{}</p>\n", escaped(made)),
        };
        let figure = |visible: &str| {
            format!("<figure>\n{visible}\n<figcaption>{shown_caption}</figcaption>\n</figure>")
        };
        let (class, inside, text) = match self.content {
            Content::Chart { drawings, description, numbers, numbers_of } => {
                let table =
                    numbers.html(&format!("Numbers of the chart: {numbers_of}"), None, false);
                let chart = figure(&svg(&drawings, &title, &description));
                let details =
                    details("Numbers and provenance", &format!("{made}{table}\n{download}"));
                ("labpress-figure", format!("{chart}\n{details}"), title)
            }
            Content::Table { table, is_sortable, files: others } => {
                let table = table.aligned().html(&caption, Some(&shown_caption), is_sortable);
                let mut download = format!("<p>Download <a href=\"{address}\" download>CSV</a>");
                for file in others {
                    let (path, address) = link(&file);
                    let format = file.format();
                    write_to(
                        &mut download,
                        format_args!(", <a href=\"{address}\" download>{format}</a>"),
                    );
                    files.push((path, file.bytes));
                }
                let details = details("Provenance and data", &format!("{made}{download}</p>"));
                ("labpress-table", format!("{table}\n{details}"), caption)
            }
            Content::Image { width, height, alternative } => {
                let image = format!(
                    "<img class=\"labpress-image\" src=\"{address}\" width=\"{width}\" \
                     height=\"{height}\" alt=\"{}\" loading=\"lazy\">",
                    escaped(&alternative)
                );
                let details = match made.trim_end() {
                    "" => String::new(),
                    made => format!("\n{}", details("Provenance", made)),
                };
                ("labpress-figure", figure(&image) + &details, caption)
            }
        };
        let id = self.request.option("id");
        let id = id.map_or(String::new(), |id| format!(" id=\"{}\"", escaped(id)));
        files.insert(0, (path, self.file.bytes));
        let html = format!("<div class=\"{class}\"{id}>\n{inside}\n</div>");
        Figure { embed: Embed { html, text, block: true }, files }
    }
}

impl File {
    /// The name of its format.
    fn format(&self) -> String {
        if self.ending == "tex" { "LaTeX".to_owned() } else { self.ending.to_uppercase() }
    }

    /// Its path in the site.
    fn path(&self, experiment: &str) -> String {
        let File { name, ending, bytes } = self;
        format!("figures/{experiment}/{name}-{}.{ending}", Digest::of(bytes).short())
    }
}

/// What is shown on demand below a figure.
fn details(summary: &str, inside: &str) -> String {
    format!(
        "<details class=\"labpress-numbers\">\n<summary>{summary}</summary>\n{inside}\n</details>"
    )
}

/// The drawings of a chart, wide and narrow.
fn svg([wide, narrow]: &[Drawing; 2], title: &str, description: &str) -> String {
    let (title, description) = (escaped(title), escaped(description));
    let element = |drawing: &Drawing, attributes: &str| {
        let Drawing { elements, width, height } = drawing;
        format!(
            "<svg {attributes} viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"system-ui, sans-serif\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n{elements}</svg>"
        )
    };
    let wide = element(wide, "class=\"lp-chart lp-wide\"");
    // The narrow drawing is hidden by an attribute, which the stylesheet overrides on phones:
    // without a stylesheet, as in feed readers, only one of the two is shown.
    let narrow = element(narrow, "class=\"lp-chart lp-narrow\" display=\"none\"");
    format!("{wide}\n{narrow}")
}
