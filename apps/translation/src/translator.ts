import { ConfigError, expected, InputError, Random, refuseUnknown, type SequenceToSequence } from '@cadenza/core';
import type { SentencePair } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { mostAttended, wordAlignment } from './alignment.js';
import { encodePairs, pairTensors } from './batches.js';
import type { EncodedLine, SentenceCodec } from './codec.js';
import { batchesOf, pairBatches } from './lengthBatches.js';
import { byExpectedBleu } from './minimumRisk.js';
import { cutLine, joinPieces, type LinePieces } from './pieces.js';
import { openRun, type OpenOptions, type OpenRun } from './run.js';
import { searchBatch } from './search.js';
import { Chunk, chunkLimits } from './translate.js';
import {
  beamOf,
  translateOptionNames,
  type Hypothesis,
  type TranslateOptions,
  type Translation,
} from './translationOptions.js';

/** A piece of a line on its way. */
interface Piece {
  /** What it draws by, such as `line 3 piece 0`. */
  name: string;
  encoded: EncodedLine;
  hypotheses: Hypothesis[];
}

/** A trained model, or several whose probabilities are averaged, that translates; works without the command line. */
export class Translator {
  readonly codec: SentenceCodec;
  readonly models: readonly SequenceToSequence[];

  constructor(parts: { codec: SentenceCodec; models: readonly SequenceToSequence[] }) {
    this.codec = parts.codec;
    this.models = parts.models;
  }

  /**
   * Loads the best (or the latest, or averaged) weights of a run folder, or those of several for an ensemble, onto TensorFlow.js's
   * present backend.
   */
  static open(directories: string | readonly string[], options: OpenOptions = {}): Translator {
    refuseUnknown('Translator.open', options, ['checkpoint', 'average', 'onWarning']);
    const list = typeof directories === 'string' ? [directories] : directories;
    return Translator.of(list.map((directory) => openRun(directory, options)));
  }

  static of(runs: readonly OpenRun[]): Translator {
    const [first, ...others] = runs;
    if (first === undefined) throw new ConfigError('Expected at least one run to translate with, got none');
    for (const other of others) {
      if (other.codec.fingerprint === first.codec.fingerprint) continue;
      const name = ({ directory, codec }: OpenRun): string =>
        `${directory} (${codec.languages.source} to ${codec.languages.target}, ${codec.target.size} subwords)`;
      throw new InputError(
        `Expected the runs of an ensemble to have one vocabulary, got those of ${name(first)} and ${name(other)}`,
      );
    }
    return new Translator({ codec: first.codec, models: runs.map((run) => run.loadModel()) });
  }

  get languages(): { source: string; target: string } {
    return this.codec.languages;
  }

  /** Translates lines of any kind; each has its translation at its place. */
  async translate(lines: readonly string[], options: TranslateOptions = {}): Promise<Translation[]> {
    checkOptions(options);
    return this.translateChunk(lines, options, options.firstLine ?? 0);
  }

  /** Translates lines as they come, in order, some thousands of them at once; so memory is bounded. */
  async *stream(
    lines: Iterable<string> | AsyncIterable<string>,
    options: TranslateOptions = {},
  ): AsyncGenerator<Translation, void, undefined> {
    checkOptions(options);
    let first = options.firstLine ?? 0;
    const chunk = new Chunk(chunkLimits);
    for await (const line of lines) {
      chunk.add(line);
      if (!chunk.isFull) continue;
      const whole = chunk.take();
      yield* await this.translateChunk(whole, options, first);
      first += whole.length;
    }
    yield* await this.translateChunk(chunk.take(), options, first);
  }

  /** log p(target | source) of each pair, in nats, as the average of the models has it, token by token. */
  score(pairs: readonly SentencePair[]): { logProbability: number; tokens: number }[] {
    const encoded = encodePairs(pairs, this.codec);
    const scores = new Array<{ logProbability: number; tokens: number }>(pairs.length);
    for (const batch of pairBatches(encoded)) {
      const values = tf.tidy(() => {
        const tensors = pairTensors(batch.map((index) => encoded[index]));
        return this.targetLogProbabilities(tensors).dataSync();
      });
      batch.forEach((index, row) => {
        scores[index] = { logProbability: values[row], tokens: encoded[index].target.length };
      });
    }
    return scores;
  }

  private targetLogProbabilities(batch: ReturnType<typeof pairTensors>): tf.Tensor1D {
    if (this.models.length === 1) return this.models[0].logProbabilities(batch);
    const shape = batch.targets.shape as [number, number];
    const losses = this.models.map((model) => model.loss(batch).losses); // [B * T] each
    const tokens = tf.sub(tf.logSumExp(tf.neg(tf.stack(losses)), 0), Math.log(losses.length)); // log of the mean probability
    const counted = tf.cast(tf.greaterEqual(tf.reshape(batch.targets, [batch.targets.size]), 0), 'float32');
    return tf.sum(tf.reshape(tf.mul(tokens, counted), shape), 1);
  }

