import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  Bidirectional,
  ConfigError,
  GRU,
  LSTM,
  RecurrentStack,
  SimpleRNN,
  editDistance,
  nearestName,
} from '../../src/index.js';

type Make = new (options: never) => unknown;

const message = (Layer: Make, options: object): string => {
  try {
    new Layer(options as never);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'no error';
};

beforeAll(() => tf.setBackend('cpu'));

describe('An option', () => {
  it.each<[Make, object, string]>([
    [LSTM, undefined as never, 'Expected the options of LSTM to be an object, got undefined'],
    [LSTM, { units: 4, droput: 0.5 }, 'Expected an option that LSTM knows, got droput; did you mean dropout?'],
    [LSTM, { units: 4, returnsequences: true }, 'did you mean returnSequences?'],
    [GRU, { units: 4, unitForgetBias: true }, 'Expected an option that GRU knows, got unitForgetBias'],
    [GRU, { units: 4, projectionSize: 2 }, 'Expected an option that GRU knows, got projectionSize'],
    [SimpleRNN, { units: 4, resetAfter: true }, 'Expected an option that SimpleRNN knows, got resetAfter'],
    [SimpleRNN, { units: 4, recurrentActivation: 'sigmoid' }, 'got recurrentActivation'],
    [RecurrentStack, { units: 4, goBackwards: true }, 'got goBackwards'],
    [
      RecurrentStack,
      { units: 4, cell: 'gru', projectionSize: 2 },
      'Expected an option that RecurrentStack of gru cells knows',
    ],
    [Bidirectional, { layer: new LSTM({ units: 2 }), mergemode: 'sum' }, 'did you mean mergeMode?'],
  ])('%# of another layer, or misspelt, is refused with the nearest name', (Layer, options, text) => {
    expect(message(Layer, options)).toContain(text);
  });

  it.each([
    [{ unroll: true }, 'Expected no option unroll for LSTM: a layer always runs the whole sequence in one operation'],
    [{ implementation: 1 }, 'Expected no option implementation'],
    [{ timeMajor: true }, '[batch, time, features]'],
    [{ constants: [] }, 'Expected no option constants'],
    [{ activityRegularizer: 'l2' }, 'use kernelRegularizer'],
    [{ useCudnn: true }, 'Expected no option useCudnn for LSTM: the backend decides'],
    [{ useBias: false, biasInitializer: 'ones' }, 'Expected biasInitializer to be absent where useBias is false'],
    [{ useBias: false, biasRegularizer: 'l2' }, 'biasRegularizer to be absent where useBias is false, got "l2"'],
    [{ useBias: false, biasConstraint: 'nonNeg' }, 'biasConstraint to be absent where useBias is false'],
    [{ activation: 'relu' }, 'Expected activation of LSTM to be tanh, got "relu"'],
    [{ recurrentActivation: 'hardSigmoid' }, 'Expected recurrentActivation of LSTM to be sigmoid, got "hardSigmoid"'],
    [{ units: -3 }, 'Expected units to be a positive integer, got -3'],
    [{ units: 2.5 }, 'Expected units to be a positive integer, got 2.5'],
    [{ projectionSize: 0 }, 'Expected projectionSize to be a positive integer, got 0'],
    [{ dropout: 1 }, 'Expected dropout to be a number of [0, 1), got 1'],
    [{ recurrentDropout: -0.1 }, 'Expected recurrentDropout to be a number of [0, 1), got -0.1'],
    [{ weightDropout: '0.5' }, 'Expected weightDropout to be a number of [0, 1), got "0.5"'],
    [{ zoneout: 0.1 }, 'Expected zoneout to be an object of rates'],
    [{ zoneout: { hiden: 0.1 } }, 'Expected the rates of zoneout to be hidden and cell, got "hiden"'],
    [{ useBias: 'no' }, 'Expected useBias to be true or false, got "no"'],
    [{ returnState: 1 }, 'Expected returnState to be true or false, got 1'],
    [{ seed: -1 }, 'Expected seed to be a non-negative integer, got -1'],
    [{ kernelInitializer: 'glorotunifrom' }, 'did you mean glorotUniform?'],
    [{ recurrentInitializer: { className: 'Nothing', config: {} } }, 'a registered class, got "Nothing"'],
    [{ kernelRegularizer: 'l3' }, 'Expected kernelRegularizer to be l1, l2, l1l2, got "l3"'],
    [{ biasConstraint: 'nonneg' }, 'did you mean nonNeg?'],
    [{ biasConstraint: 3 }, 'a name, an object of TensorFlow.js or its saved form, got 3'],
  ])('%j of an LSTM is refused', (options, text) => {
    expect(message(LSTM, { units: 4, ...options })).toContain(text);
  });

  it.each<[Make, object, string]>([
    [
      SimpleRNN,
      { units: 4, activation: 'sigmoid' },
      'Expected activation of SimpleRNN to be tanh or relu, got "sigmoid"',
    ],
    [GRU, { units: 4, zoneout: { cell: 0.1 } }, 'Expected the rates of zoneout to be hidden, got "cell"'],
    [GRU, { units: 4, recurrentActivation: 'relu' }, 'Expected recurrentActivation of GRU to be sigmoid, got "relu"'],
    [
      RecurrentStack,
      { units: 4, cell: 'ltsm' },
      'Expected cell to be rnn or gru or lstm, got "ltsm"; did you mean lstm?',
    ],
    [RecurrentStack, { units: 4, layers: 2, bidirectional: 3 }, 'a number of layers from 0 to 2, got 3'],
    [RecurrentStack, { units: 4, mergeMode: 'sum' }, 'Expected mergeMode to be absent where no layer is bidirectional'],
    [RecurrentStack, { units: 4, residual: true }, 'at least 2 of one size for residual connections, got 1'],
    [Bidirectional, {}, 'Expected the layer of Bidirectional to be a SimpleRNN, LSTM or GRU of Cadenza, got undefined'],
    [Bidirectional, { layer: { className: 'Dense', config: {} } }, 'a SimpleRNN, LSTM or GRU of Cadenza, got "Dense"'],
    [Bidirectional, { layer: new LSTM({ units: 2, goBackwards: true }) }, 'Expected goBackwards of the layer'],
    [Bidirectional, { layer: new LSTM({ units: 2 }), mergeMode: 'max' }, 'Expected mergeMode to be concat or sum'],
    [
      Bidirectional,
      { layer: new LSTM({ units: 2 }), backwardLayer: new LSTM({ units: 2 }) },
      'Expected goBackwards of backwardLayer to be true, got false',
    ],
    [
      Bidirectional,
      { layer: new LSTM({ units: 2 }), backwardLayer: new LSTM({ units: 3, goBackwards: true }) },
      "Expected the size of backwardLayer to be the forward layer's 2, got 3",
    ],
  ])('%# that cannot be honoured is refused', (Layer, options, text) => {
    expect(message(Layer, options)).toContain(text);
  });

  it('that asks for nothing is accepted, as saved Keras configurations spell everything out', () => {
    expect(message(LSTM, { units: 4, unroll: false, timeMajor: false, activityRegularizer: null, seed: null })).toBe(
      'no error',
    );
    expect(message(GRU, { units: 4, useBias: false, biasInitializer: 'zeros' })).toBe('no error');
  });
});

describe('The edit distance', () => {
  const word = fc.string({ maxLength: 8 });

  it('is zero between a word and itself only, and the same both ways', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
      }),
    );
  });

  it('counts one for a letter more, a letter changed, and two neighbours swapped', () => {
    expect([editDistance('lstm', 'lstms'), editDistance('lstm', 'lstn'), editDistance('lstm', 'ltsm')]).toEqual([
      1, 1, 1,
    ]);
  });

  it('finds the nearest name whatever the case', () => {
    expect(nearestName('RETURNSTATE', ['returnSequences', 'returnState'])).toBe('returnState');
  });
});
