/** Which files make the WebAssembly module, and with which flags: see the head of buildWasm.mjs. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digest, sourceFiles } from './nativeSources.mjs';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const nativeFolder = join(packageFolder, 'native');

export const wasmFile = join(packageFolder, 'wasm', 'cadenza.wasm');
/** Tells from which sources the module beside it was made. */
export const stampFile = join(packageFolder, 'wasm', 'cadenza.json');

/** Never -ffast-math: NaN and infinity must propagate. -fexceptions lets a throw stand; native/wasm/exceptions.cc says what it does. */
const COMMON = [
  ...['--target=wasm32-wasi', '-std=c++17', '-fno-math-errno', '-ffp-contract=fast', '-fvisibility=hidden'],
  ...['-fexceptions', '-DNDEBUG', '-DNAPI_VERSION=8'],
  ...['-msimd128', '-mbulk-memory', '-msign-ext', '-mnontrapping-fptoint'],
];

/** Kernels are to be fast, what checks their arguments small. */
export function compileFlags(source) {
  const isKernel = basename(source).startsWith('isa_');
  return [...COMMON, ...(isKernel ? ['-O3', '-fno-unroll-loops'] : ['-Os'])];
}

/** No start function and no entry; 512 KiB of stack, below everything else so that an overflow traps; memory up to 4 GiB. */
export const linkFlags = [
  ...['--target=wasm32-wasi', '-nostartfiles', '-Wl,--no-entry', '-Wl,--gc-sections', '-Wl,-O3', '-Wl,--strip-all'],
  ...['-Wl,--export=napi_register_wasm_v1', '-Wl,--export=__stack_pointer', '-Wl,--export-table'],
  ...['-Wl,--allow-undefined', '-Wl,--stack-first', '-Wl,-z,stack-size=524288', '-Wl,--max-memory=4294901760'],
];

/** In the place of these stand native/wasm/threads.cc and memory.cc. */
const REPLACED = ['threads.cc', 'memory.cc'];

/** Headers that only x86-64's instruction sets read. */
const OTHERS = /bf16|amx|avx/;

function wasmFolder(pattern) {
  const folder = join(nativeFolder, 'wasm');
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** The files that are compiled: of the instruction sets, only the one that any compiler's vectors make. */
export function wasmSources() {
  const shared = sourceFiles(nativeFolder, /\.cc$/).filter((file) => {
    const name = basename(file);
    return !REPLACED.includes(name) && (!name.startsWith('isa_') || name === 'isa_baseline.cc');
  });
  return [...shared, ...wasmFolder(/\.cc$/)];
}

/** A digest of all that determines the module but the compiler. Line ends do not count. */
export function wasmDigest() {
  const sources = wasmSources();
  const headers = [
    ...sourceFiles(nativeFolder, /\.(h|inc)$/).filter((file) => !OTHERS.test(basename(file))),
    ...wasmFolder(/\.h$/),
  ];
  const texts = [...sources, ...headers].flatMap((file) => [
    file.slice(nativeFolder.length).replaceAll('\\', '/'),
    readFileSync(file, 'utf8').replaceAll('\r\n', '\n'),
  ]);
  return digest([...sources.flatMap(compileFlags), ...linkFlags, ...texts]);
}

export { nativeFolder };
