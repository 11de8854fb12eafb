/** Object files, one a source, each named by the digest of all that determines it, so that an unchanged one is not rebuilt. */
import { availableParallelism } from 'node:os';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runAll, runCommand } from './compiler.mjs';
import { compileFlags, digest, sourceFiles } from './nativeSources.mjs';

/** Whether the compiler compiles some code with some flags. */
async function knows(compiler, objectFolder, flags, code) {
  const source = join(objectFolder, `probe.${process.pid}.cc`);
  const object = `${source}.o`;
  writeFileSync(source, code);
  try {
    await runCommand(compiler.command, [...compiler.options, ...flags, '-c', source, '-o', object]);
    return true;
  } catch {
    return false;
  } finally {
    for (const file of [source, object]) rmSync(file, { force: true });
  }
}

/**
 * The objects of some sources under `nativeFolder`. `architecture` is `process.arch`'s word; `includes` are the folders of
 * headers for all but the kernels, which need none; `flags` come after those of every build.
 */
export async function planObjects({
  compiler,
  nativeFolder,
  objectFolder,
  sources,
  architecture,
  includes = [],
  flags = [],
}) {
  const read = (file) => readFileSync(file);
  const headers = sourceFiles(nativeFolder, /\.(h|inc)$/);
  const kernelFolder = join(nativeFolder, 'kernels');
  const objects = [];
  for (const source of sources) {
    // Kernels know nothing of the binding, and take long to compile.
    const isKernel = source.startsWith(kernelFolder);
    const seen = isKernel ? headers.filter((file) => file.startsWith(kernelFolder)) : headers;
    const folders = isKernel ? [] : includes.map((folder) => `-I${folder}`);
    const isKnown = (...tried) => knows(compiler, objectFolder, ...tried);
    const all = [...(await compileFlags(source, architecture, isKnown)), ...flags, ...folders];
    const name = source.slice(nativeFolder.length + 1).replaceAll(/[/\\]/g, '-');
    const words = [...compiler.options, ...all].join(' ');
    const object = `${name}.${digest([compiler.version, words, read(source), ...seen.map(read)])}.o`;
    objects.push({ source, flags: all, object: join(objectFolder, object) });
  }
  return objects;
}

/** Compiles what is missing, on all cores; how many that were. */
export async function compileObjects(compiler, objects) {
  const missing = objects.filter(({ object }) => !existsSync(object));
  // All kernels of an instruction set take longest, and the last one to start decides when all are done.
  const isLong = ({ source }) => basename(source).startsWith('isa_');
  missing.sort((a, b) => Number(isLong(b)) - Number(isLong(a)));
  const commands = missing.map(({ source, flags, object }) => async () => {
    const temporary = `${object}.${process.pid}`;
    await runCommand(compiler.command, [...compiler.options, ...flags, '-c', source, '-o', temporary]);
    renameSync(temporary, object);
  });
  await runAll(commands, Math.max(1, availableParallelism()));
  return missing.length;
}

/** Deletes objects of earlier sources. */
export function sweepObjects(objectFolder, objects) {
  const wanted = new Set(objects.map(({ object }) => object));
  for (const name of readdirSync(objectFolder)) {
    const file = join(objectFolder, name);
    if (!wanted.has(file) && name.endsWith('.o')) rmSync(file, { force: true });
  }
}
