//! PyTorch's own files, in the format before version 1.6 (2020).
//!
//! Such a file has five pickles (a magic number, a version, the writer's machine, the tensors by
//! name, the keys of their storages), followed by each storage: how many numbers it has, and the
//! numbers. Several tensors may share a storage.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context, bail, ensure};
use tch::{Kind, Tensor};

use super::pickle::{self, Nested, Value};

/// The part of a file's magic number, 0x1950a86a20f9469cfc6c, that [`pickle`] keeps.
const MAGIC: i64 = 0xa86a_20f9_469c_fc6c_u64.cast_signed();
const VERSION: i64 = 1001;

/// Reads the tensors by name, in the file's order. Each owns its numbers.
pub(super) fn tensors(bytes: &[u8]) -> anyhow::Result<Vec<(String, Tensor)>> {
    ensure!(
        !bytes.starts_with(b"PK\x03\x04"),
        "it is a zip, as PyTorch writes since 1.6; make a `.safetensors` file of it (Python's \
         `safetensors.torch.save_file`)"
    );
    let (magic, rest) = pickle::read(bytes).context("it does not start like a PyTorch file")?;
    ensure!(matches!(magic, Value::Number(MAGIC)), "it does not start like a PyTorch file");
    let (version, rest) = pickle::read(rest).context("in its version")?;
    ensure!(
        matches!(version, Value::Number(VERSION)),
        "it is of a version of the format that is unknown"
    );
    let (machine, rest) = pickle::read(rest).context("in its second part")?;
    ensure!(is_little_endian(&machine), "it was not written on a little-endian machine");
    let (named, rest) = pickle::read(rest).context("in the list of tensors")?;
    let (keys, rest) = pickle::read(rest).context("in the list of storages")?;
    let described = described(named)?;
    let storages = storages(keys, &described, rest)?;
    let tensor = |(name, tensor): (Rc<str>, Rc<pickle::Tensor>)| {
        let tensor = view(&tensor, &storages).with_context(|| format!("tensor `{name}`"))?;
        Ok((name.to_string(), tensor))
    };
    described.into_iter().map(tensor).collect()
}

fn is_little_endian(machine: &Value) -> bool {
    let Value::Dict(Nested { items, .. }) = machine else { return false };
    let says_so = |pair: &[Value]| matches!(pair, [Value::Text(key), Value::Bool(true)] if &**key == "little_endian");
    items.chunks(2).any(says_so)
}

fn described(named: Value) -> anyhow::Result<Vec<(Rc<str>, Rc<pickle::Tensor>)>> {
    let Value::Dict(Nested { items, .. }) = named else { bail!("it contains no named tensors") };
    let tensor = |pair: &[Value]| match pair {
        [Value::Text(name), Value::Tensor(tensor)] => Ok((Rc::clone(name), Rc::clone(tensor))),
        [Value::Text(name), _] => {
            bail!(
                "`{name}` is not a tensor; labpress reads only files that contain nothing but the \
                 tensors of a net"
            )
        }
        _ => bail!("a tensor has no name"),
    };
    items.chunks(2).map(tensor).collect()
}

/// What a tensor states about its storage.
struct Storage<'a> {
    key: &'a str,
    kind: Kind,
    count: i64,
}

impl Storage<'_> {
    /// Reads the arguments of a persistent id.
    fn of(id: &Nested) -> anyhow::Result<Storage<'_>> {
        let [
            Value::Text(what),
            Value::Global(class),
            Value::Text(key),
            Value::Text(_),
            Value::Number(count),
            view,
        ] = &id.items[..]
        else {
            bail!("its storage is malformed")
        };
        ensure!(&**what == "storage" && *count >= 0, "its storage is malformed");
        ensure!(
            matches!(view, Value::None),
            "its storage is part of another, as PyTorch wrote before 0.4"
        );
        let kind = match &**class {
            "torch DoubleStorage" => Kind::Double,
            "torch FloatStorage" => Kind::Float,
            "torch HalfStorage" => Kind::Half,
            "torch BFloat16Storage" => Kind::BFloat16,
            "torch LongStorage" => Kind::Int64,
            "torch IntStorage" => Kind::Int,
            other => bail!("its storage is a `{other}`"),
        };
        Ok(Storage { key, kind, count: *count })
    }
}

/// Reads the storages that follow the pickles, by key.
fn storages(
    keys: Value,
    described: &[(Rc<str>, Rc<pickle::Tensor>)],
    mut rest: &[u8],
) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let mut expected = BTreeMap::new();
    for (name, tensor) in described {
        let storage = Storage::of(&tensor.storage).with_context(|| format!("tensor `{name}`"))?;
        let declared = expected.entry(storage.key).or_insert((storage.kind, storage.count));
        ensure!(
            *declared == (storage.kind, storage.count),
            "two tensors disagree on the storage `{}`",
            storage.key
        );
    }
    let Value::List(Nested { items, .. }) = keys else { bail!("it has no list of storages") };
    let mut storages = BTreeMap::new();
    for key in items {
        let Value::Text(key) = key else { bail!("a storage has no name") };
        let (kind, count) =
            expected.remove(&*key).with_context(|| format!("no tensor is in storage `{key}`"))?;
        let (length, behind) = rest.split_first_chunk().context("the file ends too early")?;
        ensure!(
            i64::from_le_bytes(*length) == count,
            "storage `{key}` is not as long as its tensors say"
        );
        let size = usize::try_from(count)?.checked_mul(kind.elt_size_in_bytes());
        let numbers = size
            .and_then(|size| behind.split_at_checked(size))
            .context("the file ends too early")?;
        storages.insert(key.to_string(), Tensor::from_data_size(numbers.0, &[count], kind));
        rest = numbers.1;
    }
    ensure!(rest.is_empty(), "bytes follow the last storage");
    Ok(storages)
}

/// The part of its storage that is the tensor.
fn view(tensor: &pickle::Tensor, storages: &BTreeMap<String, Tensor>) -> anyhow::Result<Tensor> {
    let pickle::Tensor { storage, offset, size, stride } = tensor;
    let storage =
        storages.get(Storage::of(storage)?.key).context("its storage is not in the file")?;
    ensure!(
        size.len() == stride.len() && size.len() <= 8,
        "it has {} sizes and {} strides",
        size.len(),
        stride.len()
    );
    let is_plain = *offset >= 0 && size.iter().chain(stride).all(|&length| length >= 0);
    ensure!(is_plain, "a size is below 0");
    let count = size.iter().try_fold(1_i64, |count, &length| count.checked_mul(length));
    let last = size.iter().zip(stride).try_fold(*offset, |last, (&length, &step)| {
        last.checked_add((length - 1).max(0).checked_mul(step)?)
    });
    let numbers = storage.numel() as i64;
    let fits = count.is_some_and(|count| {
        count == 0 || count <= numbers && last.is_some_and(|last| last < numbers)
    });
    ensure!(fits, "it reaches beyond the end of its storage");
    Ok(storage.f_as_strided(size, stride, *offset)?)
}
