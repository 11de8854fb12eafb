import { sequenceOptionNames, type SequenceOptions } from './sequenceLayer.js';
import type { ConstraintOption, InitializerOption, RegularizerOption } from './weightOptions.js';

/** What SimpleRNN, LSTM and GRU have in common: Keras 3's options by Keras's names, and a few more. */
export interface RecurrentOptions extends SequenceOptions {
  /** The hidden size H. */
  units: number;
  /** Add a bias to the gates (default true). */
  useBias?: boolean;
  /** Of the input's weights; glorotUniform when absent. */
  kernelInitializer?: InitializerOption;
  /** Of the recurrent weights; orthogonal when absent. */
  recurrentInitializer?: InitializerOption;
  /** zeros when absent */
  biasInitializer?: InitializerOption;
  kernelRegularizer?: RegularizerOption;
  recurrentRegularizer?: RegularizerOption;
  biasRegularizer?: RegularizerOption;
  kernelConstraint?: ConstraintOption;
  recurrentConstraint?: ConstraintOption;
  biasConstraint?: ConstraintOption;
  /** Dropout of the input, one mask for all steps (Gal and Ghahramani 2016). */
  dropout?: number;
  /** Dropout of h_{t-1}, one mask for all steps (Gal and Ghahramani 2016). */
  recurrentDropout?: number;
  /** DropConnect: dropout of the recurrent weights themselves (Merity, Keskar and Socher 2017). */
  weightDropout?: number;
  /** Rates at which units keep their previous value (Krueger et al. 2016); `cell` is for the LSTM's cell state. */
  zoneout?: { hidden?: number; cell?: number };
  /** Normalise the products and, in an LSTM, the cell inside the output's tanh (Ba, Kiros and Hinton 2016). */
  layerNorm?: boolean;
  /** Walk from the last step to the first; a call then returns the outputs in that order, as Keras does. */
  goBackwards?: boolean;
  /** Makes the initial weights and every dropout reproducible. */
  seed?: number;
}

/** Their names, to tell an unknown option by. */
export const recurrentOptionNames = [
  ...sequenceOptionNames,
  ...['units', 'activation', 'useBias', 'goBackwards', 'seed', 'dropout', 'recurrentDropout', 'weightDropout'],
  ...['zoneout', 'layerNorm', 'kernelInitializer', 'recurrentInitializer', 'biasInitializer', 'kernelRegularizer'],
  ...['recurrentRegularizer', 'biasRegularizer', 'kernelConstraint', 'recurrentConstraint', 'biasConstraint'],
];
