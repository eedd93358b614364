//! Files with the weights of trained nets: PyTorch's `.pth` ([`pth`]) and `.safetensors`.

mod pickle;
mod pth;

use std::path::Path;

use anyhow::{Context, bail, ensure};
use tch::Tensor;

/// Two orders of magnitude larger than any net that this program builds.
const MAX_BYTES: u64 = 4 << 30;

/// Reads the tensors of a file by name, in the file's order.
#[expect(clippy::disallowed_methods, reason = "a run reads the weights that it starts with")]
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<(String, Tensor)>> {
    let tensors = || {
        let length = std::fs::metadata(path)?.len();
        ensure!(length <= MAX_BYTES, "it is larger than 4 GiB");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => {
                Tensor::read_safetensors(path).context("it is not a complete safetensors file")
            }
            Some("pth" | "pt") => pth::tensors(&std::fs::read(path)?),
            _ => bail!("its extension is neither `.pth` nor `.safetensors`"),
        }
    };
    tensors().with_context(|| format!("cannot read the weights in `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const LEGACY: &[u8] = include_bytes!("../../tests/reference/legacy.pth");

    #[test]
    fn a_file_of_pytorch_gives_its_tensors() {
        let tensors = pth::tensors(LEGACY).unwrap();
        let names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["transposed.weight", "part.bias", "part.num_batches_tracked"]);
        let eighths = Tensor::arange(12, (Kind::Float, Device::Cpu)) / 8.0;
        assert_eq!(tensors[0].1, eighths.narrow(0, 0, 6).view([2, 3]).tr());
        assert_eq!(tensors[1].1, eighths.narrow(0, 6, 2));
        assert_eq!(tensors[2].1, Tensor::from(7_i64));
    }

    /// Replaces the only `from` in the file.
    fn with(from: &[u8], to: &[u8]) -> Vec<u8> {
        let found: Vec<usize> =
            (0..LEGACY.len()).filter(|&at| LEGACY[at..].starts_with(from)).collect();
        let [at] = found[..] else { panic!("it occurs {} times", found.len()) };
        [&LEGACY[..at], to, &LEGACY[at + from.len()..]].concat()
    }

    #[track_caller]
    fn check_rejected(bytes: &[u8], expected: &str) {
        assert_eq!(format!("{:#}", pth::tensors(bytes).unwrap_err()), expected);
    }

    #[test]
    fn functions_named_in_a_file_are_not_called() {
        let hostile = with(b"ctorch._utils\n_rebuild_tensor_v2\n", b"cos\nsystem\n");
        check_rejected(
            &hostile,
            "in the list of tensors: at byte 58: it names `os.system`, which has no part in a \
             net's tensors; nothing of it \
             was run",
        );
    }

    #[test]
    fn files_of_other_formats_are_refused() {
        check_rejected(
            b"",
            "it does not start like a PyTorch file: at byte 0: the file ends too early",
        );
        check_rejected(b"\x80\x02N.", "it does not start like a PyTorch file");
        let zip = "it is a zip, as PyTorch writes since 1.6; make a `.safetensors` file of it \
                   (Python's \
                   `safetensors.torch.save_file`)";
        check_rejected(b"PK\x03\x04", zip);
        let end = LEGACY.len();
        check_rejected(&LEGACY[..end - 1], "the file ends too early");
        check_rejected(&[LEGACY, b"x"].concat(), "bytes follow the last storage");
    }

    #[test]
    fn a_view_outside_its_storage_is_refused() {
        // The stride of the transposed tensor, (1, 3), becomes (1, 250).
        let hostile = with(b"K\x01K\x03\x86", b"K\x01K\xfa\x86");
        check_rejected(
            &hostile,
            "tensor `transposed.weight`: it reaches beyond the end of its storage",
        );
    }

    #[test]
    fn deep_nesting_is_refused() {
        let start = pickle_end(3);
        let deep = [&LEGACY[..start], b"\x80\x02N", &vec![0x85; 100_000], b"."].concat();
        check_rejected(
            &deep,
            "in the list of tensors: at byte 23: values are nested more than 20 deep",
        );
        let lists =
            [&LEGACY[..start], b"\x80\x02", &vec![b']'; 100_000], &vec![b'a'; 99_999], b"."]
                .concat();
        check_rejected(
            &lists,
            "in the list of tensors: at byte 100022: values are nested more than 20 deep",
        );
    }

    /// Where the first `count` pickles end.
    fn pickle_end(count: usize) -> usize {
        let rest = (0..count).fold(LEGACY, |rest, _| pickle::read(rest).unwrap().1);
        LEGACY.len() - rest.len()
    }

    #[test]
    fn no_damage_makes_the_reader_panic() {
        for end in 0..LEGACY.len() {
            assert!(pth::tensors(&LEGACY[..end]).is_err());
        }
        let mut bytes = LEGACY.to_vec();
        for at in 0..bytes.len() {
            // Steps of the format, small and large numbers, single bits.
            for byte in b".(tuse)}]RQbcXhjqrNKMJ\x80\x85\x86\x87\x88\x8a\x00\x01\x7f\xff" {
                bytes[at] = *byte;
                let _ = pth::tensors(&bytes);
            }
            (0..8).for_each(|bit| {
                bytes[at] = LEGACY[at] ^ (1 << bit);
                let _ = pth::tensors(&bytes);
            });
            bytes[at] = LEGACY[at];
        }
    }
}
