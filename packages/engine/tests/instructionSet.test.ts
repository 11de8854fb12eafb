import { describe, expect, it } from 'vitest';
import { chooseInstructionSet, type InstructionSet } from '../src/instructionSet.js';

/** An addon on a CPU that has some instruction sets. */
function cpu(has: InstructionSet[], amxReason = 'no AMX on this CPU', gain = 2) {
  const asked: string[] = [];
  let isa: string | undefined;
  const setIsa = (name: string) => {
    asked.push(name);
    const done = has.includes(name as InstructionSet);
    if (done) isa = name;
    return done;
  };
  return {
    setIsa,
    amxReason: () => amxReason,
    bf16Gain: () => (has.includes('avx512bf16') ? gain : 0),
    asked,
    isa: () => isa,
  };
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
      noBf16: precision === 'f32' || isa.endsWith('bf16') ? '' : 'no bf16 instructions',
    });
  });

  it.each([
    [ZEN4, undefined, 'no AMX on this CPU', 'avx512', ''],
    [ZEN4, undefined, 'AMX is not permitted by the system', 'avx512', 'AMX is not permitted by the system'],
    [ZEN4, 'amxbf16', 'no AMX on this CPU', 'avx512', 'CADENZA_ISA=amxbf16'],
    [ZEN4, 'avx512bf16', 'no AMX on this CPU', 'avx512bf16', 'CADENZA_ISA=avx512bf16'],
    [SAPPHIRE_RAPIDS, undefined, '', 'amxbf16', ''],
  ] as const)('where bf16 is slow outside of AMX, with %j, limit %s (%s), takes %s', (has, limit, amx, isa, note) => {
    const addon = cpu([...has], amx, 0.5);
    const chosen = chooseInstructionSet(addon, 'bf16', limit);
    expect(addon.isa()).toBe(isa);
    const noBf16 = isa === 'avx512' ? 'bf16 is slower than f32 on this CPU without AMX' : '';
    expect(chosen).toMatchObject({ precision: noBf16 ? 'f32' : 'bf16', note, noBf16 });
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
      noBf16: '',
    });
  });

  it('refuses an unknown limit', () => {
    expect(() => chooseInstructionSet(cpu(ZEN4), 'f32', 'neon')).toThrow(
      'Expected CADENZA_ISA to be one of amxbf16, avx512bf16, avx512, avx2, baseline, got "neon"',
    );
  });
});
