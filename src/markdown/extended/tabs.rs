//! Tabs: blocks of code with `tab="…"`, or quotes that start with `[!TAB]`, right after each other.
//!
//! They are `<details>` of one name, of which a browser shows one at a time, so that they need no
//! script, and without a style sheet are a list that opens.

use super::callout::{self, TAB};
use super::code::Info;
use super::{INFO, element};
use kramdown::tree::{Kind, Node};

/// Puts tabs that follow each other into a group.
pub(super) fn group(nodes: &mut Vec<Node>) {
    let mut count = 0;
    group_in(nodes, &mut count);
}

fn group_in(nodes: &mut Vec<Node>, count: &mut usize) {
    let mut has_tabs = false;
    for node in &mut *nodes {
        group_in(&mut node.children, count);
        has_tabs |= callout::is_tab(node) || title(node).is_some();
    }
    if !has_tabs {
        return;
    }
    let mut grouped: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut is_open = false;
    for node in nodes.drain(..) {
        let mut tab = match tab(node) {
            Ok(tab) => tab,
            Err(other) => {
                is_open = false;
                grouped.push(other);
                continue;
            }
        };
        if !is_open {
            *count += 1;
            tab.attributes.set("open", "");
        }
        tab.attributes.set("name", format!("tabs-{count}"));
        match grouped.last_mut().filter(|_| is_open) {
            Some(tabs) => tabs.children.push(tab),
            None => grouped.push(element("div", true, "tabs", vec![tab])),
        }
        is_open = true;
    }
    *nodes = grouped;
}

/// The tab that a block is, or the block.
fn tab(node: Node) -> Result<Node, Node> {
    if callout::is_tab(&node) {
        return Ok(node);
    }
    let Some(title) = title(&node) else { return Err(node) };
    let summary = element("summary", true, "", vec![Node::text(title)]);
    Ok(element("details", true, TAB, vec![summary, node]))
}

/// The title of a block of code that is a tab.
fn title(node: &Node) -> Option<String> {
    let is_code = matches!(node.kind, Kind::CodeBlock { .. });
    Info::parse(node.attributes.value(INFO).filter(|_| is_code)?).tab
}
