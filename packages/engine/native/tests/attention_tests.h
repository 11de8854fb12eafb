#pragma once

// Tests attention with the instruction set in use, whose matrix products may have bf16 operands.
void test_attention(bool bf16);
// Tests the most probable classes of rows.
void test_top_log_probabilities();
