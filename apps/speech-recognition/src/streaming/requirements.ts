import { ConfigError } from '@cadenza/core';
import { isStreaming, type Config } from '../config.js';

/** @throws {ConfigError} where a model of this configuration needs the end of an utterance first, with what it would take */
export function checkStreaming(config: Config): void {
  if (isStreaming(config)) return;
  const { task, model, features } = config;
  const { normalization, deltas } = features;
  const got = [
    ...(task === 'transcribe' ? [] : [`task ${task}`]),
    ...(model.bidirectional ? ['model.bidirectional true'] : []),
    ...(normalization === 'utterance' || normalization === 'speaker'
      ? [`features.normalization ${normalization}`]
      : []),
    ...(deltas > 0 ? [`features.deltas ${deltas}`] : []),
  ];
  throw new ConfigError(
    'Expected a model that hears without the end: task transcribe, model.bidirectional false, features.deltas 0 and ' +
      `features.normalization running, training or none; got ${got.join(', ')}`,
  );
}
