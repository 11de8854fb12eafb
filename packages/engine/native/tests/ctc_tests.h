#pragma once

// Tests the CTC loss and its gradient with the instruction set in use.
void test_ctc();
