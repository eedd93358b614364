//! Reads collections other than the posts, and files that are copied.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::{Collection, Post, Read, Reader, StaticFile, gathered, static_address};
use crate::config::CollectionSettings;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Place};
use crate::inputs::{Inputs, Text};
use crate::roles::Role;
use crate::value::{self, Value, as_number, map_of_yaml};

impl Reader<'_> {
    pub(super) fn collections<'a>(
        &self,
        inputs: &'a Inputs,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<Collection<'a>> {
        let collection = |settings: &CollectionSettings| {
            let label = settings.label.as_str();
            let role = Role::Document(label.into());
            let files: Vec<(&str, &Text)> =
                inputs.texts().filter(|(_, text)| text.role == role).collect();
            let read: Vec<Read<Post<'a>>> = files
                .into_par_iter()
                .map(|(path, text)| self.document(path, text, label, &[label]))
                .collect();
            let mut documents = gathered(read, findings);
            sort(&mut documents, settings);
            Collection { settings: settings.clone(), documents }
        };
        self.config.collections.iter().map(collection).collect()
    }

    pub(super) fn files(&self, inputs: &Inputs, findings: &mut Vec<Diagnostic>) -> Vec<StaticFile> {
        let mut files = Vec::new();
        for (path, file) in inputs.statics() {
            let label = match &file.role {
                Role::Document(label) => Some(&**label),
                _ => None,
            };
            let settings = label.and_then(|label| {
                self.config.collections.iter().find(|known| known.label == label)
            });
            let inside = self
                .config
                .roles
                .inside_collections(path)
                .split_once('/')
                .map_or(path, |(_, inside)| inside);
            let (seen, collection) = match settings {
                Some(settings) => {
                    (inside, Some((settings.label.as_str(), settings.permalink.as_str())))
                }
                None => (path, None),
            };
            let address = match static_address(seen, collection) {
                Ok(address) => address,
                Err(reason) => {
                    findings.push(Diagnostic::new(
                        Place::file(path),
                        format!("cannot be published: {reason}"),
                    ));
                    continue;
                }
            };
            let kinds: Vec<&str> = label.into_iter().collect();
            let values = map_of_yaml(&defaults::of_file(
                &self.config.defaults,
                address.url.trim_start_matches('/'),
                &kinds,
            ));
            let is_published =
                values.get(&tera::value::Key::Str("published")).and_then(Value::as_bool)
                    != Some(false);
            files.push(StaticFile {
                path: path.to_owned(),
                collection: label.map(str::to_owned),
                address,
                is_written: is_published && settings.is_none_or(|settings| settings.output),
                values,
            });
        }
        files
    }
}

/// Sorts documents in the order that the collection sets, by default by date, if all have one, and
/// path.
fn sort(documents: &mut [Post<'_>], settings: &CollectionSettings) {
    let are_dated = documents.iter().all(|document| document.is_dated);
    documents.sort_by(|a, b| {
        let by_date = if are_dated { a.date.cmp(&b.date) } else { Ordering::Equal };
        by_date.then_with(|| a.relative_path.cmp(&b.relative_path))
    });
    if !settings.order.is_empty() {
        let position = |document: &Post<'_>| {
            let inside = document.relative_path.split_once('/').map_or("", |(_, inside)| inside);
            settings
                .order
                .iter()
                .position(|path| path.trim_start_matches('/') == inside)
                .unwrap_or(usize::MAX)
        };
        documents.sort_by_key(position);
    } else if let Some(key) = &settings.sort_by {
        let value_of = |document: &Post<'_>| {
            document.front.values.get(&tera::value::Key::from(key.clone())).cloned()
        };
        documents.sort_by(|a, b| compared(value_of(a).as_ref(), value_of(b).as_ref()));
    }
}

/// Compares numbers by value and strings alphabetically; missing values come last.
fn compared(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        None => 2,
        Some(value) if value::is_nil(value) => 2,
        Some(value) => i32::from(as_number(value).is_none()),
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Some(a), Some(b)) => match (as_number(a), as_number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => value::as_text(a).cmp(&value::as_text(b)),
        },
        _ => Ordering::Equal,
    })
}
