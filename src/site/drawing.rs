//! Pictures of charts, for where SVG is not shown.

use super::feed::content::drawing_size;
use super::{Shared, memo};
use crate::output::Content;
use crate::raster::{self, Fonts};

/// How many pixels a picture has for each unit of a drawing.
const SCALE: u32 = 2;

/// What the style sheet says in light mode, for drawings on their own.
const STYLE: &str = "text{font-family:Inter}\
    .lp-grid{stroke:#e6eaee;stroke-opacity:1}\
    .lp-axis,.lp-mark{stroke:#59636e}\
    .lp-tick{fill:#59636e}\
    .lp-name{fill:#1f2328}\
    .lp-label{font-weight:600}";

/// The colours of series on white, by the class of their marks: those of the style sheet.
const COLORS: [(&str, &str); 6] = [
    ("lp-s1", "#1a66c2"),
    ("lp-s2", "#b5480a"),
    ("lp-s3", "#0b7a5c"),
    ("lp-s4", "#8b3fa3"),
    ("lp-s5", "#7a6000"),
    ("lp-s6", "#b5275f"),
];

/// The path and the content of the picture of a chart, given its drawing in HTML; `None` if it
/// cannot be drawn.
pub(super) fn of_chart(site: &Shared<'_>, drawing: &str) -> Option<(String, Content)> {
    let svg = standalone(drawing);
    let fonts = site.fonts();
    let key = memo::key([raster::VERSION.as_bytes(), svg.as_bytes(), site.fonts_key().as_bytes()]);
    let content = site.cache.content(key, "png", || picture(&svg, drawing_size(drawing).0, fonts));
    let path = format!("figures/pictures/{}.png", key.short());
    content.map(|content| (path, content))
}

/// A PNG of the drawing; empty if there is none.
fn picture(svg: &str, width: u32, fonts: &Fonts) -> Vec<u8> {
    let text = crate::html::unescaped(&crate::html::without_html(svg));
    if !fonts.missing(&text).is_empty() {
        return Vec::new();
    }
    raster::png(svg, width * SCALE, fonts).unwrap_or_default()
}

/// The drawing as an SVG file of its own.
pub(super) fn standalone(drawing: &str) -> String {
    let colors = COLORS.map(|(class, color)| {
        let of = |role: &str, property: &str| format!("{role}.{class}{{{property}:{color}}}");
        let fills = [".lp-label", ".lp-band", ".lp-mean", ".lp-dot", ".lp-cell"];
        let strokes = [".lp-line", ".lp-seed", ".lp-whisker", ".lp-dot"];
        let fills = fills.map(|role| of(role, "fill")).concat();
        fills + &strokes.map(|role| of(role, "stroke")).concat()
    });
    let style = format!("<style>{STYLE}{}</style>", colors.concat());
    let drawing = drawing.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    let (tag, rest) = drawing.split_once('>').unwrap_or((&drawing, ""));
    format!("{tag}>{style}{rest}")
}
