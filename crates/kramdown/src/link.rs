//! Links and images, inline or by reference, and addresses in angle brackets.

use crate::block::is_ascii_space;
use crate::definitions::{LinkTarget, link_name};
use crate::entity;
use crate::scan::{self, count, is_space};
use crate::span::{Inside, Spans, Stop, unescaped};
use crate::tree::{Kind, Node};

impl Spans<'_, '_> {
    /// `[text](url "title")`, `[text][name]`, `[name]`, and the same with `!` before it for an
    /// image.
    pub(super) fn link(&mut self, nodes: &mut Vec<Node>) -> bool {
        let is_image = self.rest().starts_with('!');
        let length = if is_image { 2 } else { 1 };
        if self.rest()[length..].is_empty() || self.rest()[length..].starts_with('^') {
            return false;
        }
        let start = self.position;
        let may_link = is_image || !self.inside.link;
        if let Some(node) = self.linked(is_image, length).filter(|_| may_link) {
            self.push(nodes, node);
        } else {
            self.position = start;
            self.take_text(nodes, length);
        }
        true
    }

    fn linked(&mut self, is_image: bool, length: usize) -> Option<Node> {
        if !self.may_try() || (!is_image && self.inside.link) || !self.has_bracket() {
            return None;
        }
        self.position += length;
        let start = self.position;
        let inside = Inside { link: true, directly_emphasis: false, ..self.inside };
        let (children, found) = self.nested(inside, Stop::Bracket { open: 1, seen: 0, images: 0 });
        if !found {
            return None;
        }
        let text = unescaped(&self.text[start..self.position], &self.context.options);
        self.position += 1;
        let target =
            if self.rest().starts_with('(') { self.target() } else { self.referred(&text) }?;
        Some(self.node(is_image, children, &text, &target))
    }

    /// The name that the link refers to: that in the brackets after it, otherwise its own text.
    fn referred(&mut self, text: &str) -> Option<LinkTarget> {
        let rest = self.rest();
        let spaces = count(rest, is_space);
        let bracketed = rest[spaces..].strip_prefix('[').and_then(|inside| inside.split_once(']'));
        let mut name = text;
        if let Some((found, after)) = bracketed {
            self.position = self.text.len() - after.len();
            name = if found.is_empty() { text } else { found };
        }
        self.context.definitions.links.get(&link_name(name)).cloned()
    }

    /// Reads the address and title in parentheses.
    fn target(&mut self) -> Option<LinkTarget> {
        let inside = self.rest().strip_prefix('(')?;
        let (url, after) = if let Some((url, after)) = pointed_url(inside) {
            match after.strip_prefix(')') {
                Some(after) => {
                    self.position = self.text.len() - after.len();
                    return Some(LinkTarget { url: url.to_owned(), ..LinkTarget::default() });
                }
                None => (url, after),
            }
        } else {
            let Some((url, after, is_whole)) = plain_url(inside) else {
                self.budget = self.budget.saturating_sub(inside.len());
                return None;
            };
            if is_whole {
                self.position = self.text.len() - after.len();
                return Some(LinkTarget { url: url.to_owned(), ..LinkTarget::default() });
            }
            (url, after)
        };
        let (title, after) = self.title(after)?;
        self.position = self.text.len() - after.len();
        Some(LinkTarget {
            url: url.to_owned(),
            title: Some(title.to_owned()),
            ..LinkTarget::default()
        })
    }

