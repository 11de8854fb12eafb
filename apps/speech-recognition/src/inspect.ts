import { encodeWav, type FeatureMatrix } from '@cadenza/audio';
import { forcedAlignment, InputError, wordTimes, type FrameScores, type TimedWord } from '@cadenza/core';
import { findUtterances, longestUtterance } from './endpointing.js';
import type { Recognizer, Transcript } from './recognizer.js';
import type { SavedRun } from './run.js';
import type { Utterance } from './utterances.js';

/** A picture of numbers over time: rows from the bottom to the top. */
export interface HeatTrack {
  rows: number;
  columns: number;
  /** [rows, columns] of 0 to 255. */
  values: Uint8Array;
  /** One for each row; empty where rows have no names. */
  labels: string[];
}

/** Everything that is shown of one recording. */
export interface RecordingView {
  id: string;
  seconds: number;
  /** A WAV file; absent where there are only features. */
  wav?: Uint8Array;
  /** The lowest and the highest sample of each column of the waveform, of [-1, 1]. */
  envelope: [number, number][];
  features: HeatTrack;
  /** p(symbol | frame) of the symbols that are ever likely; absent where whole recordings are told apart. */
  posteriors?: HeatTrack;
  heard: Transcript;
  /** What is said, and where it lies by forced alignment; absent where it is not known or does not fit. */
  reference?: { text: string; words: TimedWord[] };
}

export interface InspectOptions {
  nBest?: number;
  beam?: number;
}

/** How many columns a waveform has. */
const ENVELOPE = 1000;
/** Symbols that are never as likely as this are not shown. */
const LIKELY = 0.05;

/**
 * What is shown one by one: a recording, or where it is so long that it is cut to be recognised, its utterances; of silence, which has none,
 * the beginning. What is said in each of these is not known.
 */
export function shownParts(utterance: Utterance, { config, pipeline }: SavedRun): Utterance[] {
  const samples = utterance.samples?.read();
  if (samples === undefined || config.task === 'classify' || utterance.seconds <= longestUtterance) return [utterance];
  const { sampleRate } = pipeline.config;
  const spans = findUtterances(samples, sampleRate);
  if (spans.length === 0) spans.push({ start: 0, end: longestUtterance * sampleRate });
  return spans.map(({ start, end }) => {
    const own = samples.subarray(start, end);
    const [from, to] = [start, end].map((sample) => (sample / sampleRate).toFixed(1));
    return {
      ...{ id: `${utterance.id}, ${from} to ${to} s`, text: '', seconds: own.length / sampleRate },
      ...{ frames: pipeline.extract(own), samples: { read: () => own } },
    };
  });
}

/** Hears recordings, or the parts of one, together, and keeps what there is to see of each. */
export async function inspectRecordings(
  recognizer: Recognizer,
  utterances: readonly Utterance[],
  { nBest = 5, beam }: InspectOptions = {},
): Promise<RecordingView[]> {
  const { config } = recognizer.run;
  const frames = utterances.map((utterance) => utterance.frames);
  const heard = await recognizer.transcribeFrames(frames, { nBest, beam, adapt: false });
  const scores = config.task === 'classify' ? undefined : await recognizer.scores(frames);
  return utterances.map((utterance, index) => viewOf(recognizer, utterance, heard[index], scores?.[index]));
}

function viewOf(recognizer: Recognizer, utterance: Utterance, heard: Transcript, scores?: FrameScores): RecordingView {
  const { frames, seconds, id, text } = utterance;
  const samples = utterance.samples?.read();
  const { symbols, pipeline } = recognizer.run;
  const view: RecordingView = { id, seconds, envelope: envelopeOf(samples), features: featureTrack(frames), heard };
  if (samples !== undefined) view.wav = encodeWav(samples, { sampleRate: recognizer.sampleRate });
  if (scores === undefined) {
    if (text !== '') view.reference = { text, words: [] };
    return view;
  }
  view.posteriors = posteriorTrack(scores, symbols.symbols);
  if (text === '') return view;
  const times = { symbols: symbols.symbols, separator: symbols.separator, secondsPerFrame: pipeline.stackSeconds };
  view.reference = { text, words: wordTimes(alignment(scores, symbols.encode(text).ids), times) };
  return view;
}

/** Where the symbols lie; nowhere where no alignment has them, as with too few frames. */
function alignment(scores: FrameScores, ids: Int32Array) {
  try {
    return forcedAlignment(scores, Array.from(ids)).symbols;
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}

function envelopeOf(samples: Float32Array | undefined): [number, number][] {
  if (samples === undefined || samples.length === 0) return [];
  const columns = Math.min(ENVELOPE, samples.length);
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * samples.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * samples.length) / columns));
    let [lowest, highest] = [Infinity, -Infinity];
    for (let n = from; n < to; n++) {
      lowest = Math.min(lowest, samples[n]);
      highest = Math.max(highest, samples[n]);
    }
    return [lowest, highest];
  });
}

/** Each feature by its own range: between its 2 % of lowest and of highest values. */
export function featureTrack({ values, frames, dimension }: FeatureMatrix): HeatTrack {
  const track = new Uint8Array(dimension * frames);
  for (let row = 0; row < dimension; row++) {
    const own = Float32Array.from({ length: frames }, (_, frame) => values[frame * dimension + row]);
    const sorted = own.slice().sort();
    const lowest = sorted[Math.floor(0.02 * (frames - 1))];
    const range = sorted[Math.ceil(0.98 * (frames - 1))] - lowest || 1;
    own.forEach((value, frame) => (track[row * frames + frame] = shade((value - lowest) / range)));
  }
  return { rows: dimension, columns: frames, values: track, labels: [] };
}

/** The blank at the bottom, the other likely symbols above in the order of their first appearance. */
export function posteriorTrack({ logProbabilities, symbolCount }: FrameScores, symbols: readonly string[]): HeatTrack {
  const frames = logProbabilities.length / symbolCount;
  const at = (frame: number, symbol: number): number => Math.exp(logProbabilities[frame * symbolCount + symbol]);
  const shown = new Set([0]);
  for (let frame = 0; frame < frames; frame++) {
    for (let symbol = 1; symbol < symbolCount; symbol++) if (at(frame, symbol) >= LIKELY) shown.add(symbol);
  }
  const rows = [...shown];
  const values = Uint8Array.from({ length: rows.length * frames }, (_, place) =>
    shade(at(place % frames, rows[Math.floor(place / frames)])),
  );
  const labels = rows.map((symbol) => (symbol === 0 ? 'blank' : symbols[symbol] === ' ' ? 'space' : symbols[symbol]));
  return { rows: rows.length, columns: frames, values, labels };
}

function shade(share: number): number {
  return Math.round(255 * Math.min(1, Math.max(0, share)));
}
