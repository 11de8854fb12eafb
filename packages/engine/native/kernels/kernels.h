// Kernels of the engine: plain C++17 over pointers, sizes and strides. No JavaScript, no printing, no exit.
//
// How the files are compiled (all with -std=c++17 -O3 -fno-math-errno -ffp-contract=fast
// plus -fPIC and -pthread when they go into an addon; never -ffast-math, because NaN and infinity must propagate):
//
//   cpu.cc memory.cc self_check.cc threads.cc
//                                 no further flags
//   isa_baseline.cc               no further flags (x86-64: SSE2; arm64: NEON; any compiler with vector extensions)
//   isa_avx2.cc                   x86-64 only: -mavx2 -mfma
//   isa_avx512.cc                 x86-64 only: -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl
//                                 -mprefer-vector-width=512 (g++ 12 also wants -Wno-maybe-uninitialized under -Wall)
//
//   isa_avx512_bf16.cc            x86-64 only: those of isa_avx512.cc and -mavx512bf16
//   isa_amx_bf16.cc               x86-64 only: those of isa_avx512_bf16.cc and -mamx-tile -mamx-bf16; with -DCADENZA_AMX_EMULATION
//                                 instead (for cpu.cc too) AMX is emulated, for tests on any machine with AVX512-BF16
//
// The two with bf16 hold nothing when a compiler that does not know their last flags compiles them without.
//
// The isa_*.cc files include the same kernel sources (*.inc) under a namespace of their own and are empty on machines
// other than x86-64 (except isa_baseline.cc), so that a build script may always compile all *.cc in this folder.
//
// With -DCADENZA_BASELINE, only the kernels of isa_baseline.cc are used and the other isa_*.cc may be left out.
//
// Letters: B batch, T time, D input, H hidden, V vocabulary. Matrices are row-major. Sequences are [B, T, *]; reserves are
// time-major. Gate order is that of Keras: i f g o for the LSTM, z r n for the GRU.
//
// A kernel gives bit-identical results whatever the number of threads. Inputs and outputs may not overlap unless said.
// Kernels throw std::bad_alloc when scratch memory runs out and cadenza::KernelError for arguments that they refuse; they
// trust pointers, sizes and ids (check ids with first_out_of_range before).
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "memory.h"
#include "threads.h"

