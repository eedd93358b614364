//! Links bare addresses, as GitHub does: `https://…`, `www.…` and e-mail addresses.

use linkify::{LinkFinder, LinkKind};

use kramdown::tree::{Kind, Node};

/// Links the addresses in text.
pub(super) fn mark(nodes: &mut Vec<Node>) {
    let mut has_addresses = false;
    for node in &mut *nodes {
        match &node.kind {
            Kind::Text(text) => has_addresses |= may_have_address(text),
            Kind::Link => {}
            Kind::Element { name, .. } if name == "a" => {}
            _ => mark(&mut node.children),
        }
    }
    if has_addresses {
        link(nodes);
    }
}

/// Links the addresses in texts that follow each other, except between raw `<a>` and `</a>`.
fn link(nodes: &mut Vec<Node>) {
    let mut is_in_link = false;
    let mut marked: Vec<Node> = Vec::with_capacity(nodes.len() + 2);
    for node in nodes.drain(..) {
        match &node.kind {
            Kind::Text(text) if !is_in_link && may_have_address(text) => {
                split(text, &mut marked);
                continue;
            }
            Kind::Html { html, block: false } => {
                let html = html.to_ascii_lowercase();
                if html.starts_with("<a ") || html.starts_with("<a>") {
                    is_in_link = true;
                } else if html.starts_with("</a") {
                    is_in_link = false;
                }
            }
            _ => {}
        }
        marked.push(node);
    }
    *nodes = marked;
}

fn may_have_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b':', b'.', b'@', bytes).any(|at| match bytes[at] {
        b':' => bytes[at..].starts_with(b"://"),
        b'.' => bytes[..at].ends_with(b"www"),
        _ => true,
    })
}

fn split(text: &str, into: &mut Vec<Node>) {
    let mut finder = LinkFinder::new();
    finder.url_must_have_scheme(false);
    let mut plain = String::new();
    for span in finder.spans(text) {
        let found = span.as_str();
        let address = match span.kind() {
            Some(LinkKind::Url) if is_web(found) => Some(found.to_owned()),
            Some(LinkKind::Url) if found.starts_with("www.") => Some(format!("http://{found}")),
            Some(LinkKind::Email) => Some(format!("mailto:{found}")),
            _ => None,
        };
        let Some(address) = address else {
            plain.push_str(found);
            continue;
        };
        if !plain.is_empty() {
            into.push(Node::text(std::mem::take(&mut plain)));
        }
        let mut link = Node::with_children(Kind::Link, vec![Node::text(as_typed(found))]);
        link.attributes.set("href", as_typed(&address));
        into.push(link);
    }
    if !plain.is_empty() {
        into.push(Node::text(plain));
    }
}

fn is_web(address: &str) -> bool {
    ["https://", "http://", "ftp://"].iter().any(|scheme| address.starts_with(scheme))
}

/// An address without typographic punctuation, which the parser has made of what was typed.
fn as_typed(address: &str) -> String {
    address.replace('—', "---").replace('–', "--").replace('…', "...").replace('’', "'")
}
