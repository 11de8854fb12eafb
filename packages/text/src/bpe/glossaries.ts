/** A part of a word: one of the glossaries, or what stands between them. */
export interface WordPart {
  text: string;
  glossary: boolean;
}

/** Cuts a word such that each glossary in it stands alone: `USA` in `1934USABUSA` gives `1934 USA B USA`. */
export function isolateGlossaries(word: string, glossaries: readonly string[]): WordPart[] {
  let parts: WordPart[] = [{ text: word, glossary: false }];
  for (const glossary of glossaries) {
    parts = parts.flatMap((part) => (part.glossary ? [part] : isolate(part.text, glossary)));
  }
  return parts;
}

function isolate(text: string, glossary: string): WordPart[] {
  const parts: WordPart[] = [];
  text.split(glossary).forEach((between, index) => {
    if (index > 0) parts.push({ text: glossary, glossary: true });
    if (between !== '') parts.push({ text: between, glossary: false });
  });
  return parts;
}
