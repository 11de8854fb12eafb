import { describe, expect, it } from 'vitest';
import { chooseInstructionSet, type InstructionSet } from '../src/instructionSet.js';

/** An addon on a CPU that has some instruction sets. */
function cpu(has: InstructionSet[], amxReason = 'no AMX on this CPU') {
  const asked: string[] = [];
  let isa: string | undefined;
  const setIsa = (name: string) => {
    asked.push(name);
    const done = has.includes(name as InstructionSet);
    if (done) isa = name;
    return done;
  };
  return { setIsa, amxReason: () => amxReason, asked, isa: () => isa };
}
const NO_BF16: InstructionSet[] = ['avx512', 'avx2', 'baseline'];
const ZEN4: InstructionSet[] = ['avx512bf16', ...NO_BF16];
const SAPPHIRE_RAPIDS: InstructionSet[] = ['amxbf16', ...ZEN4];

describe('chooseInstructionSet', () => {
  it.each([
    [SAPPHIRE_RAPIDS, 'bf16', undefined, 'amxbf16', 'AMX with bf16'],
    [ZEN4, 'bf16', undefined, 'avx512bf16', 'AVX-512 with bf16'],
    [NO_BF16, 'bf16', undefined, 'avx512', 'AVX-512'],
    [['baseline'], 'bf16', undefined, 'baseline', 'baseline instructions'],
    [SAPPHIRE_RAPIDS, 'f32', undefined, 'avx512', 'AVX-512'],
    [['avx2', 'baseline'], 'f32', undefined, 'avx2', 'AVX2'],
    [SAPPHIRE_RAPIDS, 'bf16', 'avx512bf16', 'avx512bf16', 'AVX-512 with bf16'],
    [SAPPHIRE_RAPIDS, 'f32', 'amxbf16', 'avx512', 'AVX-512'],
    [SAPPHIRE_RAPIDS, 'bf16', 'avx2', 'avx2', 'AVX2'],
    [['baseline'], 'f32', 'avx512', 'baseline', 'baseline instructions'],
    [ZEN4, 'f32', '', 'avx512', 'AVX-512'],
  ] as const)('on a CPU with %j takes for %s, limit %s, %s', (has, precision, limit, isa, name) => {
    const addon = cpu([...has]);
    const chosen = chooseInstructionSet(addon, precision, limit);
    expect(addon.isa()).toBe(isa);
    expect(chosen).toEqual({
      name,
      precision: isa.endsWith('bf16') ? 'bf16' : 'f32',
      note: limit ? `CADENZA_ISA=${limit}` : '',
    });
  });

  it('does not ask for AMX, and so not for its check, in f32', () => {
    const addon = cpu(SAPPHIRE_RAPIDS);
    chooseInstructionSet(addon, 'f32');
    expect(addon.asked).toEqual(['avx512']);
  });

  it('says why a CPU with AMX goes without', () => {
    const chosen = chooseInstructionSet(cpu(ZEN4, 'AMX is not permitted by the system'), 'bf16');
    expect(chosen).toEqual({
      name: 'AVX-512 with bf16',
      precision: 'bf16',
      note: 'AMX is not permitted by the system',
    });
  });

  it('refuses an unknown limit', () => {
    expect(() => chooseInstructionSet(cpu(ZEN4), 'f32', 'neon')).toThrow(
      'Expected CADENZA_ISA to be one of amxbf16, avx512bf16, avx512, avx2, baseline, got "neon"',
    );
  });
});
