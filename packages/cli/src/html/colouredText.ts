import { markup, withAsset, type Html, type PageAsset } from './html.js';

/** A piece of text and the number its colour shows. */
export interface ColouredPiece {
  text: string;
  /** Of [-1, 1]: cool below zero, warm above. */
  value: number;
  /** What a pointer that rests on it learns. */
  note?: string;
}

/** The ground behind a piece: its strength is the size of the value, in colours that suit light and dark. */
export const COLOURED_TEXT: PageAsset = {
  css: `
.coloured { font-family: var(--mono); font-size: .95rem; line-height: 1.75; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.coloured span { border-radius: 2px; background: rgb(var(--hue, var(--warm)) / calc(var(--v, 0) * .85)); }
.coloured .cool { --hue: var(--cool); }
.coloured .mark { opacity: .55; }
`,
};

/** Text whose pieces are coloured by a number each. Line ends show as ↵, so that they have a colour too. */
export function colouredText(pieces: readonly ColouredPiece[]): Html {
  const spans = pieces.map(({ text, value, note }) => {
    const strength = Math.min(1, Math.abs(value)) || 0;
    const shown = text
      .split('\n')
      .flatMap((line, index) => (index === 0 ? [line] : [markup`<i class="mark">↵</i>\n`, line]));
    const attributes = markup`${value < 0 && markup` class="cool"`} style="--v:${strength.toFixed(3)}"`;
    return markup`<span${attributes}${note !== undefined && markup` title="${note}"`}>${shown}</span>`;
  });
  return withAsset(markup`<div class="coloured" dir="auto">${spans}</div>`, COLOURED_TEXT);
}
