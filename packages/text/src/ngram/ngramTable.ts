export const SENTENCE_START = '<s>';
export const SENTENCE_END = '</s>';

/** The node of no tokens at all. */
export const ROOT = 0;

/** How many entries one map holds; V8's hold 2^24 at most. */
const MAP_ENTRIES = 2 ** 23;

/**
 * n-grams as a tree: a node is an n-gram, its parent the n-gram without the last token, its suffix the longest of the n-grams
 * that are its ends. Values stand in lists by node.
 */
export class NgramTable {
  readonly parents: number[] = [-1];
  readonly lastTokens: number[] = [-1];
  readonly suffixes: number[] = [-1];
  /** How many tokens a node has. */
  readonly lengths: number[] = [0];
  /** log p(last token | those before), in nats. */
  readonly logProbabilities: number[] = [0];
  /** What is added where a token does not follow the node, before the node's suffix is asked, in nats. */
  readonly backoffs: number[] = [0];
  /** The nodes by parent and last token: in more than one map where there are very many. */
  private readonly children = [new Map<number, number>()];

  /**
   * @param tokens by id, all that there will be
   * @param mapEntries how many nodes one map holds
   */
  constructor(
    readonly tokens: readonly string[],
    private readonly mapEntries = MAP_ENTRIES,
  ) {}

  get size(): number {
    return this.parents.length;
  }

  /** The node of a node's tokens and one more, or -1. */
  child(node: number, token: number): number {
    const key = node * this.tokens.length + token;
    for (const children of this.children) {
      const child = children.get(key);
      if (child !== undefined) return child;
    }
    return -1;
  }

  /** Adds a node; those that are its ends stand there already. */
  add(parent: number, token: number, logProbability = 0, backoff = 0): number {
    const node = this.size;
    if (this.children[this.children.length - 1].size >= this.mapEntries) this.children.push(new Map());
    this.children[this.children.length - 1].set(parent * this.tokens.length + token, node);
    this.suffixes.push(this.longestEnd(parent, token));
    this.parents.push(parent);
    this.lastTokens.push(token);
    this.lengths.push(this.lengths[parent] + 1);
    this.logProbabilities.push(logProbability);
    this.backoffs.push(backoff);
    return node;
  }

  /** The longest n-gram of the table that is a proper end of a node's tokens and one more. */
  private longestEnd(parent: number, token: number): number {
    for (let context = this.suffixes[parent]; context !== -1; context = this.suffixes[context]) {
      const end = this.child(context, token);
      if (end !== -1) return end;
    }
    return ROOT;
  }

  /** The ids of a node's tokens. */
  path(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at !== ROOT; at = this.parents[at]) path.push(this.lastTokens[at]);
    return path.reverse();
  }
}
