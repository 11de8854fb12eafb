/** The languages in which whole sentences can be made; others yield the part that needs no template. */
export const sentenceLanguages = ['en', 'pt', 'de', 'fr', 'es'] as const;
export type SentenceLanguage = (typeof sentenceLanguages)[number];

export function isSentenceLanguage(language: string): language is SentenceLanguage {
  return (sentenceLanguages as readonly string[]).includes(language);
}

/** The relations in which a sentence puts a country: `in Germany`, `to`, `from`, and as subject or object (`the`). */
export type CountryRelation = 'in' | 'to' | 'from' | 'the';
/** The same of a language: `the` as in French `apprendre le grec`, `from Greek`, `into Greek`. */
export type LanguageRelation = 'the' | 'from' | 'into';

/**
 * The little grammar that CLDR leaves out: prepositions with the articles they ask for. Each function takes names as
 * CLDR writes them in a sentence.
 */
export interface Grammar {
  country(name: string, article: string, relation: CountryRelation): string;
  language(name: string, relation: LanguageRelation): string;
  /** `on Tuesday, March 3, 2026` and (`is`) `Tuesday, March 3, 2026` after `Today is`. */
  fullDate(parts: { full: string; weekday: string; long: string; weekdayNumber: number }, use: 'on' | 'is'): string;
  /** `on March 3, 2026`. */
  onDay(long: string): string;
  onWeekday(weekday: string, weekdayNumber: number): string;
  everyWeekday(weekday: string, weekdayNumber: number): string;
  inMonth(monthYear: string): string;
  at(time: string): string;
}

const english: Grammar = {
  country: (name, article, relation) => join(relation === 'the' ? '' : relation, article, name),
  language: (name, relation) => join(relation === 'the' ? '' : relation, name),
  fullDate: ({ full }, use) => (use === 'on' ? `on ${full}` : full),
  onDay: (long) => `on ${long}`,
  onWeekday: (weekday) => `on ${weekday}`,
  everyWeekday: (weekday) => `every ${weekday}`,
  inMonth: (monthYear) => `in ${monthYear}`,
  at: (time) => `at ${time}`,
};

/** em + a = na and so on; Saturday (6) and Sunday (0) are masculine, the other days feminine. */
const portuguese: Grammar = {
  country: (name, article, relation) => {
    if (relation === 'to') return join('para', article, name);
    if (relation === 'the') return join(article, name);
    if (article === '') return `${relation === 'in' ? 'em' : 'de'} ${name}`;
    return `${relation === 'in' ? 'n' : 'd'}${article} ${name}`;
  },
  language: (name, relation) => `${{ the: 'o', from: 'do', into: 'para o' }[relation]} ${name}`,
  fullDate: ({ full, weekdayNumber }, use) =>
    use === 'on' ? `${isWeekend(weekdayNumber) ? 'no' : 'na'} ${full}` : full,
  onDay: (long) => `em ${long}`,
  onWeekday: (weekday, number) => `${isWeekend(number) ? 'no' : 'na'} ${weekday}`,
  everyWeekday: (weekday, number) =>
    isWeekend(number) ? `todos os ${weekday}s` : `todas as ${weekday.replace('-feira', 's-feiras')}`,
  inMonth: (monthYear) => `em ${monthYear}`,
  at: (time) => `às ${time}`,
};

/** Articles are `die` (singular) and `plural`; names of languages are adjectives, whose declined forms are regular. */
const german: Grammar = {
  country: (name, article, relation) => {
    if (article === '') return join({ in: 'in', to: 'nach', from: 'aus', the: '' }[relation], name);
    if (relation === 'to') return `in die ${name}`;
    if (relation === 'the') return `die ${name}`;
    const dative = article === 'plural' ? `den ${name.replace(/n?$/, 'n')}` : `der ${name}`;
    return `${relation === 'in' ? 'in' : 'aus'} ${dative}`;
  },
  language: (name, relation) => ({ the: name, from: `aus dem ${name}en`, into: `ins ${name}e` })[relation],
  fullDate: ({ weekday, long }, use) => (use === 'on' ? `am ${weekday}, dem ${long}` : `${weekday}, der ${long}`),
  onDay: (long) => `am ${long}`,
  onWeekday: (weekday) => `am ${weekday}`,
  everyWeekday: (weekday) => `jeden ${weekday}`,
  inMonth: (monthYear) => `im ${monthYear}`,
  at: (time) => `um ${time} Uhr`,
};

/** Articles are `m`, `f` and `plural`; masculine names that begin with a vowel take `en` and `d’` like feminine ones. */
const french: Grammar = {
  country: (name, article, relation) => {
    const vowel = beginsWithVowel(name);
    if (article === 'plural') return `${{ in: 'aux', to: 'aux', from: 'des', the: 'les' }[relation]} ${name}`;
    if (relation === 'the') return vowel ? `l’${name}` : `${article === 'f' ? 'la' : 'le'} ${name}`;
    if (relation === 'from') return vowel ? `d’${name}` : `${article === 'f' ? 'de' : 'du'} ${name}`;
    return `${vowel || article === 'f' ? 'en' : 'au'} ${name}`;
  },
  language: (name, relation) => {
    const elided = beginsWithVowel(name) || name === 'hébreu';
    const definite = elided ? `l’${name}` : `le ${name}`;
    if (relation === 'the') return definite;
    if (relation === 'into') return `vers ${definite}`;
    return elided ? `de ${definite}` : `du ${name}`;
  },
  fullDate: ({ weekday, long }) => `le ${weekday} ${long}`,
  onDay: (long) => `le ${long}`,
  onWeekday: (weekday) => weekday,
  everyWeekday: (weekday) => `tous les ${weekday}s`,
  inMonth: (monthYear) => `en ${monthYear}`,
  at: (time) => `à ${time}`,
};

const spanish: Grammar = {
  country: (name, article, relation) => join({ in: 'en', to: 'a', from: 'de', the: '' }[relation], article, name),
  language: (name, relation) => `${{ the: 'el', from: 'del', into: 'al' }[relation]} ${name}`,
  fullDate: ({ weekday, long }, use) => (use === 'on' ? `el ${weekday} ${long}` : `${weekday} ${long}`),
  onDay: (long) => `el ${long}`,
  onWeekday: (weekday) => `el ${weekday}`,
  everyWeekday: (weekday, number) => `todos los ${weekday}${isWeekend(number) ? 's' : ''}`,
  inMonth: (monthYear) => `en ${monthYear}`,
  at: (time) => `a las ${time}`,
};

/** The grammar of each language. */
export const grammars: Record<SentenceLanguage, Grammar> = {
  en: english,
  pt: portuguese,
  de: german,
  fr: french,
  es: spanish,
};

function isWeekend(number: number): boolean {
  return number === 0 || number === 6;
}

function beginsWithVowel(name: string): boolean {
  return /^[aeiou]/i.test(name.normalize('NFD'));
}

function join(...words: string[]): string {
  return words.filter((word) => word !== '').join(' ');
}
