//! Task lists whose boxes have their text as a label.

use super::element;
use kramdown::tree::{Kind, Node};

const BOX: &str =
    "<input type=\"checkbox\" class=\"task-list-item-checkbox\" disabled=\"disabled\" /> ";
const TICKED: &str = "<input type=\"checkbox\" class=\"task-list-item-checkbox\" disabled=\"disabled\" \
                      checked=\"checked\" /> ";

/// Puts the box and the text of each task into a label.
pub(super) fn mark(nodes: &mut [Node]) {
    for node in nodes {
        mark(&mut node.children);
        if !matches!(node.kind, Kind::List { .. }) {
            continue;
        }
        let mut has_tasks = false;
        for item in &mut node.children {
            let Kind::Item { task: Some(is_done) } = item.kind else { continue };
            has_tasks = true;
            item.kind = Kind::Item { task: None };
            item.attributes.prepend_class("task-list-item");
            label(item, is_done);
        }
        if has_tasks {
            node.attributes.prepend_class("task-list");
        }
    }
}

fn label(item: &mut Node, is_done: bool) {
    let html = if is_done { TICKED } else { BOX }.to_owned();
    let mut inside = vec![Node::new(Kind::Html { html, block: false })];
    match item.children.first_mut() {
        // In a loose list, the text is a paragraph.
        Some(first) if first.kind == Kind::Paragraph => {
            inside.append(&mut first.children);
            first.children = vec![element("label", false, "", inside)];
        }
        _ => {
            let spans = item.children.iter().position(|node| node.kind.is_block());
            let blocks = item.children.split_off(spans.unwrap_or(item.children.len()));
            inside.append(&mut item.children);
            item.children = vec![element("label", false, "", inside)];
            item.children.extend(blocks);
        }
    }
}
