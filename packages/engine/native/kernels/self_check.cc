// Whether the kernels of AMX compute on this CPU what those of AVX512-BF16 do: asked once, before they are used.
#if defined(__x86_64__) && !defined(CADENZA_BASELINE)
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu.h"

namespace cadenza {
namespace {

using Floats = std::vector<float>;

Floats numbers(int64_t n, float scale, int seed) {
  Floats v(static_cast<size_t>(n));
  uint32_t state = static_cast<uint32_t>(seed) * 2654435761u + 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(static_cast<int>(state >> 28) - 8) * scale;  // -8 .. 7: exact in bf16, and so are the sums in float32
  }
  return v;
}

bool alike(const Floats& a, const Floats& b, float tolerance) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs(a[i] - b[i]) <= tolerance * (1 + std::fabs(b[i])))) return false;
  }
  return true;
}

// Whole numbers, in sizes with and without remainders: the sums must be the same to the bit.
bool same_products(ThreadPool& pool, const Kernels& amx, const Kernels& plain) {
  const int64_t sizes[][3] = {{32, 32, 64}, {45, 83, 75}, {9, 16, 1100}};
  for (const auto& [m, n, k] : sizes) {
    const Floats a = numbers(m * k, 1, 1), b = numbers(k * n, 1, 2), bias = numbers(n, 1, 3);
    for (int form = 0; form < 4; ++form) {
      Floats c[2] = {Floats(static_cast<size_t>(m * n), 1.0f), Floats(static_cast<size_t>(m * n), 1.0f)};
      for (int which = 0; which < 2; ++which) {
        GemmArguments g;
        g.m = m, g.n = n, g.k = k, g.a = a.data(), g.b = b.data(), g.c = c[which].data(), g.ldc = n;
        g.transposeA = form & 1, g.lda = g.transposeA ? m : k;
        g.transposeB = form & 2, g.ldb = g.transposeB ? k : n;
        g.accumulate = form == 1, g.bias = form == 2 ? bias.data() : nullptr;
        (which == 0 ? amx : plain).gemm(pool, g);
      }
      if (!alike(c[0], c[1], 0)) return false;
    }
  }
  return true;
}

bool same_lstm(ThreadPool& pool, const Kernels& amx, const Kernels& plain) {
  constexpr int64_t B = 35, T = 2, D = 5, H = 35;
  const Floats x = numbers(B * T * D, 0.125f, 4), kernel = numbers(D * 4 * H, 0.0625f, 5), recurrent = numbers(H * 4 * H, 0.03125f, 6);
  const Floats dy = numbers(B * T * H, 0.125f, 7);
  Floats y[2], gates[2], cells[2], dkernel[2], drecurrent[2], dh[2];
  for (int which = 0; which < 2; ++which) {
    const auto sized = [](int64_t n) { return Floats(static_cast<size_t>(n)); };
    y[which] = sized(B * T * H), gates[which] = sized(B * T * 4 * H), cells[which] = sized(B * T * H);
    dkernel[which] = sized(D * 4 * H), drecurrent[which] = sized(H * 4 * H), dh[which] = sized(B * H);
    LstmArguments in;
    in.batch = B, in.time = T, in.input = D, in.hidden = H;
    in.x = x.data(), in.kernel = kernel.data(), in.recurrentKernel = recurrent.data();
    LstmOutputs out;
    out.y = y[which].data(), out.gates = gates[which].data(), out.cells = cells[which].data();
    LstmGradients g;
    g.y = out.y, g.gates = out.gates, g.cells = out.cells, g.dy = dy.data();
    g.dkernel = dkernel[which].data(), g.drecurrentKernel = drecurrent[which].data(), g.dh0 = dh[which].data();
    const Kernels& k = which == 0 ? amx : plain;
    k.lstmForward(pool, in, out);
    k.lstmBackward(pool, in, g);
  }
  // h and the gradients of gates that fall on different sides of a rounding to 8 bits.
  return alike(y[0], y[1], 1e-3f) && alike(dkernel[0], dkernel[1], 1e-2f) && alike(drecurrent[0], drecurrent[1], 1e-2f) &&
         alike(dh[0], dh[1], 1e-2f);
}

}  // namespace

const char* check_amx() {
  const Kernels* const amx = amx_bf16::table();
  const Kernels* const plain = avx512_bf16::table();
  if (!amx || !plain) return "AMX was not known to the compiler";
  ThreadPool pool(1);
  if (!same_products(pool, *amx, *plain)) return "AMX computes other matrix products than AVX-512 here";
  if (!same_lstm(pool, *amx, *plain)) return "AMX computes another LSTM than AVX-512 here";
  return nullptr;
}

}  // namespace cadenza
#endif