  private async translateChunk(
    lines: readonly string[],
    options: TranslateOptions,
    firstLine: number,
  ): Promise<Translation[]> {
    const { sentences } = options;
    const cut = lines.map((line) => cutLine(line, { sentences, language: this.languages.source }));
    const pieces = cut.map(({ pieces: texts }, line) =>
      texts.map((text, piece) => this.pieceOf(text, `line ${firstLine + line} piece ${piece}`)),
    );
    const waiting = pieces.flat().filter(({ encoded }) => encoded.words.length > 0);
    await this.translatePieces(waiting, options);
    return lines.map((source, index) => this.wholeLine(source, cut[index], pieces[index]));
  }

  private pieceOf(text: string, name: string): Piece {
    const encoded = this.codec.encode(text, 'source');
    return { name, encoded, hypotheses: [{ text: '', score: 0, logProbability: 0, words: [], alignment: [] }] };
  }

  private async translatePieces(pieces: readonly Piece[], options: TranslateOptions): Promise<void> {
    const { mbr, nBest = 1 } = options;
    const searched = mbr === undefined ? options : { ...options, nBest: mbr };
    const random = new Random(options.seed ?? 1);
    const sorted = [...pieces].sort((a, b) => b.encoded.ids.length - a.encoded.ids.length);
    let done = 0;
    for (const batch of batchesOf(sorted, ({ encoded }) => encoded.ids.length)) {
      const sources = batch.map(({ encoded }) => encoded.ids);
      const draws = options.sample && batch.map(({ name }) => random.fork(name));
      const found = await searchBatch(this.models, sources, searched, draws);
      batch.forEach((piece, row) => {
        const hypotheses = found[row].map((tokens) => this.hypothesisOf(tokens, piece.encoded, options));
        piece.hypotheses =
          mbr === undefined ? hypotheses : byExpectedBleu(hypotheses, draws !== undefined).slice(0, nBest);
      });
      done += batch.length;
      options.onProgress?.(done, sorted.length);
    }
  }

  private hypothesisOf(
    { tokens, score, logProbability, attention }: Awaited<ReturnType<typeof searchBatch>>[number][number],
    { words: sourceWords, wordOf }: EncodedLine,
    { alignment }: TranslateOptions,
  ): Hypothesis {
    const replace = (place: number): string =>
      attention === undefined ? '<unk>' : (sourceWords[mostAttended(attention, wordOf, place)] ?? '<unk>');
    const decoded = this.codec.decodeIds(tokens, replace);
    return {
      text: this.codec.line(decoded.words),
      ...{ score, logProbability, words: decoded.words },
      ...(alignment && attention ? { alignment: wordAlignment(attention, wordOf, decoded.wordOf) } : {}),
    };
  }

  /** The translations of a line from those of its pieces: each rank of the pieces, or the last there is, makes one. */
  private wholeLine(source: string, cut: LinePieces, pieces: readonly Piece[]): Translation {
    const ranks = pieces.reduce((most, { hypotheses }) => Math.max(most, hypotheses.length), 0);
    const hypotheses = Array.from({ length: ranks }, (_, rank) =>
      joinHypotheses(
        cut,
        pieces,
        pieces.map((piece) => piece.hypotheses[Math.min(rank, piece.hypotheses.length - 1)]),
      ),
    );
    const sourceWords = pieces.flatMap(({ encoded }) => encoded.words);
    return { source, sourceWords, text: hypotheses[0].text, hypotheses };
  }

  /** Frees the models' weights. */
  dispose(): void {
    for (const model of this.models) model.dispose();
  }
}

function joinHypotheses(cut: LinePieces, pieces: readonly Piece[], parts: readonly Hypothesis[]): Hypothesis {
  if (parts.length === 1 && cut.separators.every((separator) => separator === '')) return parts[0];
  let sourceStart = 0;
  let targetStart = 0;
  const alignment = parts.flatMap((part, index) => {
    const moved = (part.alignment ?? []).map(({ source, target, weight }) => ({
      source: source + sourceStart,
      target: target + targetStart,
      weight,
    }));
    sourceStart += pieces[index].encoded.words.length;
    targetStart += part.words.length;
    return moved;
  });
  return {
    text: joinPieces(
      parts.map(({ text }) => text),
      cut,
    ),
    score: sum(parts.map(({ score }) => score)),
    logProbability: sum(parts.map(({ logProbability }) => logProbability)),
    words: parts.flatMap(({ words }) => words),
    ...(parts.some((part) => part.alignment !== undefined) ? { alignment } : {}),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @throws {ConfigError} for what does not go together */
export function checkOptions(options: TranslateOptions): void {
  refuseUnknown('translate', options, translateOptionNames);
  const { nBest = 1, mbr, sample } = options;
  const beam = beamOf(options);
  for (const [name, value] of Object.entries({ beam, nBest, mbr })) {
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new ConfigError(expected(name, 'a positive integer', value));
  }
  const limits = { ...(sample === undefined ? { beam } : {}), ...(mbr === undefined ? {} : { mbr }) };
  for (const [name, value] of Object.entries({ nBest, mbr })) {
    const exceeded = Object.entries(limits).find(([, limit]) => (value ?? 1) > limit);
    if (exceeded !== undefined) throw new ConfigError(expected(name, `at most ${exceeded.join(' ')}`, value));
  }
}
