//! List filters. Liquid's own treat a nested list as a flat one and a map as a list of one item;
//! Jekyll's treat a map as its values.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use tera::Map;

use super::super::compare::{order, same};
use super::super::expression::{self, Expression};
use super::super::render::Run;
use super::super::scope::{Frame, member};
use super::{Arguments, integer, unknown};
use crate::value::{self, Value, as_text, is_nil};

pub(super) fn apply(
    name: &str,
    input: Value,
    arguments: &Arguments<'_>,
    run: &mut Run<'_, '_>,
) -> Result<Value, String> {
    let argument = |index: usize| arguments.text(index);
    let amount = || {
        arguments
            .value(0)
            .and_then(integer)
            .map_or(1, |amount| usize::try_from(amount).unwrap_or(0))
    };
    let list = |items: Vec<Value>| Value::from(items);
    Ok(match name {
        "first" | "last" => member(&input, name).into_owned(),
        "join" => {
            let between = if arguments.values.is_empty() { " ".to_owned() } else { argument(0) };
            Value::from(flat(&input).iter().map(as_text).collect::<Vec<_>>().join(&between))
        }
        "reverse" => list(flat(&input).into_iter().rev().collect()),
        "compact" => {
            let key = arguments.value(0).map(as_text);
            let is_there = |item: &Value| {
                !is_nil(&key.as_ref().map_or_else(|| item.clone(), |key| at(item, key)))
            };
            list(flat(&input).into_iter().filter(is_there).collect())
        }
        "concat" => match arguments.values.first().and_then(|more| more.as_array()) {
            Some(more) => list([flat(&input), more.to_vec()].concat()),
            None => return Err("it requires a list".to_owned()),
        },
        "uniq" => uniq(&input, arguments, run)?,
        "map" => list(flat(&input).iter().map(|item| at(item, &argument(0))).collect()),
        "sum" => {
            let key = arguments.value(0).map(as_text);
            let items = flat(&input);
            let values = items
                .iter()
                .map(|item| key.as_ref().map_or_else(|| item.clone(), |key| at(item, key)));
            values.fold(Value::from(0), |sum, value| {
                super::number::calculated(&sum, &value, i64::checked_add, |a, b| a + b)
            })
        }
        "sort" => sorted(&input, arguments, run, false)?,
        "sort_natural" => sorted(&input, arguments, run, true)?,

        // Jekyll's filters return anything except a list unchanged.
        "push" | "unshift" | "pop" | "shift" | "sample" if input.as_array().is_none() => input,
        "push" => list([items(&input), arguments.values.clone()].concat()),
        "unshift" => list([arguments.values.clone(), items(&input)].concat()),
        "pop" => {
            let mut items = items(&input);
            items.truncate(items.len().saturating_sub(amount()));
            list(items)
        }
        "shift" => list(items(&input).into_iter().skip(amount()).collect()),
        "sample" => sample(&input, arguments, run),
        "where" | "find" | "where_exp" | "find_exp" | "group_by" | "group_by_exp"
            if input.as_array().is_none() && input.as_map().is_none() =>
        {
            input
        }
        "where" => list(only(&input, usize::MAX, run, |item, _| Ok(is_where(item, arguments)))?),
        "find" => only(&input, 1, run, |item, _| Ok(is_where(item, arguments)))?
            .pop()
            .unwrap_or_else(Value::none),
        "where_exp" => list(only_by_expression(&input, arguments, run, usize::MAX)?),
        "find_exp" => {
            only_by_expression(&input, arguments, run, 1)?.pop().unwrap_or_else(Value::none)
        }
        "group_by" => {
            let key = argument(0);
            grouped(
                values(&input)
                    .into_iter()
                    .map(|item| (Value::from(value::to_ruby(&path(&item, &key))), item)),
            )
        }
        "group_by_exp" => {
            let (variable, text) = (argument(0), argument(1));
            let expression = expression::expression(&text);
            let mut keyed = Vec::new();
            run.scope.push(Frame::Variable(variable, Value::none()));
            for item in values(&input) {
                run.count_steps(1);
                keyed.push((by_expression(&expression, &item, run), item));
            }
            run.scope.pop();
            let keyed: Vec<(Value, Value)> = keyed
                .into_iter()
                .map(|(key, item)| Ok((key?, item)))
                .collect::<Result<_, String>>()?;
            grouped(keyed)
        }
        "array_to_sentence_string" => {
            let connector =
                if arguments.values.is_empty() { "and".to_owned() } else { argument(0) };
            let words = flat(&input);
            Value::from(sentence(&words, &connector))
        }
        _ => return unknown(name, input, run),
    })
}

