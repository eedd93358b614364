//! Pieces of HTML that figures share: escaped text, tables that scroll.

use std::fmt::Write;

use super::{align, number};
use crate::html::escaped_attribute;

/// Text escaped for use between tags and in a quoted attribute. Line breaks become spaces: a blank
/// line in a figure would end it, as Markdown sees it.
pub(super) fn escaped(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    escaped_attribute(&text.replace(is_break, " "))
}

/// A table, in plain text.
#[derive(Clone)]
pub(super) struct Table {
    /// The heads of the columns.
    pub(super) heads: Vec<String>,
    /// The rows. The first cell of each is its head.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether it is marked as the best of its column.
    pub(super) is_best: bool,
    /// The number that it is sorted by, if it has one.
    pub(super) number: Option<f64>,
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text, is_best: false, number: None }
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
    /// The table with spaces that align numbers at their points.
    pub(super) fn aligned(mut self) -> Table {
        for column in 1..self.heads.len() {
            let texts: Vec<&str> = self.rows.iter().map(|row| row[column].text.as_str()).collect();
            for (row, text) in align::aligned(&texts).into_iter().enumerate() {
                self.rows[row][column].text = text;
            }
        }
        self
    }

    /// The table in a box that scrolls sideways where it does not fit, also by keyboard. Screen
    /// readers read `label` to those who move from table to table; `caption` is HTML, and visible. A
    /// script may sort the rows if `is_sortable`.
    pub(super) fn html(&self, label: &str, caption: Option<&str>, is_sortable: bool) -> String {
        let label = escaped(label);
        let class = if is_sortable { " class=\"labpress-sortable\"" } else { "" };
        let mut html = format!(
            "<div class=\"labpress-scroll\" role=\"group\" aria-label=\"{label}\" tabindex=\"0\">\n\
             <table{class}>\n"
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
            for (index, cell) in row.iter().enumerate() {
                let inside = cell.html();
                let number = cell.number.filter(|_| is_sortable).map_or(String::new(), |number| {
                    format!(" data-value=\"{}\"", number::exact(number))
                });
                match index {
                    0 => write_to(&mut html, format_args!("<th scope=\"row\">{inside}</th>")),
                    _ => write_to(&mut html, format_args!("<td{number}>{inside}</td>")),
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
