import { languageRules, type LanguageRules } from './languageRules.js';

/** On which sides a token hangs on to its neighbours. */
interface Joints {
  left: boolean;
  right: boolean;
}

/**
 * A line of words and marks as one writes it in the language: periods and commas after their word, brackets and quotes
 * around theirs, apostrophes closed up, French marks after a space. Straight quotes open and close in turn.
 */
export function detokenizer(language: string): (tokens: readonly string[]) => string {
  const rules = languageRules(language);
  return (line) => {
    const tokens = line.filter((token) => token !== ''); // as a split at spaces gives
    const quotes = new OpenQuotes(rules);
    let text = '';
    let closed = true; // nothing, not even a space, comes before the next token
    tokens.forEach((token, index) => {
      const joints = quotes.joints(token, index, tokens) ?? jointsOf(token, tokens[index + 1], rules);
      if (!closed && !joints.left) text += ' ';
      text += token;
      closed = joints.right;
    });
    return text;
  };
}

function jointsOf(token: string, next: string | undefined, rules: LanguageRules): Joints {
  const [first] = token;
  if (isRepeated(token, first)) {
    if (rules.spacedMarks.includes(first)) return { left: false, right: false };
    if (rules.closingMarks.includes(first)) return { left: true, right: false };
    // A sign of money or number belongs to what follows only where that can be one.
    if ('$£€#@'.includes(first)) {
      const digits = first === '@' || first === '#' ? /^[\p{L}\p{N}]/u : /^\p{N}/u;
      return { left: false, right: rules.openingMarks.includes(first) && digits.test(next ?? '') };
    }
    if (rules.openingMarks.includes(first)) return { left: false, right: true };
  }
  if (/^[-‐‑]\p{L}/u.test(token)) return { left: true, right: false };
  if (rules.apostrophe === 'before' && /^['’]\p{L}/u.test(token)) return { left: true, right: false };
  if (rules.apostrophe === 'elided' && /^\p{L}+['’]$/u.test(token)) return { left: false, right: true };
  return { left: false, right: false };
}

function isRepeated(token: string, character: string): boolean {
  return token === character.repeat(token.length / character.length);
}

/** The quotes whose two forms look alike: which of them are open at this place of the line. */
class OpenQuotes {
  private readonly open = new Set<string>();
  private opensWith = '';

  constructor(private readonly rules: LanguageRules) {}

  joints(token: string, index: number, tokens: readonly string[]): Joints | undefined {
    if (token === '"' || token === "'") {
      if (token === "'" && this.isPossessive(index, tokens)) return { left: true, right: false };
      return this.turn(token);
    }
    if (this.rules.turningGuillemets && '»«›‹'.includes(token)) {
      this.opensWith ||= token;
      return token === this.opensWith ? { left: false, right: true } : { left: true, right: false };
    }
    return undefined;
  }

  private turn(quote: string): Joints {
    if (this.open.delete(quote)) return { left: true, right: false };
    this.open.add(quote);
    return { left: false, right: true };
  }

  /** An apostrophe after a plural: the dogs' toys. */
  private isPossessive(index: number, tokens: readonly string[]): boolean {
    const before = tokens[index - 1] ?? '';
    return (
      this.rules.apostrophe === 'before' &&
      /[sxzß]$/i.test(before) &&
      !this.open.has("'") &&
      !tokens.includes("'", index + 1)
    );
  }
}
