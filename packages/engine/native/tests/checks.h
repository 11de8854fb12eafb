// What the tests of kernels share: counted checks, a line for each that fails, and where the tests are.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>
#include <vector>

inline int checks = 0, failures = 0;
inline bool quick = false;  // fewer sizes
inline std::string context;

inline void check(bool ok, const char* format, ...) {
  ++checks;
  if (ok) return;
  if (++failures > 60) return;
  std::printf("FAILED [%s] ", context.c_str());
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::printf("\n");
}

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
