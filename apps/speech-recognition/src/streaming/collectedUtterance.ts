import { joinSamples, type FeatureMatrix } from '@cadenza/audio';
import type { RecognizeOptions, Recognizer } from '../recognizer.js';
import { shiftTranscript, type UtteranceTranscript } from '../transcript.js';
import type { UtteranceListener } from './streamingRecognizer.js';

/** An utterance that is recognised when it has ended, for models that need the end first. It holds all its samples until then. */
export class CollectedUtterance implements UtteranceListener {
  private readonly pieces: Float32Array[] = [];

  /**
   * @param start the number of its first sample in the stream
   * @param onFrames is given its frames in the end
   */
  constructor(
    private readonly recognizer: Recognizer,
    private readonly options: RecognizeOptions,
    readonly start: number,
    private readonly onFrames: (frames: FeatureMatrix) => void = () => {},
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
    const samples = joinSamples(this.pieces);
    const frames = recognizer.run.pipeline.extract(samples);
    const [transcript] = await recognizer.transcribeFrames([frames], { ...this.options, adapt: false });
    this.onFrames(frames);
    const { sampleRate } = recognizer;
    return shiftTranscript(transcript, start / sampleRate, (start + samples.length) / sampleRate);
  }

  dispose(): void {
    this.pieces.length = 0;
  }
}
