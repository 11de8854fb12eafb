import type { DecoderOptions } from '../decoder.js';
import type { Recognizer } from '../recognizer.js';
import { shiftTranscript, type UtteranceTranscript } from '../transcript.js';
import type { UtteranceListener } from './streamingRecognizer.js';

/** An utterance that is recognised when it has ended, for models that need the end first. It holds all its samples until then. */
export class CollectedUtterance implements UtteranceListener {
  private readonly pieces: Float32Array[] = [];

  /** @param start the number of its first sample in the stream */
  constructor(
    private readonly recognizer: Recognizer,
    private readonly options: DecoderOptions,
    readonly start: number,
  ) {}

  push(samples: Float32Array): Promise<void> {
    this.pieces.push(samples);
    return Promise.resolve();
  }

  partial(): undefined {
    return undefined;
  }

  async finish(): Promise<UtteranceTranscript> {
    const { start, recognizer } = this;
    const samples = new Float32Array(this.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.pieces) {
      samples.set(piece, at);
      at += piece.length;
    }
    const [transcript] = await recognizer.transcribe([samples], this.options);
    const { sampleRate } = recognizer;
    return shiftTranscript(transcript, start / sampleRate, (start + samples.length) / sampleRate);
  }

  dispose(): void {
    this.pieces.length = 0;
  }
}
