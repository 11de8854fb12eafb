import { startChosenBackend, type BackendWishes, type CommonOptions, type Output } from '@cadenza/cli';
import { selectBackend, type SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';

/** Starts the backend that the command line asks for, or else the resumed run's, or else the best there is; says which and why. */
export function startBackend(options: CommonOptions, output: Output, wishes: BackendWishes): Promise<SelectedBackend> {
  tf.enableProdMode(); // no advertisement of tfjs-node on standard error
  return startChosenBackend(selectBackend, options, output, wishes);
}
