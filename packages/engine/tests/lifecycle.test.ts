import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isBuilt } from './onBoth.js';

const addonFile = fileURLToPath(new URL('../build/cadenza.node', import.meta.url));
const packageFolder = fileURLToPath(new URL('..', import.meta.url));
/** Programs outside of the tests take the package's build. */
const hasDistribution = existsSync(join(packageFolder, 'dist/index.js'));

/** What every program of these tests has: a product that takes some time, a small one with its right result, workers. */
const PRELUDE = `
  const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
  const file = ${JSON.stringify(addonFile)};
  const floats = (length, value = 0) => new Float32Array(length).fill(value);
  const product = (addon, n) => {
    const c = floats(n * n);
    addon.gemm(n, n, n, 1, true, true, floats(n * n, 0.5), false, floats(n * n, 2), false, null, 0, c);
    return c.every((x) => x === n);
  };
  const worker = (program) => new Worker(PRELUDE + program, { eval: true });
  const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));
  const LONG = 'parentPort.postMessage("started"); for (;;) product(require(file), 1024);';
`;

/** Runs a program in a process of its own. */
function run(
  program: string,
  command = [process.execPath],
  setup = 'const addon = require(file); addon.setThreads(3);',
) {
  const source = `const PRELUDE = ${JSON.stringify(PRELUDE)} + 'const PRELUDE = "";';${PRELUDE}${setup}
    (async () => { ${program} })();`;
  const { status, signal, stdout, stderr } = spawnSync(command[0], [...command.slice(1), '-e', source], {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: packageFolder,
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  return { end: signal ?? status, output: stdout.trim(), errors: stderr.trim() };
}

describe.skipIf(!isBuilt)('the addon', () => {
  it('outlives a worker thread that is terminated in the middle of a kernel', () => {
    const program = `
      for (let i = 0; i < 3; i++) {
        const busy = worker(LONG);
        await once(busy, 'message');
        await new Promise((resolve) => setTimeout(resolve, 10));
        await busy.terminate();
      }
      console.log(product(addon, 200), addon.memoryUse().buffers);
    `;
    expect(run(program)).toEqual({ end: 0, output: 'true 0', errors: '' });
  });

  it.each([
    ['process.exit', 'process.exit(7);', 7, /^$/],
    ['an uncaught exception', "throw new Error('on purpose');", 1, /Error: on purpose/],
    ['a termination', "process.kill(process.pid, 'SIGTERM'); await once(busy, 'exit');", 'SIGTERM', /^$/],
  ])('lets the process end by %s while a worker thread is in a kernel', (_, ending, end, errors) => {
    const result = run(`const busy = worker(LONG); await once(busy, 'message'); product(addon, 100); ${ending}`);
    expect(result).toEqual({ end, output: '', errors: expect.stringMatching(errors) });
  });

  it('keeps the instruction set of each thread to itself', () => {
    const program = `
      addon.setIsa('baseline');
      const other = worker('const addon = require(file); const own = addon.isa(); addon.setIsa("baseline"); parentPort.postMessage(own);');
      const [own] = await Promise.all([once(other, 'message'), once(other, 'exit')]);
      const before = addon.isa();
      addon.setIsa('');
      const best = addon.isa();
      const again = worker('require(file).setIsa("baseline"); parentPort.postMessage("");');
      await once(again, 'exit');
      console.log(before, own === best, addon.isa() === best);
    `;
    expect(run(program)).toEqual({ end: 0, output: 'baseline true true', errors: '' });
  });

  it('goes on after an uncaught exception in a worker thread', () => {
    const program = `
      const failing = worker('product(require(file), 300); throw new Error("on purpose");');
      const error = await once(failing, 'error');
      console.log(error.message, product(addon, 200));
    `;
    expect(run(program)).toEqual({ end: 0, output: 'on purpose true', errors: '' });
  });

  it('may be loaded by worker threads alone, one after the other, and then by the main one', () => {
    const program = `
      for (let i = 0; i < 4; i++) {
        const short = worker('require(file).setThreads(3); parentPort.postMessage(product(require(file), 300));');
        const ended = once(short, 'exit'); // which may come in the same turn as the message
        if (!(await once(short, 'message'))) throw new Error('wrong');
        await ended;
      }
      console.log(product(require(file), 200), require(file).threads());
    `;
    expect(run(program, undefined, '')).toEqual({ end: 0, output: 'true 3', errors: '' });
  });

  it('may be loaded twice, from one file and from two', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-addon-'));
    const copy = join(folder, 'copy.node');
    copyFileSync(addonFile, copy);
    try {
      const program = `
        delete require.cache[require.resolve(file)];
        const again = require(file), other = require(${JSON.stringify(copy)});
        again.setThreads(2);
        console.log([addon, again, other].map((each) => product(each, 300)).join(), addon.threads());
      `;
      expect(run(program)).toEqual({ end: 0, output: 'true,true,true 2', errors: '' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('changes its number of threads while others compute', () => {
    const program = `
      const work = 'let right = true; for (let i = 0; i < 30; i++) right &&= product(require(file), 256); parentPort.postMessage(right);';
      const workers = [worker(work), worker(work)];
      let ended = 0;
      const results = workers.map((each) => once(each, 'message').finally(() => ended++));
      for (let i = 0; ended < 2; i++) {
        addon.setThreads(1 + (i % 4));
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log((await Promise.all(results)).join(), product(addon, 200));
    `;
    expect(run(program)).toEqual({ end: 0, output: 'true,true true', errors: '' });
  });
});

describe.skipIf(!isBuilt || process.platform !== 'linux')('when memory runs out', () => {
  /** As many KiB of address space as Node wants for itself, and about 2 GB. */
  const limited = ['/bin/sh', '-c', 'ulimit -v 3500000; exec "$0" "$@"', process.execPath];

  it('a kernel throws a clear error, and works again when there is some', () => {
    const program = `
      const n = 1 << 25;
      const [x, y] = [new Float32Array(n), new Float32Array(n)];
      const ballast = [];
      try { for (;;) ballast.push(new Float32Array(1 << 23)); } catch {}
      ballast.length -= 2;
      const tries = [];
      for (let i = 0; i < 3; i++) {
        // Its mask is as large as x.
        try { addon.lockedDropout(1 << 12, 1, 1 << 13, x, 0.5, 1, 2, y); tries.push('done'); }
        catch (error) { tries.push(error.code + ' ' + error.message); }
      }
      console.log(tries.join('|'));
      ballast.length = 0;
      globalThis.gc();
      // The collector gives the arrays back in a thread of its own.
      await new Promise((resolve) => setTimeout(resolve, 300));
      addon.lockedDropout(1 << 12, 1, 1 << 13, x, 0.5, 1, 2, y);
      console.log(product(addon, 200), addon.memoryUse().buffers);
    `;
    const { end, output, errors } = run(program, [...limited, '--expose-gc']);
    const line = 'CADENZA_MEMORY Expected enough memory for the tensors, got none from the system';
    expect([end, output.split('\n'), errors]).toEqual([0, [[line, line, line].join('|'), 'true 0'], '']);
  });

  it.skipIf(!hasDistribution)('a tensor too large is refused with a clear error, and nothing of it stays', () => {
    const program = `
        const tf = await import('@tensorflow/tfjs-core');
        const { selectBackend } = await import('@cadenza/engine');
        await selectBackend('native', { threads: 2 });
        const [a, b] = [tf.ones([40000, 8]), tf.ones([8, 40000])];
        const before = [tf.memory().numTensors, tf.engine().backend.numDataIds()].join();
        for (let i = 0; i < 3; i++) {
          try { tf.matMul(a, b); console.log('done'); } catch (error) { console.log(error.name + ': ' + error.message); }
        }
        console.log([tf.memory().numTensors, tf.engine().backend.numDataIds()].join() === before);
        console.log(tf.matMul(tf.ones([300, 300]), tf.ones([300, 300])).dataSync().every((x) => x === 300));
      `;
    const { end, output, errors } = run(program, limited, '');
    // Blocks come in steps of an eighth of an octave.
    const line = 'BackendError: Expected 6144 MB of memory for a tensor, got none from the system';
    expect([end, output.split('\n'), errors]).toEqual([0, [line, line, line, 'true', 'true'], '']);
  });
});

describe.skipIf(!isBuilt || !hasDistribution)('the native backend that is only registered', () => {
  const registered = (limit: string) => {
    const program = "import('@cadenza/engine/register').then(() => console.log(require(process.argv[1]).isa()))";
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program, addonFile], {
      ...{ cwd: packageFolder, encoding: 'utf8', env: { ...process.env, CADENZA_ISA: limit } },
    });
    return { isa: stdout.trim(), stderr };
  };

  it('goes by CADENZA_ISA too, and refuses what is none', () => {
    expect(registered('baseline').isa).toBe('baseline');
    expect(registered('sse9').stderr).toContain('Expected CADENZA_ISA to be one of amxbf16');
  });
});

describe.skipIf(!isBuilt || !hasDistribution)('the native backend in several threads', () => {
  it('takes the number of threads that the process has in a worker that asks for none', () => {
    const threads = availableParallelism() + 1;
    const program = `
      const { loadAddon, selectBackend } = await import('@cadenza/engine');
      const { addon } = loadAddon();
      await selectBackend('native', { threads: ${threads} });
      const choose = (options) => once(worker(
        "import('@cadenza/engine').then(({ selectBackend }) => selectBackend('native', " + JSON.stringify(options) + "))" +
        '.then(({ threads }) => parentPort.postMessage(threads));'), 'message');
      console.log(await choose({}), addon.threads(), await choose({ threads: 1 }), addon.threads());
    `;
    expect(run(program, undefined, '')).toEqual({ end: 0, output: `${threads} ${threads} 1 1`, errors: '' });
  });

  it('takes all cores in a worker where nobody has chosen a number', () => {
    const program = `
      const choose = worker("import('@cadenza/engine').then(({ selectBackend }) => selectBackend('native'))" +
        '.then(({ threads }) => parentPort.postMessage(threads));');
      console.log(await once(choose, 'message'));
    `;
    expect(run(program, undefined, '').output).toBe(`${availableParallelism()}`);
  });

  it('trains in two workers and in the main thread at once, each with the numbers that one alone has', () => {
    const train = `
      async function train() {
        const tf = await import('@tensorflow/tfjs-core');
        const core = await import('@cadenza/core');
        const { selectBackend } = await import('@cadenza/engine');
        await selectBackend('native');
        const [B, T, D, H] = [16, 12, 20, 64];
        const numbers = (shape, seed) => tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * seed)), shape);
        let weights = [numbers([D, 4 * H], 1), numbers([H, 4 * H], 2), numbers([4 * H], 3)];
        const x = numbers([B, T, D], 4);
        for (let step = 0; step < 20; step++) {
          weights = tf.tidy(() => {
            const loss = (kernel, recurrentKernel, bias) => tf.mean(tf.square(core.lstm({ x, kernel, recurrentKernel, bias }).outputs));
            return tf.grads(loss)(weights).map((gradient, i) => tf.sub(weights[i], tf.mul(gradient, 0.1)));
          });
        }
        return weights.map((each) => Array.from(each.dataSync()).reduce((sum, value, i) => sum + value * Math.cos(i), 0)).join();
      }
    `;
    const program = `
      ${train}
      const source = ${JSON.stringify(train)} + 'train().then((result) => parentPort.postMessage(result));';
      const alone = await train();
      const results = await Promise.all([once(worker(source), 'message'), once(worker(source), 'message'), train()]);
      console.log(results.every((result) => result === alone), alone.split(',').every((x) => Number.isFinite(Number(x))));
    `;
    expect(run(program)).toEqual({ end: 0, output: 'true true', errors: '' });
  });
});

describe.skipIf(!hasDistribution)('the package installed in another project, without its addon', () => {
  it('tells how it is built from there', () => {
    const project = mkdtempSync(join(tmpdir(), 'cadenza-project-'));
    try {
      const installed = join(project, 'node_modules/@cadenza/engine');
      for (const part of ['dist', 'scripts', 'package.json']) {
        cpSync(join(packageFolder, part), join(installed, part), { recursive: true });
      }
      const modules = join(packageFolder, '../../node_modules');
      symlinkSync(join(modules, '@tensorflow'), join(project, 'node_modules/@tensorflow'));
      symlinkSync(join(modules, '@cadenza/core'), join(project, 'node_modules/@cadenza/core'));
      const program =
        "import('@cadenza/engine').then(({ selectBackend }) => selectBackend('native')).catch(console.log)";
      const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: project, encoding: 'utf8' });
      const command = /\(run node ([^)]+)\)/.exec(stdout)?.[1];
      expect(command).toBe(join('node_modules', '@cadenza', 'engine', 'scripts', 'buildNative.mjs'));
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  });
});
