//! The logs that Weights & Biases writes offline: a file `run-ID.wandb` is a run.
//!
//! After a header of 7 bytes, a file consists of blocks of 32 KiB with records in the manner of
//! LevelDB's log: a checksum (4 bytes), a length (2), a type (1) and the content, in several pieces if
//! it does not fit into a block. Each content is a message `Record` with a point of the history, a
//! part of the summary or of the configuration, or the end of the run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::wire::{Wire, fields};
use super::{Files, Found, LeftOut, Logged, damaged, folder_of, log_json, number_of};
use crate::diagnostic::Diagnostic;

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;
const MARK: &[u8; 4] = b":W&B";

pub(super) fn read(files: &Files) -> Result<Found, Diagnostic> {
    let mut found = Found::default();
    for (path, bytes) in files {
        match read_file(path, bytes)? {
            Ok(run) => found.runs.push(run),
            Err(reason) => {
                found.left_out.push(LeftOut { source: path.clone(), reason: reason.to_owned() });
            }
        }
    }
    Ok(found)
}

/// The run of a file, or why it is left out.
fn read_file(path: &str, bytes: &[u8]) -> Result<Result<Logged, &'static str>, Diagnostic> {
    let mut run = Logged::of(path, folder_of(path));
    run.add_source(bytes);
    let mut of_history: BTreeSet<String> = BTreeSet::new();
    let mut summary: BTreeMap<String, Value> = BTreeMap::new();
    let mut exit = None;
    for (at, content) in records(path, bytes)? {
        let invalid = || damaged(path, at, "the record is not one of Weights & Biases");
        for (field, wire) in fields(&content).ok_or_else(invalid)? {
            match field {
                2 => {
                    let point = Point::of(wire).ok_or_else(invalid)?;
                    let step = point.step();
                    for (name, value) in point.items {
                        if name == "_timestamp" {
                            run.ended_at(value.as_f64().unwrap_or_default());
                        } else if name == "_runtime" {
                            run.seconds = value.as_f64().or(run.seconds);
                        } else if !name.starts_with('_') {
                            log_json(&mut run, &name, step, &value);
                            of_history.insert(name);
                        }
                    }
                }
                3 => {
                    let items = updates(wire).ok_or_else(invalid)?;
                    summary.extend(items.into_iter().filter(|(name, _)| !name.starts_with('_')));
                }
                5 => run.params.extend(updates(wire).ok_or_else(invalid)?),
                17 => add_run(wire, &mut run).ok_or_else(invalid)?,
                18 => exit = Some(exit_code(wire).ok_or_else(invalid)?),
                _ => {}
            }
        }
    }
    // The last values of the history are in the summary, too.
    for (name, value) in summary.iter().filter(|(name, _)| !of_history.contains(*name)) {
        log_json(&mut run, name, None, value);
    }
    run.params.remove("_wandb");
    Ok(match exit {
        None => Err("it has not ended"),
        Some(0) => Ok(run),
        Some(_) => Err("it failed"),
    })
}

/// The content of a record, with its offset.
type Content = (usize, Vec<u8>);

/// The contents of all records.
fn records(path: &str, bytes: &[u8]) -> Result<Vec<Content>, Diagnostic> {
    if bytes.get(..4) != Some(MARK) {
        return Err(damaged(path, 0, "the file is not a log of Weights & Biases"));
    }
    let mut contents: Vec<Content> = Vec::new();
    let mut open: Option<Content> = None;
    let mut at = HEADER;
    while at < bytes.len() {
        let left = BLOCK - at % BLOCK;
        if left < HEADER {
            at += left;
            continue;
        }
        let (kind, piece) = piece(&bytes[at..]).map_err(|what| damaged(path, at, what))?;
        open = match (kind, open) {
            (1, None) => {
                contents.push((at, piece.to_vec()));
                None
            }
            (2, None) => Some((at, piece.to_vec())),
            (3, Some((start, content))) => Some((start, [&content, piece].concat())),
            (4, Some((start, content))) => {
                contents.push((start, [&content, piece].concat()));
                None
            }
            _ => return Err(damaged(path, at, "the parts of a record are out of order")),
        };
        at += HEADER + piece.len();
    }
    match open {
        Some((start, _)) => Err(damaged(path, start, "the file is cut inside a record")),
        None => Ok(contents),
    }
}

/// The first piece, with its type.
fn piece(bytes: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    const CUT: &str = "the file is cut inside a record";
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or(CUT)?;
    let sum = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let kind = header[6];
    let content = rest.get(..length).ok_or(CUT)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(content);
    if hasher.finalize() != sum {
        return Err("the checksum of a record is wrong");
    }
    Ok((kind, content))
}

/// A point of the history.
struct Point {
    items: Vec<(String, Value)>,
    step: Option<u64>,
}

impl Point {
    fn of(wire: Wire<'_>) -> Option<Point> {
        let mut point = Point { items: Vec::new(), step: None };
        for (field, wire) in fields(wire.bytes()?)? {
            match field {
                1 => point.items.extend(item(wire)?),
                2 => {
                    let step = fields(wire.bytes()?)?.into_iter().find(|(field, _)| *field == 1);
                    // A step of 0 is not written.
                    let step = step.map_or(Some(0), |(_, step)| step.integer());
                    point.step = step.and_then(|step| u64::try_from(step).ok());
                }
                _ => {}
            }
        }
        Some(point)
    }

    fn step(&self) -> Option<u64> {
        let stated = self.items.iter().find(|(name, _)| name == "_step");
        stated.and_then(|(_, step)| step.as_u64()).or(self.step)
    }
}

/// The updates of a summary or a configuration.
fn updates(wire: Wire<'_>) -> Option<Vec<(String, Value)>> {
    let mut items = Vec::new();
    for (field, wire) in fields(wire.bytes()?)? {
        if field == 1 {
            items.extend(item(wire)?);
        }
    }
    Some(items)
}

/// A key with its value; the inner `None` if the value is none of JSON's.
#[expect(clippy::option_option, reason = "damage, and a value that labpress has no use for")]
fn item(wire: Wire<'_>) -> Option<Option<(String, Value)>> {
    let (mut keys, mut value): (Vec<String>, Option<Value>) = (Vec::new(), None);
    for (field, wire) in fields(wire.bytes()?)? {
        match field {
            1 | 2 => keys.push(wire.text()?),
            4 => value = Some(Value::from(wire.integer()? != 0)),
            5 => value = Some(Value::from(wire.integer()?)),
            6 => value = Some(super::number_as_json(wire.float()?)),
            7 => value = Some(Value::from(wire.text()?)),
            8 | 16 => {
                let text = wire.text()?;
                // Go and Python write these three without quotes.
                let is_number = number_of(&text).is_some();
                value = serde_json::from_str(&text).ok().or(is_number.then(|| text.into()));
            }
            _ => {}
        }
    }
    keys.retain(|key| !key.is_empty());
    Some(value.map(|value| (keys.join("."), value)))
}

fn add_run(wire: Wire<'_>, run: &mut Logged) -> Option<()> {
    for (field, wire) in fields(wire.bytes()?)? {
        match field {
            4 => run.params.extend(updates(wire)?),
            8 => run.name = wire.text()?,
            _ => {}
        }
    }
    Some(())
}

fn exit_code(wire: Wire<'_>) -> Option<i64> {
    let code = fields(wire.bytes()?)?.into_iter().find(|(field, _)| *field == 1);
    code.map_or(Some(0), |(_, code)| code.integer())
}
