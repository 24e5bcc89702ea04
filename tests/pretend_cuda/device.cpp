// A pretend CUDA device: tensors of cuda:0 live in main memory, and the CPU computes with them.
//
// PyTorch asks a device for an allocator, a guard, hooks, and kernels. Here the allocator counts
// bytes and can have a limit, the guard and the hooks know one device without streams, and one
// boxed fallback runs every operator: it gives the CPU's kernel the same storage under another
// device. So a tensor on the wrong device is an error, as on a GPU.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/Resize.h>
#include <ATen/native/TensorFactories.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <unordered_map>

namespace {

using c10::Device;
using c10::DeviceIndex;
using c10::DeviceType;
using c10::DispatchKey;
using c10::DispatchKeySet;
using c10::Stream;

const Device kDevice(DeviceType::CUDA, 0);

// ---- what is counted

std::atomic<long> current_bytes{0}, peak_bytes{0}, limit_bytes{0};
std::atomic<long> blocking_to_device{0}, blocking_to_host{0}, items{0}, operators{0};

void take(long bytes) {
  if (limit_bytes > 0 && current_bytes + bytes > limit_bytes) {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate ", bytes,
                     " bytes (pretend).");
  }
  long now = (current_bytes += bytes), peak = peak_bytes;
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
}

// ---- memory

struct Block {
  void* data;
  long bytes;
};

void free_block(void* context) {
  auto* block = static_cast<Block*>(context);
  current_bytes -= block->bytes;
  free(block->data);
  delete block;
}

struct DeviceAllocator : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &free_nothing, kDevice};
    take(static_cast<long>(bytes));
    void* data = nullptr;
    TORCH_CHECK(posix_memalign(&data, 64, bytes) == 0, "no main memory is left");
    auto* block = new Block{data, static_cast<long>(bytes)};
    return {data, block, &free_block, kDevice};
  }
  static void free_nothing(void*) {}
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    memcpy(to, from, bytes);
  }
};
DeviceAllocator device_allocator;

std::mutex pinned_mutex;
std::set<const void*> pinned;

void free_pinned(void* data) {
  std::lock_guard<std::mutex> lock(pinned_mutex);
  pinned.erase(data);
  free(data);
}

struct PinnedAllocator : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* data = nullptr;
    TORCH_CHECK(posix_memalign(&data, 64, bytes > 0 ? bytes : 1) == 0, "no main memory is left");
    std::lock_guard<std::mutex> lock(pinned_mutex);
    pinned.insert(data);
    return {data, data, &free_pinned, Device(DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_pinned; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    memcpy(to, from, bytes);
  }
};
PinnedAllocator pinned_allocator;

bool is_pinned(const void* data) {
  std::lock_guard<std::mutex> lock(pinned_mutex);
  return pinned.count(data) > 0;
}

// ---- the device as PyTorch's core knows it: one, with one stream on which nothing is ever queued

struct Guard : c10::impl::DeviceGuardImplInterface {
  DeviceType type() const override { return DeviceType::CUDA; }
  Device exchangeDevice(Device) const override { return kDevice; }
  Device getDevice() const override { return kDevice; }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, kDevice); }
  Stream exchangeStream(Stream) const noexcept override {
    return Stream(Stream::DEFAULT, kDevice);
  }
  DeviceIndex deviceCount() const noexcept override { return 1; }
  Stream getDefaultStream(Device) const override { return Stream(Stream::DEFAULT, kDevice); }
  Stream getNewStream(Device, int) const override { return Stream(Stream::DEFAULT, kDevice); }
  void record(void**, const Stream&, const DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const DeviceIndex) const noexcept override {}
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override {}
  void synchronizeEvent(void*) const override {}
  void synchronizeDevice(const DeviceIndex) const override {}
};
Guard guard;
c10::impl::DeviceGuardImplRegistrar registrar(DeviceType::CUDA, &guard);

