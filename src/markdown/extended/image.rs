//! Figures of images that stand alone, pairs for light and dark mode, galleries, video and audio.

use super::super::{Dialect, Options, render_inline};
use super::{element, is_space};
use crate::url::has_scheme;
use kramdown::embed::Embeds;
use kramdown::tree::{Attributes, Kind, Node};

/// File name endings of moving pictures.
const VIDEO: [&str; 5] = ["mp4", "webm", "ogv", "m4v", "mov"];
const AUDIO: [&str; 5] = ["mp3", "ogg", "oga", "wav", "m4a"];

/// Fragments by which other tools say that an image is for one mode only.
const MODES: [(&str, &str); 4] = [
    ("#gh-light-mode-only", "only-light"),
    ("#only-light", "only-light"),
    ("#gh-dark-mode-only", "only-dark"),
    ("#only-dark", "only-dark"),
];

/// Puts images that are paragraphs of their own into figures.
pub(super) fn frame(nodes: &mut Vec<Node>, options: &Options) {
    for node in nodes.iter_mut() {
        if node.kind == Kind::Paragraph && is_framed(&node.children, options.dialect) {
            *node = framed(std::mem::replace(node, Node::text("")), options);
        } else {
            frame(&mut node.children, options);
        }
    }
    let mut at = 0;
    while at < nodes.len() {
        if nodes[at].kind == Kind::Image {
            let shown = shown(nodes.remove(at));
            let count = shown.len();
            nodes.splice(at..at, shown);
            at += count;
        } else {
            at += 1;
        }
    }
}

/// Whether a paragraph consists of images that become figures: in kramdown, where style sheets
/// expect a paragraph, only those with a caption or a label.
fn is_framed(nodes: &[Node], dialect: Dialect) -> bool {
    let mut images = nodes.iter().filter(|node| !is_space(node)).peekable();
    let is_asked_for =
        |image: &Node| ["title", "id"].iter().any(|name| image.attributes.value(name).is_some());
    images.peek().is_some()
        && images.all(|node| {
            image_in(node)
                .is_some_and(|image| dialect == Dialect::CommonMark || is_asked_for(image))
        })
}

/// The image that a node is, or that a link consists of.
fn image_in(node: &Node) -> Option<&Node> {
    match (&node.kind, node.children.as_slice()) {
        (Kind::Image, _) => Some(node),
        (Kind::Link, [only]) if only.kind == Kind::Image => Some(only),
        _ => None,
    }
}

fn image_in_mut(node: &mut Node) -> Option<&mut Node> {
    if node.kind == Kind::Link { node.children.first_mut() } else { Some(node) }
}

fn framed(paragraph: Node, options: &Options) -> Node {
    let Node { attributes, children, .. } = paragraph;
    let mut images: Vec<Node> = children.into_iter().filter(|node| !is_space(node)).collect();
    let modes: Vec<Option<&str>> =
        images.iter().map(|node| image_in(node).and_then(mode)).collect();
    let is_pair = matches!(modes.as_slice(), [Some(one), Some(other)] if one != other);
    if images.len() == 1 || is_pair {
        let mut figure = figure(images, options);
        figure.attributes.merge(&attributes);
        return figure;
    }
    let count = images.len();
    let figures = images.drain(..).map(|image| figure(vec![image], options)).collect();
    let mut gallery = element("div", true, &format!("gallery gallery-{count}"), figures);
    gallery.attributes.merge(&attributes);
    gallery
}

/// The figure of one image, or of a pair for light and dark mode.
fn figure(mut images: Vec<Node>, options: &Options) -> Node {
    let mut of_figure = Attributes::default();
    let mut caption = None;
    for image in images.iter_mut().filter_map(image_in_mut) {
        for name in ["id", "class"] {
            if let Some(value) = image.attributes.remove(name) {
                of_figure.set(name, value);
            }
        }
        let title = image.attributes.remove("title");
        caption = caption.or(title);
    }
    let mut children = Vec::new();
    for image in images {
        match image.kind {
            Kind::Image => children.extend(shown(image)),
            _ => children.push(image),
        }
    }
    if let Some(caption) = caption {
        let html = render_inline(&caption, &Embeds::default(), options);
        let html = Node::new(Kind::Html { html, block: false });
        children.push(element("figcaption", true, "", vec![html]));
    }
    let mut figure = element("figure", true, "image", children);
    figure.attributes.merge(&of_figure);
    figure
}

/// The mode that an image is for, by its fragment or class.
fn mode(image: &Node) -> Option<&'static str> {
    let source = image.attributes.value("src").unwrap_or_default();
    let class = image.attributes.value("class").unwrap_or_default();
    let mut modes = MODES.into_iter();
    let found = modes.find(|(fragment, name)| {
        source.ends_with(fragment) || class.split_ascii_whitespace().any(|class| class == *name)
    });
    found.map(|(_, mode)| mode)
}

/// What an image becomes: itself, one for each mode, a video, or a recording.
fn shown(mut image: Node) -> Vec<Node> {
    let source = image.attributes.value("src").unwrap_or_default().to_owned();
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_lowercase());
    if VIDEO.contains(&ending.as_str()) || AUDIO.contains(&ending.as_str()) {
        let name = if VIDEO.contains(&ending.as_str()) { "video" } else { "audio" };
        return vec![player(name, image.attributes)];
    }
    if let Some(mode) = mode(&image) {
        let source = source.split('#').next().unwrap_or_default().to_owned();
        let has_class = image.attributes.value("class").is_some_and(|class| class.contains(mode));
        image.attributes.set("src", source);
        if !has_class {
            image.attributes.add_class(mode);
        }
        return vec![image];
    }
    if let Some(dark) = image.attributes.remove("dark") {
        let mut other = image.clone();
        image.attributes.add_class("only-light");
        other.attributes.set("src", dark);
        other.attributes.add_class("only-dark");
        return vec![image, other];
    }
    vec![image]
}

/// A player for a video or a recording. The class `loop` makes a video that moves like a picture.
fn player(name: &str, mut attributes: Attributes) -> Node {
    let mut player = element(name, false, "", Vec::new());
    let alternative = attributes.remove("alt").unwrap_or_default();
    let is_loop = attributes
        .value("class")
        .is_some_and(|class| class.split(' ').any(|class| class == "loop"));
    player.attributes.merge(&attributes);
    let source = player.attributes.value("src").unwrap_or_default();
    let is_remote = has_scheme(source);
    let mut set = |name: &'static str, value: &str| {
        if player.attributes.value(name).is_none() {
            player.attributes.set(name, value);
        }
    };
    set("controls", "");
    // A page makes no request to another host before its reader asks for it.
    set("preload", if is_remote { "none" } else { "metadata" });
    if name == "video" {
        set("playsinline", "");
    }
    if is_loop {
        for name in ["autoplay", "loop", "muted"] {
            set(name, "");
        }
    }
    if !alternative.is_empty() {
        set("aria-label", &alternative);
    }
    player
}
