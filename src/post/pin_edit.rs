//! Edits the key `pin` in a post's front matter without changing any other byte of the file.

use std::ops::Range;

use saphyr_parser::{Event, Parser};
use serde_yaml::{Mapping, Value};

use super::front_matter;

/// Sets the pin of `experiment` to `id`, or removes it if that is `None`.
///
/// `None` if that is not possible without changing more: no front matter, a `pin` that is not a
/// mapping, or front matter in braces.
pub fn with_pin(text: &str, experiment: &str, id: Option<&str>) -> Option<String> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let (yaml, _) = front_matter::split("", &text[mark..])?;
    let yaml = yaml.text;
    let start = mark + text[mark..].find('\n')? + 1;
    let changed = match id {
        Some(id) => set(yaml, experiment, id)?,
        None => removed(yaml, experiment)?,
    };
    // This catches every case that the edit itself did not expect.
    let mut expected = mapping(yaml)?;
    change(&mut expected, experiment, id);
    (mapping(&changed)? == expected)
        .then(|| format!("{}{changed}{}", &text[..start], &text[start + yaml.len()..]))
}

fn mapping(yaml: &str) -> Option<Mapping> {
    match serde_yaml::from_str(yaml).ok()? {
        Value::Null => Some(Mapping::new()),
        Value::Mapping(mapping) => Some(mapping),
        _ => None,
    }
}

fn change(front: &mut Mapping, experiment: &str, id: Option<&str>) {
    let mut pins = front.get("pin").and_then(Value::as_mapping).cloned().unwrap_or_default();
    match id {
        Some(id) => drop(pins.insert(experiment.into(), id.into())),
        None => drop(pins.shift_remove(experiment)),
    }
    if pins.is_empty() {
        front.shift_remove("pin");
    } else {
        front.insert("pin".into(), Value::Mapping(pins));
    }
}

/// Where the key `pin` is in the YAML, in byte offsets.
struct Pins {
    key: usize,
    entries: Vec<Entry>,
    value: Range<usize>,
}

/// An experiment and its pin.
struct Entry {
    name: String,
    key: usize,
    value: Range<usize>,
}

fn set(yaml: &str, experiment: &str, id: &str) -> Option<String> {
    let newline = if yaml.contains("\r\n") { "\r\n" } else { "\n" };
    // Without quotes, an id of digits would be a number, and `12345e67` infinity.
    let entry = format!("{experiment}: \"{id}\"");
    let Some(pins) = pins(yaml)? else {
        return Some(format!("{yaml}pin: {{{entry}}}{newline}"));
    };
    if let Some(there) = pins.entries.iter().find(|entry| entry.name == experiment) {
        return Some(replaced(yaml, there.value.clone(), &format!("\"{id}\"")));
    }
    let last = pins.entries.last()?;
    if yaml[pins.value.clone()].starts_with('{') {
        return Some(replaced(yaml, last.value.end..last.value.end, &format!(", {entry}")));
    }
    let indent = &yaml[line(yaml, last.key).start..last.key];
    let end = line(yaml, last.value.end).end;
    Some(replaced(yaml, end..end, &format!("{indent}{entry}{newline}")))
}

fn removed(yaml: &str, experiment: &str) -> Option<String> {
    let Some(pins) = pins(yaml)? else {
        return Some(yaml.to_owned());
    };
    let Some(index) = pins.entries.iter().position(|entry| entry.name == experiment) else {
        return Some(yaml.to_owned());
    };
    let entry = &pins.entries[index];
    let is_in_braces = yaml[pins.value.clone()].starts_with('{');
    let range = match (pins.entries.len(), is_in_braces) {
        (1, true) => line(yaml, pins.key).start..line(yaml, pins.value.end).end,
        (1, false) => line(yaml, pins.key).start..line(yaml, entry.value.end).end,
        (_, true) if index == 0 => entry.key..pins.entries[1].key,
        (_, true) => pins.entries[index - 1].value.end..entry.value.end,
        (_, false) => line(yaml, entry.key).start..line(yaml, entry.value.end).end,
    };
    Some(replaced(yaml, range, ""))
}

fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

/// The line around byte `at`, with its line break.
fn line(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    start..end
}

/// Finds the key `pin`. The inner `None` means there is none; the outer that it is not a mapping of
/// scalars, or that the text is not YAML.
#[expect(clippy::option_option, reason = "no pin and a pin that cannot be edited differ")]
fn pins(yaml: &str) -> Option<Option<Pins>> {
    let offsets: Vec<usize> = yaml.char_indices().map(|(at, _)| at).chain([yaml.len()]).collect();
    let byte = |index: usize| offsets.get(index).copied().unwrap_or(yaml.len());
    let nodes: Vec<Node> = Parser::new_from_str(yaml)
        .map(|event| {
            let (event, span) = event.ok()?;
            let range = byte(span.start.index())..byte(span.end.index());
            let kind = match event {
                Event::Scalar(text, ..) => Kind::Scalar(text.into_owned()),
                Event::MappingStart(..) => Kind::MappingStart,
                Event::SequenceStart(..) => Kind::SequenceStart,
                Event::MappingEnd | Event::SequenceEnd => Kind::End,
                _ => Kind::Other,
            };
            Some(Node { kind, range })
        })
        .collect::<Option<_>>()?;
    let Some(root) = nodes.iter().position(|node| matches!(node.kind, Kind::MappingStart)) else {
        return Some(None);
    };
    let found =
        entries(&nodes, root).into_iter().find(|&(key, _)| nodes[key].scalar() == Some("pin"));
    let Some((key, value)) = found else {
        return Some(None);
    };
    if !matches!(nodes[value].kind, Kind::MappingStart) {
        return None;
    }
    let read = |(key, value): (usize, usize)| {
        let range = &nodes[value].range;
        nodes[value].scalar()?;
        let end = range.start + yaml[range.clone()].trim_end().len();
        Some(Entry {
            name: nodes[key].scalar()?.to_owned(),
            key: nodes[key].range.start,
            value: range.start..end,
        })
    };
    let inside = entries(&nodes, value).into_iter().map(read).collect::<Option<Vec<Entry>>>()?;
    let end = nodes[after(&nodes, value) - 1].range.end;
    Some(Some(Pins {
        key: nodes[key].range.start,
        entries: inside,
        value: nodes[value].range.start..end,
    }))
}

