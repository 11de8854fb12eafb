import { ConfigError, expected } from '@cadenza/core';

/** What a {@link StopMatcher} lets through. */
export interface MatchedText {
  /** Text that is certainly before any stop string. */
  text: string;
  /** The stop string that was found, or null. */
  stop: string | null;
}

/**
 * Lets text through as it comes, up to the first stop string, which may arrive in any number of pieces. A text's end that
 * could begin a stop string is held back until what follows decides. The stop string that is complete first wins, the
 * longest of those; so the result does not depend on the pieces.
 */
export class StopMatcher {
  private held = '';
  private found: string | null = null;

  constructor(private readonly stops: readonly string[]) {
    if (stops.includes('')) throw new ConfigError(expected('stop string', 'a non-empty text', ''));
  }

  /** The stop string that ended the text, or null while none has come. */
  get stop(): string | null {
    return this.found;
  }

  push(text: string): MatchedText {
    if (this.found !== null) return { text: '', stop: this.found };
    this.held += text;
    const match = this.firstMatch();
    if (match) {
      this.found = match.stop;
      const safe = this.held.slice(0, match.start);
      this.held = '';
      return { text: safe, stop: this.found };
    }
    const keep = this.longestBeginning();
    const safe = this.held.slice(0, this.held.length - keep);
    this.held = this.held.slice(this.held.length - keep);
    return { text: safe, stop: null };
  }

  /** What was held back, once no more text comes. */
  finish(): string {
    const rest = this.held;
    this.held = '';
    return rest;
  }

  private firstMatch(): { start: number; stop: string } | null {
    let best: { start: number; stop: string; end: number } | null = null;
    for (const stop of this.stops) {
      const start = this.held.indexOf(stop);
      const end = start + stop.length;
      if (start < 0) continue;
      if (!best || end < best.end || (end === best.end && start < best.start)) best = { start, stop, end };
    }
    return best;
  }

  /** How many of the last code units may be the beginning of a stop string. */
  private longestBeginning(): number {
    let longest = 0;
    for (const stop of this.stops) {
      const most = Math.min(stop.length - 1, this.held.length);
      for (let length = most; length > longest; length--) {
        if (this.held.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}

/** What {@link TextStream} needs of a tokenizer. */
export interface Decoder {
  decode(ids: Iterable<number>): string;
}

/**
 * Turns token ids, as a model draws them, into text that can be written at once: nothing that may yet belong to a stop
 * string, and no half of a surrogate pair.
 */
export class TextStream {
  private readonly matcher: StopMatcher;
  private half = '';

  constructor(
    private readonly decoder: Decoder,
    stops: readonly string[] = [],
  ) {
    this.matcher = new StopMatcher(stops);
  }

  /** The stop string that ended the text, or null while none has come. */
  get stop(): string | null {
    return this.matcher.stop;
  }

  /** The text that one more token makes safe to write. */
  push(id: number): string {
    const text = this.half + this.matcher.push(this.decoder.decode([id])).text;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.half = text.slice(cut);
    return text.slice(0, cut);
  }

  /** The rest, once no more tokens come. */
  finish(): string {
    const rest = this.half + this.matcher.finish();
    this.half = '';
    return rest;
  }
}
