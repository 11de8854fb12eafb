import type { Random } from '@cadenza/core';
import {
  bareKinds,
  between,
  dayKey,
  drawDay,
  drawSpan,
  drawTime,
  pick,
  pickSeveral,
  type Drawn,
  type ValueKind,
} from './bareValues.js';
import { dayOfWeek, type TimeUnit } from './calendar.js';
import { countryCodes } from './countries.js';
import { languageCodes } from './codes.js';
import { events, persons, subjects, things, type Entry } from './lexicon.js';
import type { SentenceVoice } from './sentenceVoice.js';

type SentenceKind = ValueKind<SentenceVoice>;

/** A kind whose values stand in one of several forms, which the templates of each language choose by name. */
interface FormedKind {
  composite: boolean;
  draw: (random: Random) => { key: string; forms: Record<string, Drawn<SentenceVoice>['say']> };
}

const words = (entries: Entry[]): FormedKind => ({
  composite: false,
  draw: (random) => {
    const index = random.integer(entries.length);
    return { key: String(index), forms: { '': (voice) => entries[index][voice.sentenceLanguage] } };
  },
});

const country: FormedKind = {
  composite: false,
  draw: (random) => {
    const code = pick(random, countryCodes);
    return {
      key: code,
      forms: {
        in: (voice) => voice.country(code, 'in'),
        to: (voice) => voice.country(code, 'to'),
        from: (voice) => voice.country(code, 'from'),
        the: (voice) => voice.country(code, 'the'),
      },
    };
  },
};

const language: FormedKind = {
  composite: false,
  draw: (random) => {
    const code = pick(random, languageCodes);
    return {
      key: code,
      forms: {
        '': (voice) => voice.name('language', code),
        the: (voice) => voice.languageIn(code, 'the'),
        from: (voice) => voice.languageIn(code, 'from'),
        into: (voice) => voice.languageIn(code, 'into'),
      },
    };
  },
};

const thing: FormedKind = {
  composite: false,
  draw: (random) => {
    const chosen = pick(random, things);
    return {
      key: chosen.en,
      forms: {
        '': (voice) => chosen[voice.sentenceLanguage],
        object: (voice) => (voice.sentenceLanguage === 'de' ? chosen.accusative : chosen[voice.sentenceLanguage]),
      },
    };
  },
};

const date: FormedKind = {
  composite: true,
  draw: (random) => {
    const day = drawDay(random);
    return {
      key: dayKey(day),
      forms: {
        on: (voice) => voice.fullDate(day, 'on'),
        is: (voice) => voice.fullDate(day, 'is'),
        onDay: (voice) => voice.onDay(day),
      },
    };
  },
};

const month: FormedKind = {
  composite: true,
  draw: (random) => {
    const day = drawDay(random);
    return { key: dayKey(day, true), forms: { in: (voice) => voice.inMonth(day) } };
  },
};

const weekday: FormedKind = {
  composite: false,
  draw: (random) => {
    const number = random.integer(7);
    return {
      key: String(number),
      forms: {
        '': (voice) => voice.date(dayOfWeek(number), 'weekday'),
        on: (voice) => voice.weekday(number, 'on'),
        every: (voice) => voice.weekday(number, 'every'),
      },
    };
  },
};

const clock = (from: number, to: number): FormedKind => ({
  composite: true,
  draw: (random) => {
    const { hour, minute } = drawTime(random, from, to);
    return { key: `${hour}:${minute}`, forms: { at: (voice) => voice.at(hour, minute) } };
  },
});

const relative = (sign: 1 | -1, shortest: TimeUnit, longest: TimeUnit): FormedKind => ({
  composite: true,
  draw: (random) => {
    const { amount, unit } = drawSpan(random, shortest, longest);
    return { key: `${sign * amount} ${unit}`, forms: { '': (voice) => voice.relative(sign * amount, unit) } };
  },
});

/** A span of one unit, not shorter than the given one: `3 years`. */
const span = (shortest: TimeUnit): FormedKind => ({
  composite: true,
  draw: (random) => {
    const { amount, unit } = drawSpan(random, shortest);
    return { key: `${amount} ${unit}`, forms: { '': (voice) => voice.measure(amount, unit) } };
  },
});

const countries: FormedKind = {
  composite: true,
  draw: (random) => {
    const codes = pickSeveral(random, countryCodes);
    return {
      key: codes.join(' '),
      forms: { '': (voice) => voice.list(codes.map((code) => voice.country(code, 'the'))) },
    };
  },
};

const people: FormedKind = {
  composite: true,
  draw: (random) => {
    const amount = between(random, 2, 999);
    return { key: String(amount), forms: { '': (voice) => voice.number(amount) } };
  },
};

const bare = (kind: SentenceKind): FormedKind => ({
  composite: kind.composite,
  draw: (random) => {
    const { key, say } = kind.draw(random);
    return { key, forms: { '': say } };
  },
});

/** What may stand between braces in a template: `{country.in}` is the form `in` of the kind `country`. */
export const slotKinds: Record<string, FormedKind> = {
  ...Object.fromEntries(Object.entries(bareKinds).map(([name, kind]) => [name, bare(kind)])),
  who: words(subjects),
  person: words(persons),
  event: words(events),
  thing,
  country,
  countries,
  language,
  date,
  month,
  weekday,
  time: clock(2, 23),
  morning: clock(7, 11),
  evening: clock(14, 22),
  ahead: relative(1, 'minute', 'week'),
  daysAhead: relative(1, 'day', 'year'),
  ago: relative(-1, 'minute', 'week'),
  daysAgo: relative(-1, 'day', 'year'),
  days: span('day'),
  people,
};
