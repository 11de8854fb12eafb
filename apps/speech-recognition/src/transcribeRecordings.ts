import { eventLoopTurn, InputError } from '@cadenza/core';
import type { Recording } from './corpora.js';
import type { DecoderOptions } from './decoder.js';
import { cutRecording, type CutRecording } from './cutting.js';
import type { EndpointingOptions } from './endpointing.js';
import type { RecordingTranscript } from './formats.js';
import type { Recognizer } from './recognizer.js';
import { shiftTranscript } from './transcript.js';
import { readFeatures, SoundLoader } from './utterances.js';

export interface TranscribeOptions extends DecoderOptions {
  /** Recordings longer than `maximumUtterance` are cut at their silences. */
  endpointing?: EndpointingOptions;
  /**
   * How many seconds of sound are recognised together, and grouped by who speaks, or adapted to, where a model goes by it; 600 unless told.
   * Memory is bounded by it and by the longest recording.
   */
  batchSeconds?: number;
  /** false: no model adapts to what is recognised together, though its run says how. */
  adapt?: boolean;
  /** Told when a model has adapted to so many recordings, or pieces of them. */
  onAdapt?: (recordings: number) => void;
  /** Told of a rate that is not the model's, once, with the first recording that has it. */
  onResample?: (rate: number, recording: Recording) => void;
  /** Told of a recording that is shorter than a frame, in which nothing can be heard. */
  onEmpty?: (recording: Recording) => void;
  /** Told how much is done: a recording counts for one when it is read, and for one when it is recognised. */
  onProgress?: (done: number) => void;
  signal?: AbortSignal;
}

/** A recording with its transcript, or with what was wrong with it. */
export type RecordingResult<R extends Recording> = { recording: R } & (
  { transcript: RecordingTranscript } | { error: InputError }
);

/** A recording as frames, uncut or in utterances: what is kept of it until its batch is full. */
interface PreparedRecording extends CutRecording {
  seconds: number;
}

/**
 * Transcribes recordings in batches, and gives the results in the recordings' order. One that cannot be read is told of in its
 * place, and the others are done.
 */
export async function* transcribeRecordings<R extends Recording>(
  recognizer: Recognizer,
  recordings: Iterable<R>,
  options: TranscribeOptions = {},
): AsyncGenerator<RecordingResult<R>> {
  const { batchSeconds = 600, signal, onProgress, ...shared } = options;
  const preparer = new Preparer(recognizer, options);
  let batch: { recording: R; found: PreparedRecording | InputError }[] = [];
  let seconds = 0;
  let [read, finished] = [0, 0];
  const recognize = async function* (): AsyncGenerator<RecordingResult<R>> {
    const before = read + finished;
    yield* recognized(recognizer, batch, {
      ...shared,
      signal,
      onProgress: (part) => onProgress?.(before + Math.floor(part * batch.length)),
    });
    finished += batch.length;
    batch = [];
    seconds = 0;
  };
  for (const recording of recordings) {
    signal?.throwIfAborted();
    const found = await preparer.prepare(recording);
    batch.push({ recording, found });
    if (!(found instanceof InputError)) seconds += found.seconds;
    onProgress?.(++read + finished);
    await eventLoopTurn(); // lets signals through, where parts of one file are read
    if (seconds >= batchSeconds) yield* recognize();
  }
  yield* recognize();
}

/**
 * Transcribes sound that is at hand: recordings of one channel at the recogniser's rate, all of them together, each cut at its silences
 * where it is too long.
 */
export async function transcribeSamples(
  recognizer: Recognizer,
  recordings: readonly { id: string; samples: Float32Array }[],
  options: Omit<TranscribeOptions, 'batchSeconds' | 'onResample' | 'onEmpty' | 'onProgress'> = {},
): Promise<RecordingTranscript[]> {
  const batch = recordings.map((recording) => ({
    recording,
    found: prepareSamples(recognizer, recording.samples, options.endpointing),
  }));
  const transcripts: RecordingTranscript[] = [];
  for await (const result of recognized(recognizer, batch, options)) {
    if ('error' in result) throw result.error;
    transcripts.push(result.transcript);
  }
  return transcripts;
}

async function* recognized<R extends Recording>(
  recognizer: Recognizer,
  batch: readonly { recording: R; found: PreparedRecording | InputError }[],
  { onProgress, ...options }: Omit<TranscribeOptions, 'onProgress'> & { onProgress?: (part: number) => void },
): AsyncGenerator<RecordingResult<R>> {
  const heard = batch.flatMap(({ recording: { speaker }, found }) =>
    found instanceof InputError ? [] : found.frames.map((frames) => ({ frames, speaker })),
  );
  const frames = heard.map((one) => one.frames);
  const speakers = heard.map(({ speaker }) => speaker);
  const heardOf = { speakers, onProgress: (done: number) => onProgress?.(done / frames.length) };
  const transcripts = (await recognizer.transcribeFrames(frames, { ...options, ...heardOf })).values();
  onProgress?.(1);
  for (const { recording, found } of batch) {
    if (found instanceof InputError) {
      yield { recording, error: found };
      continue;
    }
    const utterances = found.spans.map(({ start, end }) => shiftTranscript(transcripts.next().value!, start, end));
    yield { recording, transcript: { id: recording.id, seconds: found.seconds, utterances } };
  }
}

class Preparer {
  private readonly loader: SoundLoader;

  constructor(
    private readonly recognizer: Recognizer,
    private readonly options: TranscribeOptions,
  ) {
    this.loader = new SoundLoader(recognizer.sampleRate, options.onResample);
  }

  /** Reads a recording, and cuts it where it is too long; what is wrong with it comes back. */
  async prepare(recording: Recording): Promise<PreparedRecording | InputError> {
    try {
      const { featurePath } = recording;
      const found =
        featurePath === undefined
          ? prepareSamples(this.recognizer, await this.loader.load(recording), this.options.endpointing)
          : await this.ofFeatures(featurePath);
      if (found.frames.length === 1 && found.frames[0].frames === 0) this.options.onEmpty?.(recording);
      return found;
    } catch (error) {
      if (error instanceof InputError) return error;
      throw error;
    }
  }

  /** Features made before are never cut: their sound is not known. */
  private async ofFeatures(path: string): Promise<PreparedRecording> {
    const { pipeline } = this.recognizer.run;
    const frames = await readFeatures(path, pipeline);
    const seconds = frames.frames * pipeline.frameSeconds;
    return { seconds, spans: [{ start: 0, end: seconds }], frames: [frames] };
  }
}

function prepareSamples(
  { sampleRate, run }: Recognizer,
  samples: Float32Array,
  endpointing?: EndpointingOptions,
): PreparedRecording {
  return { seconds: samples.length / sampleRate, ...cutRecording(samples, run.pipeline, endpointing) };
}
