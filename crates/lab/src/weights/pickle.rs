//! The part of Python's pickle format in which PyTorch writes a net's tensors.
//!
//! A pickle is a program: it may name any function of any module and call it. This reader
//! recognizes three functions by name and calls none; any other is refused. What it builds is
//! bounded by what it read: each value takes at least a byte of the file, values that contain
//! others are never copied, and nesting is limited.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context, bail, ensure};

/// Dropping nested values takes recursive calls; state dicts nest 4 deep.
const MAX_DEPTH: usize = 20;
/// A net of a thousand tensors takes 40,000 steps.
const MAX_STEPS: usize = 4_000_000;

/// A value in a pickle.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool(bool),
    /// No number of a state dict is larger; of those that are (a magic number), only the first 8
    /// bytes are kept.
    Number(i64),
    Text(Rc<str>),
    /// Module and name of a function or class.
    Global(Rc<str>),
    Tuple(Rc<Nested>),
    List(Nested),
    /// Keys and values alternate.
    Dict(Nested),
    /// The storage of a tensor: the arguments of a persistent id.
    Storage(Rc<Nested>),
    Tensor(Rc<Tensor>),
}

/// The values inside another one.
#[derive(Debug, Clone, Default)]
pub(super) struct Nested {
    pub(super) items: Vec<Value>,
    depth: usize,
}

/// A tensor as the pickle describes it, unchecked.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) storage: Rc<Nested>,
    pub(super) offset: i64,
    pub(super) size: Vec<i64>,
    pub(super) stride: Vec<i64>,
}

/// The type of the numbers in a storage, by the name of its class.
pub(super) const STORAGES: [&str; 6] = [
    "torch DoubleStorage",
    "torch FloatStorage",
    "torch HalfStorage",
    "torch BFloat16Storage",
    "torch LongStorage",
    "torch IntStorage",
];
const ORDERED_DICT: &str = "collections OrderedDict";
const REBUILD_TENSOR: &str = "torch._utils _rebuild_tensor_v2";

impl Nested {
    fn push(&mut self, item: Value) -> anyhow::Result<()> {
        let depth = match &item {
            Value::Tuple(nested) | Value::Storage(nested) => nested.depth,
            Value::List(nested) | Value::Dict(nested) => nested.depth,
            Value::Tensor(tensor) => tensor.storage.depth,
            Value::None | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Global(_) => {
                0
            }
        };
        self.depth = self.depth.max(depth + 1);
        ensure!(self.depth <= MAX_DEPTH, "values are nested more than {MAX_DEPTH} deep");
        self.items.push(item);
        Ok(())
    }

    fn of(items: Vec<Value>) -> anyhow::Result<Nested> {
        let mut nested = Nested::default();
        items.into_iter().try_for_each(|item| nested.push(item))?;
        Ok(nested)
    }
}

/// Reads the pickle at the start of `bytes`; returns its value and the bytes after it.
pub(super) fn read(bytes: &[u8]) -> anyhow::Result<(Value, &[u8])> {
    let mut reader =
        Reader { rest: bytes, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new() };
    for _ in 0..MAX_STEPS {
        let place = bytes.len() - reader.rest.len();
        if let Some(value) = reader.step().with_context(|| format!("at byte {place}"))? {
            return Ok((value, reader.rest));
        }
    }
    bail!("it takes more than {MAX_STEPS} steps")
}

struct Reader<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    /// Saved heights of the stack.
    marks: Vec<usize>,
    /// `None` for a list or dict. Writers memoize all of them, but only a cycle would refer to one.
    memo: BTreeMap<u32, Option<Value>>,
}