namespace cadenza {

class KernelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Activation { none, relu, tanh, sigmoid };

struct PackedWeights;

// C[M,N] = activation(op(A)[M,K] op(B)[K,N] + bias[N]) (+ C first when accumulate; then bias is added once as well).
// Where B is packed, `b` may be null and the result is the same to the last bit as that of tiles; batch is 1 then.
// op(A) is A [M,K] with leading dimension lda, or, when transposeA, the transpose of A [K,M]; the same for B.
// batch > 1 repeats with pointers advanced by the strides (0 = the same matrix for all).
struct GemmArguments {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  int64_t lda = 0;
  bool transposeA = false;
  const float* b = nullptr;
  int64_t ldb = 0;
  bool transposeB = false;
  const PackedWeights* packed = nullptr;
  float* c = nullptr;
  int64_t ldc = 0;
  bool accumulate = false;
  const float* bias = nullptr;
  Activation activation = Activation::none;
  int64_t batch = 1;
  int64_t strideA = 0, strideB = 0, strideC = 0;
};

// Weights rearranged into panels, those of a recurrent layer by Kernels::packLstm (packGru, packRnn) and the right operand of matrix
// products by packMatrix: made once and given to many calls. Valid for the instruction set under which it was made (free and pack again after set_isa).
void free_packed_weights(PackedWeights* packed);

// LSTM over a sequence:
//   z = x W + b + (h_{t-1} * recurrentMask) U;  i, f, o = sigmoid, g = tanh;  c = f c_{t-1} + i g;  h = o tanh(c)
// With layer norms: z = LN(x W) + b + LN((h_{t-1} * recurrentMask) U), h = o tanh(LN(c)), each where its gain and bias are given.
// With a projection R to P units: h = (o tanh(c)) R. Without one P is H.
// Input: x [B,T,D] with kernel [D,4H], or (x null) ids [B,T] with kernel a table [V,4H] whose rows are the input products.
// Steps t >= lengths[b] carry the state and give a zero output row. reverse walks t from T-1 to 0.
// Zoneout: a state element keeps its previous value where the mask is 1; without masks and with a rate > 0 (evaluation):
// h = rate * h_{t-1} + (1 - rate) * h.
struct LstmArguments {
  int64_t batch = 0, time = 0, input = 0, hidden = 0, vocabulary = 0;
  const float* x = nullptr;                 // [B,T,D]
  const int32_t* ids = nullptr;             // [B,T]
  const float* kernel = nullptr;            // [D,4H] or [V,4H]; may be null when packed holds it (dense x)
  const float* recurrentKernel = nullptr;   // [P,4H]; may be null when packed is given
  const float* bias = nullptr;              // [4H], may be null
  const float* h0 = nullptr;                // [B,P], null = zeros
  const float* c0 = nullptr;                // [B,H], null = zeros
  const int32_t* lengths = nullptr;         // [B], optional
  const float* recurrentMask = nullptr;     // [B,P], optional
  const float* zoneoutMaskH = nullptr;      // [B,T,P], optional
  const float* zoneoutMaskC = nullptr;      // [B,T,H], optional
  float zoneoutH = 0, zoneoutC = 0;
  bool reverse = false;
  const PackedWeights* packed = nullptr;    // optional; not with norms or a projection
  int64_t projected = 0;                    // P, with a projection
  const float* projection = nullptr;        // [H,P], optional
  const float* normInput = nullptr;         // [2,4H]: gain and bias, optional
  const float* normRecurrent = nullptr;     // [2,4H], optional
  const float* normCell = nullptr;          // [2,H], optional
};
struct LstmOutputs {
  float* y = nullptr;      // [B,T,P]
  float* hLast = nullptr;  // [B,P], may be h0 itself (in place) or null
  float* cLast = nullptr;  // [B,H], may be c0 itself (in place) or null
  float* gates = nullptr;  // [T,B,4H] activations i f g o, in bf16 with bf16 operands, null = not kept
  float* cells = nullptr;  // [T,B,H] cell states c_t (after zoneout), null = not kept
  float* extra = nullptr;  // [T,B,4H] products with U before their norm, null = not kept; with normRecurrent only
};
struct LstmGradients {
  // what forward gave
  const float* y = nullptr;
  const float* gates = nullptr;
  const float* cells = nullptr;
  const float* extra = nullptr;  // with normRecurrent
  // what arrives; each may be null = zeros
  const float* dy = nullptr;      // [B,T,P]
  const float* dhLast = nullptr;  // [B,P]
  const float* dcLast = nullptr;  // [B,H]
  // what leaves; each may be null = not wanted; all are overwritten
  float* dx = nullptr;                // [B,T,D], only with dense x
  float* dkernel = nullptr;           // [D,4H] or [V,4H]
  float* drecurrentKernel = nullptr;  // [P,4H]
  float* dbias = nullptr;             // [4H]
  float* dh0 = nullptr;               // [B,P]
  float* dc0 = nullptr;               // [B,H]
  float* dprojection = nullptr;       // [H,P]
  float* dnormInput = nullptr;        // [2,4H]; this and the two below only where the norm is given
  float* dnormRecurrent = nullptr;    // [2,4H]
  float* dnormCell = nullptr;         // [2,H]
};

// GRU: z, r = sigmoid(x W + b + h U);
//   resetAfter: n = tanh(x W_n + b_n + r * (h U_n + b2_n)), bias [2,3H] (input, recurrent)
//   otherwise:  n = tanh(x W_n + b_n + (r * h) U_n),        bias [3H]
//   h = z h_{t-1} + (1 - z) n
// With a recurrentMask, h in the products (not in the last line) is h_{t-1} * mask. With norms the products become LN(x W) over 3H
// and, with resetAfter, LN(h U) over 3H; otherwise LN over the 2H of z and r, and over the H of n.
struct GruArguments {
  int64_t batch = 0, time = 0, input = 0, hidden = 0, vocabulary = 0;
  const float* x = nullptr;
  const int32_t* ids = nullptr;
  const float* kernel = nullptr;           // [D,3H] or [V,3H]
  const float* recurrentKernel = nullptr;  // [H,3H]
  const float* bias = nullptr;             // [2,3H] or [3H], may be null
  const float* h0 = nullptr;
  const int32_t* lengths = nullptr;
  const float* recurrentMask = nullptr;
  const float* zoneoutMaskH = nullptr;
  const float* normInput = nullptr;      // [2,3H]: gain and bias of the layer norm of x W, optional
  const float* normRecurrent = nullptr;  // [2,3H], of h U
  float zoneoutH = 0;
  bool reverse = false;
  bool resetAfter = true;
  const PackedWeights* packed = nullptr;
};
struct GruOutputs {
  float* y = nullptr;
  float* hLast = nullptr;
  float* gates = nullptr;  // [T,B,4H]: z, r, n, and h U_n + b2_n (resetAfter) or r * h (otherwise)
};
struct GruGradients {
  const float* y = nullptr;
  const float* gates = nullptr;
  const float* dy = nullptr;
  const float* dhLast = nullptr;
  float* dx = nullptr;
  float* dkernel = nullptr;
  float* drecurrentKernel = nullptr;
  float* dbias = nullptr;  // [2,3H] or [3H]
  float* dh0 = nullptr;
  float* dnormInput = nullptr;      // [2,3H]
  float* dnormRecurrent = nullptr;  // [2,3H]
};

// Elman network: h = activation(x W + b + (h_{t-1} * recurrentMask) U), activation tanh or relu; with norms of LN(x W) and LN(h U).
struct RnnArguments {
  int64_t batch = 0, time = 0, input = 0, hidden = 0, vocabulary = 0;
  const float* x = nullptr;
  const int32_t* ids = nullptr;
  const float* kernel = nullptr;           // [D,H] or [V,H]
  const float* recurrentKernel = nullptr;  // [H,H]
  const float* bias = nullptr;             // [H], may be null
  const float* h0 = nullptr;
  const int32_t* lengths = nullptr;
  const float* recurrentMask = nullptr;
  const float* zoneoutMaskH = nullptr;
  const float* normInput = nullptr;      // [2,H]: gain and bias of the layer norm of x W, optional
  const float* normRecurrent = nullptr;  // [2,H], of h U
  float zoneoutH = 0;
  bool reverse = false;
  Activation activation = Activation::tanh;
  const PackedWeights* packed = nullptr;
};
struct RnnOutputs {
  float* y = nullptr;
  float* hLast = nullptr;
  float* reserve = nullptr;  // [T,B,H]: activation(...) before zoneout
};
struct RnnGradients {
  const float* y = nullptr;
  const float* reserve = nullptr;
  const float* dy = nullptr;
  const float* dhLast = nullptr;
  float* dx = nullptr;
  float* dkernel = nullptr;
  float* drecurrentKernel = nullptr;
  float* dbias = nullptr;
  float* dh0 = nullptr;
  float* dnormInput = nullptr;      // [2,H]
  float* dnormRecurrent = nullptr;  // [2,H]
};

// Attention: e_ts = scale (q_t . k_s), or with a vector v e_ts = v . tanh(q_t + k_s); alpha = softmax of e over the positions
// s < lengths[b]; context_t = sum_s alpha_ts value_s. Weights beyond the length are 0, and the keys and values there are not read.
// A row of length 0 gives zeros. With N heads, which H and C are multiples of, head n does it with numbers n H/N to (n+1) H/N of queries,
// keys and vector and n C/N to (n+1) C/N of values and context.
struct AttentionArguments {
  int64_t batch = 0, time = 0, positions = 0, width = 0, valueWidth = 0;  // B, T, S, H, C
  int64_t heads = 1;                                                      // N
  const float* query = nullptr;      // [B,T,H]
  const float* keys = nullptr;       // [B,S,H]
  const float* values = nullptr;     // [B,S,C]
  const float* vector = nullptr;     // [H]; null = inner products
  float scale = 1;                   // of the inner products
  const int32_t* lengths = nullptr;  // [B], optional
};
struct AttentionOutputs {
  float* context = nullptr;  // [B,T,C]
  float* weights = nullptr;  // [B,N,T,S]
};
struct AttentionGradients {
  const float* weights = nullptr;   // what forward gave
  const float* dcontext = nullptr;  // [B,T,C]
  const float* dweights = nullptr;  // [B,N,T,S], null = zeros
  // All overwritten.
  float* dquery = nullptr;
  float* dkeys = nullptr;
  float* dvalues = nullptr;
  float* dvector = nullptr;  // with a vector only
};

// CTC (Graves, Fernandez, Gomez and Schmidhuber 2006, equations 6 to 16): with y_t = softmax(logits_t) and l' the labels with a
// blank before, between and after them,
//   alpha_t(s) = y_t(l'_s) (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [l'_s is no blank and not l'_{s-2}] alpha_{t-1}(s-2))
//   beta_t(s) the same backwards without y_t(l'_s);  p = sum_s alpha_t(s) beta_t(s) for each t;  loss = -log p
//   dlogits_t(k) = y_t(k) - sum_{s: l'_s = k} alpha_t(s) beta_t(s) / p
// Labels that no alignment reaches give infinity and a gradient of NaN, with zeroInfinity 0 and 0. Nothing beyond a row's lengths
// is read, and its gradient is 0.
struct CtcArguments {
  int64_t batch = 0, frames = 0, vocabulary = 0;
  int64_t longest = 0;                    // L
  int32_t blank = 0;
  bool zeroInfinity = false;
  const float* logits = nullptr;          // [B,F,V]
  const int32_t* labels = nullptr;        // [B,L], no blanks among those that count
  const int32_t* frameLengths = nullptr;  // [B]
  const int32_t* labelLengths = nullptr;  // [B]
};

// p -= learningRate * (m'/biasCorrection1) / (sqrt(v'/biasCorrection2) + epsilon) + learningRate * weightDecay * p, with the
// gradient multiplied by gradientScale first. Outputs may be the inputs themselves.
struct AdamArguments {
  int64_t size = 0;
  const float* parameter = nullptr;
  const float* gradient = nullptr;
  const float* m = nullptr;
  const float* v = nullptr;
  float* parameterOut = nullptr;
  float* mOut = nullptr;
  float* vOut = nullptr;
  double learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, gradientScale = 1;
  double biasCorrection1 = 1, biasCorrection2 = 1;
};

enum class UnaryOperation {
  tanh, sigmoid, relu, exp, log, sqrt, rsqrt, square, negate, absolute, reciprocal
};
enum class BinaryOperation { add, subtract, multiply, divide, maximum, minimum, squaredDifference };
enum class ReduceOperation { sum, mean, maximum, minimum };

constexpr int maximumRank = 8;

struct StepKernels;

// The kernels that read operands of matrix products, or panels of them: those of an instruction set with bf16 operands are all its own.
struct ProductKernels {
  int gatesPerWord;  // how many gates of the LSTM's reserve stand in the place of a float: 1, or 2 in bf16