struct PretendHooks : at::CUDAHooksInterface {
  explicit PretendHooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex current_device() const override { return 0; }
  DeviceIndex deviceCount() const override { return 1; }
  int getNumGPUs() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(DeviceIndex) const override {}
  DeviceIndex exchangeDevice(DeviceIndex) const override { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const override { return 0; }
  bool isPinnedPtr(const void* data) const override { return is_pinned(data); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator; }
  long versionCuDNN() const override { return 90000; }
  void deviceSynchronize(DeviceIndex) const override {}
};

// ---- operators

// A CPU tensor over the same bytes, so that views which share memory go on sharing it.
at::Tensor as_cpu(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  if (tensor.storage().nbytes() == 0) {
    auto options = at::TensorOptions(tensor.scalar_type()).device(at::kCPU);
    return at::empty_strided(tensor.sizes(), tensor.strides(), options);
  }
  auto storage = tensor.storage();
  auto* kept = new c10::Storage(storage);
  auto release = [](void* context) { delete static_cast<c10::Storage*>(context); };
  c10::DataPtr data(const_cast<void*>(storage.data()), kept, release, Device(DeviceType::CPU));
  c10::Storage same(c10::Storage::use_byte_size_t(), storage.nbytes(), std::move(data), nullptr,
                    false);
  auto result = at::detail::make_tensor<c10::TensorImpl>(
      std::move(same), DispatchKeySet(DispatchKey::CPU), tensor.dtype());
  result.unsafeGetTensorImpl()->set_sizes_and_strides(tensor.sizes(), tensor.strides(),
                                                      tensor.storage_offset());
  if (tensor.is_conj()) result._set_conj(true);
  return result;
}

// A tensor of the device over the bytes of a CPU tensor, which count from now on.
at::Tensor as_cuda(const at::Tensor& tensor) {
  struct Kept {
    c10::Storage storage;
    long bytes;
  };
  auto storage = tensor.storage();
  long bytes = static_cast<long>(storage.nbytes());
  take(bytes);
  auto* kept = new Kept{storage, bytes};
  auto release = [](void* context) {
    auto* kept = static_cast<Kept*>(context);
    current_bytes -= kept->bytes;
    delete kept;
  };
  c10::DataPtr data(const_cast<void*>(storage.data()), kept, release, kDevice);
  c10::Storage same(c10::Storage::use_byte_size_t(), bytes, std::move(data), &device_allocator,
                    false);
  auto result = at::detail::make_tensor<c10::TensorImpl>(
      std::move(same), DispatchKeySet(DispatchKey::CUDA), tensor.dtype());
  result.unsafeGetTensorImpl()->set_sizes_and_strides(tensor.sizes(), tensor.strides(),
                                                      tensor.storage_offset());
  return result;
}

// These take indices on the CPU beside tensors on a GPU; others do not.
bool may_mix_devices(const std::string& name) {
  return name == "aten::index" || name == "aten::index_put_" ||
         name == "aten::_index_put_impl_" || name == "aten::_assert_async";
}

class Call {  // of one operator by the CPU's kernel
 public:
  void run(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
    const auto& schema = op.schema();
    size_t count = schema.arguments().size(), first = stack->size() - count;
    for (size_t i = 0; i < count; i++) to_cpu((*stack)[first + i]);
    TORCH_CHECK(!(has_cuda_ && has_cpu_) || may_mix_devices(schema.name()),
                "Expected all tensors to be on the same device (pretend), in ", schema.name());
    op.redispatchBoxed(DispatchKeySet(DispatchKey::CPU), stack);
    count = schema.returns().size(), first = stack->size() - count;
    for (size_t i = 0; i < count; i++) to_cuda((*stack)[first + i]);
  }

 private:
  at::Tensor to_cpu(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (!tensor.is_cuda()) {
      has_cpu_ = has_cpu_ || tensor.dim() > 0;  // numbers may be on the CPU
      return tensor;
    }
    has_cuda_ = true;
    auto same = as_cpu(tensor);
    originals_[same.unsafeGetTensorImpl()] = tensor;
    kept_.push_back(same);
    return same;
  }

  void to_cpu(c10::IValue& value) {
    if (value.isTensor()) {
      value = to_cpu(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(to_cpu(tensor));
      value = list;
    } else if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const auto& tensor : value.toOptionalTensorVector()) {
        bool is_given = tensor.has_value() && tensor->defined();
        list.push_back(is_given ? std::optional<at::Tensor>(to_cpu(*tensor)) : std::nullopt);
      }
      value = list;
    } else if (value.isDevice() && value.toDevice().is_cuda()) {
      value = Device(DeviceType::CPU);
    }
  }

