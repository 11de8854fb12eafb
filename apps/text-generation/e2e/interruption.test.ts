import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  cadenzaText,
  expectInterruptToSave,
  expectKillsToChangeNothing,
  scratchFolder,
  until,
  type CommandResult,
  type Train,
} from './command.js';

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

const train: Train = (run, more = [], command = {}) =>
  cadenzaText(['train', '--run', run, ...options, ...more], command);

describe('training', () => {
  it(
    'killed 20 times at random moments and resumed each time ends as the uninterrupted one did, bit for bit',
    () => expectKillsToChangeNothing({ folder, train, steps, within: (duration) => 0.25 * duration + 800, kills: 20 }),
    240_000,
  );

  it('saves and stops at Ctrl-C with exit code 130, and resumes', () => expectInterruptToSave({ folder, train }));

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

describe('a long text', () => {
  it('is read no further after Ctrl-C, by the verb that looks inside and by the one that writes', async () => {
    const run = join(folder, 'reading');
    await train(run, ['--max-steps', '1']);
    const [text, page] = [join(folder, 'text'), join(folder, 'page.html')];
    writeFileSync(text, 'a the '.repeat(1 << 17));
    const calls = [
      ['inspect', '--data', text, '--output', page],
      ['generate', '--prompt-file', text, '--no-echo'],
    ];
    for (const call of calls) {
      const result = await cadenzaText([...call, '--run', run, '--backend', 'cpu'], {
        onStart: (child) => void child.stderr!.once('data', () => child.kill('SIGINT')), // the line of the backend
      });
      expect(result, call[0]).toMatchObject({ code: 130, stdout: call[0] === 'generate' ? '\n' : '' });
    }
    expect(existsSync(page)).toBe(false);
  });
});

describe('standard input that does not end', () => {
  it('is waited for until Ctrl-C, by whatever reads it', async () => {
    const run = join(folder, 'waiting');
    await train(run, ['--max-steps', '1']);
    const never = join(folder, 'never');
    const calls = [
      ['score', '--run', run],
      ['generate', '--run', run, '--prompt-file', '-'],
      ['evaluate', '--run', run, '--data', '-'],
      ['train', '--run', never, ...options, '--data', '-'],
    ];
    for (const call of calls) {
      const result = await cadenzaText([...call, '--backend', 'cpu', '--quiet'], {
        keepOpen: true,
        // More than a pipe holds: once all is written, the command is reading.
        onStart: (child) => void child.stdin!.write('a'.repeat(1 << 20), () => child.kill('SIGINT')),
      });
      expect(result, call[0]).toEqual({ stdout: '', stderr: '', code: 130 });
    }
    expect(existsSync(never)).toBe(false);
  }, 120_000);
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