/// An event of the YAML parser, with its byte range.
struct Node {
    kind: Kind,
    range: Range<usize>,
}

enum Kind {
    Scalar(String),
    MappingStart,
    SequenceStart,
    End,
    Other,
}

impl Node {
    fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            Kind::MappingStart | Kind::SequenceStart | Kind::End | Kind::Other => None,
        }
    }
}

/// The indices of keys and values in the mapping at `start`.
fn entries(nodes: &[Node], start: usize) -> Vec<(usize, usize)> {
    let mut entries = Vec::new();
    let mut key = start + 1;
    while key < nodes.len() && !matches!(nodes[key].kind, Kind::End) {
        let value = after(nodes, key);
        if value >= nodes.len() {
            break;
        }
        entries.push((key, value));
        key = after(nodes, value);
    }
    entries
}

/// The index after the node at `index` and everything inside it.
fn after(nodes: &[Node], index: usize) -> usize {
    let mut open = 0_usize;
    for (at, node) in nodes.iter().enumerate().skip(index) {
        match node.kind {
            Kind::MappingStart | Kind::SequenceStart => open += 1,
            Kind::End => open = open.saturating_sub(1),
            Kind::Scalar(_) | Kind::Other => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    nodes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(front: &str, experiment: &str, id: Option<&str>, expected: &str) {
        let post = |front: &str| format!("---\n{front}---\nBody: pin: {{x: y}}\n");
        assert_eq!(
            with_pin(&post(front), experiment, id).as_deref(),
            Some(post(expected).as_str())
        );
    }

    #[test]
    fn the_first_pin_is_added_below_the_other_keys() {
        check(
            "title: Ä # ü\n",
            "toy",
            Some("12345678"),
            "title: Ä # ü\npin: {toy: \"12345678\"}\n",
        );
        check("", "toy", Some("a"), "pin: {toy: \"a\"}\n");
    }

    #[test]
    fn a_pin_is_replaced_in_place() {
        check(
            "pin:\n  # why\n  toy: a # how\ntags: x\n",
            "toy",
            Some("b"),
            "pin:\n  # why\n  toy: \"b\" # how\ntags: x\n",
        );
        check("pin: {é: a, toy: \"b\"} # c\n", "toy", Some("d"), "pin: {é: a, toy: \"d\"} # c\n");
    }

    #[test]
    fn a_second_pin_is_added_after_the_first() {
        check(
            "pin:\n  a: x # c\ntags: x\n",
            "b",
            Some("y"),
            "pin:\n  a: x # c\n  b: \"y\"\ntags: x\n",
        );
        check("pin: {a: x}\n", "b", Some("y"), "pin: {a: x, b: \"y\"}\n");
    }

    #[test]
    fn removing_a_pin_leaves_other_text_alone() {
        check("a: 1\npin: {toy: \"b\"}\nc: 2 # d\n", "toy", None, "a: 1\nc: 2 # d\n");
        check("pin: {a: x, b: y, c: z}\n", "b", None, "pin: {a: x, c: z}\n");
        check("pin: {a: x, b: y}\n", "a", None, "pin: {b: y}\n");
        check("pin:\n  a: x\n  b: y\nc: 2\n", "b", None, "pin:\n  a: x\nc: 2\n");
        check("pin:\n  a: x\n\nc: 2\n", "a", None, "\nc: 2\n");
        check("a: 1\n", "toy", None, "a: 1\n");
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_are_kept() {
        let pinned = with_pin("\u{feff}---\r\ntitle: A\r\n---\r\nBody\r\n", "toy", Some("a"));
        assert_eq!(
            pinned.as_deref(),
            Some("\u{feff}---\r\ntitle: A\r\npin: {toy: \"a\"}\r\n---\r\nBody\r\n")
        );
    }

    #[test]
    fn an_edit_that_would_change_more_is_refused() {
        for front in [
            "{title: A}\n",
            "pin: true\n",
            "pin: {toy: [a]}\n",
            "a: &x {toy: b}\npin: *x\n",
            "a: [\n",
        ] {
            assert_eq!(with_pin(&format!("---\n{front}---\n"), "toy", Some("a")), None, "{front}");
        }
        assert_eq!(with_pin("no front matter\n", "toy", Some("a")), None);
    }
}
