import { choice } from '@cadenza/cli';
import type { UnknownPolicy } from '@cadenza/text';
import type { Option } from 'commander';

/** The options of every verb that uses a trained model. */
export interface RunOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  unknown: UnknownPolicy;
}

export function checkpointOption(): Option {
  return choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best');
}

export function unknownOption(): Option {
  return choice('--unknown <policy>', 'for characters that the model never saw', ['error', 'skip', 'unk']).default(
    'error',
  );
}
