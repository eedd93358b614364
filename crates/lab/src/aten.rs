//! Functions of libtorch that tch does not offer: update rules for all tensors at once, on the CPU
//! and on CUDA; undefined instead of zero gradients; bfloat16; keeping freed memory. `aten.cpp` is
//! the C++ side.
#![expect(unsafe_code, reason = "calls functions in C++; each call says why it is safe")]

use std::ffi::{CStr, c_char};

use tch::{Device, Tensor};
use torch_sys::C_tensor;

#[link(name = "lab_aten", kind = "static")]
unsafe extern "C" {
    fn lab_free(message: *mut c_char);
    fn lab_sgd(
        parameters: *const *mut C_tensor,
        directions: *const *mut C_tensor,
        count: usize,
        rate: f64,
        momentum: f64,
        nesterov: bool,
        weight_decay: f64,
    ) -> *mut c_char;
    fn lab_adam(
        parameters: *const *mut C_tensor,
        means: *const *mut C_tensor,
        squares: *const *mut C_tensor,
        count: usize,
        steps: *mut C_tensor,
        rate: f64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        weight_decay: f64,
        is_decoupled: bool,
    ) -> *mut c_char;
    fn lab_clip_norm(parameters: *const *mut C_tensor, count: usize, most: f64) -> *mut c_char;
    fn lab_forget_gradients(parameters: *const *mut C_tensor, count: usize) -> *mut c_char;
    fn lab_lerp(
        targets: *const *mut C_tensor,
        sources: *const *mut C_tensor,
        count: usize,
        weight: f64,
    ) -> *mut c_char;
    fn lab_autocast(is_cuda: bool, is_on: bool) -> *mut c_char;
    fn lab_keep_memory();
}

/// Makes a step of SGD, PyTorch's `_fused_sgd_`, for all parameters that have a gradient.
/// `directions`, one per parameter, starts at zero and is updated; it may be empty if `momentum` is
/// 0.
pub(crate) fn sgd(
    parameters: &[Tensor],
    directions: &[Tensor],
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
) {
    let count = parameters.len();
    assert!(
        directions.len() == count || (directions.is_empty() && momentum == 0.0),
        "a direction a parameter"
    );
    let (parameters, directions) = (pointers(parameters), pointers(directions));
    let directions = if momentum == 0.0 { std::ptr::null() } else { directions.as_ptr() };
    // SAFETY: both lists hold `count` live tensors, or are null and not read.
    check(unsafe {
        lab_sgd(parameters.as_ptr(), directions, count, rate, momentum, nesterov, weight_decay)
    });
}

/// Adam's numbers other than the rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adam {
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) epsilon: f64,
    pub(crate) weight_decay: f64,
    /// AdamW: the weights shrink by `rate` × `weight_decay`, instead of the gradient growing.
    pub(crate) is_decoupled: bool,
}

/// Makes a step of Adam or AdamW, PyTorch's `_fused_adam_` and `_fused_adamw_`, for all parameters
/// that have a gradient. `means`, `squares` (both one per parameter) and `steps` (one `f32`) start
/// at zero and are updated.
pub(crate) fn adam(
    parameters: &[Tensor],
    means: &[Tensor],
    squares: &[Tensor],
    steps: &Tensor,
    rate: f64,
    adam: Adam,
) {
    let count = parameters.len();
    assert!(means.len() == count && squares.len() == count, "a mean and a square a parameter");
    let (parameters, means, squares) = (pointers(parameters), pointers(means), pointers(squares));
    let Adam { beta1, beta2, epsilon, weight_decay, is_decoupled } = adam;
    // SAFETY: the lists hold `count` live tensors each, and `steps` is alive.
    check(unsafe {
        lab_adam(
            parameters.as_ptr(),
            means.as_ptr(),
            squares.as_ptr(),
            count,
            steps.as_ptr().cast_mut(),
            rate,
            beta1,
            beta2,
            epsilon,
            weight_decay,
            is_decoupled,
        )
    });
}

/// Scales all gradients by one factor so that their common norm is at most `most`.
pub(crate) fn clip_norm(parameters: &[Tensor], most: f64) {
    let parameters = pointers(parameters);
    // SAFETY: the list holds live tensors, and its length is passed along.
    check(unsafe { lab_clip_norm(parameters.as_ptr(), parameters.len(), most) });
}

/// Makes gradients undefined.
pub(crate) fn forget_gradients(parameters: &[Tensor]) {
    let parameters = pointers(parameters);
    // SAFETY: the list holds live tensors, and its length is passed along.
    check(unsafe { lab_forget_gradients(parameters.as_ptr(), parameters.len()) });
}

/// Moves each target by `weight` of its way to its source.
pub(crate) fn lerp(targets: &[Tensor], sources: &[Tensor], weight: f64) {
    assert_eq!(targets.len(), sources.len(), "a source a target");
    let (targets, sources) = (pointers(targets), pointers(sources));
    // SAFETY: the lists have the same length and hold live tensors.
    check(unsafe { lab_lerp(targets.as_ptr(), sources.as_ptr(), targets.len(), weight) });
}

/// If `is_on`, computes in bfloat16 the operations that become faster and lose little (PyTorch's
/// autocast).
pub(crate) fn in_bfloat16<T>(is_on: bool, device: Device, work: impl FnOnce() -> T) -> T {
    /// Ends it on return, even after a panic.
    struct Autocast(bool);
    impl Drop for Autocast {
        fn drop(&mut self) {
            // SAFETY: it takes plain values. It returns no message here; one would only leak.
            unsafe { lab_autocast(self.0, false) };
        }
    }
    let _autocast = is_on.then(|| {
        // SAFETY: it takes plain values.
        check(unsafe { lab_autocast(device.is_cuda(), true) });
        Autocast(device.is_cuda())
    });
    work()
}

/// Makes the C library keep freed memory for the next allocation. Must be called before the first
/// tensor is created.
pub(crate) fn keep_memory() {
    // SAFETY: it only sets options of the allocator.
    unsafe { lab_keep_memory() };
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut()).collect()
}

/// Panics, as tch does, after an error inside libtorch.
#[track_caller]
fn check(message: *mut c_char) {
    if message.is_null() {
        return;
    }
    // SAFETY: a pointer that is not null is a string that ends in a zero, which we must free.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: as above, and it is not used again.
    unsafe { lab_free(message) };
    panic!("{text}");
}
