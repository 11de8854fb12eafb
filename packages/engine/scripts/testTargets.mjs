/**
 * Builds the kernels with their C++ tests (`native/tests`) for other compilers, processors and sanitizers, and runs them:
 *
 *     node scripts/testTargets.mjs [TARGET...] [--strict] [-- OPTIONS OF THE TESTS]
 *
 * Without a target: all but those that are part of another (`scripts/targets.mjs` lists them). Prints one line a target: what
 * ran and how long it took, or which tool is missing. The exit code is 1 when a test fails or does not compile, and with
 * `--strict` also when a tool is missing. Options of the tests: `--quick`, `--isa=avx2,avx512`, and names of tests
 * (`gemm recurrent`). Objects stand in `build/targets`, those of `native` where the
 * addon's are, since they are the same.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompiler, runCommand } from './compiler.mjs';
import { withLock } from './lock.mjs';
import { sourceFiles } from './nativeSources.mjs';
import { compileObjects, planObjects, sweepObjects } from './objects.mjs';
import { TARGETS, pickTargets } from './targets.mjs';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const nativeFolder = join(packageFolder, 'native');
const buildFolder = join(packageFolder, 'build');

/** What stands for a missing tool among the outcomes. */
class Missing extends Error {}

async function compilerOf(target) {
  const compiler = await findCompiler(target.compilers);
  if (compiler === null) throw new Missing(`no ${target.compilers?.join(' or ') ?? 'C++ compiler'}${hint(target)}`);
  return { ...compiler, options: [...compiler.options, ...(target.options ?? [])] };
}

const hint = ({ packages }) => (packages ? ` (Debian: ${packages})` : '');

const targetFolder = (name) => join(buildFolder, 'targets', name);

/** Compiles and links the tests of a target; the executable's path. */
async function buildTests(name, target, compiler) {
  const folder = targetFolder(name);
  mkdirSync(join(buildFolder, 'objects'), { recursive: true });
  const plan = (objectFolder, sources) =>
    planObjects({
      ...{ compiler, nativeFolder, objectFolder, sources, architecture: target.architecture ?? process.arch },
      includes: [join(nativeFolder, 'kernels')],
      flags: [...(target.flags ?? []), ...(target.baseline ? ['-DCADENZA_BASELINE'] : [])],
    });
  const wanted = target.baseline ? /^(?!isa_(?!baseline)).*\.cc$/ : /\.cc$/;
  const kernels = await plan(
    name === 'native' ? join(buildFolder, 'objects') : folder,
    sourceFiles(nativeFolder, wanted, ['kernels']),
  );
  const objects = [...kernels, ...(await plan(folder, sourceFiles(nativeFolder, /\.cc$/, ['tests'])))];
  await compileObjects(compiler, objects);
  const executable = join(folder, 'tests');
  await runCommand(compiler.command, [
    ...[...compiler.options, ...objects.map(({ object }) => object), '-pthread'],
    ...[...(target.flags ?? []), ...(target.link ?? []), '-o', executable],
  ]).catch((error) => {
    // A compiler without the sanitizer's or the other processor's libraries compiles, but does not link.
    throw /cannot find \S*(-l|\.a\b|\.so\b|\.o\b|lib)|unable to find library/.test(error.message)
      ? new Missing(`${compiler.command} lacks the libraries for it${hint(target)}`)
      : error;
  });
  sweepObjects(folder, objects);
  return executable;
}

async function runTarget(name, options) {
  const target = TARGETS[name];
  const started = performance.now();
  const compiler = await compilerOf(target);
  const [runner, ...runnerOptions] = target.runner ?? [];
  if (runner) {
    await runCommand(runner, ['--version']).catch(() => {
      throw new Missing(`no ${runner}${hint(target)}`);
    });
  }
  mkdirSync(targetFolder(name), { recursive: true });
  // The objects of `native` are the addon's.
  const lock = join(name === 'native' ? buildFolder : targetFolder(name), 'lock');
  const executable = await withLock(lock, () => buildTests(name, target, compiler));
  const built = performance.now();
  const command = [...(runner ? [runner, ...runnerOptions] : []), executable, ...options];
  const output = await runCommand(command[0], command.slice(1), { env: { ...process.env, ...target.environment } });
  const seconds = (from, to) => ((to - from) / 1000).toFixed(1);
  const version = runner ? `${compiler.version}, ${runner}` : compiler.version;
  const times = `built in ${seconds(started, built)} s, ran ${seconds(built, performance.now())} s`;
  return `${output.trim().split('\n').at(-1)} (${version}; ${times})`;
}

async function main() {
  const split = process.argv.indexOf('--');
  const own = process.argv.slice(2, split < 0 ? undefined : split);
  const options = split < 0 ? [] : process.argv.slice(split + 1);
  const strict = own.includes('--strict');
  const names = pickTargets(own.filter((word) => word !== '--strict'));
  for (const name of names) {
    try {
      console.log(`${name}: ${await runTarget(name, options)}`);
    } catch (error) {
      const isMissing = error instanceof Missing;
      console.log(`${name}: ${isMissing ? `skipped, ${error.message}` : `FAILED\n${error.message}`}`);
      if (!isMissing || strict) process.exitCode = 1;
    }
  }
}

await main();
