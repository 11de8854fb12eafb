/** What the kernels and their tests are compiled to by testTargets.mjs. */

const UNDEFINED = ['-fsanitize=undefined', '-fno-sanitize-recover=undefined'];
// Names for the reports, and not much optimization: compiling takes long enough.
const WATCHED = ['-O1', '-g1', '-fno-omit-frame-pointer'];
const ADDRESS = {
  flags: [...WATCHED, '-fsanitize=address', ...UNDEFINED],
  environment: { ASAN_OPTIONS: 'detect_stack_use_after_return=0:allocator_may_return_null=1' },
};
// GCC before 14 aligns the stack by which it finds uses after a return too little for vectors of AVX-512 (its bug 110027).
const AFTER_RETURN = { ASAN_OPTIONS: 'detect_stack_use_after_return=1:allocator_may_return_null=1' };
const THREAD = {
  flags: [...WATCHED, '-fsanitize=thread'],
  environment: { TSAN_OPTIONS: 'halt_on_error=1:allocator_may_return_null=1' },
};

/**
 * `compilers` stand in for this machine's own, `options` choose its target, `flags` are added when compiling and linking,
 * `link` when linking; with `baseline` the kernels of no instruction set are in it; `runner` is what runs the program, `packages` what to install on Debian.
 */
export const TARGETS = {
  native: {},
  clang: { compilers: ['clang++'], packages: 'clang' },
  // On a CPU with AVX512-BF16 only; the tests' last line tells whether amxbf16 ran.
  amx: { flags: ['-DCADENZA_AMX_EMULATION'] },
  neon: {
    compilers: ['aarch64-linux-gnu-g++'],
    architecture: 'arm64',
    link: ['-static'],
    runner: ['qemu-aarch64'],
    packages: 'g++-aarch64-linux-gnu qemu-user',
  },
  'neon-clang': {
    compilers: ['clang++'],
    options: ['--target=aarch64-linux-gnu'],
    architecture: 'arm64',
    link: ['-static'],
    runner: ['qemu-aarch64'],
    packages: 'clang g++-aarch64-linux-gnu qemu-user',
  },
  address: ADDRESS,
  thread: THREAD,
  // Without instruction sets: a fifth of the compilation.
  'address-baseline': { ...ADDRESS, environment: AFTER_RETURN, baseline: true },
  'thread-baseline': { ...THREAD, baseline: true },
};

/** The targets of some names; when there is none, all that are not part of another. */
export function pickTargets(names) {
  const known = Object.keys(TARGETS);
  for (const name of names) {
    if (!known.includes(name)) {
      console.error(`Expected a target to be one of ${known.join(', ')}, got ${name}`);
      process.exit(1);
    }
  }
  return names.length > 0 ? names : known.filter((name) => !TARGETS[name].baseline);
}
