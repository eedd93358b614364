//! The cost of filters and comparisons, and limits for the size of values.
//!
//! The interpreter counts steps. A step is also a number of bytes or items that a filter processes,
//! so that a few filters on a huge value cost as much as many on small ones. A value that contains
//! another twice is small itself but huge when printed, so a part counts as often as it is visited.

use super::filters::Arguments;
use crate::value::{self, Value, as_text};

/// How many bytes a filter processes in the time of a step.
const BYTES_PER_STEP: usize = 128;
/// How deep lists and groups made by filters may nest: values are visited and dropped recursively.
const MAX_DEPTH: usize = 100;
/// The size of a list item in memory.
const ITEM: usize = 32;

/// A value exceeds its limit of size or depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The cost of this many bytes in steps.
pub(super) fn of_bytes(bytes: usize) -> usize {
    bytes / BYTES_PER_STEP
}

/// The size of a value in bytes, without the items of a list.
pub(super) fn size(value: &Value) -> usize {
    match (value.as_str(), value.as_array(), value.as_map()) {
        (Some(text), ..) => text.len(),
        (_, Some(items), _) => items.len() * ITEM,
        (_, _, Some(map)) => map.len() * ITEM,
        _ => 0,
    }
}

/// The size of a value with all its parts in bytes, if it is at most `most`.
pub(super) fn deep(value: &Value, most: usize) -> Result<usize, TooLarge> {
    if let Some(text) = value.as_str() {
        return if text.len() > most { Err(TooLarge) } else { Ok(text.len()) };
    }
    let mut left = most;
    take_deep(value, &mut left, 0)?;
    Ok(most - left)
}

fn take_deep(value: &Value, left: &mut usize, depth: usize) -> Result<(), TooLarge> {
    let own = 8 + value.as_str().map_or(0, str::len);
    *left = left.checked_sub(own).filter(|_| depth <= MAX_DEPTH).ok_or(TooLarge)?;
    if let Some(items) = value.as_array() {
        items.iter().try_for_each(|item| take_deep(item, left, depth + 1))
    } else if let Some(map) = value.as_map() {
        *left = left.checked_sub(map.len() * ITEM).ok_or(TooLarge)?;
        map.values().try_for_each(|item| take_deep(item, left, depth + 1))
    } else {
        Ok(())
    }
}

/// The number of items of a flattened list, if it is at most `most`.
fn flat(value: &Value, most: usize) -> Result<usize, TooLarge> {
    fn take(items: &[Value], left: &mut usize, depth: usize) -> Result<(), TooLarge> {
        *left = left.checked_sub(items.len()).filter(|_| depth <= MAX_DEPTH).ok_or(TooLarge)?;
        items
            .iter()
            .filter_map(|item| item.as_array())
            .try_for_each(|items| take(items, left, depth + 1))
    }
    let mut left = most;
    take(value.as_array().unwrap_or_default(), &mut left, 0)?;
    Ok(most - left)
}

/// Whether lists, and groups made by `group_by`, are within the limit of depth.
fn groups_are_shallow(value: &Value, left: &mut usize, depth: usize) -> Result<(), TooLarge> {
    let inside = match (value.as_array(), value.as_map()) {
        (Some(items), _) => items,
        (_, Some(map)) if map.len() == 3 => {
            value::entry(value, "items").and_then(|items| items.as_array()).unwrap_or_default()
        }
        _ => return Ok(()),
    };
    *left = left.checked_sub(inside.len()).filter(|_| depth < MAX_DEPTH).ok_or(TooLarge)?;
    inside.iter().try_for_each(|item| groups_are_shallow(item, left, depth + 1))
}

/// The cost of a filter in steps. Refuses filters that would make a value of more than `most` bytes
/// from small ones.
pub(super) fn of_filter(
    name: &str,
    input: &Value,
    arguments: &Arguments<'_>,
    most: usize,
) -> Result<usize, TooLarge> {
    let items = input.as_array().map(<[Value]>::len).or_else(|| input.as_map().map(tera::Map::len));
    let given = || arguments.values.iter().chain(arguments.named.iter().map(|(_, value)| value));
    let most_items = most / ITEM;
    match (name, items) {
        ("first" | "last" | "default", _)
        | ("size" | "where" | "where_exp" | "find" | "find_exp", Some(_)) => Ok(0),
        ("pop" | "shift" | "sample" | "slice", Some(items)) => Ok(items / 4),
        ("push" | "unshift", Some(items)) => {
            // The new list is one level deeper.
            let more = given()
                .map(|value| deep(&Value::from(vec![value.clone()]), most))
                .sum::<Result<usize, _>>()?;
            if items > most_items { Err(TooLarge) } else { Ok(items / 4 + of_bytes(more)) }
        }
        ("group_by" | "group_by_exp", Some(items)) => {
            groups_are_shallow(input, &mut most_items.clone(), 0)?;
            Ok(items)
        }
        ("concat", _) => {
            let items =
                flat(input, most_items)? + given().map(|value| size(value) / ITEM).sum::<usize>();
            if items > most_items { Err(TooLarge) } else { Ok(items / 2) }
        }
        ("reverse" | "compact" | "map" | "sum", Some(_)) => Ok(flat(input, most_items)? / 2),
        ("sort" | "sort_natural" | "uniq", Some(_)) => {
            let items = flat(input, most_items)?;
            Ok(items * (1 + items.checked_ilog2().unwrap_or(0) as usize / 3))
        }
        _ => {
            let bytes = deep(input, most)?
                + given().map(|value| deep(value, most)).sum::<Result<usize, _>>()?;
            let made = bytes.saturating_add(made_more(name, input, arguments, most_items)?);
            if made > most { Err(TooLarge) } else { Ok(of_bytes(made)) }
        }
    }
}

/// The number of bytes that a filter inserts at each of many positions.
fn made_more(
    name: &str,
    input: &Value,
    arguments: &Arguments<'_>,
    most_items: usize,
) -> Result<usize, TooLarge> {
    let argument = |index: usize| arguments.values.get(index).map(as_text).unwrap_or_default();
    Ok(match name {
        "replace" => as_text(input).matches(&argument(0)).count().saturating_mul(argument(1).len()),
        "join" | "array_to_sentence_string" => {
            flat(input, most_items)?.saturating_mul(argument(0).len())
        }
        "split" => as_text(input).matches(&argument(0)).count().saturating_mul(ITEM),
        _ => 0,
    })
}

/// The cost of comparing two values, or of searching one in the other, in steps.
pub(super) fn of_comparison(
    left: &Value,
    right: &Value,
    is_search: bool,
    most: usize,
) -> Result<usize, TooLarge> {
    let is_scalar = |value: &Value| value.as_array().is_none() && value.as_map().is_none();
    match (left.as_array(), right) {
        (Some(items), right) if is_search && is_scalar(right) => Ok(items.len() / 8),
        (Some(items), right) if is_search => {
            Ok(items.len().saturating_mul(1 + of_bytes(deep(right, most)?)))
        }
        (_, right) if is_search || is_scalar(left) || is_scalar(right) => Ok(of_bytes(size(left))),
        _ => Ok(of_bytes(deep(left, most)? + deep(right, most)?)),
    }
}