/// A list's items, flattened; any other value as the only item.
fn flat(value: &Value) -> Vec<Value> {
    fn gather(items: &[Value], into: &mut Vec<Value>, depth: usize) {
        for item in items {
            match item.as_array() {
                // The depth of lists is limited by YAML and by filters.
                Some(inner) if depth < 100 => gather(inner, into, depth + 1),
                _ => into.push(item.clone()),
            }
        }
    }
    match value.as_array() {
        Some(items) if items.iter().all(|item| item.as_array().is_none()) => items.to_vec(),
        Some(items) => {
            let mut gathered = Vec::new();
            gather(items, &mut gathered, 0);
            gathered
        }
        None if is_nil(value) => Vec::new(),
        None => vec![value.clone()],
    }
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().map(<[Value]>::to_vec).unwrap_or_default()
}

/// A list's items, or a map's values.
fn values(value: &Value) -> Vec<Value> {
    match value.as_map() {
        Some(map) => map.values().cloned().collect(),
        None => items(value),
    }
}

fn uniq(input: &Value, arguments: &Arguments<'_>, run: &Run<'_, '_>) -> Result<Value, String> {
    let key = arguments.value(0).map(as_text);
    let mut kept: Vec<Value> = Vec::new();
    // Strings and numbers are compared by their text; other values are few.
    let mut simple: BTreeSet<(bool, String)> = BTreeSet::new();
    let mut others: Vec<Value> = Vec::new();
    for item in flat(input) {
        let by = key.as_ref().map_or_else(|| item.clone(), |key| at(&item, key));
        let is_new = if by.as_array().is_some() || by.as_map().is_some() {
            run.count_comparisons(others.len(), &by)?;
            let is_new = !others.iter().any(|known| same(known, &by));
            if is_new {
                others.push(by);
            }
            is_new
        } else {
            run.count_comparisons(simple.len().checked_ilog2().unwrap_or(0) as usize, &by)?;
            simple.insert((by.as_str().is_some(), value::to_ruby(&by)))
        };
        if is_new {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// The value at a key, which may contain dots.
fn at(value: &Value, key: &str) -> Value {
    member(value, key).into_owned()
}

/// The value at a path such as `author.name`. As in Jekyll, it is false if the path ends early.
fn path(value: &Value, path: &str) -> Value {
    let mut keys = path.split('.');
    let mut found = at(value, keys.next().unwrap_or(path));
    for key in keys {
        if is_nil(&found) {
            return Value::from(false);
        }
        found = at(&found, key);
    }
    found
}

/// Sorts by the value, or by that of a key; items without one go first, or last if requested.
fn sorted(
    input: &Value,
    arguments: &Arguments<'_>,
    run: &Run<'_, '_>,
    is_natural: bool,
) -> Result<Value, String> {
    if is_nil(input) {
        return Err("it requires a list".to_owned());
    }
    let key = arguments.value(0).map(as_text);
    let nils_last = match arguments.text(1).as_str() {
        _ if is_natural => true,
        "" | "first" => false,
        "last" => true,
        other => return Err(format!("`{other}` is neither `first` nor `last`")),
    };
    let items =
        if input.as_map().is_some() { super::super::scope::items_of(input) } else { flat(input) };
    let by = |item: &Value| {
        let by = key.as_ref().map_or_else(|| item.clone(), |key| path(item, key));
        match by.as_str() {
            Some(text) if is_natural => Value::from(text.to_lowercase()),
            Some(text) if key.is_some() => number_like(text).unwrap_or(by),
            _ => by,
        }
    };
    let mut keyed: Vec<(Value, Value)> = items.into_iter().map(|item| (by(&item), item)).collect();
    let comparisons = keyed.len().checked_ilog2().unwrap_or(0) as usize;
    keyed.iter().try_for_each(|(by, _)| run.count_comparisons(comparisons, by))?;
    keyed.sort_by(|(left, _), (right, _)| match (is_nil(left), is_nil(right)) {
        (true, true) => Ordering::Equal,
        (true, false) | (false, true) if is_nil(left) == nils_last => Ordering::Greater,
        (true, false) | (false, true) => Ordering::Less,
        (false, false) => compared(left, right),
    });
    Ok(Value::from(keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>()))
}

fn compared(left: &Value, right: &Value) -> Ordering {
    if let (Some(left), Some(right)) = (left.as_array(), right.as_array()) {
        let pairs = left.iter().zip(right).map(|(left, right)| compared(left, right));
        return pairs
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(left.len().cmp(&right.len()));
    }
    // Values of different kinds have no order; numbers go first and strings last, which makes the
    // order total.
    order(left, right).unwrap_or_else(|| {
        let kind = |value: &Value| match (value::as_number(value), value.as_str()) {
            (Some(_), _) => 0,
            (None, None) => 1,
            (None, Some(_)) => 2,
        };
        kind(left).cmp(&kind(right)).then_with(|| {
            if kind(left) == 1 { as_text(left).cmp(&as_text(right)) } else { Ordering::Equal }
        })
    })
}

/// As in Jekyll, numeric strings are sorted as numbers.
fn number_like(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match unsigned.split_once('.') {
        None if is_digits(unsigned) => text.parse::<i64>().ok().map(Value::from),
        Some((whole, part)) if is_digits(whole) && is_digits(part) => {
            text.parse::<f64>().ok().map(Value::from)
        }
        _ => None,
    }
}

fn only<'e, 'a>(
    input: &Value,
    most: usize,
    run: &mut Run<'e, 'a>,
    mut is_kept: impl FnMut(&Value, &mut Run<'e, 'a>) -> Result<bool, String>,
) -> Result<Vec<Value>, String> {
    let mut kept = Vec::new();
    let given = values(input);
    run.count_steps(given.len() / 8);
    for item in given {
        run.refuse_excess()?;
        if is_kept(&item, run)? {
            kept.push(item);
            if kept.len() >= most {
                break;
            }
        }
    }
    Ok(kept)
}

/// Whether the item's value at the key is the value, or a list that contains it.
fn is_where(item: &Value, arguments: &Arguments<'_>) -> bool {
    let found = path(item, &arguments.text(0));
    let Some(wanted) = arguments.value(1) else {
        return is_nil(&found);
    };
    match found.as_array() {
        Some(items) => {
            let wanted = as_text(wanted);
            items.iter().any(|item| as_text(item) == wanted)
        }
        None if is_nil(&found) => false,
        None => match (found.as_str(), wanted.as_str()) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => as_text(&found) == as_text(wanted),
        },
    }
}

fn only_by_expression(
    input: &Value,
    arguments: &Arguments<'_>,
    run: &mut Run<'_, '_>,
    most: usize,
) -> Result<Vec<Value>, String> {
    let (variable, text) = (arguments.text(0), arguments.text(1));
    let condition = expression::condition(&text);
    run.scope.push(Frame::Variable(variable, Value::none()));
    let kept = only(input, most, run, |item, run| {
        if let Some(Frame::Variable(_, value)) = run.scope.innermost() {
            *value = item.clone();
        }
        run.condition(&condition)
    });
    run.scope.pop();
    kept
}

fn by_expression(
    expression: &Expression<'_>,
    item: &Value,
    run: &mut Run<'_, '_>,
) -> Result<Value, String> {
    if let Some(Frame::Variable(_, value)) = run.scope.innermost() {
        *value = item.clone();
    }
    run.filtered(expression)
}

/// Groups items by key, in order of first appearance.
fn grouped(keyed: impl IntoIterator<Item = (Value, Value)>) -> Value {
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        let index = *order.entry(value::inspected(&key)).or_insert(groups.len());
        if index == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[index].1.push(item);
    }
    let groups = groups.into_iter().map(|(name, items)| {
        let mut group = Map::new();
        let size = items.len();
        value::set(&mut group, "name", name);
        value::set(&mut group, "items", items);
        value::set(&mut group, "size", size);
        Value::from(group)
    });
    Value::from(groups.collect::<Vec<_>>())
}

/// One item or several, the same in every build, chosen by the page and the number of items.
fn sample(input: &Value, arguments: &Arguments<'_>, run: &mut Run<'_, '_>) -> Value {
    let mut items = items(input);
    let seed = blake3::hash(run.page_path.as_bytes());
    let mut state =
        seed.as_bytes().iter().take(8).fold(0_u64, |state, &byte| state << 8 | u64::from(byte));
    let mut sampled = Vec::new();
    let amount =
        arguments.value(0).and_then(integer).map(|amount| usize::try_from(amount).unwrap_or(0));
    for _ in 0..amount.unwrap_or(1).min(items.len()) {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(state >> 33).unwrap_or(0) % items.len();
        sampled.push(items.swap_remove(index));
    }
    match amount {
        Some(amount) if amount != 1 => Value::from(sampled),
        _ => sampled.pop().unwrap_or_else(Value::none),
    }
}

fn sentence(items: &[Value], connector: &str) -> String {
    let words: Vec<String> = items.iter().map(as_text).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} {connector} {second}"),
        [most @ .., last] => format!("{}, {connector} {last}", most.join(", ")),
    }
}
