/**
 * Builds `build/cadenza.node` from `native/` with the machine's C++ compiler: no node-gyp, no download.
 *
 * Prints one line and exits with 0 whatever happened, because without the addon everything still runs on another
 * backend; `--strict` makes a missing compiler or a compilation error exit with 1. The outcome stands in
 * `build/status.json`, from which the engine says why the native backend is missing. `CADENZA_NATIVE=off` skips it all.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompiler, runCommand } from './compiler.mjs';
import { digest, linkFlags, sourceFiles } from './nativeSources.mjs';
import { compileObjects, planObjects, sweepObjects } from './objects.mjs';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const nativeFolder = join(packageFolder, 'native');
const buildFolder = join(packageFolder, 'build');
const objectFolder = join(buildFolder, 'objects');
const addonFile = join(buildFolder, 'cadenza.node');
const statusFile = join(buildFolder, 'status.json');
const logFile = join(buildFolder, 'compile.log');
const strict = process.argv.includes('--strict');

const FALLBACK = 'falling back to the other backends';

/** Writes a file so that no reader ever sees half of it. */
function writeAtomically(file, text) {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

/** Records the outcome, prints its line, and ends the program. */
function finish(state, reason, line, extra = {}) {
  mkdirSync(buildFolder, { recursive: true });
  if (state !== 'built') rmSync(addonFile, { force: true });
  writeAtomically(statusFile, JSON.stringify({ state, reason, ...extra }, null, 2) + '\n');
  console.log(`native kernels: ${line}`);
  process.exit(strict && state !== 'built' ? 1 : 0);
}

function readStatus() {
  try {
    return JSON.parse(readFileSync(statusFile, 'utf8'));
  } catch {
    return {};
  }
}

async function link(compiler, objects) {
  const temporary = `${addonFile}.${process.pid}`;
  await runCommand(compiler.command, [
    ...objects.map(({ object }) => object),
    ...linkFlags(process.platform),
    '-o',
    temporary,
  ]);
  renameSync(temporary, addonFile);
}

async function main() {
  const started = performance.now();
  if (process.env.CADENZA_NATIVE === 'off') {
    console.log('native kernels: skipped (CADENZA_NATIVE=off)');
    return;
  }
  if (process.platform === 'win32') {
    finish('unsupported', 'the native kernels do not support Windows yet', `not supported on Windows, ${FALLBACK}`);
  }
  const compiler = await findCompiler();
  if (compiler === null) {
    const reason = 'no C++ compiler was found ($CXX, c++, g++, clang++)';
    finish('noCompiler', `native kernels are not built: ${reason}`, `${reason}, ${FALLBACK}`);
  }

  mkdirSync(objectFolder, { recursive: true });
  const includes = [nativeFolder, createRequire(import.meta.url)('node-api-headers').include_dir];
  const sources = sourceFiles(nativeFolder, /\.cc$/);
  const objects = await planObjects({
    compiler,
    nativeFolder,
    objectFolder,
    sources,
    architecture: process.arch,
    includes,
  });
  const target = digest([...objects.map(({ object }) => object), linkFlags(process.platform).join(' ')]);
  if (existsSync(addonFile) && readStatus().target === target) {
    console.log(`native kernels: up to date (${compiler.version})`);
    return;
  }

  let compiled;
  try {
    compiled = await compileObjects(compiler, objects);
    await link(compiler, objects);
  } catch (error) {
    writeFileSync(logFile, `${error.message}\n`);
    const reason = `compiling them failed, see ${logFile}`;
    finish('failed', `native kernels are not built: ${reason}`, `${reason}, ${FALLBACK}`);
  }
  sweepObjects(objectFolder, objects);
  rmSync(logFile, { force: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  finish('built', '', `built in ${seconds} s (${compiler.version}, ${compiled} of ${objects.length} files compiled)`, {
    target,
  });
}

await main();
