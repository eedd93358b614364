//! Truth, equality and order of values, as Ruby has them.

use std::cmp::Ordering;

use crate::value::{self, Value, as_text, is_nil};

/// Whether a condition of this value alone holds: all but nil and false.
pub(super) fn is_true(value: &Value) -> bool {
    !is_nil(value) && value.as_bool() != Some(false)
}

/// Whether the value equals `empty`: a text, list or map without anything in it. Nil does not.
pub(super) fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || is_empty_list(value)
}

/// Whether the value is a list or a map without entries.
pub(super) fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(<[Value]>::is_empty)
        || value.as_map().is_some_and(tera::Map::is_empty)
}

/// Whether the value equals `blank`. Jekyll's Ruby knows no such thing, and nothing equals it
/// there; here it is what the word says: nil, false, and what has nothing but white space in it.
pub(super) fn is_blank(value: &Value) -> bool {
    !is_true(value)
        || is_empty_list(value)
        || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Whether two values are equal. A nil that was never there is that nil; whole numbers equal those
/// with a point.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left == right,
        _ if is_nil(left) || is_nil(right) => is_nil(left) && is_nil(right),
        _ => left == right,
    }
}

/// How two values of one kind are ordered; `None` for those that have no order.
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
