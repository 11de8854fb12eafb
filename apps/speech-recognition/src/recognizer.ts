import type { FeatureMatrix } from '@cadenza/audio';
import type { AcousticModel, FrameScores } from '@cadenza/core';
import { scoreFrames, scoreVocalTracts, type Heard, type ScoringOptions } from './acoustics.js';
import { TranscriptDecoder, type DecoderOptions } from './decoder.js';
import { openRun, type OpenOptions, type OpenRun } from './run.js';
import { CollectedUtterance } from './streaming/collectedUtterance.js';
import { checkStreaming } from './streaming/requirements.js';
import { StreamingRecognizer, type StreamOptions } from './streaming/streamingRecognizer.js';
import { UtteranceStream } from './streaming/utteranceStream.js';
import { transcriptOf, type Transcript } from './transcript.js';
import { voicesOf } from './speakers.js';
import { type Voice } from './voices.js';

export type { Transcript, UtteranceTranscript } from './transcript.js';

export interface RecognizeOptions extends DecoderOptions, ScoringOptions {}

/** Recognises speech by the model of a run. Load it after a backend is chosen, and dispose of it in the end. */
export class Recognizer {
  readonly model: AcousticModel;

  constructor(readonly run: OpenRun) {
    this.model = run.loadModel();
  }

  /** Opens a run folder. */
  static open(path: string, options?: OpenOptions): Recognizer {
    return new Recognizer(openRun(path, options));
  }

  /** The rate of the samples that it takes, in hertz. */
  get sampleRate(): number {
    return this.run.config.features.sampleRate;
  }

  /** What is said in some recordings, each of one channel at {@link sampleRate}, in the order given. */
  transcribe(recordings: readonly Float32Array[], options: RecognizeOptions = {}): Promise<Transcript[]> {
    return this.transcribeFrames(
      recordings.map((samples) => this.run.pipeline.extract(samples)),
      options,
    );
  }

  /**
   * The same for frames that are extracted already, before differences and normalisation; and whose voice each is. Where no voices are
   * given, and normalization goes by the speaker, recordings are grouped by who seems to speak.
   */
  async transcribeFrames(
    frames: readonly FeatureMatrix[],
    { voices: given, ...options }: RecognizeOptions & { voices?: readonly (Voice | undefined)[] } = {},
  ): Promise<Transcript[]> {
    const { pipeline } = this.run;
    const voices =
      given ??
      voicesOf(
        frames.map((matrix) => ({ frames: matrix })),
        pipeline,
      );
    const heard = frames.map((matrix, index) => ({ frames: matrix, voice: voices[index] }));
    if (this.run.config.task === 'classify') return this.classify(heard, options);
    const features = heard.map((recording) => pipeline.finish(recording.frames, recording.voice));
    const scores = await scoreFrames(this.model, features, options);
    const decoder = this.decoder(options);
    return scores.map((frameScores) => transcriptOf(decoder.decode(frameScores)));
  }

  /**
   * Recognises sound that arrives in pieces, and says after each what it hears so far.
   * @throws {ConfigError} for a model that needs the end first, with what it would take
   */
  stream(options: StreamOptions = {}): StreamingRecognizer {
    checkStreaming(this.run.config);
    const decoder = this.decoder(options);
    return new StreamingRecognizer(this.sampleRate, (start) => new UtteranceStream(this, decoder, start), options);
  }

  /** The same for any model: an utterance is recognised when a pause has ended it, and there is nothing to say before. */
  listen({ endpointing = true, ...options }: StreamOptions = {}): StreamingRecognizer {
    const open = (start: number): CollectedUtterance => new CollectedUtterance(this, options, start);
    return new StreamingRecognizer(this.sampleRate, open, { ...options, endpointing });
  }

  /** log p(symbol | frame) of a recording's frames. */
  async scores(frames: FeatureMatrix, voice?: Voice): Promise<FrameScores> {
    const [scores] = await scoreFrames(this.model, [this.run.pipeline.finish(frames, voice)]);
    return scores;
  }

  /** What turns scores into words, as the run says or otherwise where it is told. */
  decoder(options: DecoderOptions = {}): TranscriptDecoder {
    const { symbols, config, language, weights, pipeline } = this.run;
    return new TranscriptDecoder(symbols, config.decoding, language, pipeline.stackSeconds, { weights, ...options });
  }

  /** Frees the weights. */
  dispose(): void {
    this.model.dispose();
  }

  private async classify(heard: readonly Heard[], { nBest = 1, ...options }: RecognizeOptions): Promise<Transcript[]> {
    const { symbols, pipeline, config } = this.run;
    const factors = config.decoding.vocalTracts;
    const scores = await scoreVocalTracts(this.model, pipeline, heard, { ...options, factors });
    return scores.map((values, index) => {
      if (values === undefined) return transcriptOf([{ text: '', words: [], acoustic: 0, language: 0 }]);
      const end = heard[index].frames.frames * pipeline.frameSeconds;
      const ranked = Array.from(values, (acoustic, label) => ({ acoustic, word: symbols.symbols[label + 1] }))
        .sort((a, b) => b.acoustic - a.acoustic)
        .slice(0, nBest);
      return transcriptOf(
        ranked.map(({ acoustic, word }) => ({
          text: word,
          words: [{ word, start: 0, end, confidence: Math.exp(acoustic) }],
          ...{ acoustic, language: 0 },
        })),
      );
    });
  }
}
