import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cadenzaTranslate,
  lastObject,
  scratchFolder,
  until,
  type CommandOptions,
  type CommandResult,
} from './command.js';
import { quick, writeTenPairs } from './tenPairs.js';

const folder = scratchFolder();
const { data } = writeTenPairs(folder);
const steps = 120;
const kills = 6;
const options = [
  ...['--quiet', '--json', ...data, ...quick, '--max-steps', String(steps), '--batch', '3'],
  ...['--merge-dropout', '0.3', '--dropout-input', '0.2', '--dropout-output', '0.2', '--scheduled-sampling', '0.2'],
  ...['--ema', '0.9', '--set', 'checkpointSteps=10', '--set', 'validationSteps=30', '--set', 'logSteps=5'],
];

const train = (run: string, more: string[] = [], command: CommandOptions = {}): Promise<CommandResult> =>
  cadenzaTranslate(['train', '--run', run, ...options, ...more], command);

/** Everything that a run leaves and the clock has no part in. */
function remains(run: string): { metrics: string[]; weights: string; optimizer: string } {
  const metrics = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const latest = join(run, 'checkpoints', readFileSync(join(run, 'checkpoints/latest'), 'utf8').trim());
  return {
    metrics: metrics.map((line) => JSON.stringify({ ...JSON.parse(line), time: undefined })),
    weights: readFileSync(join(latest, 'weights.safetensors')).toString('base64'),
    optimizer: readFileSync(join(latest, 'optimizer.safetensors')).toString('base64'),
  };
}

const resumeIfThere = (run: string): string[] => (existsSync(join(run, 'config.json')) ? ['--resume'] : []);

describe('training', () => {
  it('killed at random moments and resumed each time ends as the uninterrupted one did, bit for bit', async () => {
    const whole = join(folder, 'whole');
    const started = Date.now();
    expect(lastObject(await train(whole))).toMatchObject({ steps });
    const duration = Date.now() - started;

    // A run that comes to its end in between is compared, and another one begun, until so many kills have hit.
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
  }, 240_000);

  it('saves and stops at Ctrl-C with exit code 130, and resumes', async () => {
    const run = join(folder, 'interrupted');
    const result = await train(run, ['--max-steps', '100000'], {
      onStart: (child) =>
        void until(() => existsSync(join(run, 'checkpoints/latest'))).then(() => child.kill('SIGINT')),
    });
    expect(result.code).toBe(130);
    const { steps: reached, stopped } = lastObject<{ steps: number; stopped: string }>(result);
    expect(stopped).toBe('aborted');
    expect(readFileSync(join(run, 'checkpoints/latest'), 'utf8').trim()).toBe(`step-${reached}`);
    const resumed = await train(run, ['--resume', '--max-steps', String(reached + 5)]);
    expect(lastObject(resumed)).toMatchObject({ steps: reached + 5 });
  });
});
