//! A table for papers: LaTeX, with the package booktabs.

use super::html::{Cell, Table, write_to};
use super::parts::File;

/// The table as a file whose name starts with `name`. `note` says how to read it.
pub(super) fn file(table: &Table, note: &str, name: &str) -> File {
    let mut text = String::from("% Needs \\usepackage{booktabs}\n");
    // A line break would end the comment.
    let note = note.replace(|c: char| c.is_control(), " ");
    if !note.trim().is_empty() {
        write_to(&mut text, format_args!("% {}\n", note.trim()));
    }
    let columns = "r".repeat(table.heads.len() - 1);
    write_to(&mut text, format_args!("\\begin{{tabular}}{{l{columns}}}\n\\toprule\n"));
    let heads = table.heads.iter().map(|head| escaped(head));
    text.push_str(&(row(heads) + "\\midrule\n"));
    for cells in &table.rows {
        text.push_str(&row(cells.iter().map(cell)));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n");
    File { name: name.to_owned(), ending: "tex", bytes: text.into_bytes() }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" & ") + " \\\\\n"
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    if cell.is_best { format!("\\textbf{{{text}}}") } else { text }
}

/// The text as LaTeX shows it.
fn escaped(text: &str) -> String {
    const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    let mut shown = String::new();
    for c in text.chars() {
        let raised = SUPERSCRIPTS.chars().position(|raised| raised == c);
        match c {
            '\\' => shown.push_str("\\textbackslash{}"),
            '~' => shown.push_str("\\textasciitilde{}"),
            '^' => shown.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => shown.extend(['\\', c]),
            '\u{a0}' => shown.push('~'),
            '±' => shown.push_str("$\\pm$"),
            '×' => shown.push_str("$\\times$"),
            'Δ' => shown.push_str("$\\Delta$"),
            '\u{2212}' => shown.push_str("$-$"),
            '⁻' => shown.push_str("$^{-}$"),
            '–' => shown.push_str("--"),
            c if c.is_control() => shown.push(' '),
            c => match raised {
                Some(digit) => write_to(&mut shown, format_args!("$^{{{digit}}}$")),
                None => shown.push(c),
            },
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_valid_latex() {
        let best = Cell { is_best: true, ..Cell::from("93.4\u{a0}±\u{a0}0.6".to_owned()) };
        let table = Table {
            heads: vec!["variant".to_owned(), "accuracy (%)".to_owned()],
            rows: vec![
                vec!["a_b & c".to_owned().into(), best],
                vec!["d".to_owned().into(), "\u{2212}3.96\u{a0}×\u{a0}10⁻⁶".to_owned().into()],
            ],
        };
        let file = file(&table, "Mean ± 95 % interval.", "table");
        expect_test::expect![[r"
            % Needs \usepackage{booktabs}
            % Mean ± 95 % interval.
            \begin{tabular}{lr}
            \toprule
            variant & accuracy (\%) \\
            \midrule
            a\_b \& c & \textbf{93.4~$\pm$~0.6} \\
            d & $-$3.96~$\times$~10$^{-}$$^{6}$ \\
            \bottomrule
            \end{tabular}
        "]]
        .assert_eq(std::str::from_utf8(&file.bytes).expect("it is text"));
    }
}
