import { tokensOf, emptyLink, wholeHypothesis, type EndedHypothesis, type HypothesisLink } from './hypothesisLink.js';
import { blockedTokens } from './ngramBlocking.js';
import type { Hypothesis } from './searchModel.js';
import type { SearchSettings } from './searchOptions.js';
import { HypothesisScorer } from './searchScore.js';

/** The hypotheses of one sentence on their way, and what may follow them. */
export class SearchSentence {
  /** One for each of the sentence's rows; null where a row has none. */
  links: (HypothesisLink | null)[];
  /** Filled and ordered by the search. */
  readonly ended: EndedHypothesis[] = [];
  readonly maxLength: number;
  private readonly prefix: Int32Array;
  private readonly scorer: HypothesisScorer;
  private readonly banned: ReadonlySet<number>;
  private readonly bannedAndEnd: ReadonlySet<number>;

  constructor(
    readonly index: number,
    private readonly settings: SearchSettings,
  ) {
    this.links = [emptyLink(settings.startToken)];
    this.maxLength = settings.maxLengths[index];
    this.prefix = settings.prefixes[index];
    this.scorer = new HypothesisScorer(settings.lengthPenalty, settings.coveragePenalty);
    this.banned = new Set(settings.bannedTokens);
    this.bannedAndEnd = new Set([...settings.bannedTokens, settings.endToken]);
  }

  get endToken(): number {
    return this.settings.endToken;
  }

  /** The one token that may follow so many, where the prefix or the greatest length says so. */
  forcedToken(position: number): number | undefined {
    if (position < this.prefix.length) return this.prefix[position];
    return position >= this.maxLength ? this.settings.endToken : undefined;
  }

  /** The tokens that must not follow a hypothesis; forced ones aside. */
  excludedTokens(link: HypothesisLink): ReadonlySet<number> {
    const fixed = link.length < this.settings.minLengths[this.index] ? this.bannedAndEnd : this.banned;
    const n = this.settings.noRepeatNgramSize;
    return n === 0 ? fixed : new Set([...fixed, ...blockedTokens(tokensOf(link), n)]);
  }

  /** A hypothesis that ends here, with its score. It is finished where the model chose the end token. */
  end(link: HypothesisLink): EndedHypothesis {
    const sourceLength = this.settings.sourceLengths?.[this.index] ?? 0;
    const finished = link.token === this.endToken && link.parent !== null && link.length <= this.maxLength;
    return { link, score: this.scorer.score(link, sourceLength), finished };
  }

  /** What a hypothesis of such a log-probability can reach at best. */
  upperBound(total: number): number {
    return this.scorer.upperBound(total, this.maxLength + 1);
  }

  hypotheses(): Hypothesis[] {
    const { endToken, returnAttention, sourceLengths } = this.settings;
    return this.ended.map((ended) => {
      const width = sourceLengths?.[this.index] ?? ended.link.attention?.length ?? 0;
      return wholeHypothesis(ended, endToken, returnAttention ? width : undefined);
    });
  }
}
