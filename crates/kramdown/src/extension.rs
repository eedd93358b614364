//! `{: … }`, `{:name: … }` and `{::name … }` on lines of their own.

use crate::Options;
use crate::attributes::parse_list;
use crate::block::{Block, BlockKind, Parser};
use crate::scan::{self, braced, count, is_space, line_length, name_length, unindented};

/// The start of an extension: `{::name key="value"}` or `{::name … /}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start<'t> {
    pub(super) name: &'t str,
    pub(super) options: &'t str,
    /// Whether it ends with `/}`, and so has no body.
    pub(super) closed: bool,
    /// The text after it.
    pub(super) after: &'t str,
}

/// Reads the start of an extension.
pub(super) fn start(text: &str) -> Option<Start<'_>> {
    let (inside, after) = braced(text.strip_prefix("{::")?)?;
    let (inside, closed) = match inside.strip_suffix('/') {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let (name, options) = inside.split_at(count(inside, scan::is_word_byte));
    let is_start =
        !name.is_empty() && (options.is_empty() || options.bytes().next().is_some_and(is_space));
    is_start.then_some(Start { name, options, closed, after })
}

/// The length of the end of the extension `name`, `{:/name}` or `{:/}`, if the text starts with
/// one.
pub(super) fn end_length(text: &str, name: &str) -> Option<usize> {
    let inside = text.strip_prefix("{:/")?;
    let inside = inside.strip_prefix(name).unwrap_or(inside);
    inside.strip_prefix('}').map(|after| text.len() - after.len())
}

/// Whether the extension is known; others are text.
pub(super) fn is_known(name: &str) -> bool {
    matches!(name, "comment" | "nomarkdown" | "options")
}

/// Whether the body of `{::nomarkdown type="…"}` is meant for HTML.
pub(super) fn is_for_html(options: &str) -> bool {
    let list = parse_list(options);
    list.attributes
        .value("type")
        .is_none_or(|types| types.split_whitespace().any(|name| name == "html"))
}

/// Applies what `{::options … /}` sets.
pub(super) fn set_options(options: &mut Options, text: &str) {
    for (name, value) in parse_list(text).attributes.iter() {
        options.set(name, value);
    }
}

impl Parser<'_, '_, '_> {
    /// An attribute list, the definition of one, or an extension.
    pub(super) fn extension(&mut self, blocks: &mut Vec<Block>) -> bool {
        self.attribute_definition(blocks)
            || self.block_attribute_list(blocks)
            || self.block_extension(blocks)
    }

    /// `{:name: … }`.
    fn attribute_definition(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some(inside) = unindented(self.rest()).strip_prefix("{:") else { return false };
        let Some((list, after)) = braced(inside).filter(|(_, after)| scan::is_blank_line(after))
        else {
            return false;
        };
        // The name may itself contain colons: it is as long as possible.
        let Some(colon) = list[..name_length(list)].rfind(':').filter(|&at| at > 0) else {
            return false;
        };
        let (name, list) = (&list[..colon], &list[colon + 1..]);
        self.context
            .definitions
            .attribute_lists
            .entry(name.to_owned())
            .or_default()
            .merge(&parse_list(list));
        self.position = self.text.len() - after.len() + line_length(after);
        blocks.push(Block::new(BlockKind::AfterList));
        true
    }

    /// `{: … }`: belongs to the block right before it, otherwise to the one right after it.
    fn block_attribute_list(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some((text, after)) = scan::block_attribute_list(self.rest()) else { return false };
        self.position = self.text.len() - after.len();
        let list = parse_list(text);
        let more = scan::block_attribute_list(self.rest()).is_some();
        match blocks.last_mut() {
            Some(Block { kind: BlockKind::Definition(defined), .. }) => {
                self.context.definitions.add(defined, &list);
            }
            Some(before)
                if !matches!(
                    before.kind,
                    BlockKind::Blank { .. } | BlockKind::EndMarker | BlockKind::AfterList
                ) =>
            {
                before.list.merge(&list);
                if !more {
                    blocks.push(Block::new(BlockKind::AfterList));
                }
            }
            _ => self.pending.get_or_insert_default().merge(&list),
        }
        true
    }

    /// `{::comment}`, `{::nomarkdown}` or `{::options}`, with its body.
    fn block_extension(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some(start) = start(unindented(self.rest())) else { return false };
        if !is_known(start.name) || !scan::is_blank_line(start.after) {
            return false;
        }
        let first_line = &start.after[line_length(start.after)..];
        let (body, after) = if start.closed {
            ("", first_line)
        } else {
            match self.extension_body(first_line, start.name) {
                Some(split) => split,
                None => return false,
            }
        };
        let (name, options, body) = (start.name, start.options, body.to_owned());
        self.position = self.text.len() - after.len();
        match name {
            "options" => set_options(self.context.options.to_mut(), options),
            "nomarkdown" if is_for_html(options) && !body.is_empty() => {
                self.push(blocks, BlockKind::Html { html: body }, Vec::new());
            }
            "comment" if !body.is_empty() => {
                let html = format!("<!-- {body} -->");
                self.push(blocks, BlockKind::Html { html }, Vec::new());
            }
            _ => {}
        }
        true
    }

    /// Splits at the line that ends the extension: the body before it, without its last line end,
    /// and the text after it.
    fn extension_body<'t>(&mut self, text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
        if self.vain.extensions.iter().any(|vain| vain == name) {
            return None;
        }
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let start = unindented(rest);
            if let Some(length) =
                end_length(start, name).filter(|&length| scan::is_blank_line(&start[length..]))
            {
                let body = &text[..at];
                return Some((
                    body.strip_suffix('\n').unwrap_or(body),
                    &start[length + line_length(&start[length..])..],
                ));
            }
            at += line_length(rest);
        }
        self.vain.extensions.push(name.to_owned());
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_has_a_name_options_and_maybe_a_body() {
        let found = start("{::options parse_block_html=\"true\" /}x").expect("an extension");
        assert_eq!((found.name, found.closed, found.after), ("options", true, "x"));
        assert_eq!(start("{:comment}"), None);
        assert_eq!(end_length("{:/comment}x", "comment"), Some(11));
        assert_eq!(end_length("{:/}", "comment"), Some(4));
        assert_eq!(end_length("{:/other}", "comment"), None);
    }
}
