import { ConfigError, expected } from '../../errors.js';
import { positiveInteger, refuseUnknown } from '../../options.js';
import {
  checkBlank,
  checkedScore,
  countFrames,
  DEFAULT_BLANK,
  type FrameScores,
  type SymbolSpan,
} from './frameScores.js';
import type { LanguageScorer } from './languageScorer.js';
import { Prefix, releasePrefix, spansOfPrefix } from './prefix.js';

export interface PrefixBeamOptions {
  /** The class that stands for no symbol; 0 when absent. */
  blank?: number;
  /** How many prefixes are kept after each frame; 64 when absent. */
  beamWidth?: number;
  /** How many symbols of a frame, the most probable ones, may follow a prefix; all when absent. */
  topSymbols?: number;
  /** The log-probability below which no symbol of a frame follows a prefix; -Infinity when absent. */
  minimumLogProbability?: number;
  /** Drops prefixes that are further than this below the best one, in nats; Infinity when absent. */
  margin?: number;
  /** How many hypotheses are returned; 1 when absent. */
  nBest?: number;
  /** What is added to the acoustic score: see `weighted`, `combineScorers`. */
  scorer?: LanguageScorer;
}

const optionNames = ['blank', 'beamWidth', 'topSymbols', 'minimumLogProbability', 'margin', 'nBest'];

export interface CtcHypothesis {
  /** With the frames of the most probable alignment that the beam saw. */
  symbols: SymbolSpan[];
  /** log p(symbols | x), in nats, over the alignments that the beam saw. */
  acoustic: number;
  /** What the scorer added. */
  language: number;
  /** acoustic + language: what hypotheses are ranked by. */
  total: number;
}

/**
 * The most probable texts of a recording: prefix beam search (Graves 2012, section 7.5.3; with a language model as Hannun et al.
 * 2014, algorithm 1), which sums over the alignments of each text where the best path sees one.
 *
 *     p_b(l)   the alignments of the prefix l that end in a blank        p_n(l)   those that end in its last symbol
 *     each frame:  p_b'(l)     = y(blank) (p_b(l) + p_n(l))
 *                  p_n'(l)     = y(last of l) p_n(l)
 *                  p_n'(l + c) = y(c) (p_b(l) + [c is not the last of l] p_n(l)), added for each c
 *     rank:        log(p_b + p_n) + language(l)
 *
 * Returns at most `nBest` hypotheses, the best first; none where the scorer forbids every text that the beam holds.
 */
export function ctcPrefixBeamSearch(scores: FrameScores, options: PrefixBeamOptions = {}): CtcHypothesis[] {
  const decoder = new CtcBeamDecoder(scores.symbolCount, options);
  decoder.feed(scores);
  return decoder.finish();
}

/** The same search over frames that come piece by piece; the pieces do not change its result. */
export class CtcBeamDecoder {
  private readonly options: Required<Omit<PrefixBeamOptions, 'scorer'>>;
  private readonly scorer?: LanguageScorer;
  private beam: Prefix[] = [];
  private frame = 0;

  constructor(
    private readonly symbolCount: number,
    { scorer, ...options }: PrefixBeamOptions = {},
  ) {
    this.options = resolve(options, symbolCount);
    this.scorer = scorer;
    this.reset();
  }

  /** How many frames have been read since the start. */
  get frames(): number {
    return this.frame;
  }

  /** Begins a new recording, at frame 0. */
  reset(): void {
    this.frame = 0;
    const root = new Prefix(null, -1, 0, this.scorer?.start());
    root.blank.sum = root.blank.best = root.total = 0;
    root.inBeam = true;
    this.beam = [root];
  }

  feed(scores: FrameScores): void {
    if (scores.symbolCount !== this.symbolCount) {
      throw new ConfigError(expected('symbolCount', `${this.symbolCount}, as the decoder's`, scores.symbolCount));
    }
    const frames = countFrames(scores, this.options.blank);
    for (let row = 0; row < frames; row++) this.step(scores.logProbabilities, row * this.symbolCount);
  }

  /** The best text so far; what follows may change it. */
  partial(): CtcHypothesis {
    return describe(this.beam[0], 0);
  }

  /** The best texts if the recording ends here. More frames may still be fed. */
  finish(): CtcHypothesis[] {
    return this.beam
      .map((prefix) => describe(prefix, this.scorer?.finish(prefix.state) ?? 0))
      .filter(({ total }) => total > -Infinity)
      .sort((a, b) => b.total - a.total)
      .slice(0, this.options.nBest);
  }

  private step(values: ArrayLike<number>, row: number): void {
    const symbols = this.likelySymbols(values, row);
    const reached: Prefix[] = [];
    const reach = (prefix: Prefix) => {
      if (!prefix.reached) reached.push(prefix);
      prefix.reached = true;
    };
    const blankScore = values[row + this.options.blank];
    for (const prefix of this.beam) {
      reach(prefix);
      stay(prefix, blankScore, values[row + prefix.symbol]);
      for (const symbol of symbols) {
        const child = this.child(prefix, symbol);
        if (child.language === -Infinity) continue;
        if (extend(prefix, child, values[row + symbol])) reach(child);
      }
    }
    this.select(reached, values, row);
    this.frame++;
  }

