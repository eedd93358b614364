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
    let mut grouped: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut is_open = false;
    for mut node in nodes.drain(..) {
        group_in(&mut node.children, count);
        let Some(mut tab) = tab(&mut node) else {
            is_open = false;
            grouped.push(node);
            continue;
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

/// The tab that a block is.
fn tab(node: &mut Node) -> Option<Node> {
    if callout::is_tab(node) {
        return Some(std::mem::replace(node, Node::text("")));
    }
    if !matches!(node.kind, Kind::CodeBlock { .. }) {
        return None;
    }
    let title = Info::parse(node.attributes.value(INFO)?).tab?;
    let summary = element("summary", true, "", vec![Node::text(title)]);
    let code = std::mem::replace(node, Node::text(""));
    Some(element("details", true, TAB, vec![summary, code]))
}
