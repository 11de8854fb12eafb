// The arguments of one call from JavaScript, read in order and checked one by one.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace cadenza::binding {

// What is thrown for an argument that does not fit; becomes a TypeError with code CADENZA_ARGUMENT.
class ArgumentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `Expected WHAT to be REQUIREMENT, got GOT`
[[noreturn]] void refuse(const std::string& what, const std::string& requirement, const std::string& got);

// The number of elements of a shape; refuses what does not fit into 2^40.
int64_t elements(std::initializer_list<int64_t> shape);

// Throws when a Node-API call failed.
void check(napi_env env, napi_status status);

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);

  napi_env env() const { return env_; }

  int64_t size(const char* name);  // a length: an integer from 0 to 2^31 - 1
  double number(const char* name);
  bool boolean(const char* name);
  uint32_t word(const char* name);  // an unsigned 32-bit integer
  int choice(const char* name, int count);  // an index into an enumeration of `count` values
  std::string text(const char* name);
  napi_value value(const char* name);  // anything
  napi_value optional_value();         // anything, nullptr for null and undefined

  // Arrays to read. A length below 0 allows any; `found` then tells it.
  const float* floats(const char* name, int64_t length, int64_t* found = nullptr);
  const float* optional_floats(const char* name, int64_t length);
  const int32_t* integers(const char* name, int64_t length, int64_t* found = nullptr);
  const int32_t* optional_integers(const char* name, int64_t length);
  const void* numbers(const char* name, napi_typedarray_type type, int64_t length);
  // Arrays to write: they must not share memory with an array read before.
  float* output(const char* name, int64_t length);
  float* optional_output(const char* name, int64_t length);
  int32_t* integer_output(const char* name, int64_t length);
  double* double_output(const char* name, int64_t length);
  bool next_is_null() const;

 private:
  napi_value next(const char* name);
  void* array(const char* name, napi_value value, napi_typedarray_type type, int64_t length, int64_t* found);
  void* written(const char* name, napi_value value, napi_typedarray_type type, int64_t length);

  static constexpr size_t kMaximum = 64;
  struct Span {
    const char* begin;
    const char* end;
  };
  napi_env env_;
  napi_value values_[kMaximum];
  size_t count_ = kMaximum;
  size_t position_ = 0;
  Span spans_[kMaximum];
  size_t spanCount_ = 0;
};

// Checks that all ids lie in [lowest, limit); names the first that does not.
void check_range(const char* name, const int32_t* ids, int64_t count, int64_t lowest, int64_t limit);

// Turns a function over Arguments into a Node-API callback: C++ exceptions become JavaScript errors.
void throw_current_exception(napi_env env) noexcept;

template <napi_value (*Function)(Arguments&)>
napi_value callback(napi_env env, napi_callback_info info) noexcept {
  try {
    Arguments arguments(env, info);
    return Function(arguments);
  } catch (...) {
    throw_current_exception(env);
    return nullptr;
  }
}

// A function of the addon.
struct Export {
  const char* name;
  napi_callback callback;
};

}  // namespace cadenza::binding
