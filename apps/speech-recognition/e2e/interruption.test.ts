import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeSongs } from '../tests/tones.js';
import {
  cadenzaSpeech,
  expectInterruptToSave,
  expectKillsToChangeNothing,
  remainsOf,
  scratchFolder,
  type Train,
} from './command.js';

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

const train: Train = (run, more = [], command = {}) =>
  cadenzaSpeech(['train', '--run', run, ...options, ...more], command);

/** What search was found for the run, too. */
const remains = (run: string): Record<string, unknown> => ({
  ...remainsOf(run),
  decoding: readFileSync(join(run, 'decoding.json'), 'utf8'),
});

describe('training', () => {
  it(
    'killed at random moments and resumed each time ends as the uninterrupted one did, bit for bit',
    () => expectKillsToChangeNothing({ folder, train, steps, remains, kills }),
    400_000,
  );

  it('stops at Ctrl-C with exit code 130 and no error while recordings are read', async () => {
    const [first] = readFileSync(manifest, 'utf8').split('\n');
    const endless = join(folder, 'songs', 'endless.jsonl');
    writeFileSync(endless, `${first}\n`.repeat(30_000));
    const run = join(folder, 'unread');
    const result = await cadenzaSpeech(['train', '--run', run, '--data', endless, '--preset', 'tiny'], {
      // What computes is told, then the manifest read, then the sound.
      onStart: (child) => void child.stderr!.once('data', () => setTimeout(() => child.kill('SIGINT'), 1000)),
    });
    expect(result.code).toBe(130);
    expect(result.stderr).not.toContain('error');
    expect(existsSync(join(run, 'config.json'))).toBe(false);
  });

  it('saves and stops at Ctrl-C with exit code 130, and resumes', () => expectInterruptToSave({ folder, train }));
});