impl Reader<'_> {
    /// Does one step. The last one returns the value of the pickle.
    fn step(&mut self) -> anyhow::Result<Option<Value>> {
        let [code] = self.take()?;
        match code {
            b'.' => {
                let value = self.pop()?;
                ensure!(self.stack.is_empty(), "values are left over");
                return Ok(Some(value));
            }
            0x80 => {
                let [protocol] = self.take()?;
                ensure!(
                    protocol == 2,
                    "pickles of protocol {protocol} are not read; PyTorch writes 2"
                );
            }
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'J' => self
                .take()
                .map(i32::from_le_bytes)
                .map(|number| self.stack.push(Value::Number(number.into())))?,
            b'K' => self
                .take()
                .map(u8::from_le_bytes)
                .map(|number| self.stack.push(Value::Number(number.into())))?,
            b'M' => self
                .take()
                .map(u16::from_le_bytes)
                .map(|number| self.stack.push(Value::Number(number.into())))?,
            0x8a => self.long()?,
            b'X' => {
                let length = self.take().map(u32::from_le_bytes)?;
                self.text(length as usize)?;
            }
            b'U' => {
                let [length] = self.take()?;
                self.text(length.into())?;
            }
            b'c' => self.global()?,
            b')' => self.stack.push(Value::Tuple(Rc::default())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b'(' => self.marks.push(self.stack.len()),
            b't' => {
                let items = self.pop_to_mark()?;
                self.stack.push(Value::Tuple(Rc::new(Nested::of(items)?)));
            }
            b']' => self.stack.push(Value::List(Nested::default())),
            b'}' => self.stack.push(Value::Dict(Nested::default())),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set(items)?;
            }
            b'q' => {
                self.take().map(u8::from_le_bytes).and_then(|index| self.remember(index.into()))?;
            }
            b'r' => self.take().map(u32::from_le_bytes).and_then(|index| self.remember(index))?,
            b'h' => {
                self.take().map(u8::from_le_bytes).and_then(|index| self.recall(index.into()))?;
            }
            b'j' => self.take().map(u32::from_le_bytes).and_then(|index| self.recall(index))?,
            b'Q' => match self.pop()? {
                Value::Tuple(id) => self.stack.push(Value::Storage(id)),
                _ => bail!("a persistent id is not a tuple"),
            },
            b'R' => self.call()?,
            // The state of an object: of an OrderedDict, versions of the layers' code.
            b'b' => {
                self.pop()?;
                ensure!(
                    matches!(self.stack.last(), Some(Value::Dict(_))),
                    "an object is given a state"
                );
            }
            other => bail!(
                "the pickle's step 0x{other:02x} is none that a net's tensors are written with"
            ),
        }
        Ok(None)
    }

    fn take<const COUNT: usize>(&mut self) -> anyhow::Result<[u8; COUNT]> {
        let (taken, rest) = self.rest.split_first_chunk().context("the file ends too early")?;
        self.rest = rest;
        Ok(*taken)
    }

    fn pop(&mut self) -> anyhow::Result<Value> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        ensure!(self.stack.len() > bottom, "a value is missing");
        self.stack.pop().context("a value is missing")
    }

    fn pop_to_mark(&mut self) -> anyhow::Result<Vec<Value>> {
        let mark = self.marks.pop().context("a mark is missing")?;
        Ok(self.stack.split_off(mark))
    }

    fn long(&mut self) -> anyhow::Result<()> {
        let [length] = self.take()?;
        let (taken, rest) =
            self.rest.split_at_checked(length.into()).context("the file ends too early")?;
        self.rest = rest;
        let is_negative = taken.last().is_some_and(|last| last & 0x80 != 0);
        let mut number = [if is_negative { 0xff } else { 0 }; 8];
        number.iter_mut().zip(taken).for_each(|(to, from)| *to = *from);
        self.stack.push(Value::Number(i64::from_le_bytes(number)));
        Ok(())
    }

    fn text(&mut self, length: usize) -> anyhow::Result<()> {
        let (taken, rest) =
            self.rest.split_at_checked(length).context("the file ends too early")?;
        self.rest = rest;
        let text = std::str::from_utf8(taken).context("a string is not UTF-8")?;
        self.stack.push(Value::Text(text.into()));
        Ok(())
    }

    fn global(&mut self) -> anyhow::Result<()> {
        let mut line = || {
            let end = self
                .rest
                .iter()
                .take(100)
                .position(|&byte| byte == b'\n')
                .context("a name is not terminated")?;
            let line = std::str::from_utf8(&self.rest[..end]).context("a name is not UTF-8")?;
            self.rest = &self.rest[end + 1..];
            Ok::<_, anyhow::Error>(line)
        };
        let name = format!("{} {}", line()?, line()?);
        let is_known = STORAGES.contains(&&*name) || name == ORDERED_DICT || name == REBUILD_TENSOR;
        ensure!(
            is_known,
            "it names `{}`, which has no part in a net's tensors; nothing of it was run",
            name.replace(' ', ".")
        );
        self.stack.push(Value::Global(name.into()));
        Ok(())
    }

    fn tuple(&mut self, count: usize) -> anyhow::Result<()> {
        let mut items = (0..count).map(|_| self.pop()).collect::<anyhow::Result<Vec<Value>>>()?;
        items.reverse();
        self.stack.push(Value::Tuple(Rc::new(Nested::of(items)?)));
        Ok(())
    }

    fn append(&mut self, items: Vec<Value>) -> anyhow::Result<()> {
        let Some(Value::List(list)) = self.stack.last_mut() else {
            bail!("there is no list to append to")
        };
        items.into_iter().try_for_each(|item| list.push(item))
    }

    fn set(&mut self, items: Vec<Value>) -> anyhow::Result<()> {
        ensure!(items.len().is_multiple_of(2), "a key has no value");
        let Some(Value::Dict(dict)) = self.stack.last_mut() else {
            bail!("there is no dict to put a value into")
        };
        items.into_iter().try_for_each(|item| dict.push(item))
    }

    fn remember(&mut self, index: u32) -> anyhow::Result<()> {
        let value = match self.stack.last().context("a value is missing")? {
            Value::List(_) | Value::Dict(_) => None,
            value => Some(value.clone()),
        };
        self.memo.insert(index, value);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> anyhow::Result<()> {
        let value = self.memo.get(&index).context("it refers to a missing value")?;
        self.stack.push(value.clone().context("it refers to a list or dict a second time")?);
        Ok(())
    }

    fn call(&mut self) -> anyhow::Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Value::Tuple(arguments), Value::Global(function)) = (arguments, function) else {
            bail!("it calls something that is not a function")
        };
        let result = match &*function {
            ORDERED_DICT if arguments.items.is_empty() => Value::Dict(Nested::default()),
            REBUILD_TENSOR => Value::Tensor(Rc::new(
                Tensor::of(&arguments.items).context("a tensor is malformed")?,
            )),
            other => bail!("it calls `{}` with unknown arguments", other.replace(' ', ".")),
        };
        self.stack.push(result);
        Ok(())
    }
}

impl Tensor {
    /// Reads the arguments of `_rebuild_tensor_v2`: storage, offset, size, stride, and what only
    /// training needs.
    fn of(arguments: &[Value]) -> Option<Tensor> {
        let numbers = |value: &Value| match value {
            Value::Tuple(nested) => {
                nested.items.iter().map(Value::number).collect::<Option<Vec<i64>>>()
            }
            _ => None,
        };
        match arguments {
            [
                Value::Storage(storage),
                Value::Number(offset),
                size,
                stride,
                Value::Bool(_),
                Value::Dict(_),
                ..,
            ] => Some(Tensor {
                storage: Rc::clone(storage),
                offset: *offset,
                size: numbers(size)?,
                stride: numbers(stride)?,
            }),
            _ => None,
        }
    }
}

impl Value {
    fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }
}
