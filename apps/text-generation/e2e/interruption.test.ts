import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cadenzaText, lastObject, scratchFolder, until, type CommandOptions, type CommandResult } from './command.js';

const folder = scratchFolder();
const data = fileURLToPath(new URL('../../../LICENSE', import.meta.url));
const steps = 600;
const options = [
  ...['--preset', 'tiny', '--data', data, '--quiet', '--json'],
  ...['--set', 'hiddenSize=8', '--set', 'batchSize=4', '--set', 'sequenceLength=16', '--max-steps', String(steps)],
  ...['--set', 'dropout.output=0.2', '--set', 'training.ema=0.9', '--set', 'sampleLength=8', '--set', 'logSteps=5'],
  ...[
    '--set',
    'validationSteps=40',
    '--set',
    'validationTokens=300',
    '--set',
    'finalTokens=300',
    '--set',
    'checkpointSteps=20',
  ],
];

const train = (run: string, more: string[] = [], command: CommandOptions = {}): Promise<CommandResult> =>
  cadenzaText(['train', '--run', run, ...options, ...more], command);

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

function resumeIfThere(run: string): string[] {
  return existsSync(join(run, 'config.json')) ? ['--resume'] : [];
}

describe('training', () => {
  it('killed 20 times at random moments and resumed each time ends as the uninterrupted one did, bit for bit', async () => {
    const whole = join(folder, 'whole');
    const started = Date.now();
    expect(lastObject(await train(whole))).toMatchObject({ steps });
    const duration = Date.now() - started;

    // A run that comes to its end in between is compared, and another one begun, until 20 kills have hit.
    const expected = remains(whole);
    let runs = 1;
    for (let kills = 0; kills < 20;) {
      const killed = join(folder, `killed-${runs}`);
      const result = await train(killed, resumeIfThere(killed), {
        // From the very start of the process to well into its training.
        onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), Math.random() * (0.25 * duration + 800)),
      });
      if (result.code === 'SIGKILL') {
        kills++;
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

  it('stops at once at the second Ctrl-C', async () => {
    const run = join(folder, 'twice');
    const result = await train(run, ['--max-steps', '100000'], {
      onStart: (child) =>
        void until(() => existsSync(join(run, 'checkpoints/latest'))).then(() => {
          child.kill('SIGINT');
          child.kill('SIGTERM');
        }),
    });
    expect(result.code).toBe(130);
    expect(result.stdout).toBe(''); // the first alone would have led to the object of what was saved
  });

  it('refuses a run in which another training lives', async () => {
    const run = join(folder, 'alive');
    let second: Promise<CommandResult> | undefined;
    await train(run, ['--max-steps', '100000'], {
      onStart: (child) =>
        void until(() => existsSync(join(run, 'checkpoints/latest'))).then(async () => {
          second = train(run, ['--resume', '--max-steps', '100000']);
          await second;
          child.kill('SIGKILL');
        }),
    });
    const refused = await second!;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/Expected no other training in the run, got process \d+/);
    // Its death frees the run.
    expect((await train(run, ['--resume', '--max-steps', '1'])).code).toBe(0);
  });
});

describe('a reader that goes away', () => {
  it('ends the command quietly', async () => {
    const run = join(folder, 'read');
    await train(run, ['--max-steps', '1']);
    const result = await cadenzaText(
      ['generate', '--run', run, '--length', '100000', '--backend', 'cpu', '--quiet', '--prompt', 'a'],
      {
        onStart: (child) => void child.stdout!.once('data', () => child.stdout!.destroy()),
      },
    );
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });
});
