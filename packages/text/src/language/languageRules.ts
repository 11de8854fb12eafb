/** What one language's writing asks of a tokenizer, a detokenizer and a sentence splitter. */
export interface LanguageRules {
  /**
   * How an apostrophe within a word cuts it: before itself (`don't` is `don 't`), after itself where one of the elided
   * words precedes it (`l'eau` is `l' eau`), or not at all.
   */
  apostrophe: 'before' | 'elided' | 'none';
  /** The words, in lower case and without their apostrophe, that lose their vowel before another. */
  elided: readonly string[];
  /** The marks that stand after a space. */
  spacedMarks: string;
  /** Marks that hang on to the next word. */
  openingMarks: string;
  /** Marks that hang on to the word before. */
  closingMarks: string;
  /** Guillemets point inwards (»so«) as well as outwards: the first of a line opens. */
  turningGuillemets: boolean;
  /**
   * What ends in a period that is mostly no sentence's end, in lower case and without it. Words that are common without
   * a period too (German `so`, English `no`) are left out.
   */
  abbreviations: readonly string[];
}

const OPENING = '([{“‘¿¡$£#@';
const CLOSING = ',.;:!?…)]}”’%';

const GENERIC: LanguageRules = {
  apostrophe: 'none',
  elided: [],
  spacedMarks: '',
  openingMarks: `${OPENING}«‹„‚`,
  closingMarks: `${CLOSING}»›`,
  turningGuillemets: false,
  abbreviations: ['dr', 'prof', 'etc', 'st', 'vs', 'nr'],
};

const RULES: Readonly<Record<string, LanguageRules>> = {
  en: {
    ...GENERIC,
    apostrophe: 'before',
    openingMarks: `${GENERIC.openingMarks}€`,
    abbreviations:
      words(`mr mrs ms dr prof sr jr st mt rev gen col capt lt sgt gov sen rep hon vs etc e.g i.e cf al approx
      dept est inc ltd co corp vol pp eq ca a.m p.m u.s u.k jan feb mar apr aug sept oct nov dec`),
  },
  de: {
    ...GENERIC,
    apostrophe: 'before',
    spacedMarks: '%',
    openingMarks: '([{„‚¿¡$£#@',
    closingMarks: ',.;:!?…)]}“‘”’',
    turningGuillemets: true,
    abbreviations: words(`dr prof hr fr frl nr str st bzw ca etc usw evtl ggf inkl exkl vgl z.b d.h u.a z.t o.ä
      i.d.r v.a v.chr n.chr bd aufl hrsg jh mio mrd tel jan feb apr aug sept okt nov dez`),
  },
  fr: {
    ...GENERIC,
    apostrophe: 'elided',
    elided: words('c d j l m n s t qu jusqu lorsqu puisqu quoiqu'),
    spacedMarks: ':;!?%»',
    openingMarks: '([{“‘¿¡$£#@',
    closingMarks: ',.…)]}”’',
    abbreviations: words(`m mm mme mlle dr pr st ste etc cf p.ex c.-à-d env av apr chap p pp tél janv févr
      juil sept oct nov déc`),
  },
  pt: {
    ...GENERIC,
    apostrophe: 'elided',
    elided: ['d'],
    abbreviations:
      words(`sr sra srs srta dr dra prof profa eng exmo exma av r etc ex p.ex pág págs vol núm tel ltda cia séc
      jan fev abr jun jul ago set out nov dez`),
  },
  es: {
    ...GENERIC,
    abbreviations:
      words(`sr sra srta sres dr dra prof d dña ud uds vd av avda c etc ej p.ej pág págs vol núm tel ee.uu a.c
      d.c ene feb abr jun jul ago sept oct nov dic`),
  },
};

function words(text: string): string[] {
  return text.split(/\s+/);
}

/** The rules of a language by its tag (`en`, `pt-BR`); for other languages those that most of them share. */
export function languageRules(language: string): LanguageRules {
  return RULES[language.toLowerCase().split(/[-_]/)[0]] ?? GENERIC;
}
