//! The wire format of protocol buffers, as far as reading needs it: numbered fields, without a schema.

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire<'a> {
    /// An integer of any type.
    Varint(u64),
    /// Eight bytes, such as a `double`.
    Eight([u8; 8]),
    /// Four bytes, such as a `float`.
    Four([u8; 4]),
    /// A string, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    /// The bytes of a message or a string.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Wire::Bytes(bytes) => Some(bytes),
            Wire::Varint(_) | Wire::Eight(_) | Wire::Four(_) => None,
        }
    }

    /// A string; invalid UTF-8 is replaced.
    pub(super) fn text(self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A floating-point number of either size.
    pub(super) fn float(self) -> Option<f64> {
        match self {
            Wire::Eight(bytes) => Some(f64::from_le_bytes(bytes)),
            Wire::Four(bytes) => Some(f64::from(f32::from_le_bytes(bytes))),
            Wire::Varint(_) | Wire::Bytes(_) => None,
        }
    }

    /// An integer. Negative ones are stored in two's complement.
    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Wire::Varint(value) => Some(value.cast_signed()),
            Wire::Eight(_) | Wire::Four(_) | Wire::Bytes(_) => None,
        }
    }
}

/// The fields of a message, in order; `None` if it is damaged. A group, which nobody has written for
/// many years, counts as damage.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Wire::Varint(varint(&mut bytes)?),
            1 => Wire::Eight(*bytes.split_off(..8)?.as_array()?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                Wire::Bytes(bytes.split_off(..length)?)
            }
            5 => Wire::Four(*bytes.split_off(..4)?.as_array()?),
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The integers of a repeated field, which may be packed.
pub(super) fn integers(value: Wire<'_>) -> Option<Vec<i64>> {
    let mut bytes = match value {
        Wire::Varint(one) => return Some(vec![one.cast_signed()]),
        Wire::Bytes(bytes) => bytes,
        Wire::Eight(_) | Wire::Four(_) => return None,
    };
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(varint(&mut bytes)?.cast_signed());
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_numbers_and_values() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f];
        let found = fields(&bytes).unwrap();
        assert_eq!(found[0], (1, Wire::Varint(150)));
        assert_eq!(found[1].1.text().unwrap(), "hi");
        assert_eq!(found[2].1.float(), Some(1.0));
    }

    #[test]
    fn what_is_cut_is_damaged() {
        for bytes in [&[0x08][..], &[0x08, 0x96], &[0x12, 0x05, b'h'], &[0x09, 1, 2], &[0x0b]] {
            assert_eq!(fields(bytes), None, "{bytes:?}");
        }
    }
}
