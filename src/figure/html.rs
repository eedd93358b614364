//! Pieces of HTML that the figures share: text made safe, tables that scroll, downloads.

use std::fmt::Write;

use crate::digest::Digest;

/// Text as it may stand between tags and in a quoted attribute. Line breaks become spaces: a blank
/// line in a figure would end it, as Markdown sees it.
pub(super) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => written.push(' '),
            c => written.push(c),
        }
    }
    written
}

/// A table.
pub(super) struct Table {
    /// What the table is, as HTML; a caption that can be seen.
    pub(super) caption: Option<String>,
    /// What the table is, as text, for who moves from table to table by ear.
    pub(super) label: String,
    /// The heads of the columns, as HTML.
    pub(super) heads: Vec<String>,
    /// The cells of the rows, as HTML. The first of each row is its head.
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// The table in a box that scrolls sideways where it does not fit, by keyboard as well.
    pub(super) fn html(&self) -> String {
        let label = escaped(&self.label);
        let mut html = format!(
            "<div class=\"labpress-scroll\" role=\"group\" aria-label=\"{label}\" tabindex=\"0\">\n<table>\n"
        );
        if let Some(caption) = &self.caption {
            write_to(&mut html, format_args!("<caption>{caption}</caption>\n"));
        }
        html.push_str("<thead><tr>");
        for head in &self.heads {
            write_to(&mut html, format_args!("<th scope=\"col\">{head}</th>"));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (index, cell) in row.iter().enumerate() {
                match index {
                    0 => write_to(&mut html, format_args!("<th scope=\"row\">{cell}</th>")),
                    _ => write_to(&mut html, format_args!("<td>{cell}</td>")),
                }
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table>\n</div>");
        html
    }
}

/// A file of numbers for download.
pub(super) struct Csv {
    text: String,
}

impl Csv {
    /// A file with these heads of columns.
    pub(super) fn new(heads: &[&str]) -> Csv {
        let mut csv = Csv { text: String::new() };
        csv.row(heads.iter().map(|&head| head.to_owned()));
        csv
    }

    /// Adds a row. Fields are quoted where RFC 4180 asks for it.
    pub(super) fn row(&mut self, fields: impl IntoIterator<Item = String>) {
        let fields: Vec<String> = fields.into_iter().map(|field| quoted(&field)).collect();
        self.text.push_str(&fields.join(","));
        self.text.push('\n');
    }

    /// Its path in the site, and its bytes. `kind` tells files apart for people, the digest of the
    /// content for good.
    pub(super) fn file(self, experiment: &str, kind: &str) -> (String, Vec<u8>) {
        let bytes = self.text.into_bytes();
        (format!("figures/{experiment}/{kind}-{}.csv", Digest::of(&bytes).short()), bytes)
    }
}

fn quoted(field: &str) -> String {
    let needs_quotes = field.contains(['"', ',', '\n', '\r']);
    if needs_quotes { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

/// The link to a file of the site.
pub(super) fn download(path: &str, base_url: &str) -> String {
    let base_url = base_url.trim_end_matches('/');
    format!("<a href=\"{}/{}\" download>Download CSV</a>", escaped(base_url), escaped(path))
}

/// ` id="…"`, if the author gave one.
pub(super) fn id_attribute(id: Option<&str>) -> String {
    id.map_or(String::new(), |id| format!(" id=\"{}\"", escaped(id)))
}

/// Writes into a text, which cannot fail.
pub(super) fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing into a text never fails");
}

/// What a chart's HTML is made of. All texts are plain.
pub(super) struct Chart<'a> {
    /// An anchor, if the author gave one.
    pub(super) id: Option<&'a str>,
    /// The drawings, wide and narrow.
    pub(super) drawings: [Drawing; 2],
    /// What it shows, in a phrase.
    pub(super) title: &'a str,
    /// What can be seen in it, in sentences.
    pub(super) description: &'a str,
    /// The caption below it.
    pub(super) caption: &'a str,
    /// How to read its marks.
    pub(super) note: &'a str,
    /// The numbers.
    pub(super) table: Table,
    /// The path of the file with the numbers of all seeds.
    pub(super) csv: &'a str,
}

/// A drawing: the content of an `svg` element, and the size of its view.
pub(super) struct Drawing {
    /// SVG elements, one a line.
    pub(super) elements: String,
    /// Width of the view, in the units that text of size 13 is drawn in.
    pub(super) width: u32,
    /// Height of the view.
    pub(super) height: u32,
}

impl Chart<'_> {
    /// The chart as one element.
    pub(super) fn html(&self, base_url: &str) -> String {
        let (title, description) = (escaped(self.title), escaped(self.description));
        let [wide, narrow] = &self.drawings;
        // The narrow drawing is hidden by an attribute, which the stylesheet overrules on phones:
        // where there is no stylesheet, as in feed readers, just one of the two shows.
        let drawing = |drawing: &Drawing, class: &str, hidden: &str| {
            format!(
                "<svg class=\"lp-chart {class}\"{hidden} viewBox=\"0 0 {} {}\" role=\"img\" \
                 font-family=\"system-ui, sans-serif\">\n\
                 <title>{title}</title>\n<desc>{description}</desc>\n{}</svg>",
                drawing.width, drawing.height, drawing.elements
            )
        };
        format!(
            "<div class=\"labpress-figure\"{}>\n<figure>\n{}\n{}\n\
             <figcaption>{}<br><span class=\"labpress-note\">{}</span></figcaption>\n</figure>\n\
             <details class=\"labpress-numbers\">\n<summary>Numbers</summary>\n{}\n<p>{}</p>\n</details>\n</div>",
            id_attribute(self.id),
            drawing(wide, "lp-wide", ""),
            drawing(narrow, "lp-narrow", " display=\"none\""),
            escaped(self.caption),
            escaped(self.note),
            self.table.html(),
            download(self.csv, base_url),
        )
    }
}
