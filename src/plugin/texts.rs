//! Changes the text in an HTML page and leaves tags, code and scripts alone.

use crate::html::{Token, tokens};

/// Changes the text in a page's body, or in the whole page if it has none, outside the elements in
/// `ignored`.
pub(super) fn changed(
    html: &str,
    ignored: &[&str],
    change: impl Fn(&str) -> Option<String>,
) -> String {
    let body = html.find("<body").unwrap_or(0);
    let end = html.rfind("</body>").filter(|&end| end > body).unwrap_or(html.len());
    let mut written = String::with_capacity(html.len() + 256);
    written.push_str(&html[..body]);
    // How many ignored elements are open.
    let mut depth = 0_usize;
    for token in tokens(&html[body..end]) {
        match token {
            // Comments and declarations are not visible text.
            Token::Text(text)
                if depth == 0 && !text.starts_with("<!") && !text.starts_with("<?") =>
            {
                written.push_str(&change(text).unwrap_or_else(|| text.to_owned()));
            }
            Token::Text(text) => written.push_str(text),
            Token::Tag(tag) => {
                written.push_str(tag.text);
                if ignored.iter().any(|ignored| tag.is(ignored)) {
                    depth = if tag.is_end { depth.saturating_sub(1) } else { depth + 1 };
                }
            }
        }
    }
    written.push_str(&html[end..]);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_outside_ignored_elements_is_changed() {
        let html =
            "<head>a</head><body class=\"a>a\">a <!-- a --><code>a</code> <b>a</b> 1 < a</body>";
        assert_eq!(
            changed(html, &["code"], |text| text.contains('a').then(|| text.replace('a', "x"))),
            "<head>a</head><body class=\"a>a\">x <!-- a --><code>a</code> <b>x</b> 1 < x</body>"
        );
    }
}
