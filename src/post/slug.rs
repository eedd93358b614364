//! Text as a part of an address.

use std::fmt::Write;

/// Makes a text part of an address as Jekyll's `slugify` does by default: letters and digits of all scripts in lower
/// case, everything else between them one hyphen.
pub fn slugify(text: &str) -> String {
    joined(text, |c| c.is_alphanumeric() || is_mark(c)).to_lowercase()
}

/// As [`slugify`], but keeps what a web address may hold, and the case if `keep_case`.
pub fn slugify_pretty(text: &str) -> String {
    joined(text, |c| c.is_alphanumeric() || is_mark(c) || "._~!$&'()+,;=@".contains(c)).to_lowercase()
}

/// As [`slugify`], but keeps ASCII letters and digits only.
pub fn slugify_ascii(text: &str) -> String {
    joined(text, |c| c.is_ascii_alphanumeric()).to_lowercase()
}

/// Makes a text from a file's name part of an address, keeping its case, as Jekyll makes `:title`.
pub fn slugify_keeping_case(text: &str) -> String {
    joined(text, |c| c.is_alphanumeric() || is_mark(c) || "._~!$&'()+,;=@".contains(c))
}

/// Combining marks belong to the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0DFF}' | '\u{0E31}'..='\u{0E4E}' | '\u{1AB0}'..='\u{1AFF}')
}

fn joined(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    text.split(|c| !is_kept(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Encodes what may not stand in an address as it is: everything but letters, digits and the marks that addresses use.
pub fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_one_hyphen() {
        assert_eq!(slugify("  What's new -- in C++?  "), "what-s-new-in-c");
        assert_eq!(slugify("Über Größe 日本"), "über-größe-日本");
        assert_eq!(slugify("!!!"), "");
    }

    #[test]
    fn a_file_name_keeps_its_case_and_its_dots() {
        assert_eq!(slugify_keeping_case("Release v1.2 notes"), "Release-v1.2-notes");
    }

    #[test]
    fn an_address_holds_ascii_only() {
        assert_eq!(percent_encoded("/tags/größe x/"), "/tags/gr%C3%B6%C3%9Fe%20x/");
    }
}