    /// A title in quotes up to the parenthesis that ends the link.
    fn title<'s>(&mut self, text: &'s str) -> Option<(&'s str, &'s str)> {
        let start = &text[count(text, is_space)..];
        let quote = start.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let inside = &start[1..];
        let mut from = inside.chars().next()?.len_utf8();
        loop {
            let end = from + inside[from..].find(quote)?;
            let after = &inside[end + 1..];
            if let Some(after) = after[count(after, is_space)..].strip_prefix(')') {
                return Some((&inside[..end], after));
            }
            self.budget = self.budget.saturating_sub(end + 1 - from);
            if self.budget == 0 {
                return None;
            }
            from = end + 1;
        }
    }

    fn node(&self, is_image: bool, children: Vec<Node>, text: &str, target: &LinkTarget) -> Node {
        let url = entity::decoded(&target.url);
        let mut node = if is_image {
            Node::new(Kind::Image)
        } else {
            Node::with_children(Kind::Link, children)
        };
        node.attributes = target.list.resolved(&self.context.definitions.attribute_lists);
        if is_image {
            node.attributes.set("src", url);
            node.attributes.set("alt", entity::decoded(text));
        } else {
            node.attributes.set("href", url);
        }
        if let Some(title) = &target.title {
            node.attributes.set("title", entity::decoded(title));
        }
        node
    }

    /// The length of an address up to a `>` on the same line.
    fn address_length(&mut self, text: &str) -> Option<usize> {
        if !has_scheme(text) {
            return mail_address_length(text);
        }
        if self.budget == 0 {
            return None;
        }
        let end = text
            .find(['>', '\n'])
            .filter(|&at| text[at..].starts_with('>') && has_scheme(&text[..at]));
        if end.is_none() {
            self.budget = self.budget.saturating_sub(scan::line_length(text));
        }
        end
    }

    /// `<http://…>` or `<me@example.org>`.
    pub(super) fn autolink(&mut self, nodes: &mut Vec<Node>) -> bool {
        let Some(inside) = self.rest().strip_prefix('<') else { return false };
        let Some(length) = self.address_length(inside) else { return false };
        let address = &inside[..length];
        let (href, shown) = if has_scheme(address) {
            (address.to_owned(), address.strip_prefix("mailto:").unwrap_or(address))
        } else {
            (format!("mailto:{address}"), address)
        };
        self.position += length + 2;
        let mut node = Node::with_children(Kind::Link, vec![Node::text(entity::decoded(shown))]);
        node.attributes.set("href", entity::decoded(&href));
        self.push(nodes, node);
        true
    }
}

/// The length of an email address, if the text starts with one and `>`.
fn mail_address_length(text: &str) -> Option<usize> {
    let length = text
        .find(|c: char| !(scan::is_word_char(c) || matches!(c, '-' | '.' | '@')))
        .unwrap_or(text.len());
    (text[length..].starts_with('>') && is_mail_address(&text[..length])).then_some(length)
}

/// An address in angle brackets, and the text after it.
fn pointed_url(text: &str) -> Option<(&str, &str)> {
    let (url, after) = text.strip_prefix('<')?.split_once('>')?;
    (!url.contains('\n')).then_some((url, after))
}

/// An address up to the parenthesis that ends the link, or up to the space before a title, and
/// whether it is the former.
fn plain_url(text: &str) -> Option<(&str, &str, bool)> {
    let bytes = text.as_bytes();
    let mut open = 1;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => {
                open -= 1;
                if open == 0 {
                    return Some((text[..at].trim_matches(is_ascii_space), &text[at + 1..], true));
                }
            }
            _ if is_space(byte) && matches!(bytes.get(at + 1), Some(b'"' | b'\'')) => {
                return Some((text[..at].trim_matches(is_ascii_space), &text[at + 1..], false));
            }
            _ => {}
        }
    }
    None
}

fn has_scheme(address: &str) -> bool {
    ["http:", "https:", "ftp:", "ftps:", "mailto:"]
        .iter()
        .any(|scheme| address.len() > scheme.len() && address.starts_with(scheme))
}

fn is_mail_address(address: &str) -> bool {
    let is_part = |part: &str, more: &str| {
        !part.is_empty()
            && part.chars().all(|c| scan::is_word_char(c) || c == '-' || more.contains(c))
    };
    address.split_once('@').is_some_and(|(name, host)| {
        is_part(name, ".") && host.split('.').all(|part| is_part(part, ""))
    })
}
