import { Resampler } from '@cadenza/audio';
import type { DecoderOptions } from '../decoder.js';
import { checkFinite, EnergyEndpointer, type EndpointingOptions, type UtterancePiece } from '../endpointing.js';
import type { UtteranceTranscript } from '../transcript.js';

export interface StreamOptions extends DecoderOptions {
  /** Of the samples that are pushed, in hertz; the model's own unless told. */
  sampleRate?: number;
  /**
   * Ends an utterance at each pause (`true`: by the defaults). Without it all is one utterance until the end, whose text and
   * search grow with what is said; with it memory stays flat however long the stream is.
   */
  endpointing?: EndpointingOptions | boolean;
}

/** What a piece of sound has brought. */
export interface StreamUpdate {
  /** The utterances that ended in it. */
  finished: UtteranceTranscript[];
  /** What is heard so far of the one that goes on, which what follows may change; absent in silence, and for models that wait. */
  partial?: UtteranceTranscript;
}

/** What listens to one utterance, from its first sample to its last. */
export interface UtteranceListener {
  /** Samples at the model's rate. */
  push(samples: Float32Array): Promise<void>;
  partial(): UtteranceTranscript | undefined;
  /** What was said; frees what it holds. */
  finish(): Promise<UtteranceTranscript>;
  dispose(): void;
}

/**
 * Recognises speech while it is being said: see {@link Recognizer.stream} and {@link Recognizer.listen}, which make one.
 *
 * Sound is resampled, cut at pauses where that is asked for, and each utterance recognised by itself: the network's state, the
 * normalisation and the search begin anew with it, as in training, so that its transcript is that of {@link Recognizer.transcribe}
 * for the same samples, whatever was said before (voices aside, where a model goes by them) and in whatever pieces it came. Times are counted in samples from the
 * stream's beginning, so that they are exact after days too.
 *
 *     const stream = recognizer.stream({ sampleRate: 8000, endpointing: true });
 *     for await (const samples of microphone) show(await stream.push(samples));
 *     show({ finished: await stream.end() });
 */
export class StreamingRecognizer {
  /** In hertz. */
  readonly sampleRate: number;
  private readonly resampler?: Resampler;
  private readonly endpointer?: EnergyEndpointer;
  private listener: UtteranceListener | undefined;
  private received = 0;
  private last: Promise<unknown> = Promise.resolve();

  /**
   * @param modelRate of the samples that listeners take, in hertz
   * @param open makes a listener to the utterance that begins with the sample of this number
   * @param forget is called at the end, when what comes next has nothing to do with what was heard
   */
  constructor(
    modelRate: number,
    private readonly open: (start: number) => UtteranceListener,
    { sampleRate = modelRate, endpointing = false }: Pick<StreamOptions, 'sampleRate' | 'endpointing'> = {},
    private readonly forget: () => void = () => {},
  ) {
    this.sampleRate = sampleRate;
    const resampler = new Resampler({ from: sampleRate, to: modelRate }); // refuses what is no rate
    if (sampleRate !== modelRate) this.resampler = resampler;
    if (endpointing !== false)
      this.endpointer = new EnergyEndpointer(modelRate, endpointing === true ? {} : endpointing);
  }

  /** How much sound was pushed, in seconds. */
  get seconds(): number {
    return this.received / this.sampleRate;
  }

  /**
   * Takes the next samples of one channel, of any number. Calls that do not wait for the one before are served in their order.
   * @throws {InputError} for a sample that is not finite; none of the piece is taken then, and the stream may go on
   */
  push(samples: Float32Array): Promise<StreamUpdate> {
    return this.inOrder(async () => {
      checkFinite(samples, this.received);
      this.received += samples.length;
      const finished = await this.take(this.resampler?.push(samples) ?? samples);
      const partial = this.listener?.partial();
      return { finished, ...(partial && { partial }) };
    });
  }

  /**
   * Ends the stream, and gives the utterances that end with it: without end-pointing always one, which may be empty. Then the
   * recogniser is as new.
   */
  end(): Promise<UtteranceTranscript[]> {
    return this.inOrder(async () => {
      const finished = await this.take(this.resampler?.end() ?? new Float32Array(0));
      await this.hear(this.endpointer?.end() ?? [], finished);
      if (this.endpointer === undefined) finished.push(await this.close());
      this.received = 0;
      this.forget();
      return finished;
    });
  }

  /** Frees what an utterance holds that has not ended, after the calls before it. */
  dispose(): Promise<void> {
    return this.inOrder(() => {
      this.listener?.dispose();
      this.listener = undefined;
      return Promise.resolve();
    });
  }

  private async take(samples: Float32Array): Promise<UtteranceTranscript[]> {
    const finished: UtteranceTranscript[] = [];
    if (this.endpointer !== undefined) await this.hear(this.endpointer.push(samples), finished);
    else await (this.listener ??= this.open(0)).push(samples);
    return finished;
  }

  private async hear(pieces: readonly UtterancePiece[], finished: UtteranceTranscript[]): Promise<void> {
    for (const { samples, start, begins, ends } of pieces) {
      if (begins) this.listener = this.open(start);
      await this.listener!.push(samples);
      if (ends) finished.push(await this.close());
    }
  }

  private close(): Promise<UtteranceTranscript> {
    const listener = this.listener!;
    this.listener = undefined;
    return listener.finish();
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => {}); // the caller is told; the next call starts all the same
    return done;
  }
}
