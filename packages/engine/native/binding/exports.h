// The addon's functions, by the file that defines them.
#pragma once

#include <vector>

#include "arguments.h"

namespace cadenza::binding {

const std::vector<Export>& system_exports();
const std::vector<Export>& recurrent_exports();
const std::vector<Export>& training_exports();
const std::vector<Export>& ctc_exports();
const std::vector<Export>& attention_exports();
const std::vector<Export>& tensor_exports();
const std::vector<Export>& decoder_exports();

}  // namespace cadenza::binding
