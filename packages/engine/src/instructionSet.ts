import { ConfigError, expected } from '@cadenza/core';
import type { Addon } from './addon.js';

export type Precision = 'f32' | 'bf16';

/** What people call them, the best first. */
const NAMES = {
  amxbf16: 'AMX with bf16',
  avx512bf16: 'AVX-512 with bf16',
  avx512: 'AVX-512',
  avx2: 'AVX2',
  baseline: 'baseline instructions',
};
export type InstructionSet = keyof typeof NAMES;
const ORDER = Object.keys(NAMES) as InstructionSet[];

/** What `amxReason` says of most machines, which is not worth a word. */
const NO_AMX = 'no AMX on this CPU';

const SLOW_BF16 = 'bf16 is slower than f32 on this CPU without AMX';

/** As Intel's CPUs are where AMX is kept from a program: their products of bf16 outside of it take twice the time of float32's. */
function isSlow(addon: Pick<Addon, 'bf16Gain'>): boolean {
  const gain = addon.bf16Gain();
  return gain > 0 && gain < 1;
}

/** The instruction set that was chosen. */
export interface ChosenInstructionSet {
  name: string;
  precision: Precision;
  /** What limits the choice: `CADENZA_ISA`, or why a CPU with AMX goes without; else empty. */
  note: string;
  /** Why bf16 was asked for and f32 is used; else empty. */
  noBf16: string;
}

/**
 * Makes the native kernels use the best instruction set of this CPU for a precision, none better than `limit` (the variable
 * `CADENZA_ISA`); where bf16 instructions are missing or slower than those of `f32`, the best for `f32`. Named by the limit,
 * they are taken even so.
 */
export function chooseInstructionSet(
  addon: Pick<Addon, 'setIsa' | 'amxReason' | 'bf16Gain'>,
  precision: Precision,
  limit?: string,
): ChosenInstructionSet {
  const first = limit ? ORDER.indexOf(limit as InstructionSet) : 0;
  if (first < 0) throw new ConfigError(expected('CADENZA_ISA', `one of ${ORDER.join(', ')}`, limit));
  // Kernels with bf16 operands are not for f32.
  const from = precision === 'bf16' ? first : Math.max(first, ORDER.indexOf('avx512'));
  let isPassedOver = false;
  const isa = ORDER.slice(from).find((name) => {
    if (name !== 'avx512bf16' || name === limit || !isSlow(addon)) return addon.setIsa(name);
    isPassedOver = true;
    return false;
  })!;
  const isBf16 = isa.endsWith('bf16');
  const reason = from === 0 && (isa === 'avx512bf16' || isPassedOver) ? addon.amxReason() : '';
  return {
    name: NAMES[isa],
    precision: isBf16 ? 'bf16' : 'f32',
    note: limit ? `CADENZA_ISA=${limit}` : reason === NO_AMX ? '' : reason,
    noBf16: precision === 'f32' || isBf16 ? '' : isPassedOver ? SLOW_BF16 : 'no bf16 instructions',
  };
}
