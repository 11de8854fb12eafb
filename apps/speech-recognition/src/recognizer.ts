import type { FeatureMatrix } from '@cadenza/audio';
import { ConfigError, InputError, type AcousticModel, type FrameScores } from '@cadenza/core';
import { adaptToRecordings, isWorthAdapting } from './adaptation.js';
import { scoreFrames, scoreVocalTracts, type ScoringOptions } from './acoustics.js';
import { TranscriptDecoder, type DecoderOptions } from './decoder.js';
import { isStreaming } from './config.js';
import { openRun, type OpenOptions, type OpenRun } from './run.js';
import { CollectedUtterance } from './streaming/collectedUtterance.js';
import { checkStreaming } from './streaming/requirements.js';
import { StreamingRecognizer, type StreamOptions } from './streaming/streamingRecognizer.js';
import { UtteranceStream } from './streaming/utteranceStream.js';
import { transcriptOf, type Transcript } from './transcript.js';
import { extractorOptions } from './features.js';
import { FUSED_HYPOTHESES, fuseHypotheses } from './fusion.js';
import { voicesOf } from './speakers.js';
import type { Voice } from './voices.js';
import type { Spoken } from './voiceSpace.js';

export type { Transcript, UtteranceTranscript } from './transcript.js';

export interface RecognizeOptions extends DecoderOptions, ScoringOptions {
  /** Frames of recordings that were heard before in the same place: voices are told by these too, where normalization goes by them. */
  before?: readonly FeatureMatrix[];
  /** false: the model does not adapt to the recordings, though its run says how. */
  adapt?: boolean;
  /** Told when a model has adapted to so many recordings. */
  onAdapt?: (recordings: number) => void;
}

/** How many utterances of a stream its voices are told by. */
const REMEMBERED = 20;

/** Recognises speech by the model of a run. Load it after a backend is chosen, and dispose of it in the end. */
export class Recognizer {
  readonly model: AcousticModel;
  private readonly partners: readonly Recognizer[];

  /**
   * @param run says how sound becomes frames, and how is searched
   * @param others hear together with it
   * @throws {InputError} for runs that hear other frames, or tell other symbols apart
   */
  constructor(
    readonly run: OpenRun,
    others: readonly OpenRun[] = [],
  ) {
    for (const other of others) checkTogether(run, other);
    this.model = run.loadModel();
    this.partners = others.map((other) => new Recognizer(other));
  }

  /** Opens a run folder, or several that hear together. */
  static open(paths: string | readonly string[], options?: OpenOptions): Recognizer {
    const [first, ...others] = [paths].flat().map((path) => openRun(path, options));
    return new Recognizer(first, others);
  }

  /** The rate of the samples that it takes, in hertz. */
  get sampleRate(): number {
    return this.run.config.features.sampleRate;
  }

  /**
   * What is said in some recordings, each of one channel at {@link sampleRate}, in the order given. Where the run says so
   * (`decoding.adaptation`), a copy of the model first learns from them, which takes seconds, and what is heard in one depends on all.
   */
  transcribe(recordings: readonly Float32Array[], options: RecognizeOptions = {}): Promise<Transcript[]> {
    return this.transcribeFrames(
      recordings.map((samples) => this.run.pipeline.extract(samples)),
      options,
    );
  }

