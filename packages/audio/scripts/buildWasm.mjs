/**
 * Builds `wasm/frameBands.wasm` from `native/frame_bands.cc`. The module is committed, because users have no such compiler:
 * run this after a change there and commit what it writes (a test compares the digest in `wasm/frameBands.json`).
 *
 * It needs clang and lld that know WebAssembly (Debian and Ubuntu: `apt-get install clang lld`), and no library.
 * `$WASM_CXX` names another compiler.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = file('native/frame_bands.cc');

const FLAGS = [
  ...['--target=wasm32', '-std=c++17', '-O3', '-msimd128', '-fno-unroll-loops', '-Wall', '-Wextra', '-Werror'],
  ...['-ffreestanding', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', '-nostdlib'],
  ...['-Wl,--no-entry', '-Wl,--export=__heap_base', '-Wl,-z,stack-size=8192', '-Wl,--strip-all', '-Wl,-O3'],
];

/** A digest of all that determines the module but the compiler. Line ends do not count. */
export function sourceDigest() {
  const text = readFileSync(source, 'utf8').replaceAll('\r\n', '\n');
  return createHash('sha256')
    .update([...FLAGS, text].join('\0'))
    .digest('hex')
    .slice(0, 16);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const command = process.env.WASM_CXX?.trim() || 'clang++';
  const module = file('wasm/frameBands.wasm');
  execFileSync(command, [...FLAGS, source, '-o', module], { stdio: 'inherit' });
  const compiler = execFileSync(command, ['--version'], { encoding: 'utf8' }).split('\n')[0].trim();
  writeFileSync(file('wasm/frameBands.json'), JSON.stringify({ sources: sourceDigest(), compiler }, null, 2) + '\n');
  console.log(`frameBands.wasm: ${readFileSync(module).length} bytes (${compiler})`);
}
