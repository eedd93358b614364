// What `lab` needs of libtorch and tch does not offer; `aten.rs` is the Rust side.
//
// Every function returns null, or a message that the caller gives back to `lab_free`. Tensors come as tch holds them:
// as pointers to `at::Tensor`, which stay the caller's.

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

using Tensors = at::Tensor *const *;

template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("a fault without a message");
  }
}

// Of each parameter that has a gradient: the parameter, the gradient, and what belongs to it in other lists.
struct Moved {
  std::vector<at::Tensor> parameters, gradients, first, second;

  Moved(Tensors all, Tensors all_first, Tensors all_second, size_t count) {
    for (size_t index = 0; index < count; ++index) {
      const at::Tensor &gradient = all[index]->grad();
      if (!gradient.defined()) {
        continue;
      }
      parameters.push_back(*all[index]);
      gradients.push_back(gradient);
      if (all_first != nullptr) {
        first.push_back(*all_first[index]);
      }
      if (all_second != nullptr) {
        second.push_back(*all_second[index]);
      }
    }
  }

  bool is_empty() const { return parameters.empty(); }
};

} // namespace

extern "C" {

void lab_free(char *message) { std::free(message); }

// `directions` is null without momentum.
char *lab_sgd(Tensors parameters, Tensors directions, size_t count, double rate, double momentum, bool nesterov,
              double weight_decay) {
  return guarded([&] {
    const Moved moved(parameters, directions, nullptr, count);
    if (!moved.is_empty()) {
      at::_fused_sgd_(moved.parameters, moved.gradients, moved.first, weight_decay, momentum, rate, 0.0, nesterov,
                      false, false);
    }
  });
}

// `steps` is a single number (f32), the steps of all these parameters before this one; it is raised.
char *lab_adam(Tensors parameters, Tensors means, Tensors squares, size_t count, at::Tensor *steps, double rate,
               double beta1, double beta2, double epsilon, double weight_decay, bool is_decoupled) {
  return guarded([&] {
    const Moved moved(parameters, means, squares, count);
    if (moved.is_empty()) {
      return;
    }
    steps->add_(1);
    const std::vector<at::Tensor> all_steps(moved.parameters.size(), *steps);
    if (is_decoupled) {
      at::_fused_adamw_(moved.parameters, moved.gradients, moved.first, moved.second, {}, all_steps, rate, beta1,
                        beta2, weight_decay, epsilon, false, false);
    } else {
      at::_fused_adam_(moved.parameters, moved.gradients, moved.first, moved.second, {}, all_steps, rate, beta1, beta2,
                       weight_decay, epsilon, false, false);
    }
  });
}

// The rule of PyTorch's clip_grad_norm_, without a look at the norm from the host.
char *lab_clip_norm(Tensors parameters, size_t count, double most) {
  return guarded([&] {
    Moved moved(parameters, nullptr, nullptr, count);
    if (moved.is_empty()) {
      return;
    }
    const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(moved.gradients, 2)), 2);
    at::_foreach_mul_(moved.gradients, (most / (norm + 1e-6)).clamp_max(1.0));
  });
}

// Sets gradients to none, so that the next backward pass hands over its own instead of adding them.
char *lab_forget_gradients(Tensors parameters, size_t count) {
  return guarded([&] {
    for (size_t index = 0; index < count; ++index) {
      parameters[index]->mutable_grad().reset();
    }
  });
}

// Moves each target by `weight` of its way to its source.
char *lab_lerp(Tensors targets, Tensors sources, size_t count, double weight) {
  return guarded([&] {
    std::vector<at::Tensor> to, from;
    for (size_t index = 0; index < count; ++index) {
      to.push_back(*targets[index]);
      from.push_back(*sources[index]);
    }
    at::_foreach_lerp_(to, from, weight);
  });
}

// Lets operations that gain by it compute in bfloat16, or ends that; calls may be nested.
char *lab_autocast(bool is_cuda, bool is_on) {
  return guarded([&] {
    const at::DeviceType device = is_cuda ? at::kCUDA : at::kCPU;
    if (is_on) {
      at::autocast::set_autocast_dtype(device, at::kBFloat16);
      at::autocast::set_autocast_enabled(device, true);
      at::autocast::increment_nesting();
    } else if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
      at::autocast::set_autocast_enabled(device, false);
    }
  });
}

// Keeps freed memory for the next allocation instead of giving it back to the system. libtorch's CPU allocator is
// malloc, and glibc maps each large block anew: every step would pay for thousands of page faults.
void lab_keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

} // extern "C"