  void (*gemm)(ThreadPool&, const GemmArguments&);
  // op(B) [depth,columns], as in GemmArguments.
  PackedWeights* (*packMatrix)(ThreadPool&, int64_t depth, int64_t columns, const float* b, int64_t ldb, bool transposeB);
  // The register tile alone, for measuring the peak: c += a b, `repeats` times over operands that stay in L1 (a 32 x 160, b 160 x
  // 32, c 32 x 32 floats at most). Returns the floating-point operations of one repetition.
  int64_t (*l1Product)(int64_t repeats, const float* a, const float* b, float* c);

  void (*lstmForward)(ThreadPool&, const LstmArguments&, const LstmOutputs&);
  void (*lstmBackward)(ThreadPool&, const LstmArguments&, const LstmGradients&);
  // Packs the recurrent kernel [H,4H] and, when not null, the kernel [D,4H] for dense inputs.
  PackedWeights* (*packLstm)(ThreadPool&, int64_t input, int64_t hidden, const float* kernel, const float* recurrentKernel);

  void (*gruForward)(ThreadPool&, const GruArguments&, const GruOutputs&);
  void (*gruBackward)(ThreadPool&, const GruArguments&, const GruGradients&);
  PackedWeights* (*packGru)(ThreadPool&, bool resetAfter, int64_t hidden, const float* recurrentKernel);

