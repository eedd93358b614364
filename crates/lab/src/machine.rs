//! What this machine has: devices, libtorch, the CPU.

use std::collections::BTreeMap;

use anyhow::ensure;
use labpress_runner::protocol;
use tch::{Cuda, Device};

/// The version of the libtorch that this program was linked to.
const LIBTORCH: &str = env!("LAB_LIBTORCH");

/// Loads libtorch's CUDA library if it and an NVIDIA driver are present. libtorch registers the back
/// end when it is loaded, so one program serves machines with and without a GPU.
#[expect(
    unsafe_code,
    reason = "opening a library runs its initializers; these two are NVIDIA's driver and libtorch"
)]
pub(crate) fn open_cuda() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // The driver first: without it, loading the large CUDA library is a waste.
    for name in ["libcuda.so.1", "libtorch_cuda.so"] {
        // SAFETY: both libraries may be opened at any time, and no other thread has been started
        // yet. Neither may be closed again, hence the `forget`.
        match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => std::mem::forget(library),
            Err(_) => return,
        }
    }
}

/// Returns the device that a job asks for.
pub(crate) fn device(wanted: protocol::Device) -> anyhow::Result<Device> {
    match wanted {
        protocol::Device::Auto => Ok(Device::cuda_if_available()),
        protocol::Device::Cpu => Ok(Device::Cpu),
        protocol::Device::Cuda => {
            ensure!(
                Cuda::is_available(),
                "the device `cuda` was asked for, but this machine has none; `lab info` lists its \
                 devices"
            );
            Ok(Device::Cuda(0))
        }
    }
}

/// Facts that can change a number but are not part of the experiment.
pub(crate) fn environment(device: Device) -> BTreeMap<String, String> {
    let facts = [
        ("device", device_name(device)),
        ("libtorch", LIBTORCH.to_owned()),
        ("cpu", cpu_model()),
        ("cpu-capability", cpu_capability()),
        ("threads", tch::get_num_threads().to_string()),
        ("os", std::env::consts::OS.to_owned()),
        ("arch", std::env::consts::ARCH.to_owned()),
        ("labpress", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let of_gpu = if device.is_cuda() { gpu() } else { None };
    let facts = facts.into_iter().chain(of_gpu.into_iter().flatten());
    facts.map(|(name, fact)| (name.to_owned(), fact)).collect()
}

/// The first GPU and its driver, as NVIDIA's kernel module names them; `None` without one.
#[expect(
    clippy::disallowed_methods,
    reason = "the GPU is a fact about the machine, read from the system"
)]
fn gpu() -> Option<[(&'static str, String); 2]> {
    let driver = std::fs::read_to_string("/sys/module/nvidia/version").ok()?;
    let cards = std::fs::read_dir("/proc/driver/nvidia/gpus").ok()?;
    let mut cards: Vec<_> =
        cards.filter_map(Result::ok).map(|card| card.path().join("information")).collect();
    cards.sort();
    let card = std::fs::read_to_string(cards.first()?).ok()?;
    let model = card.lines().find_map(|line| line.strip_prefix("Model:"))?;
    Some([("gpu", model.trim().to_owned()), ("driver", driver.trim().to_owned())])
}

/// What `lab info` prints, for `labpress doctor`.
pub(crate) fn info() -> serde_json::Value {
    let gpus = (0..Cuda::device_count()).map(|index| format!("cuda:{index}"));
    let devices: Vec<String> = std::iter::once("cpu".to_owned()).chain(gpus).collect();
    let mut info = serde_json::json!({
        "labpress": env!("CARGO_PKG_VERSION"),
        "build": labpress::runner::BUILD,
        "protocol": protocol::VERSION,
        "libtorch": LIBTORCH,
        "devices": devices,
        "cuda": Cuda::is_available(),
        "cpu": cpu_model(),
        "cpu-capability": cpu_capability(),
        "threads": tch::get_num_threads(),
    });
    for (name, fact) in gpu().into_iter().flatten().filter(|_| Cuda::is_available()) {
        info[name] = fact.into();
    }
    info
}

fn device_name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Mps => "mps".to_owned(),
        Device::Vulkan => "vulkan".to_owned(),
    }
}

/// The name of the CPU according to the system.
#[expect(
    clippy::disallowed_methods,
    reason = "the name of the CPU is a fact about the machine, read from the system"
)]
fn cpu_model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

/// The kernels that libtorch chooses for this CPU: the rule of its `get_cpu_capability`, which tch
/// does not offer.
#[expect(clippy::disallowed_methods, reason = "libtorch itself reads ATEN_CPU_CAPABILITY")]
fn cpu_capability() -> String {
    match std::env::var("ATEN_CPU_CAPABILITY") {
        Ok(wish) if matches!(wish.as_str(), "avx512" | "avx2" | "default") => wish,
        _ => widest_kernels().to_owned(),
    }
}

#[cfg(target_arch = "x86_64")]
fn widest_kernels() -> &'static str {
    use std::arch::is_x86_feature_detected as has;
    let has_avx512 = has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq");
    match has!("fma") {
        true if has_avx512 => "avx512",
        true if has!("avx2") => "avx2",
        _ => "default",
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn widest_kernels() -> &'static str {
    "default"
}
