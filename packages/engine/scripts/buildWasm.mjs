/**
 * Builds `wasm/cadenza.wasm`, the kernels and their binding as a WebAssembly module, from the sources that also make the addon
 * and from `native/wasm/`. The module is committed, because users have no such compiler: run this after every change to
 * `native/` and commit what it writes (a test compares the digest in `wasm/cadenza.json`).
 *
 * It needs clang and lld that know WebAssembly, with a C and a C++ library for it; on Debian and Ubuntu:
 *
 *     apt-get install clang lld wasi-libc libc++-dev-wasm32 libc++abi-14-dev-wasm32 libclang-rt-dev-wasm32
 *
 * `$WASM_CXX` names another compiler (wasi-sdk's clang++, say), options after it. With `--check` it builds nothing and exits with 1
 * when the committed module is not made from these sources.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { askCompiler, runAll, runCommand } from './compiler.mjs';
import { compileFlags, linkFlags, nativeFolder, stampFile, wasmDigest, wasmFile, wasmSources } from './wasmSources.mjs';

async function findWasmCompiler() {
  const wanted = process.env.WASM_CXX?.trim();
  const names = wanted ? [wanted] : ['clang++', 'clang++-14'];
  for (const name of names) {
    const compiler = await askCompiler(name, ['--target=wasm32-wasi']);
    if (compiler !== null) return compiler;
  }
  const what = wanted ? `$WASM_CXX (${wanted})` : names.join(' or ');
  throw new Error(`Expected ${what} to be a compiler that knows WebAssembly, got no answer`);
}

async function build() {
  const started = performance.now();
  const { command, options, version } = await findWasmCompiler();
  const sourceDigest = wasmDigest();
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-wasm-'));
  try {
    const includes = [nativeFolder, createRequire(import.meta.url)('node-api-headers').include_dir];
    const objects = wasmSources().map((source, index) => ({ source, object: join(folder, `${index}.o`) }));
    const compile = ({ source, object }) => {
      const flags = [...compileFlags(source), ...includes.map((include) => `-I${include}`)];
      return () => runCommand(command, [...options, ...flags, '-c', source, '-o', object]);
    };
    await runAll(objects.map(compile), availableParallelism());
    const linked = join(folder, 'cadenza.wasm');
    await runCommand(command, [...options, ...objects.map(({ object }) => object), ...linkFlags, '-o', linked]);
    mkdirSync(dirname(wasmFile), { recursive: true });
    const bytes = readFileSync(linked);
    writeFileSync(`${wasmFile}.new`, bytes);
    renameSync(`${wasmFile}.new`, wasmFile);
    writeFileSync(stampFile, JSON.stringify({ sources: sourceDigest, compiler: version }, null, 2) + '\n');
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`WebAssembly kernels: ${Math.round(bytes.length / 1000)} kB built in ${seconds} s (${version})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) {
  const { sources } = JSON.parse(readFileSync(stampFile, 'utf8'));
  const isCurrent = sources === wasmDigest();
  console.log(
    `WebAssembly kernels: ${isCurrent ? 'up to date' : 'made from other sources (node scripts/buildWasm.mjs)'}`,
  );
  process.exitCode = isCurrent ? 0 : 1;
} else {
  await build();
}
