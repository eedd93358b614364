//! The picture of where an experiment is between its data and the page: data sets, the experiments
//! that it needs, itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::html::escaped;
use super::super::request::Request;
use crate::experiment::Name;
use crate::experiment::results::Results;
use crate::experiment::spec::{Experiment, Weights};

/// The size of a box, and the distances between boxes.
const WIDTH: usize = 176;
const HEIGHT: usize = 34;
const ACROSS: usize = 40;
const DOWN: usize = 12;

/// How many letters fit into a box.
const FITTING: usize = 24;

/// What a box is about; its place in the picture follows from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Data(String),
    Experiment(String),
    Page,
}

/// The experiments that an experiment needs, directly or through others.
pub(in crate::figure) fn needed<'r>(
    experiment: &Experiment,
    results: &'r Results<'_>,
) -> BTreeSet<&'r str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = experiment.needs.keys().map(Name::as_str).collect();
    while let Some(name) = open.pop() {
        if let Some((&name, of)) = results.experiments.get_key_value(name)
            && found.insert(name)
        {
            open.extend(of.experiment.needs.keys().map(Name::as_str));
        }
    }
    found
}

/// The picture, in a figure.
pub(super) fn figure(request: &Request<'_>) -> String {
    let edges = edges(request);
    let columns = columns(&edges, request.of.experiment.name.as_str());
    let mut places: BTreeMap<&Node, (usize, usize)> = BTreeMap::new();
    for (x, column) in columns.iter().enumerate() {
        for (y, node) in column.iter().enumerate() {
            places.insert(node, (1 + x * (WIDTH + ACROSS), 1 + y * (HEIGHT + DOWN)));
        }
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or_default();
    let width = columns.len() * (WIDTH + ACROSS) - ACROSS + 2;
    let height = rows * (HEIGHT + DOWN) - DOWN + 2;
    let mut svg = String::new();
    for (from, to) in &edges {
        let (Some((x, y)), Some((to_x, to_y))) = (places.get(from), places.get(to)) else {
            continue;
        };
        let (x, y, to_y) = (x + WIDTH, y + HEIGHT / 2, to_y + HEIGHT / 2);
        let middle = x + (to_x - x) / 2;
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y}C{middle} {y} {middle} {to_y} {} {to_y}\" fill=\"none\" \
             stroke=\"currentColor\" opacity=\"0.6\"/><path d=\"M{to_x} {to_y}l-7 -4v8z\" \
             fill=\"currentColor\" opacity=\"0.6\"/>",
            to_x - 6
        );
    }
    for (node, (x, y)) in &places {
        let (text, round) = match node {
            Node::Data(title) => (title.as_str(), HEIGHT / 2),
            Node::Experiment(name) => (name.as_str(), 4),
            Node::Page => ("this page", 0),
        };
        let _ = writeln!(
            svg,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             rx=\"{round}\" fill=\"none\" stroke=\"currentColor\"/><text x=\"{}\" y=\"{}\" \
             text-anchor=\"middle\" fill=\"currentColor\" font-size=\"13\">{}</text></g>",
            escaped(text),
            x + WIDTH / 2,
            y + HEIGHT / 2 + 4,
            escaped(&shortened(text))
        );
    }
    let from: Vec<String> = edges.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    format!(
        "<div class=\"labpress-scroll\" role=\"group\" aria-label=\"Lineage\" tabindex=\"0\">\n\
         <svg class=\"labpress-lineage\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\">\n\
         <title>Lineage</title>\n<desc>{}</desc>\n{svg}</svg>\n</div>",
        escaped(&format!("From {}.", from.join("; from ")))
    )
}

impl std::fmt::Display for Node {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::Data(title) => write!(out, "the data {title}"),
            Node::Experiment(name) => write!(out, "the experiment {name}"),
            Node::Page => write!(out, "this page"),
        }
    }
}

/// What comes from what.
fn edges(request: &Request<'_>) -> BTreeSet<(Node, Node)> {
    let this = request.of.experiment;
    let mut edges = BTreeSet::from([(Node::Experiment(this.name.to_string()), Node::Page)]);
    let needed = needed(this, request.results);
    let needed = needed.iter().filter_map(|name| request.results.experiments.get(*name));
    for experiment in needed.map(|of| of.experiment).chain([this]) {
        let node = || Node::Experiment(experiment.name.to_string());
        let sets = experiment.data.iter().map(|data| data.set.title.clone());
        let weights = experiment.variants.iter().filter_map(|variant| match &variant.weights {
            Some(Weights::Published { data, .. }) => Some(data.set.title.clone()),
            _ => None,
        });
        edges.extend(sets.chain(weights).map(|title| (Node::Data(title), node())));
        let needs = experiment.needs.keys();
        edges.extend(needs.map(|need| (Node::Experiment(need.to_string()), node())));
    }
    edges
}

/// The nodes in columns: each is to the right of all that it comes from.
fn columns(edges: &BTreeSet<(Node, Node)>, this: &str) -> Vec<Vec<Node>> {
    let mut depth: BTreeMap<&Node, usize> = BTreeMap::new();
    for (from, to) in edges {
        depth.insert(from, 0);
        depth.insert(to, 0);
    }
    depth.entry(&Node::Page).or_default();
    debug_assert!(depth.contains_key(&Node::Experiment(this.to_owned())));
    // Experiments do not need each other in circles, so this many rounds are enough.
    for _ in 0..depth.len() {
        for (from, to) in edges {
            let least = depth[from] + 1;
            let of_to = depth.entry(to).or_default();
            *of_to = least.max(*of_to);
        }
    }
    let mut columns = vec![Vec::new(); depth.values().max().map_or(1, |deepest| deepest + 1)];
    for (node, column) in depth {
        columns[column].push(node.clone());
    }
    columns
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= FITTING {
        return text.to_owned();
    }
    // The end tells `solar-rates-64` from `solar-rates-96`.
    let letters: Vec<char> = text.chars().collect();
    let half = (FITTING - 1) / 2;
    letters[..half].iter().chain(&['…']).chain(&letters[letters.len() - half..]).collect()
}
