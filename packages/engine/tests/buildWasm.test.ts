import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Stands for a compiler: writes the words that it was given. */
const FAKE_COMPILER = `
case "$*" in *--version*) echo "fake 1"; exit 0;; esac
for word; do [ "$previous" = -o ] && output=$word; previous=$word; done
echo "$*" > "$output"
`;

describe('the build script of the WebAssembly module', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cadenza-wasm-build-'));
    cpSync(fileURLToPath(new URL('../scripts', import.meta.url)), join(folder, 'scripts'), { recursive: true });
    symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(folder, 'node_modules'));
    for (const part of ['binding', 'kernels', 'wasm']) mkdirSync(join(folder, 'native', part), { recursive: true });
    writeFileSync(join(folder, 'native/binding.cc'), '');
    writeFileSync(join(folder, 'fake'), FAKE_COMPILER);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function build(compiler: string) {
    return spawnSync(process.execPath, [join(folder, 'scripts/buildWasm.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, WASM_CXX: compiler },
    });
  }

  it('takes a compiler with options', () => {
    const { status, stdout } = build(`sh ${join(folder, 'fake')} --sysroot=/opt/wasi`);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^WebAssembly kernels: \d+ kB built in .* \(fake 1\)\n$/);
    expect(readFileSync(join(folder, 'wasm/cadenza.wasm'), 'utf8')).toMatch(/^--sysroot=\/opt\/wasi .*\.o .*-o /);
  });

  it('names the compiler that does not answer', () => {
    const { status, stderr } = build('/nowhere/clang++ -v');
    expect(status).toBe(1);
    expect(stderr).toContain(
      'Expected $WASM_CXX (/nowhere/clang++ -v) to be a compiler that knows WebAssembly, got no answer',
    );
  });
});
