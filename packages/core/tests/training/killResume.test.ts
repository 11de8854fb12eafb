import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointStore, Random, readMetrics } from '../../src/index.js';

const script = fileURLToPath(new URL('../fixtures/tinyRun.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const kills = 20;
const steps = 170;
let folder: string;

/** Runs the training in a process of its own. `onLine` may kill it. Gives its last line. */
function train(run: string, upTo: number, onLine?: (line: string, kill: () => void) => void, blocks?: number) {
  const limit = blocks === undefined ? [] : ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath];
  const child = spawn(blocks === undefined ? process.execPath : 'bash', [...limit, script, run, String(upTo)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    const seen = text.lastIndexOf('\n') + 1;
    text += more;
    const lines = text.slice(seen).split('\n').slice(0, -1);
    for (const line of lines) onLine?.(line, () => child.kill('SIGKILL'));
  });
  return new Promise<{ last: string; code: number | null; signal: string | null; text: string }>((resolve) => {
    child.on('close', (code, signal) => resolve({ last: text.trimEnd().split('\n').at(-1)!, code, signal, text }));
  });
}

/** All that must not differ between two runs: every byte but what the clock decides. */
function essence(run: string) {
  const store = new CheckpointStore(run);
  const read = (which: 'latest' | 'best') => {
    const { directory, state } = store.load(which)!;
    const bytes = (file: string) => readFileSync(join(directory, file)).toString('base64');
    return {
      ...state,
      time: undefined,
      weights: bytes('weights.safetensors'),
      optimizer: bytes('optimizer.safetensors'),
    };
  };
  const metrics = readMetrics(join(run, 'metrics.jsonl')).map((line) => ({ ...line, time: undefined }));
  return {
    latest: read('latest'),
    best: read('best'),
    metrics,
    config: readFileSync(join(run, 'config.json'), 'utf8'),
  };
}

describe('a training', () => {
  beforeAll(async () => {
    expect(existsSync(built), 'the package is built: run `npx nx build core` first').toBe(true);
    folder = mkdtempSync(join(tmpdir(), 'cadenza-kill-'));
    expect((await train(join(folder, 'straight'), steps)).last).toBe(`done maxSteps ${steps}`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`killed ${kills} times at random moments and resumed equals the uninterrupted one bit for bit`, async () => {
    const random = new Random(20);
    const run = join(folder, 'killed');
    const targets = Array.from({ length: kills }, () => random.integer(steps - 20)).sort((a, b) => a - b);
    for (const target of targets) {
      // Killed once it reports the target step (or stands there at its start), within the calls of the steps that follow.
      const delay = random.integer(20);
      let aimed = false;
      const { signal, text } = await train(run, steps, (line, kill) => {
        if (aimed || Number(line.split(' ')[1]) < target) return;
        aimed = true;
        setTimeout(kill, delay);
      });
      expect(signal, `killed at step ${target}: ${text}`).toBe('SIGKILL');
      expect(text).not.toMatch(/error|warning/);
    }
    const { last, text } = await train(run, steps);
    expect(last).toBe(`done maxSteps ${steps}`);
    expect(Number(/resumed (\d+)/.exec(text)![1])).toBeGreaterThan(steps / 2);
    expect(essence(run)).toEqual(essence(join(folder, 'straight')));
    expect(readdirSync(join(run, 'checkpoints')).filter((name) => name.startsWith('.'))).toEqual([]);
  }, 240_000);

  it.skipIf(process.platform === 'win32')(
    'that can write no more says so in one line, and goes on where there is room again',
    async () => {
      const run = join(folder, 'full');
      await train(run, 20);
      // 4 blocks of 1024 bytes: the metrics, the events and the optimizer's state are all about to grow beyond.
      const { last, code } = await train(run, steps, undefined, 4);
      expect(code).toBe(2);
      expect(last).toMatch(
        /^error CheckpointError EFBIG: Expected to write .*, got the limit on the size of files \(EFBIG\)/,
      );
      const { text } = await train(run, steps);
      expect(text).toMatch(/^resumed 20\n/);
      expect(essence(run)).toEqual(essence(join(folder, 'straight')));
    },
    60_000,
  );
});
