import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeSongs } from '../tests/tones.js';
import { cadenzaSpeech, lastObject, scratchFolder, until, type CommandOptions, type CommandResult } from './command.js';

const folder = scratchFolder();
const manifest = writeSongs(join(folder, 'songs'));
const steps = 60;
const kills = 4;
const options = [
  ...[
    '--quiet',
    '--json',
    '--data',
    manifest,
    '--preset',
    'tiny',
    '--max-steps',
    String(steps),
    '--batch',
    '4',
    '--threads',
    '1',
  ],
  ...['--dropout-input', '0.2', '--ema', '0.9', '--set', 'augmentation.speed=0.1', '--set', 'join.recordings=2'],
  ...['--set', 'checkpointSteps=6', '--set', 'validationSteps=20', '--set', 'logSteps=5', '--held-out', '0.3'],
];

const train = (run: string, more: string[] = [], command: CommandOptions = {}): Promise<CommandResult> =>
  cadenzaSpeech(['train', '--run', run, ...options, ...more], command);

/** Everything that a run leaves and the clock has no part in. */
function remains(run: string): Record<string, unknown> {
  const metrics = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const latest = join(run, 'checkpoints', readFileSync(join(run, 'checkpoints/latest'), 'utf8').trim());
  const bytes = (name: string): string => readFileSync(join(latest, name)).toString('base64');
  return {
    metrics: metrics.map((line) => JSON.stringify({ ...JSON.parse(line), time: undefined })),
    ...{ weights: bytes('weights.safetensors'), optimizer: bytes('optimizer.safetensors') },
    decoding: readFileSync(join(run, 'decoding.json'), 'utf8'),
  };
}

const resumeIfThere = (run: string): string[] => (existsSync(join(run, 'config.json')) ? ['--resume'] : []);

describe('training', () => {
  it('killed at random moments and resumed each time ends as the uninterrupted one did, bit for bit', async () => {
    const whole = join(folder, 'whole');
    const started = Date.now();
    expect(lastObject(await train(whole))).toMatchObject({ steps });
    const duration = Date.now() - started;
    const expected = remains(whole);
    let runs = 1;
    for (let hits = 0; hits < kills;) {
      const killed = join(folder, `killed-${runs}`);
      const result = await train(killed, resumeIfThere(killed), {
        // From the very start of the process to well into its training.
        onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), Math.random() * duration),
      });
      if (result.code === 'SIGKILL') {
        hits++;
        continue;
      }
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(remains(killed)).toEqual(expected);
      runs++;
    }
    const killed = join(folder, `killed-${runs}`);
    expect(lastObject(await train(killed, resumeIfThere(killed)))).toMatchObject({ steps });
    expect(remains(killed)).toEqual(expected);
  }, 400_000);

  it('saves and stops at Ctrl-C with exit code 130, and resumes', async () => {
    const run = join(folder, 'interrupted');
    const result = await train(run, ['--max-steps', '100000'], {
      onStart: (child) =>
        void until(() => existsSync(join(run, 'checkpoints/latest'))).then(() => child.kill('SIGINT')),
    });
    expect(result.code).toBe(130);
    const { steps: reached, stopped } = lastObject<{ steps: number; stopped: string }>(result);
    expect(stopped).toBe('aborted');
    const resumed = await train(run, ['--resume', '--max-steps', String(reached + 5)]);
    expect(lastObject(resumed)).toMatchObject({ steps: reached + 5 });
  });
});
