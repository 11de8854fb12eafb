import type { FeatureMatrix } from '@cadenza/audio';
import type { TranscriptDecoder, TranscriptHypothesis } from '../decoder.js';
import type { Recognizer } from '../recognizer.js';
import { shiftTranscript, transcriptOf, type UtteranceTranscript } from '../transcript.js';
import { FeatureChain } from './featureChain.js';
import { ScoreStream } from './scoreStream.js';
import { BeamStream, GreedyStream, type StreamSearch } from './search.js';
import type { UtteranceListener } from './streamingRecognizer.js';

/** The most samples that are worked on at once: more of them bring no more speed, but take memory. */
const PIECE = 1 << 16;

/** Recognises one utterance whose samples arrive in pieces, each at the model's rate. Dispose of it unless it was finished. */
export class UtteranceStream implements UtteranceListener {
  private readonly features: FeatureChain;
  private readonly scores: ScoreStream;
  private readonly search: StreamSearch;
  private received = 0;

  /** @param start the number of its first sample in the stream */
  constructor(
    private readonly recognizer: Recognizer,
    decoder: TranscriptDecoder,
    readonly start: number,
  ) {
    this.features = new FeatureChain(recognizer.run.pipeline);
    this.scores = new ScoreStream(recognizer.model);
    // Times of the utterance are added to its start in the end, as those of any recording are.
    this.search = decoder.method === 'greedy' ? new GreedyStream(decoder) : new BeamStream(decoder);
  }

  async push(samples: Float32Array): Promise<void> {
    for (let at = 0; at < samples.length; at += PIECE) {
      const piece = samples.subarray(at, at + PIECE);
      await this.feed(this.features.push(piece));
      this.received += piece.length;
    }
  }

  /** What is heard so far; what follows may change it. */
  partial(): UtteranceTranscript {
    return this.describe([this.search.partial()]);
  }

  /** What was heard, and frees the state. */
  async finish(): Promise<UtteranceTranscript> {
    try {
      for (const features of this.features.end()) await this.feed(features);
      return this.describe(this.search.finish());
    } finally {
      this.dispose();
    }
  }

  dispose(): void {
    this.scores.dispose();
  }

  private async feed(features: FeatureMatrix): Promise<void> {
    if (features.frames > 0) this.search.feed(await this.scores.push(features));
  }

  private describe(hypotheses: TranscriptHypothesis[]): UtteranceTranscript {
    const { sampleRate } = this.recognizer;
    return shiftTranscript(
      transcriptOf(hypotheses),
      this.start / sampleRate,
      (this.start + this.received) / sampleRate,
    );
  }
}