  void (*rnnForward)(ThreadPool&, const RnnArguments&, const RnnOutputs&);
  void (*rnnBackward)(ThreadPool&, const RnnArguments&, const RnnGradients&);
  PackedWeights* (*packRnn)(ThreadPool&, int64_t hidden, const float* recurrentKernel);
};

// All kernels of one instruction set.
struct Kernels : ProductKernels {
  const char* isa;  // "amxbf16", "avx512bf16", "avx512", "avx2" or "baseline"

  // y[n,:] = table[ids[n],:]
  void (*embeddingForward)(ThreadPool&, const float* table, int64_t width, const int32_t* ids, int64_t count, float* y);
  // dtable[ids[n],:] += dy[n,:] over a dtable [vocabulary,width] zeroed first
  void (*embeddingBackward)(ThreadPool&, const float* dy, int64_t width, const int32_t* ids, int64_t count, int64_t vocabulary,
                            float* dtable);

  void (*attentionForward)(ThreadPool&, const AttentionArguments&, const AttentionOutputs&);
  void (*attentionBackward)(ThreadPool&, const AttentionArguments&, const AttentionGradients&);

  // normalizers [2,rows]: greatest[n] = max(logits[n,:]), logSum[n] = log(sum(exp(logits[n,:] - greatest[n])))
  // losses[n] = logSum[n] + greatest[n] - (1 - smoothing) logits[n,labels[n]] - smoothing mean(logits[n,:]) (0 where the label is -1)
  void (*softmaxCrossEntropyForward)(ThreadPool&, const float* logits, const int32_t* labels, int64_t rows, int64_t columns,
                                     float smoothing, float* losses, float* normalizers);
  // dlogits[n,:] = dy[n] (exp(logits[n,:] - greatest[n] - logSum[n]) - (1 - smoothing) onehot(labels[n]) - smoothing / columns);
  // dlogits may be logits itself
  void (*softmaxCrossEntropyBackward)(ThreadPool&, const float* logits, const int32_t* labels, const float* normalizers,
                                      const float* dy, int64_t rows, int64_t columns, float smoothing, float* dlogits);
  // With p = softmax(logits[n,:]), q = softmax(logits[rows+n,:]) of logits [2 rows,columns] and difference = log p - log q:
  // divergence[n] = sum p difference, divergence[rows+n] = -sum q difference, losses[n] = their mean (all 0 where labels[n] is -1);
  // normalizers [2,2 rows] as above
  void (*consistencyForward)(ThreadPool&, const float* logits, const int32_t* labels, int64_t rows, int64_t columns, float* losses,
                             float* normalizers, float* divergence);
  // dlogits[n,:] = dy[n] / 2 (p (difference - divergence[n]) + p - q), dlogits[rows+n,:] = dy[n] / 2 (-q (difference +
  // divergence[rows+n]) + q - p); dlogits may be logits itself
  void (*consistencyBackward)(ThreadPool&, const float* logits, const int32_t* labels, const float* normalizers,
                              const float* divergence, const float* dy, int64_t rows, int64_t columns, float* dlogits);
  // The `count` (1 to columns) greatest of log-softmax(x [rows,columns]) in each row, the greatest first and the lower id first among
  // equals -> values, ids [rows,count]. A row of -infinity gives that; one with NaN or +infinity gives NaN and the first ids.
  void (*topLogProbabilities)(ThreadPool&, const float* x, int64_t rows, int64_t columns, int64_t count, float* values, int32_t* ids);
  // Rows of x [rows,columns]; logarithm = true gives log-softmax. y may be x.
  void (*softmax)(ThreadPool&, const float* x, int64_t rows, int64_t columns, bool logarithm, float* y);