  at::Tensor to_cuda(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    auto found = originals_.find(tensor.unsafeGetTensorImpl());
    if (found == originals_.end()) return tensor.is_cpu() ? as_cuda(tensor) : tensor;
    auto original = found->second;  // an operator that writes to its argument
    if (original.sizes() != tensor.sizes() || original.strides() != tensor.strides()) {
      auto* impl = original.unsafeGetTensorImpl();
      impl->set_storage_keep_dtype(as_cuda(tensor).storage());
      impl->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
    }
    return original;
  }

  void to_cuda(c10::IValue& value) {
    if (value.isTensor()) {
      value = to_cuda(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(to_cuda(tensor));
      value = list;
    }
  }

  std::unordered_map<c10::TensorImpl*, at::Tensor> originals_;
  std::vector<at::Tensor> kept_;
  bool has_cuda_ = false, has_cpu_ = false;
};

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  operators++;
  Call().run(op, stack);
}

at::Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> dtype,
                               std::optional<at::Layout>, std::optional<Device>,
                               std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &device_allocator, DispatchKeySet(DispatchKey::CUDA),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                         std::optional<Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &device_allocator,
                                           DispatchKeySet(DispatchKey::CUDA),
                                           c10::dtype_or_default(dtype));
}

// A copy waits unless it is asked not to, and the host's memory is pinned.
at::Tensor& copy_(at::Tensor& self, const at::Tensor& source, bool non_blocking) {
  if (self.is_cuda() && source.is_cpu()) {
    operators++;
    blocking_to_device += !(non_blocking && source.is_pinned());
  } else if (self.is_cpu() && source.is_cuda()) {
    operators++;
    blocking_to_host += !(non_blocking && self.is_pinned());
  } else {
    operators++;
  }
  auto to = self.is_cuda() ? as_cpu(self) : self;
  to.copy_(source.is_cuda() ? as_cpu(source) : source);
  return self;
}

at::Scalar local_scalar_dense(const at::Tensor& tensor) {
  items++;
  return as_cpu(tensor).item();
}

const at::Tensor& resize_(const at::Tensor& self, at::IntArrayRef size,
                          std::optional<at::MemoryFormat> format) {
  if (self.sizes() == size) return self;
  auto fresh = at::detail::empty_generic(
      size, &device_allocator, DispatchKeySet(DispatchKey::CUDA), self.scalar_type(), format);
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(fresh.storage());
  impl->set_sizes_and_strides(fresh.sizes(), fresh.strides());
  return self;
}

}  // namespace

namespace at {
using PretendHooks = ::PretendHooks;
C10_REGISTER_TYPED_CLASS(CUDAHooksRegistry, "CUDAHooks", PretendHooks)
}  // namespace at

TORCH_LIBRARY_IMPL(_, CUDA, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("empty.memory_format", empty_memory_format);
  library.impl("empty_strided", empty_strided);
  library.impl("copy_", copy_);
  library.impl("_local_scalar_dense", local_scalar_dense);
  library.impl("resize_", resize_);
  library.impl("as_strided", at::native::as_strided_tensorimpl);
  library.impl("view", at::native::view);
  library.impl("_reshape_alias", at::native::_reshape_alias);
  library.impl("unfold", at::native::unfold);
  for (auto name : {"convolution", "convolution_backward", "native_batch_norm",
                    "native_batch_norm_backward", "_fused_adamw_", "_fused_adamw_.tensor_lr"}) {
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&fallback>());
  }
}

extern "C" {
long pretend_current_bytes() { return current_bytes; }
long pretend_peak_bytes() { return peak_bytes; }
void pretend_reset_peak() { peak_bytes = static_cast<long>(current_bytes); }
void pretend_limit(long bytes) { limit_bytes = bytes; }
long pretend_blocking_to_device() { return blocking_to_device; }
long pretend_blocking_to_host() { return blocking_to_host; }
long pretend_items() { return items; }
long pretend_operators() { return operators; }
}
