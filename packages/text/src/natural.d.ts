/**
 * One module of natural. Its entry point loads database drivers and prints to the terminal, and its own declarations
 * belong to that entry point only.
 */
declare module 'natural/lib/natural/tokenizers/regexp_tokenizer.js' {
  export class RegexpTokenizer {
    constructor(options: { pattern: RegExp; gaps?: boolean; discardEmpty?: boolean });
    /** With `gaps: false` the matches of the pattern, or null where there are none. */
    tokenize(text: string): string[] | null;
  }
}