  // -> losses [B] and dlogits [B,F,V], null = not wanted
  void (*ctcLoss)(ThreadPool&, const CtcArguments&, float* losses, float* dlogits);

  void (*adam)(ThreadPool&, const AdamArguments&);
  // y = a + weight (b - a); y may be a or b
  void (*lerp)(ThreadPool&, const float* a, const float* b, float weight, int64_t size, float* y);
  // In float64, partial sums of 4096 elements added in order.
  double (*sumSquares)(ThreadPool&, const float* x, int64_t size);

  // Dropout by Philox4x32-10: element e uses lane e%4 of counter block e/4 and is kept when its bits >= floor(rate 2^32).
  // y may be x.
  void (*dropout)(ThreadPool&, const float* x, int64_t size, double rate, uint32_t seed0, uint32_t seed1, float* y);
  // x [B,T,D], one mask [B,D] for all steps. y may be x.
  void (*lockedDropout)(ThreadPool&, const float* x, int64_t batch, int64_t time, int64_t width, double rate, uint32_t seed0,
                        uint32_t seed1, float* y);
  // 0 or keepValue
  void (*dropoutMask)(ThreadPool&, int64_t size, double rate, uint32_t seed0, uint32_t seed1, float keepValue, float* y);

  // y may be x.
  void (*unary)(ThreadPool&, UnaryOperation, const float* x, int64_t size, float* y);
  // y [shape] row-major = a op b, each read with its strides in elements (0 = broadcast). rank <= maximumRank, 0 = scalar.
  // y may be a (b) when a (b) is read contiguously.
  void (*binary)(ThreadPool&, BinaryOperation, int rank, const int64_t* shape, const float* a, const int64_t* stridesA,
                 const float* b, const int64_t* stridesB, float* y);

