import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cadenzaTranslate,
  expectInterruptToSave,
  expectKillsToChangeNothing,
  lastObject,
  scratchFolder,
  type Train,
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

const train: Train = (run, more = [], command = {}) =>
  cadenzaTranslate(['train', '--run', run, ...options, ...more], command);

describe('training', () => {
  it(
    'killed at random moments and resumed each time ends as the uninterrupted one did, bit for bit',
    () => expectKillsToChangeNothing({ folder, train, steps, kills }),
    240_000,
  );

  it('saves and stops at Ctrl-C with exit code 130, and resumes', () => expectInterruptToSave({ folder, train }));
});

describe('translate', () => {
  const run = join(folder, 'short');
  beforeAll(() => train(run, ['--max-steps', '1']));

  it('stops at Ctrl-C with exit code 130 though standard input stays open', async () => {
    const result = await cadenzaTranslate(['translate', '--run', run, '--json', '--quiet'], {
      keepOpen: true,
      onStart: (child) => {
        child.stdin!.write('good morning\n');
        child.stdout!.once('data', () => child.kill('SIGINT'));
      },
    });
    expect(result).toMatchObject({ code: 130, stderr: '' });
    expect(lastObject(result)).toMatchObject({ lines: 1 });
  }, 60_000);

  it.skipIf(process.platform === 'win32')(
    'stops so though a pipe in the place of a file stays open',
    async () => {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const writer = openSync(pipe, 'r+');
      writeSync(writer, 'good morning\n');
      const result = await cadenzaTranslate(['translate', '--run', run, '--input', pipe, '--json', '--quiet'], {
        onStart: (child) => void child.stdout!.once('data', () => child.kill('SIGINT')),
      });
      closeSync(writer);
      expect(result).toMatchObject({ code: 130, stderr: '' });
      expect(lastObject(result)).toMatchObject({ lines: 1 });
    },
    60_000,
  );
});
