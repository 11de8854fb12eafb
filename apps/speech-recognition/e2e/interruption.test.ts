import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
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

  it('saves and stops at Ctrl-C with exit code 130, and resumes', () => expectInterruptToSave({ folder, train }));
});
