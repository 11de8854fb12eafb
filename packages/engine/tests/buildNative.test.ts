import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const hasCompiler =
  ['c++', 'g++', 'clang++'].some((name) => spawnSync(name, ['--version']).status === 0) && !process.env.CXX;
const MODULE = `
#include <node_api.h>
#include "kernels/answer.h"
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_int32(env, answer(), &value);
  napi_set_named_property(env, exports, "answer", value);
  return exports;
}
`;

/** Stands for a compiler: links only objects that are still there when `$PAUSE` seconds are over, and tells when it begins. */
const FAKE_COMPILER = `#!/bin/sh
case "$*" in *--version*) echo "fake $PAUSE"; exit 0;; esac
for word; do [ "$previous" = -o ] && output=$word; previous=$word; done
case " $* " in *" -c "*) ;; *)
  [ -n "$PAUSE" ] && touch "$0.links" && sleep "$PAUSE"
  for word; do case $word in *.o) [ -e "$word" ] || exit 1;; esac; done
esac
echo "$0" > "$output"
`;

describe('the build script', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cadenza-build-'));
    cpSync(fileURLToPath(new URL('../scripts', import.meta.url)), join(folder, 'scripts'), { recursive: true });
    symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(folder, 'node_modules'));
    for (const part of ['native/binding', 'native/kernels']) mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'native/binding.cc'), MODULE);
    writeFileSync(join(folder, 'native/kernels/answer.h'), '#pragma once\nint answer();\n');
    writeFileSync(join(folder, 'native/kernels/answer.cc'), '#include "answer.h"\nint answer() { return 42; }\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const script = () => join(folder, 'scripts/buildNative.mjs');
  function environmentWith(more: Record<string, string>) {
    const { CXX: _, CADENZA_NATIVE: __, ...inherited } = process.env;
    return { ...inherited, ...more };
  }
  function build(environment: Record<string, string> = {}, ...options: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script(), ...options], {
      encoding: 'utf8',
      env: environmentWith(environment),
    });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toHaveLength(1);
    return { status, line: stdout.trim() };
  }
  /** A compiler of that name in the folder. */
  function fakeCompiler(name: string): string {
    const file = join(folder, name);
    writeFileSync(file, FAKE_COMPILER);
    chmodSync(file, 0o755);
    return file;
  }
  const addon = () => join(folder, 'build/cadenza.node');
  const state = () =>
    JSON.parse(readFileSync(join(folder, 'build/status.json'), 'utf8')) as { state: string; reason: string };

  it('says in one line that there is no compiler, and succeeds', () => {
    const { status, line } = build({ CXX: '/nowhere/c++' });
    expect([status, line]).toEqual([
      0,
      'native kernels: no C++ compiler was found ($CXX: /nowhere/c++), falling back to the other backends',
    ]);
    expect(state()).toMatchObject({
      state: 'noCompiler',
      reason: expect.stringContaining('no C++ compiler was found'),
    });
  });

  it('names the compilers that it has tried, and no other', () => {
    const none = 'native kernels: no C++ compiler was found';
    expect(build({ PATH: '/nowhere' }).line).toContain(`${none} (c++, g++, clang++), `);
    expect(build({ CXX: ' ccache /nowhere/c++ -m64 ' }).line).toContain(`${none} ($CXX: ccache /nowhere/c++ -m64), `);
  });

  it('fails without a compiler when told to be strict', () => {
    expect(build({ CXX: '/nowhere/c++' }, '--strict').status).toBe(1);
  });

  it('does nothing when switched off', () => {
    const before = readFileSync(join(folder, 'build/status.json'), 'utf8');
    expect(build({ CADENZA_NATIVE: 'off' })).toEqual({
      status: 0,
      line: 'native kernels: skipped (CADENZA_NATIVE=off)',
    });
    expect(readFileSync(join(folder, 'build/status.json'), 'utf8')).toBe(before);
  });

  it('runs at the installation of the package as a dependency only', () => {
    const install = (place: string): string => {
      cpSync(join(folder, 'scripts'), join(place, 'scripts'), { recursive: true });
      const env = { ...process.env, CADENZA_NATIVE: 'off' };
      return spawnSync(process.execPath, [join(place, 'scripts/install.mjs')], { encoding: 'utf8', env }).stdout;
    };
    const line = 'native kernels: skipped (CADENZA_NATIVE=off)\n';
    expect(install(join(folder, 'project/node_modules/@cadenza/engine'))).toBe(line);
    expect(install(join(folder, 'repository/packages/engine'))).toBe('');
  });

  it.skipIf(!hasCompiler)('builds an addon that loads, and then only what changed', () => {
    expect(build({}, '--strict')).toMatchObject({
      status: 0,
      line: expect.stringMatching(/^native kernels: built in .* 2 of 2 files compiled\)$/),
    });
    expect(createRequire(import.meta.url)(addon())).toEqual({ answer: 42 });
    expect(build().line).toMatch(/^native kernels: up to date/);

    writeFileSync(join(folder, 'native/kernels/answer.cc'), '#include "answer.h"\nint answer() { return 43; }\n');
    expect(build().line).toMatch(/1 of 2 files compiled\)$/);
    writeFileSync(join(folder, 'native/kernels/answer.h'), '#pragma once\n\nint answer();\n');
    expect(build().line).toMatch(/2 of 2 files compiled\)$/);
    writeFileSync(join(folder, 'native/binding/more.h'), '#pragma once\n');
    expect(build().line).toMatch(/1 of 2 files compiled\)$/);
    expect(readdirSync(join(folder, 'build/objects'))).toHaveLength(2);

    rmSync(addon());
    expect(build().line).toMatch(/0 of 2 files compiled\)$/);
    expect(existsSync(addon())).toBe(true);
  });

  it.skipIf(!hasCompiler)('says where the log is when compiling fails, leaves no addon, and recovers', () => {
    writeFileSync(
      join(folder, 'native/kernels/answer.cc'),
      '#include "answer.h"\nint answer() { return fourtyTwo; }\n',
    );
    const { status, line } = build();
    const log = join(folder, 'build/compile.log');
    expect([status, line]).toEqual([
      0,
      `native kernels: compiling them failed, see ${log}, falling back to the other backends`,
    ]);
    expect(readFileSync(log, 'utf8')).toContain('fourtyTwo');
    expect(existsSync(addon())).toBe(false);
    expect(state().state).toBe('failed');
    expect(build({}, '--strict').status).toBe(1);

    writeFileSync(join(folder, 'native/kernels/answer.cc'), '#include "answer.h"\nint answer() { return 42; }\n');
    expect(build().status).toBe(0);
    expect(existsSync(addon())).toBe(true);
    expect(existsSync(log)).toBe(false);
  });

  it.skipIf(!hasCompiler || process.arch !== 'x64')('goes without instructions that the compiler does not know', () => {
    const source = join(folder, 'native/kernels/isa_amx_bf16.cc');
    writeFileSync(source, '#if defined(__AMX_TILE__) || defined(__AMXTILE__)\n#error known\n#endif\n');
    const old = join(folder, 'old');
    writeFileSync(old, '#!/bin/sh\ncase "$*" in *-mamx-*) exit 1;; esac\nexec c++ "$@"\n');
    chmodSync(old, 0o755);
    expect(build({ CXX: old }, '--strict').line).toMatch(/^native kernels: built in /);
    rmSync(source);
  });

  it('takes a compiler with options, or one whose path has spaces', () => {
    const compiler = fakeCompiler('fake');
    expect(build({ CXX: `sh ${compiler}` }, '--strict').line).toMatch(/^native kernels: built in .* 2 of 2 files/);
    expect(readFileSync(addon(), 'utf8').trim()).toBe(compiler);
    expect(build({ CXX: `sh ${compiler} -m64` }).line).toMatch(/2 of 2 files compiled\)$/);
    expect(build({ CXX: fakeCompiler('a fake') }, '--strict').status).toBe(0);
  });

  it('takes turns with another one, and neither takes away what the other has built', async () => {
    const [slow, quick] = [fakeCompiler('slow'), fakeCompiler('quick')];
    const env = environmentWith({ CXX: slow, PAUSE: '2' });
    const first = spawn(process.execPath, [script(), '--strict'], { env });
    let output = '';
    first.stdout.on('data', (chunk) => (output += chunk));
    const ended = new Promise((resolve) => first.once('close', resolve));
    while (!existsSync(`${slow}.links`)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(build({ CXX: quick }, '--strict').line).toMatch(/^native kernels: built in /);
    expect(await ended).toBe(0);
    expect(output).toMatch(/^native kernels: built in /);
    expect(readFileSync(addon(), 'utf8').trim()).toBe(quick);
    expect(existsSync(join(folder, 'build/lock'))).toBe(false);
  });

  it('does not wait for one that is gone, nor for ever', () => {
    const lock = join(folder, 'build/lock');
    const compiler = fakeCompiler('fake');
    writeFileSync(lock, String(spawnSync(process.execPath, ['--version']).pid));
    expect(build({ CXX: compiler }, '--strict').status).toBe(0);
    writeFileSync(lock, String(process.pid));
    const longAgo = Date.now() / 1000 - 10_000;
    utimesSync(lock, longAgo, longAgo);
    expect(build({ CXX: compiler }, '--strict').status).toBe(0);
  });

  it.each(['build/objects', 'build'])('says in one line that it cannot write %s, and succeeds', (place) => {
    const compiler = fakeCompiler('fake');
    rmSync(join(folder, place), { recursive: true, force: true });
    writeFileSync(join(folder, place), '');
    const { status, line } = build({ CXX: compiler });
    expect(status).toBe(0);
    expect(line).toMatch(/^native kernels: the build cannot do its work \(E.*\), falling back to the other backends$/);
    expect(build({ CXX: compiler }, '--strict').status).toBe(1);
    rmSync(join(folder, place));
  });
});
