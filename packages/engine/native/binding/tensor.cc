// Matrix products, elementwise operations, reductions, rearrangements.
#include "../kernels/kernels.h"
#include "exports.h"
#include "packed.h"

namespace cadenza::binding {

namespace {

// A shape and the strides of the arrays that are walked with it, from one Int32Array [shape, strides, strides].
struct Walk {
  int rank = 0;
  bool isEmpty = false;
  int64_t shape[maximumRank];
  int64_t strides[2][maximumRank];
};

Walk read_walk(Arguments& arguments, int arrays) {
  Walk walk;
  int64_t count = 0;
  const int32_t* numbers = arguments.integers("walk", -1, &count);
  const int64_t rank = count / (1 + arrays);
  if (rank * (1 + arrays) != count || rank > maximumRank) {
    refuse("walk", "a shape of at most 8 axes with its strides", std::to_string(count) + " numbers");
  }
  walk.rank = static_cast<int>(rank);
  for (int axis = 0; axis < walk.rank; axis++) {
    walk.shape[axis] = numbers[axis];
    if (walk.shape[axis] < 0) refuse("walk", "a shape of lengths from 0", std::to_string(walk.shape[axis]));
    walk.isEmpty = walk.isEmpty || walk.shape[axis] == 0;
    for (int array = 0; array < arrays; array++) walk.strides[array][axis] = numbers[(1 + array) * rank + axis];
  }
  return walk;
}

// Refuses a walk that leaves an array of `length` elements when it starts at `offset`.
void check_walk(const char* name, const Walk& walk, int array, int64_t offset, int64_t length) {
  if (walk.isEmpty) return;
  int64_t lowest = offset;
  int64_t highest = offset;
  // No array is as long as one axis may reach (2^62), so that the sums cannot overflow when the walk ends with the first.
  for (int axis = 0; axis < walk.rank && lowest >= 0 && highest < length; axis++) {
    const int64_t reach = (walk.shape[axis] - 1) * walk.strides[array][axis];
    (reach < 0 ? lowest : highest) += reach;
  }
  if (lowest < 0 || highest >= length) {
    refuse(std::string("the walk over ") + name, "inside its " + std::to_string(length) + " elements",
           "elements " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
}

// Refuses a walk that could meet an element twice: two threads would write it, and in no fixed order. From the smallest stride
// on, each must step over all that the axes before it reach, as those of every slice of a dense array do.
void check_apart(const char* name, const Walk& walk, int array) {
  if (walk.isEmpty) return;
  bool done[maximumRank] = {};
  int64_t reach = 0;
  for (int n = 0; n < walk.rank; n++) {
    int smallest = -1;
    int64_t stride = 0;
    for (int axis = 0; axis < walk.rank; axis++) {
      const int64_t size = walk.strides[array][axis] < 0 ? -walk.strides[array][axis] : walk.strides[array][axis];
      if (!done[axis] && (smallest < 0 || size < stride)) {
        smallest = axis;
        stride = size;
      }
    }
    done[smallest] = true;
    if (walk.shape[smallest] == 1) continue;
    if (stride <= reach) refuse(std::string("the walk over ") + name, "without an element met twice", "overlapping strides");
    reach += (walk.shape[smallest] - 1) * stride;
  }
}

napi_value gemm(Arguments& arguments) {
  GemmArguments g;
  g.m = arguments.size("m");
  g.n = arguments.size("n");
  g.k = arguments.size("k");
  g.batch = arguments.size("batch");
  const bool sharedA = arguments.boolean("sharedA");
  const bool sharedB = arguments.boolean("sharedB");
  const int64_t sizeA = elements({g.m, g.k});
  const int64_t sizeB = elements({g.k, g.n});
  g.strideA = sharedA ? 0 : sizeA;
  g.strideB = sharedB ? 0 : sizeB;
  g.strideC = elements({g.m, g.n});
  g.a = arguments.floats("a", elements({sharedA ? 1 : g.batch, sizeA}));
  g.transposeA = arguments.boolean("transposeA");
  g.b = arguments.floats("b", elements({sharedB ? 1 : g.batch, sizeB}));
  g.transposeB = arguments.boolean("transposeB");
  g.bias = arguments.optional_floats("bias", g.n);
  g.activation = static_cast<Activation>(arguments.choice("activation", 4));
  g.c = arguments.output("c", elements({g.batch, g.strideC}));
  if (g.strideC == 0) return nullptr;
  g.lda = g.transposeA ? g.m : g.k;
  g.ldb = g.transposeB ? g.k : g.n;
  g.ldc = g.n;
  kernels().gemm(default_pool(), g);
  return nullptr;
}

napi_value pack_matrix(Arguments& arguments) {
  const int64_t k = arguments.size("k");
  const int64_t n = arguments.size("n");
  const float* b = arguments.floats("b", elements({k, n}));
  const bool transposeB = arguments.boolean("transposeB");
  if (k == 0 || n == 0) refuse("a packed matrix", "one with elements", "one without");
  PackedWeights* packed = kernels().packMatrix(default_pool(), k, n, b, transposeB ? k : n, transposeB);
  return make_packed(arguments.env(), packed, Cell::matrix, k, n);
}

napi_value gemm_packed(Arguments& arguments) {
  GemmArguments g;
  g.m = arguments.size("m");
  g.n = g.ldc = arguments.size("n");
  g.k = arguments.size("k");
  g.a = arguments.floats("a", elements({g.m, g.k}));
  g.transposeA = arguments.boolean("transposeA");
  g.lda = g.transposeA ? g.m : g.k;
  g.packed = read_packed(arguments.env(), arguments.value("packed"), Cell::matrix, g.k, g.n).weights.get();
  g.bias = arguments.optional_floats("bias", g.n);
  g.activation = static_cast<Activation>(arguments.choice("activation", 4));
  g.c = arguments.output("c", elements({g.m, g.n}));
  kernels().gemm(default_pool(), g);
  return nullptr;
}

napi_value unary(Arguments& arguments) {
  const auto operation = static_cast<UnaryOperation>(arguments.choice("operation", 11));
  int64_t size = 0;
  const float* x = arguments.floats("x", -1, &size);
  float* y = arguments.output("y", size);
  kernels().unary(default_pool(), operation, x, size, y);
  return nullptr;
}

napi_value binary(Arguments& arguments) {
  const auto operation = static_cast<BinaryOperation>(arguments.choice("operation", 7));
  const Walk walk = read_walk(arguments, 2);
  int64_t sizeA = 0;
  int64_t sizeB = 0;
  const float* a = arguments.floats("a", -1, &sizeA);
  const float* b = arguments.floats("b", -1, &sizeB);
  check_walk("a", walk, 0, 0, sizeA);
  check_walk("b", walk, 1, 0, sizeB);
  int64_t size = walk.isEmpty ? 0 : 1;
  for (int axis = 0; axis < walk.rank; axis++) size = elements({size, walk.shape[axis]});
  float* y = arguments.output("y", size);
  if (walk.isEmpty) return nullptr;
  kernels().binary(default_pool(), operation, walk.rank, walk.shape, a, walk.strides[0], b, walk.strides[1], y);
  return nullptr;
}

napi_value reduce(Arguments& arguments) {
  const auto operation = static_cast<ReduceOperation>(arguments.choice("operation", 4));
  const int64_t outer = arguments.size("outer");
  const int64_t length = arguments.size("length");
  const int64_t inner = arguments.size("inner");
  const float* x = arguments.floats("x", elements({outer, length, inner}));
  float* y = arguments.output("y", elements({outer, inner}));
  kernels().reduce(default_pool(), operation, x, outer, length, inner, y);
  return nullptr;
}

napi_value copy_strided(Arguments& arguments) {
  const Walk walk = read_walk(arguments, 2);
  int64_t sizeFrom = 0;
  const float* from = arguments.floats("from", -1, &sizeFrom);
  const int64_t fromOffset = arguments.size("fromOffset");
  const int64_t sizeTo = arguments.size("toLength");
  float* to = arguments.output("to", sizeTo);
  const int64_t toOffset = arguments.size("toOffset");
  check_walk("from", walk, 0, fromOffset, sizeFrom);
  check_walk("to", walk, 1, toOffset, sizeTo);
  check_apart("to", walk, 1);
  if (walk.isEmpty) return nullptr;
  kernels().copyStrided(default_pool(), walk.rank, walk.shape, from + fromOffset, walk.strides[0], to + toOffset,
                        walk.strides[1]);
  return nullptr;
}

napi_value cast_int_to_float(Arguments& arguments) {
  int64_t size = 0;
  const int32_t* x = arguments.integers("x", -1, &size);
  float* y = arguments.output("y", size);
  kernels().castIntToFloat(default_pool(), x, size, y);
  return nullptr;
}

napi_value cast_float_to_int(Arguments& arguments) {
  int64_t size = 0;
  const float* x = arguments.floats("x", -1, &size);
  int32_t* y = arguments.integer_output("y", size);
  kernels().castFloatToInt(default_pool(), x, size, y);
  return nullptr;
}

}  // namespace

const std::vector<Export>& tensor_exports() {
  static const std::vector<Export> exports = {
      {"gemm", callback<gemm>},
      {"packMatrix", callback<pack_matrix>},
      {"gemmPacked", callback<gemm_packed>},
      {"unary", callback<unary>},
      {"binary", callback<binary>},
      {"reduce", callback<reduce>},
      {"copyStrided", callback<copy_strided>},
      {"castIntToFloat", callback<cast_int_to_float>},
      {"castFloatToInt", callback<cast_float_to_int>},
  };
  return exports;
}

}  // namespace cadenza::binding
