#pragma once

// Tests decoding with the instruction set in use.
void test_decoder();
