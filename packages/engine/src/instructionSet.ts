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

/** The instruction set that was chosen. */
export interface ChosenInstructionSet {
  name: string;
  precision: Precision;
  /** What limits the choice: `CADENZA_ISA`, or why a CPU with AMX goes without; else empty. */
  note: string;
}

/**
 * Makes the native kernels use the best instruction set of this CPU for a precision, none better than `limit` (the variable
 * `CADENZA_ISA`); where there are no bf16 instructions, the best for `f32`.
 */
export function chooseInstructionSet(
  addon: Pick<Addon, 'setIsa' | 'amxReason'>,
  precision: Precision,
  limit?: string,
): ChosenInstructionSet {
  const first = limit ? ORDER.indexOf(limit as InstructionSet) : 0;
  if (first < 0) throw new ConfigError(expected('CADENZA_ISA', `one of ${ORDER.join(', ')}`, limit));
  // Kernels with bf16 operands are not for f32.
  const from = precision === 'bf16' ? first : Math.max(first, ORDER.indexOf('avx512'));
  const isa = ORDER.slice(from).find((name) => addon.setIsa(name))!;
  const reason = from === 0 && isa === 'avx512bf16' ? addon.amxReason() : '';
  return {
    name: NAMES[isa],
    precision: isa.endsWith('bf16') ? 'bf16' : 'f32',
    note: limit ? `CADENZA_ISA=${limit}` : reason === NO_AMX ? '' : reason,
  };
}
