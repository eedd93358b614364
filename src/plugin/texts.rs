//! The texts in a page of HTML, for what changes them and leaves tags, code and scripts alone.

/// Changes the texts of a page's body, or of all if it has none, outside of the elements in
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
    let mut rest = &html[body..end];
    // How many ignored elements are open.
    let mut depth = 0_usize;
    while !rest.is_empty() {
        let tag = rest.find('<').unwrap_or(rest.len());
        let (text, after) = rest.split_at(tag);
        match change(text).filter(|_| depth == 0) {
            Some(changed) => written.push_str(&changed),
            None => written.push_str(text),
        }
        let length = tag_length(after);
        let (tag, after) = after.split_at(length);
        written.push_str(tag);
        rest = after;
        let (is_end, name) = match tag.strip_prefix("</") {
            Some(name) => (true, name),
            None => (false, tag.strip_prefix('<').unwrap_or("")),
        };
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        if ignored.iter().any(|ignored| name.eq_ignore_ascii_case(ignored)) {
            depth = if is_end { depth.saturating_sub(1) } else { depth + 1 };
        }
    }
    written.push_str(&html[end..]);
    written
}

/// How long the tag, comment or lone `<` is that a text starts with.
fn tag_length(text: &str) -> usize {
    if text.is_empty() {
        return 0;
    }
    if text.starts_with("<!--") {
        return text.find("-->").map_or(text.len(), |end| end + 3);
    }
    let is_tag = text[1..]
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!' || c == '?');
    if !is_tag {
        return 1;
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_outside_of_ignored_elements_are_changed() {
        let html =
            "<head>a</head><body class=\"a>a\">a <!-- a --><code>a</code> <b>a</b> 1 < a</body>";
        assert_eq!(
            changed(html, &["code"], |text| text.contains('a').then(|| text.replace('a', "x"))),
            "<head>a</head><body class=\"a>a\">x <!-- a --><code>a</code> <b>x</b> 1 < x</body>"
        );
    }
}