  /**
   * The same for frames that are extracted already, before differences and normalisation. Where normalization goes by the speaker,
   * recordings of nobody named are grouped by who seems to speak.
   * @throws {ConfigError} for greedy decoding by several runs
   */
  async transcribeFrames(
    frames: readonly FeatureMatrix[],
    { speakers, ...options }: RecognizeOptions & { speakers?: readonly (string | undefined)[] } = {},
  ): Promise<Transcript[]> {
    const spoken = frames.map((matrix, index) => ({ frames: matrix, speaker: speakers?.[index] }));
    if (this.run.config.task === 'classify') return this.classify(spoken, options);
    this.checkMethod(options);
    const scores = await this.eachMember(options, (member, shared) => member.scoresOf(spoken, shared));
    if (this.partners.length === 0) {
      const decoder = this.decoder(options);
      return scores[0].map((frameScores) => transcriptOf(decoder.decode(frameScores)));
    }
    const { nBest = 1 } = options;
    const decoders = [this, ...this.partners].map(({ run }) =>
      this.decoder({ ...options, nBest: Math.max(nBest, FUSED_HYPOTHESES) }, run.pipeline.stackSeconds),
    );
    return frames.map((_, index) => {
      const heard = decoders.map((decoder, member) => ({ scores: scores[member][index], decoder }));
      return transcriptOf(fuseHypotheses(heard, this.run.symbols).slice(0, nBest));
    });
  }

  /**
   * Recognises sound that arrives in pieces, and says after each what it hears so far.
   * @throws {ConfigError} for a model that needs the end first, with what it would take, and for several runs
   */
  stream(options: StreamOptions = {}): StreamingRecognizer {
    checkStreaming(this.run.config);
    if (this.partners.length > 0) {
      const got = 1 + this.partners.length;
      throw new ConfigError(`Expected one run to hear a stream as it comes, got ${got}; listen() takes several`);
    }
    const decoder = this.decoder(options);
    return new StreamingRecognizer(this.sampleRate, (start) => new UtteranceStream(this, decoder, start), options);
  }

  /**
   * The same for any model: an utterance is recognised when a pause has ended it, and there is nothing to say before. Where normalization
   * goes by the speaker, the utterances before it, some, are heard with it: a voice is known the better the longer it speaks.
   */
  listen({ endpointing = true, ...options }: StreamOptions = {}): StreamingRecognizer {
    this.checkMethod(options);
    const before: FeatureMatrix[] = [];
    const remember = (frames: FeatureMatrix): void => {
      if (this.run.config.features.normalization !== 'speaker' || frames.frames === 0) return;
      if (before.push(frames) > REMEMBERED) before.shift();
    };
    const open = (start: number): CollectedUtterance =>
      new CollectedUtterance(this, { ...options, before }, start, remember);
    const forget = (): void => void (before.length = 0);
    return new StreamingRecognizer(this.sampleRate, open, { ...options, endpointing }, forget);
  }

  /** {@link stream} where the model can, and is alone, or else {@link listen}. */
  hear(options: StreamOptions = {}): StreamingRecognizer {
    return isStreaming(this.run.config) && this.partners.length === 0 ? this.stream(options) : this.listen(options);
  }

  /** log p(symbol | frame) of the frames of recordings that are heard together, as {@link transcribeFrames} hears them. */
  scores(frames: readonly FeatureMatrix[]): Promise<FrameScores[]> {
    return this.scoresOf(frames.map((matrix) => ({ frames: matrix })));
  }

  /**
   * What turns scores into words, as the run says or otherwise where it is told.
   * @param stackSeconds how long a frame of the scores is; one of the run's own unless told
   */
  decoder(options: DecoderOptions = {}, stackSeconds = this.run.pipeline.stackSeconds): TranscriptDecoder {
    const { symbols, config, language, weights } = this.run;
    return new TranscriptDecoder(symbols, config.decoding, language, stackSeconds, { weights, ...options });
  }

  /** Frees the weights. */
  dispose(): void {
    this.model.dispose();
    for (const partner of this.partners) partner.dispose();
  }

  private checkMethod(options: DecoderOptions): void {
    checkSearchTogether(
      [this, ...this.partners].map(({ run }) => run),
      options.method,
    );
  }

