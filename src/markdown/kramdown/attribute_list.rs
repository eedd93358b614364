//! What attribute lists hold: `#id .class key="value" reference`.

use super::scan::{count, is_space, name_length};
use crate::markdown::tree::Attributes;
use std::collections::BTreeMap;

/// The content of an attribute list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AttributeList {
    /// Names of attribute lists defined elsewhere, or words with a meaning of their own such as `toc`.
    pub(super) references: Vec<String>,
    /// The attributes themselves.
    pub(super) attributes: Attributes,
}

impl AttributeList {
    /// Reads what is between the braces. What is none of the known forms is passed over.
    pub(super) fn read(text: &str) -> AttributeList {
        let mut list = AttributeList::default();
        list.add(text);
        list
    }

    /// Reads more into this list: classes are joined, other attributes replaced.
    pub(super) fn add(&mut self, text: &str) {
        let mut rest = text;
        loop {
            rest = &rest[count(rest, is_space)..];
            if rest.is_empty() {
                return;
            }
            rest = match pair(rest) {
                Some((name, value, behind)) => {
                    self.set(name, &value);
                    behind
                }
                None => self.word(rest),
            };
        }
    }

    /// Takes all of `other` in.
    pub(super) fn merge(&mut self, other: &AttributeList) {
        for name in &other.references {
            self.refer(name);
        }
        self.attributes.merge(&other.attributes);
    }

    /// All attributes, with those of the lists referred to; what is said here comes first.
    pub(super) fn resolved(&self, defined: &BTreeMap<String, AttributeList>) -> Attributes {
        let mut attributes = Attributes::default();
        let mut seen = Vec::new();
        self.collect(defined, &mut seen, &mut attributes);
        attributes
    }

    fn collect<'a>(&'a self, defined: &'a BTreeMap<String, AttributeList>, seen: &mut Vec<&'a str>, into: &mut Attributes) {
        for name in &self.references {
            // A list may refer to itself, by way of others.
            if seen.len() > 64 || seen.contains(&name.as_str()) {
                continue;
            }
            seen.push(name);
            if let Some(list) = defined.get(name) {
                list.collect(defined, seen, into);
            }
        }
        into.merge(&self.attributes);
    }

    /// Reads what has no equals sign: `#id`, `.class`, both in one word, or a name. Returns what is behind.
    fn word<'t>(&mut self, text: &'t str) -> &'t str {
        let (word, behind) = text.split_at(count(text, |byte| !is_space(byte)));
        if word.starts_with(['#', '.']) {
            for part in word.split_inclusive(['#', '.']).zip(word.split(['#', '.']).skip(1)) {
                match part {
                    (_, "") => {}
                    (mark, id) if mark.ends_with('#') => self.set("id", id),
                    (_, class) => self.set("class", class),
                }
            }
        } else if name_length(word) == word.len() {
            self.refer(word);
        }
        behind
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "class" => self.attributes.add_class(value),
            _ => self.attributes.set(name, value),
        }
    }

    fn refer(&mut self, name: &str) {
        if !self.references.iter().any(|known| known == name) {
            self.references.push(name.to_owned());
        }
    }
}

/// Reads `key="value"`: the key, the value without quotes and backslashes before quotes and braces, what is behind.
pub(super) fn pair(text: &str) -> Option<(&str, String, &str)> {
    let name = name_length(text);
    let behind = text[name..].strip_prefix('=').filter(|_| name > 0)?;
    let quote = behind.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let mut value = String::new();
    let mut characters = behind[1..].char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next_if(|&(_, next)| next == quote || next == '}') {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ if character == quote => return Some((&text[..name], value, &behind[at + 2..])),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, references: &[&str]) {
        let list = AttributeList::read(text);
        let found: Vec<_> = list.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found.join(" "), expected);
        assert_eq!(list.references, references);
    }

    #[test]
    fn all_forms_are_read() {
        check(" .a #b .c key='v w' ref", "class=a c id=b key=v w", &["ref"]);
        check(".x#y.z", "class=x z id=y", &[]);
        check(r#"title="a \"b\" \}""#, r#"title=a "b" }"#, &[]);
    }

    #[test]
    fn what_is_no_known_form_is_passed_over() {
        check("target=_blank ! .x", "class=x", &[]);
        check("a='b", "", &[]);
    }

    #[test]
    fn lists_that_refer_to_each_other_end() {
        let mut defined = BTreeMap::new();
        defined.insert("a".to_owned(), AttributeList::read("b .x"));
        defined.insert("b".to_owned(), AttributeList::read("a .y"));
        let attributes = AttributeList::read("a title='t'").resolved(&defined);
        assert_eq!(attributes.value("class"), Some("y x"));
        assert_eq!(attributes.value("title"), Some("t"));
    }
}
