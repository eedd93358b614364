//! Truth, equality and order of values, as in Ruby.

use std::cmp::Ordering;

use crate::value::{self, Value, as_text, is_nil};

/// Whether the value is truthy: everything except nil and false.
pub(super) fn is_true(value: &Value) -> bool {
    !is_nil(value) && value.as_bool() != Some(false)
}

/// Whether the value equals `empty`: an empty string, list or map, but not nil.
pub(super) fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || is_empty_list(value)
}

/// Whether the value is a list or a map without entries.
pub(super) fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(<[Value]>::is_empty)
        || value.as_map().is_some_and(tera::Map::is_empty)
}

/// Whether the value equals `blank`: nil, false, or only white space. In Jekyll nothing equals it,
/// because plain Ruby has no `blank?`.
pub(super) fn is_blank(value: &Value) -> bool {
    !is_true(value)
        || is_empty_list(value)
        || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Whether two values are equal. Undefined equals nil; integers equal floats.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left == right,
        _ if is_nil(left) || is_nil(right) => is_nil(left) && is_nil(right),
        _ => left == right,
    }
}

/// The order of two values of the same kind; `None` if they have none.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => Some(left.cmp(right)),
        (None, None) => value::as_number(left)?.partial_cmp(&value::as_number(right)?),
        _ => None,
    }
}

pub(super) fn contains(left: &Value, right: &Value) -> bool {
    if !is_true(right) {
        return false;
    }
    if let Some(items) = left.as_array() {
        return items.iter().any(|item| same(item, right));
    }
    if left.as_map().is_some() {
        return value::entry(left, &as_text(right)).is_some();
    }
    match (left.as_str(), right.as_str()) {
        (Some(text), Some(part)) => text.contains(part),
        (Some(text), None) if !is_nil(right) => text.contains(&as_text(right)),
        _ => false,
    }
}
