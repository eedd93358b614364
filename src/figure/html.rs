//! Pieces of HTML that figures share: escaped text, tables that scroll.

use std::fmt::Write;

use crate::html::escaped_attribute;

/// Text escaped for use between tags and in a quoted attribute. Line breaks become spaces: a blank
/// line in a figure would end it, as Markdown sees it.
pub(super) fn escaped(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    escaped_attribute(&text.replace(is_break, " "))
}

/// A table, in plain text.
pub(super) struct Table {
    /// The heads of the columns.
    pub(super) heads: Vec<String>,
    /// The rows. The first cell of each is its head.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether it is marked as the best of its column.
    pub(super) is_best: bool,
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text, is_best: false }
    }
}

impl Cell {
    /// A cell without a number.
    pub(super) fn none() -> Cell {
        Cell::from("–".to_owned())
    }

    fn html(&self) -> String {
        let text = escaped(&self.text);
        if self.is_best {
            format!("<strong>{text}<span class=\"labpress-hidden\"> (best)</span></strong>")
        } else {
            text
        }
    }
}

impl Table {
    /// The table in a box that scrolls sideways where it does not fit, also by keyboard. Screen
    /// readers read `label` to those who move from table to table; `caption` is HTML, and visible.
    pub(super) fn html(&self, label: &str, caption: Option<&str>) -> String {
        let label = escaped(label);
        let mut html = format!(
            "<div class=\"labpress-scroll\" role=\"group\" aria-label=\"{label}\" tabindex=\"0\">\n\
             <table>\n"
        );
        if let Some(caption) = caption {
            write_to(&mut html, format_args!("<caption>{caption}</caption>\n"));
        }
        html.push_str("<thead><tr>");
        for head in &self.heads {
            write_to(&mut html, format_args!("<th scope=\"col\">{}</th>", escaped(head)));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (index, cell) in row.iter().map(Cell::html).enumerate() {
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

/// Writes to a string, which cannot fail.
pub(super) fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string never fails");
}
