/** Which files make the addon, and with which flags: see the head of native/kernels/kernels.h. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Flags of every file. Never -ffast-math: NaN and infinity must propagate. */
const COMMON = [
  ...['-std=c++17', '-O3', '-fno-math-errno', '-ffp-contract=fast', '-fPIC', '-pthread', '-fvisibility=hidden'],
  ...['-DNDEBUG', '-DNAPI_VERSION=8'],
];

const AVX512 = [
  ...['-mavx2', '-mfma', '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl'],
  '-mprefer-vector-width=512',
];

/** Further flags of the kernels of one instruction set, on x86-64 only. */
const INSTRUCTION_SETS = {
  'isa_avx2.cc': ['-mavx2', '-mfma'],
  'isa_avx512.cc': AVX512,
  'isa_avx512_bf16.cc': AVX512,
  'isa_amx_bf16.cc': AVX512,
};

/**
 * Flags that not every compiler knows, with an instruction that its assembler must know too. Compiled without them, the file holds
 * no kernels, and another instruction set is taken.
 */
const OPTIONAL = {
  'isa_avx512_bf16.cc': { flags: ['-mavx512bf16'], instruction: 'vdpbf16ps %zmm0, %zmm1, %zmm2' },
  'isa_amx_bf16.cc': {
    flags: ['-mavx512bf16', '-mamx-tile', '-mamx-bf16'],
    instruction: 'tdpbf16ps %tmm0, %tmm1, %tmm2',
  },
};

/**
 * The flags that compile a source file on an architecture (`process.arch`'s word). `knows(flags, code)` tells whether the compiler
 * compiles that code with those flags.
 */
export async function compileFlags(source, architecture, knows) {
  const name = basename(source);
  if (architecture !== 'x64' || !(name in INSTRUCTION_SETS)) return COMMON;
  const flags = [...COMMON, ...INSTRUCTION_SETS[name]];
  const optional = OPTIONAL[name];
  if (optional === undefined) return flags;
  const code = `void probe() { __asm__ volatile("${optional.instruction}"); }\n`;
  return (await knows(optional.flags, code)) ? [...flags, ...optional.flags] : flags;
}

/** The flags that link the addon; Node's own symbols are found when it is loaded. */
export function linkFlags(platform) {
  return platform === 'darwin'
    ? ['-bundle', '-undefined', 'dynamic_lookup']
    : ['-shared', '-pthread', '-Wl,--gc-sections', '-Wl,-O1'];
}

/** The files that match, in a fixed order: the addon's, which are those of native/, native/binding/ and native/kernels/. */
export function sourceFiles(nativeFolder, pattern, folders = ['.', 'binding', 'kernels']) {
  return folders.flatMap((folder) =>
    readdirSync(join(nativeFolder, folder))
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(nativeFolder, folder, name)),
  );
}

/** A short digest of some texts. */
export function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}
