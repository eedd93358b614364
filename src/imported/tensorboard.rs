//! TensorBoard's event files: a folder with `events.out.tfevents.…` files is a run.
//!
//! A file is a sequence of records: the length (8 bytes), its checksum (4), the content, its checksum
//! (4). The content is a message `Event` with at most one `Summary`, whose values are numbers
//! (`simple_value`) or tensors.

use std::collections::BTreeMap;

use super::wire::{Wire, fields, integers};
use super::{Files, Found, Logged, damaged, folder_of};
use crate::diagnostic::Diagnostic;

/// What a record has around its content.
const HEADER: usize = 12;
const FOOTER: usize = 4;

pub(super) fn read(files: &Files) -> Result<Found, Diagnostic> {
    let mut runs: BTreeMap<String, Logged> = BTreeMap::new();
    // Files of one folder are in the order in which they were begun: their names have the time.
    for (path, bytes) in files {
        let folder = folder_of(path);
        let run = runs.entry(folder.to_owned()).or_insert_with(|| Logged::of(folder, folder));
        run.add_source(bytes);
        add_file(path, bytes, run)?;
    }
    Ok(Found { runs: runs.into_values().collect(), left_out: Vec::new() })
}

fn add_file(path: &str, bytes: &[u8], run: &mut Logged) -> Result<(), Diagnostic> {
    // The kind of a tag is said once, with its first value.
    let mut plugins: BTreeMap<String, String> = BTreeMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let content = record(&bytes[at..]).map_err(|what| damaged(path, at, what))?;
        let event = Event::of(content)
            .ok_or_else(|| damaged(path, at, "the record is not an event of TensorBoard"))?;
        for value in event.values {
            if let Some(plugin) = value.plugin {
                plugins.insert(value.tag.clone(), plugin);
            }
            let is_scalar = plugins
                .get(&value.tag)
                .is_none_or(|plugin| plugin.is_empty() || plugin == "scalars");
            if let Some(number) = value.number.filter(|_| is_scalar) {
                let step = u64::try_from(event.step)
                    .map_err(|_| damaged(path, at, "the step is negative"))?;
                run.log(&value.tag, Some(step), number);
            }
        }
        run.ended_at(event.wall_time);
        at += HEADER + content.len() + FOOTER;
    }
    Ok(())
}

/// The content of the first record.
fn record(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const CUT: &str = "the file is cut inside a record";
    let (length, rest) = bytes.split_at_checked(8).ok_or(CUT)?;
    let (length_sum, rest) = rest.split_at_checked(4).ok_or(CUT)?;
    if masked(crc32c::crc32c(length)) != number(length_sum) {
        return Err("the checksum of a record's length is wrong");
    }
    let length = length.as_array().map(|length| u64::from_le_bytes(*length));
    let length = length.and_then(|length| usize::try_from(length).ok()).ok_or(CUT)?;
    let (content, rest) = rest.split_at_checked(length).ok_or(CUT)?;
    let sum = rest.get(..FOOTER).ok_or(CUT)?;
    if masked(crc32c::crc32c(content)) != number(sum) {
        return Err("the checksum of a record is wrong");
    }
    Ok(content)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.as_array().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The checksum as it is stored, so that a checksum of checksums is a good one.
fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[derive(Default)]
struct Event {
    wall_time: f64,
    step: i64,
    values: Vec<Value>,
}

/// A value of a summary.
#[derive(Default)]
struct Value {
    tag: String,
    /// What shows it: `scalars`, `text`; only at the first value of a tag.
    plugin: Option<String>,
    /// `None` if it is not one number.
    number: Option<f64>,
}

impl Event {
    fn of(content: &[u8]) -> Option<Event> {
        let mut event = Event::default();
        for (field, wire) in fields(content)? {
            match field {
                1 => event.wall_time = wire.float()?,
                2 => event.step = wire.integer()?,
                5 => {
                    for (field, wire) in fields(wire.bytes()?)? {
                        if field == 1 {
                            event.values.push(Value::of(wire.bytes()?)?);
                        }
                    }
                }
                _ => {}
            }
        }
        Some(event)
    }
}

impl Value {
    fn of(content: &[u8]) -> Option<Value> {
        let mut value = Value::default();
        for (field, wire) in fields(content)? {
            match field {
                1 => value.tag = wire.text()?,
                2 => value.number = Some(wire.float()?),
                8 => value.number = tensor(wire.bytes()?)?,
                9 => value.plugin = plugin(wire.bytes()?)?,
                _ => {}
            }
        }
        Some(value)
    }
}

/// The name of the plugin in the metadata of a summary; the inner `None` if it says none.
#[expect(clippy::option_option, reason = "the outer one is damage")]
fn plugin(metadata: &[u8]) -> Option<Option<String>> {
    let Some((_, data)) = fields(metadata)?.into_iter().find(|(field, _)| *field == 1) else {
        return Some(None);
    };
    let name = fields(data.bytes()?)?.into_iter().find(|(field, _)| *field == 1);
    Some(name.and_then(|(_, name)| name.text()))
}

/// The number of a tensor; the inner `None` if it has several, or none.
#[expect(clippy::option_option, reason = "the outer one is damage")]
fn tensor(content: &[u8]) -> Option<Option<f64>> {
    let (mut kind, mut raw, mut numbers) = (0, &[][..], Vec::new());
    for (field, wire) in fields(content)? {
        match (field, wire) {
            (1, Wire::Varint(value)) => kind = value,
            (4, Wire::Bytes(bytes)) => raw = bytes,
            (5, Wire::Bytes(packed)) => {
                let (all, _) = packed.as_chunks::<4>();
                numbers.extend(all.iter().map(|one| f64::from(f32::from_le_bytes(*one))));
            }
            (6, Wire::Bytes(packed)) => {
                let (all, _) = packed.as_chunks::<8>();
                numbers.extend(all.iter().map(|one| f64::from_le_bytes(*one)));
            }
            (5 | 6, wire) => numbers.extend(wire.float()),
            (7 | 10, wire) => {
                #[expect(clippy::cast_precision_loss, reason = "all numbers in records are f64")]
                numbers.extend(integers(wire)?.into_iter().map(|one| one as f64));
            }
            _ => {}
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "all numbers in records are f64")]
    let from_raw = match (kind, raw.len()) {
        (1, 4) => raw.as_array().map(|raw| f64::from(f32::from_le_bytes(*raw))),
        (2, 8) => raw.as_array().map(|raw| f64::from_le_bytes(*raw)),
        (3, 4) => raw.as_array().map(|raw| f64::from(i32::from_le_bytes(*raw))),
        (9, 8) => raw.as_array().map(|raw| i64::from_le_bytes(*raw) as f64),
        (14, 2) => raw
            .as_array()
            .map(|raw| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(*raw)) << 16))),
        _ => None,
    };
    let only = match &numbers[..] {
        [one] => Some(*one),
        _ => None,
    };
    Some(from_raw.or(only))
}
