#include "arguments.h"

#include <cmath>
#include <cstdio>
#include <new>

#include "../kernels/kernels.h"

namespace cadenza::binding {

namespace {

#if defined(__wasm__)
// Arrays outside the module's memory are copied into it, and back where this was said.
extern "C" __attribute__((import_module("cadenza"), import_name("written"))) void announce_written(napi_value array);
#else
void announce_written(napi_value) {}
#endif

constexpr int64_t kMaximumElements = int64_t{1} << 40;

const char* type_name(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    case napi_bigint64_array: return "BigInt64Array";
    case napi_biguint64_array: return "BigUint64Array";
    default: return "typed array";
  }
}

size_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array: return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array: return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array: return 8;
    default: return 1;
  }
}

// As JavaScript writes it, or nearly so.
std::string describe(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", number);
  return text;
}

std::string describe(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_external: return "an external value";
    case napi_bigint: return "a bigint";
    case napi_object: return "an object";
    case napi_number: break;
  }
  double number = 0;
  napi_get_value_double(env, value, &number);
  return describe(number);
}

// Ids and sizes are checked before they are used: nobody may change them in between. (A WebAssembly module gets copies.)
bool is_shared(napi_env env, napi_value typedArray) {
#ifdef __wasm__
  return false;
#else
  napi_value buffer = nullptr;
  bool isOwn = false;
  check(env, napi_get_typedarray_info(env, typedArray, nullptr, nullptr, nullptr, &buffer, nullptr));
  check(env, napi_is_arraybuffer(env, buffer, &isOwn));
  return !isOwn;
#endif
}

bool is_null(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  return type == napi_null || type == napi_undefined;
}

}  // namespace

void refuse(const std::string& what, const std::string& requirement, const std::string& got) {
  throw ArgumentError("Expected " + what + " to be " + requirement + ", got " + got);
}

int64_t elements(std::initializer_list<int64_t> shape) {
  int64_t product = 1;
  for (const int64_t length : shape) {
    if (length != 0 && product > kMaximumElements / length) {
      refuse("the number of elements", "at most 2^40", "a larger shape");
    }
    product *= length;
  }
  return product;
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API failed");
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  check(env, napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr));
  if (count_ > kMaximum) count_ = kMaximum;
}

napi_value Arguments::next(const char* name) {
  if (position_ >= count_) refuse(name, "given", "nothing");
  return values_[position_++];
}

bool Arguments::next_is_null() const { return position_ >= count_ || is_null(env_, values_[position_]); }

int64_t Arguments::size(const char* name) {
  const napi_value value = next(name);
  double number = 0;
  if (napi_get_value_double(env_, value, &number) != napi_ok || !(number >= 0) || number > 2147483647.0 ||
      number != std::floor(number)) {
    refuse(name, "an integer from 0 to 2147483647", describe(env_, value));
  }
  return static_cast<int64_t>(number);
}

double Arguments::number(const char* name) {
  const napi_value value = next(name);
  double number = 0;
  if (napi_get_value_double(env_, value, &number) != napi_ok) refuse(name, "a number", describe(env_, value));
  return number;
}

bool Arguments::boolean(const char* name) {
  const napi_value value = next(name);
  bool flag = false;
  if (napi_get_value_bool(env_, value, &flag) != napi_ok) refuse(name, "a boolean", describe(env_, value));
  return flag;
}

uint32_t Arguments::word(const char* name) {
  const napi_value value = next(name);
  double number = 0;
  if (napi_get_value_double(env_, value, &number) != napi_ok || !(number >= 0) || number > 4294967295.0 ||
      number != std::floor(number)) {
    refuse(name, "an integer from 0 to 4294967295", describe(env_, value));
  }
  return static_cast<uint32_t>(number);
}

int Arguments::choice(const char* name, int count) {
  const napi_value value = next(name);
  double number = -1;
  if (napi_get_value_double(env_, value, &number) != napi_ok || !(number >= 0) || number >= count ||
      number != std::floor(number)) {
    refuse(name, "an integer from 0 to " + std::to_string(count - 1), describe(env_, value));
  }
  return static_cast<int>(number);
}

std::string Arguments::text(const char* name) {
  const napi_value value = next(name);
  char buffer[64];
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, value, buffer, sizeof buffer, &length) != napi_ok) {
    refuse(name, "a string", describe(env_, value));
  }
  return std::string(buffer, length);
}

napi_value Arguments::value(const char* name) { return next(name); }

napi_value Arguments::optional_value() {
  if (!next_is_null()) return values_[position_++];
  position_++;
  return nullptr;
}