  /** The symbols of a frame that may follow a prefix. */
  private likelySymbols(values: ArrayLike<number>, row: number): number[] {
    const { blank, topSymbols, minimumLogProbability } = this.options;
    const symbols: number[] = [];
    for (let symbol = 0; symbol < this.symbolCount; symbol++) {
      const score = checkedScore(values[row + symbol], this.frame);
      if (symbol !== blank && score > -Infinity && score >= minimumLogProbability) symbols.push(symbol);
    }
    if (symbols.length <= topSymbols) return symbols;
    return symbols.sort((a, b) => values[row + b] - values[row + a]).slice(0, topSymbols);
  }

  private child(prefix: Prefix, symbol: number): Prefix {
    const known = prefix.children?.get(symbol);
    if (known) return known;
    const { logProbability, state } = this.scorer?.next(prefix.state, symbol) ?? {
      logProbability: 0,
      state: undefined,
    };
    const child = new Prefix(prefix, symbol, prefix.language + logProbability, state);
    (prefix.children ??= new Map()).set(symbol, child);
    return child;
  }

  /** Keeps the best of the prefixes that the frame has reached, in order. */
  private select(reached: Prefix[], values: ArrayLike<number>, row: number): void {
    const { beamWidth, margin } = this.options;
    const before = this.beam;
    for (const prefix of reached) prefix.rank();
    reached.sort((a, b) => b.total - a.total);
    const least = reached[0].total - margin;
    let kept = 1; // also where every text has probability 0
    const worthy = ({ total }: Prefix) => total > -Infinity && total >= least;
    while (kept < Math.min(beamWidth, reached.length) && worthy(reached[kept])) kept++;
    for (let place = 0; place < reached.length; place++) {
      if (place < kept) reached[place].commit(this.frame, Math.exp(values[row + reached[place].symbol]));
      else reached[place].drop();
    }
    this.beam = reached.slice(0, kept);
    for (const prefix of before) if (!prefix.inBeam) releasePrefix(prefix);
  }
}

/** A frame of blank, or one more of the last symbol: the prefix is the same. */
function stay(prefix: Prefix, blankScore: number, labelScore: number): void {
  const { blank, label, nextBlank, nextLabel } = prefix;
  if (nextBlank.add(blank, blankScore)) nextBlank.spans = blank.spans;
  if (nextBlank.add(label, blankScore)) nextBlank.spans = label.spans;
  if (label.sum > -Infinity && nextLabel.add(label, labelScore)) {
    nextLabel.spans = label.spans;
    prefix.repeats = true;
  }
}

/** A first frame of one more symbol; between two equal ones a blank must have been. Whether any alignment does so. */
function extend(prefix: Prefix, child: Prefix, score: number): boolean {
  const sources = prefix.symbol === child.symbol ? [prefix.blank] : [prefix.blank, prefix.label];
  let any = false;
  for (const source of sources) {
    if (source.sum === -Infinity) continue;
    any = true;
    if (!child.nextLabel.add(source, score)) continue;
    child.nextLabel.spans = source.spans;
    child.repeats = false;
  }
  return any;
}

function describe(prefix: Prefix, finish: number): CtcHypothesis {
  const { acoustic } = prefix;
  const language = prefix.language + finish;
  return { symbols: spansOfPrefix(prefix), acoustic, language, total: acoustic + language };
}

function resolve(options: Omit<PrefixBeamOptions, 'scorer'>, symbolCount: number) {
  refuseUnknown('the prefix beam search', options, optionNames);
  const resolved = {
    blank: options.blank ?? DEFAULT_BLANK,
    beamWidth: options.beamWidth ?? 64,
    topSymbols: options.topSymbols ?? symbolCount,
    minimumLogProbability: options.minimumLogProbability ?? -Infinity,
    margin: options.margin ?? Infinity,
    nBest: options.nBest ?? 1,
  };
  checkBlank(resolved.blank, symbolCount);
  for (const name of ['beamWidth', 'topSymbols', 'nBest'] as const) positiveInteger(resolved[name], name);
  if (resolved.nBest > resolved.beamWidth) {
    throw new ConfigError(expected('nBest', `at most beamWidth = ${resolved.beamWidth}`, resolved.nBest));
  }
  if (!(resolved.margin > 0)) throw new ConfigError(expected('margin', 'a positive number', resolved.margin));
  if (!(resolved.minimumLogProbability <= 0)) {
    throw new ConfigError(expected('minimumLogProbability', 'at most 0', resolved.minimumLogProbability));
  }
  return resolved;
}