  // y [outer,inner] from x [outer,length,inner] over the middle axis: inner = 1 reduces rows, outer = 1 columns.
  void (*reduce)(ThreadPool&, ReduceOperation, const float* x, int64_t outer, int64_t length, int64_t inner, float* y);

  // to[index . stridesTo] = from[index . stridesFrom] over all indices of shape: transposition, slice, concatenation (one call
  // an input), tile, reversal (negative strides; the pointer then addresses the element of index 0). 4-byte elements.
  void (*copyStrided)(ThreadPool&, int rank, const int64_t* shape, const void* from, const int64_t* stridesFrom, void* to,
                      const int64_t* stridesTo);
  // 4-byte elements
  void (*fill)(ThreadPool&, void* y, uint32_t bits, int64_t size);
  void (*castIntToFloat)(ThreadPool&, const int32_t* x, int64_t size, float* y);
  // Towards zero; NaN and what does not fit give what JavaScript's ToInt32 gives.
  void (*castFloatToInt)(ThreadPool&, const float* x, int64_t size, int32_t* y);

  // Single steps (decoding): step_kernels.h, decoder.h.
  const StepKernels* steps;
};

// The kernels in use on this thread: the best instruction set of this CPU unless set_isa chose another there.
const Kernels& kernels();
// "avx512", "avx2", "baseline", or null/"" for the best of them; "avx512bf16" is AVX-512 with the operands of matrix products and of
// recurrent layers rounded to bf16, and is never chosen without being asked for; "amxbf16" is the same by AMX, on a CPU that has both.
// False when unknown or when this CPU cannot run it (nothing changes).
bool set_isa(const char* name);
// Why set_isa("amxbf16") fails here; "" when it does not. Asks the system's permission and checks the kernels at the first call.
const char* amx_reason();
// How many times as fast as "avx512" multiplies "avx512bf16" does, measured at the first call (about a millisecond); 0 when it is not there.
double bf16_gain();
// Position of the first id outside [0, limit), or -1.
int64_t first_out_of_range(const int32_t* ids, int64_t count, int64_t limit);

}  // namespace cadenza
