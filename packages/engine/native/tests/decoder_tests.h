#pragma once

#include <string>

struct DecoderChecks {
  int checks, failures;
};
// Tests decoding with the instruction set in use; prints a line for each failure.
DecoderChecks test_decoder(const std::string& isa, bool fewer);
