import { describe, it } from 'vitest';
import {
  cadenzaTranslate,
  expectInterruptToSave,
  expectKillsToChangeNothing,
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
