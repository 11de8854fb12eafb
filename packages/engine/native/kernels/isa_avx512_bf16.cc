// AVX-512 with bf16 operands: the matrix product and the LSTM read their operands rounded to bf16 and add in float32; all other
// kernels are those of isa_avx512.cc.
#if defined(__x86_64__) && defined(__AVX512BF16__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "cpu.h"
#include "kernels.h"
#include "packed_weights.h"

#define CADENZA_BF16

namespace cadenza {
namespace avx512_bf16 {
namespace {

#include "simd.h"
#include "tile.inc"
#include "gemm.inc"
#include "recurrent.inc"
#include "lstm.inc"

static const char* isa_name() { return "avx512bf16"; }

Kernels make_table() {
  Kernels table = avx512::table();
  table.isa = isa_name();
  table.gemm = gemm;
  table.l1Product = l1_product;
  table.lstmForward = lstm_forward;
  table.lstmBackward = lstm_backward;
  table.packLstm = pack_lstm;
  return table;
}

}  // namespace

const Kernels& table() {
  static const Kernels instance = make_table();
  return instance;
}

}  // namespace avx512_bf16
}  // namespace cadenza
#endif
