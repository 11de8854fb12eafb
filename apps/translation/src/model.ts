import { SequenceToSequence, type Random } from '@cadenza/core';
import type { SentenceCodec } from './codec.js';
import type { Config } from './config.js';

/** The network of a configuration, for the vocabularies of a codec, filled from the generator. */
export function createModel({ model }: Config, codec: SentenceCodec, random: Random): SequenceToSequence {
  const { encoder, ...rest } = model;
  const { bidirectional, ...encoderRest } = encoder;
  return new SequenceToSequence(
    {
      ...rest,
      encoder: { ...encoderRest, bidirectional: bidirectional ?? encoder.layers },
      sourceVocabularySize: codec.source.size,
      targetVocabularySize: codec.target.size,
    },
    random,
  );
}