  private async classify(
    spoken: readonly Spoken[],
    { nBest = 1, ...options }: RecognizeOptions,
  ): Promise<Transcript[]> {
    const { symbols, pipeline } = this.run;
    const each = await this.eachMember(options, (member, shared) => member.labelsOf(spoken, shared));
    return each[0].map((own, index) => {
      if (own === undefined) return transcriptOf([{ text: '', words: [], acoustic: 0, language: 0 }]);
      const means = own.map((_, label) => each.reduce((sum, member) => sum + member[index]![label], 0) / each.length);
      const end = spoken[index].frames.frames * pipeline.frameSeconds;
      const ranked = Array.from(means, (acoustic, label) => ({ acoustic, word: symbols.symbols[label + 1] }))
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

  /** What this model and its partners say, one after another. */
  private async eachMember<T>(
    options: RecognizeOptions,
    say: (member: Recognizer, options: RecognizeOptions) => Promise<T>,
  ): Promise<T[]> {
    const members = [this, ...this.partners];
    const said: T[] = [];
    for (const member of members) {
      const before = said.length;
      const onProgress = (done: number): void => {
        // All recordings are done when the last member has heard the last.
        if (before === members.length - 1) options.onProgress?.(done);
      };
      said.push(await say(member, { ...options, onProgress }));
    }
    return said;
  }

  private scoresOf(spoken: readonly Spoken[], options: RecognizeOptions = {}): Promise<FrameScores[]> {
    const { pipeline } = this.run;
    const voices = this.voicesOf(spoken, options);
    const features = spoken.map(({ frames }, index) => pipeline.finish(frames, voices[index]));
    return scoreFrames(this.model, features, options);
  }

  private async labelsOf(spoken: readonly Spoken[], options: RecognizeOptions): Promise<(Float32Array | undefined)[]> {
    const { pipeline, config } = this.run;
    const voices = this.voicesOf(spoken, options);
    const heard = spoken.map(({ frames }, index) => ({ frames, voice: voices[index] }));
    const { vocalTracts: factors, adaptation } = config.decoding;
    const { adapt = true, signal, onProgress } = options;
    if (!adapt || !isWorthAdapting(heard, adaptation)) {
      return scoreVocalTracts(this.model, pipeline, heard, { ...options, factors });
    }
    // The model stays as it is for what is heard next.
    const adapted = this.run.loadModel();
    try {
      const { seed } = config;
      await adaptToRecordings(adapted, pipeline, heard, { settings: adaptation, factors, seed, signal, onProgress });
      options.onAdapt?.(heard.length);
      const { rounds } = adaptation;
      const last = (done: number): void => onProgress?.(Math.floor((heard.length * rounds + done) / (rounds + 1)));
      return await scoreVocalTracts(adapted, pipeline, heard, { factors, signal, onProgress: last });
    } finally {
      adapted.dispose();
    }
  }

  private voicesOf(spoken: readonly Spoken[], { before = [] }: RecognizeOptions): (Voice | undefined)[] {
    const heard = before.map((frames) => ({ frames }));
    return voicesOf([...heard, ...spoken], this.run.pipeline).slice(before.length);
  }
}

/**
 * Refuses a search in which several runs cannot take part: the likeliest symbols of each frame are those of one.
 * @throws {ConfigError}
 */
export function checkSearchTogether(
  [{ config }, ...others]: readonly Pick<OpenRun, 'config'>[],
  method: DecoderOptions['method'] = config.decoding.method,
): void {
  if (config.task === 'classify' || others.length === 0 || method !== 'greedy') return;
  throw new ConfigError(`Expected decoding by beam for runs that hear together, got greedy for ${1 + others.length}`);
}

/** Refuses runs that cannot hear together. */
function checkTogether(run: OpenRun, other: OpenRun): void {
  const framesOf = ({ pipeline }: OpenRun): string => JSON.stringify(extractorOptions(pipeline.config));
  const sameSymbols = run.config.task === other.config.task && run.symbols.fingerprint === other.symbols.fingerprint;
  if (sameSymbols && framesOf(run) === framesOf(other)) return;
  const what = sameSymbols ? 'frames' : 'symbols';
  throw new InputError(
    `Expected runs that hear together to have the same ${what}, got ${run.directory} and ${other.directory} of different ones`,
  );
}
