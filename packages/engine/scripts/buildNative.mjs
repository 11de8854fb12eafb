/**
 * Builds `build/cadenza.node` from `native/` with the machine's C++ compiler: no node-gyp, no download.
 *
 * Prints one line and exits with 0 whatever happened, because without the addon everything still runs on another
 * backend; `--strict` makes whatever prevents it exit with 1. Builds at the same time take turns. The outcome stands in
 * `build/status.json`, from which the engine says why the native backend is missing. `CADENZA_NATIVE=off` skips it all.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilerNames, findCompiler, runCommand } from './compiler.mjs';
import { withLock } from './lock.mjs';
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

/** Prints the line of an outcome. */
function report(line, isBuilt) {
  console.log(`native kernels: ${line}`);
  if (strict && !isBuilt) process.exitCode = 1;
}

/** Records an outcome and prints its line. */
function finish(state, reason, line, extra = {}) {
  if (state !== 'built') rmSync(addonFile, { force: true });
  writeAtomically(statusFile, JSON.stringify({ state, reason, ...extra }, null, 2) + '\n');
  report(line, state === 'built');
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
    ...compiler.options,
    ...objects.map(({ object }) => object),
    ...linkFlags(process.platform),
    '-o',
    temporary,
  ]);
  renameSync(temporary, addonFile);
}

async function build() {
  const started = performance.now();
  const compiler = await findCompiler();
  if (compiler === null) {
    const reason = `no C++ compiler was found (${process.env.CXX?.trim() ? '$CXX: ' : ''}${compilerNames().join(', ')})`;
    return finish('noCompiler', `native kernels are not built: ${reason}`, `${reason}, ${FALLBACK}`);
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
    return report(`up to date (${compiler.version})`, true);
  }

  let compiled;
  try {
    compiled = await compileObjects(compiler, objects);
    await link(compiler, objects);
  } catch (error) {
    writeFileSync(logFile, `${error.message}\n`);
    const reason = `compiling them failed, see ${logFile}`;
    return finish('failed', `native kernels are not built: ${reason}`, `${reason}, ${FALLBACK}`);
  }
  sweepObjects(objectFolder, objects);
  rmSync(logFile, { force: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  finish('built', '', `built in ${seconds} s (${compiler.version}, ${compiled} of ${objects.length} files compiled)`, {
    target,
  });
}

async function main() {
  if (process.env.CADENZA_NATIVE === 'off') return report('skipped (CADENZA_NATIVE=off)', true);
  mkdirSync(buildFolder, { recursive: true });
  if (process.platform === 'win32') {
    const line = `not supported on Windows, ${FALLBACK}`;
    return finish('unsupported', 'the native kernels do not support Windows yet', line);
  }
  await withLock(join(buildFolder, 'lock'), build);
}

try {
  await main();
} catch (error) {
  // A folder that cannot be written, say, where no outcome can be recorded either.
  report(`the build cannot do its work (${error.message.split('\n')[0]}), ${FALLBACK}`, false);
}