void* Arguments::array(const char* name, napi_value value, napi_typedarray_type type, int64_t length, int64_t* found) {
  bool isTypedArray = false;
  check(env_, napi_is_typedarray(env_, value, &isTypedArray));
  const std::string wanted =
      std::string("a ") + type_name(type) + (length < 0 ? "" : " of length " + std::to_string(length));
  if (!isTypedArray) refuse(name, wanted, describe(env_, value));
  napi_typedarray_type actual;
  size_t actualLength = 0;
  void* data = nullptr;
  check(env_, napi_get_typedarray_info(env_, value, &actual, &actualLength, &data, nullptr, nullptr));
  if (actual != type || (length >= 0 && static_cast<int64_t>(actualLength) != length)) {
    refuse(name, wanted, std::string("a ") + type_name(actual) + " of length " + std::to_string(actualLength));
  }
  if (type == napi_int32_array && is_shared(env_, value)) {
    refuse(name, wanted + " that no other thread can change", "one over a SharedArrayBuffer");
  }
  if (found != nullptr) *found = static_cast<int64_t>(actualLength);
  const char* begin = static_cast<const char*>(data);
  spans_[spanCount_++] = {begin, begin + element_bytes(actual) * actualLength};
  // An empty array may have no memory; kernels take null for "absent".
  static double nothing;
  return data == nullptr ? &nothing : data;
}

void* Arguments::written(const char* name, napi_value value, napi_typedarray_type type, int64_t length) {
  void* data = array(name, value, type, length, nullptr);
  const Span mine = spans_[spanCount_ - 1];
  for (size_t i = 0; i + 1 < spanCount_; i++) {
    if (mine.begin < spans_[i].end && spans_[i].begin < mine.end) {
      refuse(name, "apart from the other arrays", "memory that overlaps one of them");
    }
  }
  announce_written(value);
  return data;
}

const float* Arguments::floats(const char* name, int64_t length, int64_t* found) {
  return static_cast<const float*>(array(name, next(name), napi_float32_array, length, found));
}

const float* Arguments::optional_floats(const char* name, int64_t length) {
  const napi_value value = optional_value();
  return value == nullptr ? nullptr : static_cast<const float*>(array(name, value, napi_float32_array, length, nullptr));
}

const int32_t* Arguments::integers(const char* name, int64_t length, int64_t* found) {
  return static_cast<const int32_t*>(array(name, next(name), napi_int32_array, length, found));
}

const int32_t* Arguments::optional_integers(const char* name, int64_t length) {
  const napi_value value = optional_value();
  return value == nullptr ? nullptr : static_cast<const int32_t*>(array(name, value, napi_int32_array, length, nullptr));
}

float* Arguments::output(const char* name, int64_t length) {
  return static_cast<float*>(written(name, next(name), napi_float32_array, length));
}

float* Arguments::optional_output(const char* name, int64_t length) {
  const napi_value value = optional_value();
  return value == nullptr ? nullptr : static_cast<float*>(written(name, value, napi_float32_array, length));
}

int32_t* Arguments::integer_output(const char* name, int64_t length) {
  return static_cast<int32_t*>(written(name, next(name), napi_int32_array, length));
}

const void* Arguments::numbers(const char* name, napi_typedarray_type type, int64_t length) {
  return array(name, next(name), type, length, nullptr);
}

double* Arguments::double_output(const char* name, int64_t length) {
  return static_cast<double*>(written(name, next(name), napi_float64_array, length));
}

void check_range(const char* name, const int32_t* ids, int64_t count, int64_t lowest, int64_t limit) {
  int64_t position = -1;
  if (lowest == 0) {
    position = first_out_of_range(ids, count, limit);
  } else {
    for (int64_t i = 0; i < count && position < 0; i++) {
      if (ids[i] < lowest || ids[i] >= limit) position = i;
    }
  }
  if (position < 0) return;
  refuse(std::string(name) + "[" + std::to_string(position) + "]",
         "in [" + std::to_string(lowest) + ", " + std::to_string(limit) + ")", std::to_string(ids[position]));
}

void throw_current_exception(napi_env env) noexcept {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return;
  try {
    throw;
  } catch (const ArgumentError& error) {
    napi_throw_type_error(env, "CADENZA_ARGUMENT", error.what());
  } catch (const KernelError& error) {
    napi_throw_error(env, "CADENZA_KERNEL", error.what());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "CADENZA_MEMORY", "Expected enough memory for the tensors, got none from the system");
  } catch (const std::exception& error) {
    napi_throw_error(env, "CADENZA_NATIVE", error.what());
  } catch (...) {
    napi_throw_error(env, "CADENZA_NATIVE", "an unknown exception");
  }
}

}  // namespace cadenza::binding
