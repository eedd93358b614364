//! Callouts: quotes that start with `[!NOTE]`, with a title of their own, and folded with `-`.

use super::words::Words;
use super::{element, is_element};
use kramdown::tree::{Kind, Node};

/// The kinds, in the order of [`Words::callouts`].
const KINDS: [&str; 5] = ["note", "tip", "important", "warning", "caution"];

/// Other names that authors bring along.
const ALIASES: [(&str, &str); 10] = [
    ("info", "note"),
    ("abstract", "note"),
    ("question", "note"),
    ("example", "note"),
    ("hint", "tip"),
    ("success", "tip"),
    ("attention", "warning"),
    ("danger", "caution"),
    ("error", "caution"),
    ("bug", "caution"),
];

/// The class of the quotes that `tabs` groups.
pub(super) const TAB: &str = "tab";

/// Turns quotes into callouts.
pub(super) fn mark(nodes: &mut [Node], words: &Words) {
    for node in nodes {
        mark(&mut node.children, words);
        if node.kind == Kind::BlockQuote {
            known_alert(node, words);
            own_callout(node, words);
        }
    }
}

/// One that the parser of CommonMark found: its first paragraph has the kind in English.
fn known_alert(node: &mut Node, words: &Words) {
    let class = node.attributes.value("class").unwrap_or_default();
    let kind = KINDS.iter().position(|kind| class.contains(&format!("markdown-alert-{kind}")));
    let Some(kind) = kind else { return };
    let children = node.children.split_off(node.children.len().min(1));
    *node = callout(kind, Fold::No, None, children, words);
}

fn own_callout(node: &mut Node, words: &Words) {
    if node.kind != Kind::BlockQuote {
        return;
    }
    let Some(first) = node.children.first().filter(|first| first.kind == Kind::Paragraph) else {
        return;
    };
    let Some(Kind::Text(text)) = first.children.first().map(|node| &node.kind) else { return };
    let Some((name, rest)) = text.strip_prefix("[!").and_then(|text| text.split_once(']')) else {
        return;
    };
    let name = name.to_lowercase();
    let name =
        ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, kind)| kind);
    let kind = KINDS.iter().position(|kind| *kind == name);
    if kind.is_none() && name != TAB {
        return;
    }
    let (fold, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Fold::Closed, rest),
        None => rest.strip_prefix('+').map_or((Fold::No, rest), |rest| (Fold::Open, rest)),
    };
    let rest = rest.to_owned();
    let mut blocks = std::mem::take(&mut node.children);
    let mut line = std::mem::take(&mut blocks[0].children);
    line[0] = Node::text(rest.trim_start());
    let (title, text) = split_line(line);
    if text.is_empty() {
        blocks.remove(0);
    } else {
        blocks[0].children = text;
    }
    let attributes = std::mem::take(&mut node.attributes);
    *node = if let Some(kind) = kind {
        callout(kind, fold, Some(title), blocks, words)
    } else {
        let mut tab = element("details", true, TAB, blocks);
        tab.children.insert(0, element("summary", true, "", title));
        tab
    };
    node.attributes.merge(&attributes);
}

/// Whether a callout can be folded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fold {
    No,
    Open,
    Closed,
}

fn callout(
    kind: usize,
    fold: Fold,
    title: Option<Vec<Node>>,
    mut children: Vec<Node>,
    words: &Words,
) -> Node {
    let title = title.filter(|title| title.iter().any(|node| !super::is_space(node)));
    let title = title.unwrap_or_else(|| vec![Node::text(words.callouts[kind])]);
    let (name, title_name) = if fold == Fold::No { ("div", "p") } else { ("details", "summary") };
    children.insert(0, element(title_name, true, "markdown-alert-title", title));
    let class = format!("markdown-alert markdown-alert-{}", KINDS[kind]);
    let mut callout = element(name, true, &class, children);
    match fold {
        Fold::No => callout.attributes.set("role", "note"),
        Fold::Open => callout.attributes.set("open", ""),
        Fold::Closed => {}
    }
    callout
}

/// Splits spans after the first line.
fn split_line(mut line: Vec<Node>) -> (Vec<Node>, Vec<Node>) {
    for index in 0..line.len() {
        match &line[index].kind {
            Kind::SoftBreak | Kind::HardBreak => {
                let rest = line.split_off(index + 1);
                line.pop();
                return (line, rest);
            }
            // kramdown keeps line ends in text.
            Kind::Text(text) if text.contains('\n') => {
                let (before, after) = text.split_once('\n').unwrap_or_default();
                let (before, after) = (before.to_owned(), after.to_owned());
                let mut rest = line.split_off(index);
                rest[0] = Node::text(after);
                line.push(Node::text(before));
                return (line, rest);
            }
            _ => {}
        }
    }
    (line, Vec::new())
}

/// Whether a block is one of a group of tabs.
pub(super) fn is_tab(node: &Node) -> bool {
    is_element(node, "details") && node.attributes.value("class") == Some(TAB)
}
