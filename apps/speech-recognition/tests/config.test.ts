import { ConfigError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { isStreaming, presetNames, resolveConfig } from '../src/config.js';

const resolved = (...assignments: string[]) => resolveConfig({ preset: 'tiny', assignments });

describe('resolveConfig', () => {
  it('finds every preset sound, of which some hear connected speech and some labels', () => {
    const tasks = presetNames().map((preset) => [preset, resolveConfig({ preset }).task]);
    expect(Object.fromEntries(tasks)).toMatchObject({
      ...{ default: 'transcribe', tiny: 'transcribe', an4: 'transcribe' },
      ...{ fsdd: 'classify', 'fsdd-connected': 'transcribe' },
    });
  });

  it('names the nearest key for one that there is not', () => {
    expect(() => resolved('model.hidenSize=3')).toThrow(/hiddenSize/);
  });

  it.each([
    [['features.lowest=4000', 'features.highest=3000'], /Expected features\.lowest below features\.highest/],
    [['features.sampleRate=8000', 'features.highest=5000'], /at most 4000 Hz/],
    [
      ['features.bands=10', 'features.cepstra=13'],
      /Expected features\.cepstra to be at most features\.bands 10, got 13/,
    ],
    [['features.normalization=running', 'features.deltas=1'], /Expected features\.deltas to be 0 with running/],
    [['features.kind=filterbank', 'augmentation.vocalTract=0.1'], /Expected features\.kind to be of cepstra/],
    [
      ['features.kind=filterbank', 'features.normalization=speaker'],
      /Expected features\.kind to be of cepstra with norm/,
    ],
    [
      ['features.normalization=speaker', 'augmentation.join.recordings=3'],
      /Expected augmentation\.join\.recordings to be 1 with normalization by the speaker, got 3/,
    ],
    [
      ['augmentation.noise.lowest=30', 'augmentation.noise.highest=20'],
      /Expected augmentation\.noise\.lowest to be at most/,
    ],
    [['task=classify'], /Expected text\.unit to be word with task classify, got character/],
    [
      ['task=classify', 'text.unit=word', 'augmentation.join.recordings=2'],
      /Expected augmentation\.join\.recordings to be 1/,
    ],
    [
      ['decoding.vocalTracts=[1,1.1]'],
      /Expected decoding\.vocalTracts to be \[1\] with task transcribe, got \[1,1\.1\]/,
    ],
    [
      ['task=classify', 'text.unit=word', 'features.normalization=none', 'adaptation.rounds=2'],
      /Expected features\.normalization to be other than none with decoding\.adaptation, got none/,
    ],
    [['adaptation.rounds=2'], /Expected decoding\.adaptation\.rounds to be 0 with task transcribe, got 2/],
    [
      ['task=classify', 'text.unit=word', 'features.kind=filterbank', 'decoding.vocalTracts=[1.1]'],
      /Expected features\.kind to be of cepstra with decoding\.vocalTracts, got filterbank/,
    ],
    [['text.unit=word', 'decoding.languageModel=character'], /Expected decoding\.languageModel to be word or none/],
    [['labelSmoothing=0.1'], /Expected training\.labelSmoothing to be 0 with task transcribe, got 0\.1/],
    [['pooling=frames'], /Expected model\.pooling to be outputs with task transcribe, got frames/],
    ...[[], ['dropout.weight=0.2'], ['dropout.between=0.2'], ['mask.times=2', 'mask.timeWidth=0']].map(
      (others): [string[], RegExp] => [
        ['training.consistency=0.2', ...others],
        /Expected augmentation\.vocalTract, augmentation\.mask or model\.dropout \(other than weight\) to make two views .* differ/,
      ],
    ),
    [['model.residual=true'], /Expected model\.layers to be at least 2 with model\.residual, got 1/],
  ])('refuses %j', (assignments, message) => {
    expect(() => resolved(...assignments)).toThrow(ConfigError);
    expect(() => resolved(...assignments)).toThrow(message);
  });

  it('lets a run go on with what it was begun with, though nothing comes of it', () => {
    const begun = resolved();
    const base = { ...begun, training: { ...begun.training, labelSmoothing: 0.1 } };
    expect(resolveConfig({ base, assignments: ['maxSteps=7'] }).training).toMatchObject({ labelSmoothing: 0.1 });
  });

  it('tells models that hear before the end from those that wait for it', () => {
    expect(isStreaming(resolved('bidirectional=false', 'normalization=running'))).toBe(true);
    expect(isStreaming(resolved('bidirectional=false', 'normalization=training'))).toBe(true);
    expect(isStreaming(resolved('bidirectional=false'))).toBe(false);
    expect(isStreaming(resolved('normalization=running'))).toBe(false);
    expect(isStreaming(resolved('bidirectional=false', 'normalization=none', 'deltas=1'))).toBe(false);
  });
});
