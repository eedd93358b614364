//! Numbers of a column below each other, aligned at the decimal point, by spaces as wide as digits.
//!
//! Style sheets cannot align at a point, and spaces also work where there is no style sheet, such as
//! in feed readers. Cells have to be aligned at their start.

/// A space as wide as a digit.
const DIGIT: char = '\u{2007}';
/// A space as wide as a point or a comma.
const POINT: char = '\u{2008}';

/// A cell: a number, and what follows it.
struct Split<'t> {
    /// The sign and the digits before the point.
    whole: &'t str,
    /// The point and the digits after it.
    fraction: &'t str,
    /// Between the number and the next: ` ± `.
    sign: &'t str,
    /// The rest: the number after `±`, or a remark.
    rest: &'t str,
}

/// The cells of a column with the spaces that align them. Those that do not start with a number
/// stay as they are.
pub(super) fn aligned(cells: &[&str]) -> Vec<String> {
    let split: Vec<Option<Split<'_>>> = cells.iter().map(|cell| split(cell)).collect();
    let numbers = || split.iter().flatten();
    let whole = numbers().map(|of| of.whole).max_by_key(|part| width(part)).unwrap_or_default();
    let with_error = || numbers().filter(|of| !of.sign.is_empty());
    let fraction = with_error().map(|of| of.fraction).max_by_key(|part| width(part));
    let fraction = fraction.unwrap_or_default();
    let error = |of: &Split<'_>| number_end(of.rest).0;
    let error_width = with_error().map(|of| width(&of.rest[..error(of)])).max().unwrap_or_default();
    cells
        .iter()
        .zip(&split)
        .map(|(cell, split)| {
            let Some(of) = split else { return (*cell).to_owned() };
            let before = spaces(whole, of.whole);
            if of.sign.is_empty() {
                return format!("{before}{cell}");
            }
            let after = spaces(fraction, of.fraction);
            let missing = error_width - width(&of.rest[..error(of)]);
            let before_error = DIGIT.to_string().repeat(missing);
            format!(
                "{before}{}{}{after}{}{before_error}{}",
                of.whole, of.fraction, of.sign, of.rest
            )
        })
        .collect()
}

fn split(cell: &str) -> Option<Split<'_>> {
    let (point, end) = number_end(cell);
    let after = &cell[end..];
    // A sentence may start with a number: "2 of 5 seeds diverged".
    let is_number = cell[..point].contains(|c: char| c.is_ascii_digit())
        && (after.is_empty() || after.starts_with(['\u{a0}', ',']) || after.starts_with(" ("));
    if !is_number {
        return None;
    }
    let sign_length =
        after.strip_prefix("\u{a0}±\u{a0}").map_or(0, |rest| after.len() - rest.len());
    Some(Split {
        whole: &cell[..point],
        fraction: &cell[point..end],
        sign: &after[..sign_length],
        rest: &after[sign_length..],
    })
}

/// Where the digits before the point end, and where the number ends.
fn number_end(text: &str) -> (usize, usize) {
    let is_whole = |c: char| c.is_ascii_digit() || matches!(c, ',' | '+' | '\u{2212}');
    let length =
        |text: &str, is: &dyn Fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    // A comma between two numbers is not one between thousands.
    let whole = text[..length(text, &is_whole)].trim_end_matches(',').len();
    let decimals =
        text[whole..].strip_prefix('.').map(|rest| length(rest, &|c| c.is_ascii_digit()));
    (whole, whole + decimals.filter(|&count| count > 0).map_or(0, |count| count + 1))
}

fn width(part: &str) -> usize {
    part.chars().count()
}

/// The spaces that make `part` as wide as `widest`, which has at least as many characters.
fn spaces(widest: &str, part: &str) -> String {
    let missing = width(widest) - width(part);
    let is_narrow = |c: &char| matches!(c, ',' | '.');
    let narrow = |text: &str| text.chars().filter(is_narrow).count();
    let points = narrow(widest).saturating_sub(narrow(part)).min(missing);
    POINT.to_string().repeat(points) + &DIGIT.to_string().repeat(missing - points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cells: &[&str], expected: &[&str]) {
        let cells: Vec<String> =
            cells.iter().map(|cell| cell.replace(" ± ", "\u{a0}±\u{a0}")).collect();
        let shown = aligned(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        let shown: Vec<String> = shown
            .iter()
            .map(|cell| cell.replace(DIGIT, "_").replace(POINT, ".").replace('\u{a0}', " "))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn numbers_are_aligned_at_their_points() {
        check(
            &["93.41 ± 0.21", "9.4 ± 0.6", "100.4 ± 10.2", "–"],
            &["_93.41 ± _0.21", "__9.4_ ± _0.6", "100.4_ ± 10.2", "–"],
        );
        check(&["1,234", "7", "\u{2212}12.5"], &["1,234", ".___7", "._\u{2212}12.5"]);
    }

    #[test]
    fn remarks_follow_their_numbers() {
        check(
            &[
                "50.0 (identical in all 5 runs)",
                "2 of 5 seeds diverged",
                "118 (96 to 141)",
                "71, 74",
            ],
            &[
                "_50.0 (identical in all 5 runs)",
                "2 of 5 seeds diverged",
                "118 (96 to 141)",
                "_71, 74",
            ],
        );
        check(&["(3.96 ± 0.20) × 10⁻⁶", "12"], &["(3.96 ± 0.20) × 10⁻⁶", "12"]);
    }
}
