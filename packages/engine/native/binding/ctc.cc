// The CTC loss with its gradient.
#include "../kernels/kernels.h"
#include "exports.h"

namespace cadenza::binding {

namespace {

// The labels that count, row by row: classes other than the blank.
void check_labels(const CtcArguments& a) {
  for (int64_t b = 0; b < a.batch; ++b) {
    const int32_t* const labels = a.labels + b * a.longest;
    check_range("labels", labels, a.labelLengths[b], 0, a.vocabulary);
    for (int64_t i = 0; i < a.labelLengths[b]; ++i) {
      if (labels[i] == a.blank) refuse("labels", "other than the blank", std::to_string(labels[i]));
    }
  }
}

napi_value ctc_loss(Arguments& arguments) {
  CtcArguments a;
  a.batch = arguments.size("batch");
  a.frames = arguments.size("frames");
  a.vocabulary = arguments.size("vocabulary");
  a.longest = arguments.size("longest");
  const int64_t blank = arguments.size("blank");
  if (blank >= a.vocabulary) refuse("blank", "less than vocabulary", std::to_string(blank));
  a.blank = static_cast<int32_t>(blank);
  a.zeroInfinity = arguments.boolean("zeroInfinity");
  const int64_t size = elements({a.batch, a.frames, a.vocabulary});
  a.logits = arguments.floats("logits", size);
  a.labels = arguments.integers("labels", elements({a.batch, a.longest}));
  a.frameLengths = arguments.integers("frameLengths", a.batch);
  check_range("frameLengths", a.frameLengths, a.batch, 0, a.frames + 1);
  a.labelLengths = arguments.integers("labelLengths", a.batch);
  check_range("labelLengths", a.labelLengths, a.batch, 0, a.longest + 1);
  check_labels(a);
  float* losses = arguments.output("losses", a.batch);
  float* dlogits = arguments.optional_output("dlogits", size);
  kernels().ctcLoss(default_pool(), a, losses, dlogits);
  return nullptr;
}

}  // namespace

const std::vector<Export>& ctc_exports() {
  static const std::vector<Export> exports = {{"ctcLoss", callback<ctc_loss>}};
  return exports;
}

}  // namespace cadenza::binding
