import type { Random } from '@cadenza/core';
import { currencyCodes, languageCodes, priceCurrencies, regionCodes, scriptCodes } from './codes.js';
import { dayOfWeek, type CalendarDay, type TimeUnit } from './calendar.js';
import type { Voice } from './voice.js';

/** A drawn value: its key, the same in every language, and the words a voice has for it (undefined: it has none). */
export interface Drawn<V extends Voice = Voice> {
  key: string;
  say: (voice: V) => string | undefined;
}

/** A kind of value: how one is drawn, and how a drawn one is said. */
export interface ValueKind<V extends Voice = Voice> {
  draw: (random: Random) => Drawn<V>;
  /**
   * Whether its values are made of parts (a date, a price), so that one that training never saw is still made of words
   * it knows. Values that are words themselves (a country) are held out of single templates only.
   */
  composite: boolean;
}

export const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)];
export const between = (random: Random, low: number, high: number): number => low + random.integer(high - low + 1);

/** Two or three different items. */
export function pickSeveral<T>(random: Random, items: readonly T[]): T[] {
  const chosen = new Set<T>();
  const count = between(random, 2, 3);
  while (chosen.size < count) chosen.add(pick(random, items));
  return [...chosen];
}

/** The days 2 to 28 of a month: the first is written apart in some languages (`1º`, `1er`), and CLDR does not do so. */
export function drawDay(random: Random): CalendarDay {
  return { year: between(random, 1990, 2039), month: between(random, 1, 12), day: between(random, 2, 28) };
}

/** From 2:00 to 23:55 but no time at one o'clock, which asks for another article in Portuguese and Spanish. */
export function drawTime(random: Random, from = 2, to = 23): { hour: number; minute: number } {
  const hours = Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((hour) => hour !== 13);
  return { hour: pick(random, hours), minute: 5 * random.integer(12) };
}

const timeSpans: [TimeUnit, number][] = [
  ['minute', 59],
  ['hour', 23],
  ['day', 30],
  ['week', 12],
  ['month', 12],
  ['year', 30],
];

/** Two or more of a unit between the two, the ends included. */
export function drawSpan(
  random: Random,
  shortest: TimeUnit = 'minute',
  longest: TimeUnit = 'year',
): { amount: number; unit: TimeUnit } {
  const units = timeSpans.map(([unit]) => unit);
  const [unit, most] = pick(random, timeSpans.slice(units.indexOf(shortest), units.indexOf(longest) + 1));
  return { amount: between(random, 2, most), unit };
}

/** A price: whole, or with hundredths such as .50 and .99. */
export function drawPrice(random: Random): { amount: number; currency: string } {
  const amount = between(random, 2, 250) + pick(random, [0, 0.25, 0.5, 0.75, 0.99]);
  return { amount, currency: pick(random, priceCurrencies) };
}

type MeasureKind = 'distance' | 'weight' | 'volume' | 'temperature' | 'speed';

const measures: Record<MeasureKind, [unit: string, low: number, high: number][]> = {
  distance: [
    ['kilometer', 2, 99],
    ['meter', 10, 900],
    ['mile', 2, 60],
  ],
  weight: [
    ['kilogram', 2, 99],
    ['gram', 100, 999],
  ],
  volume: [['liter', 2, 9]],
  temperature: [['celsius', 2, 45]],
  speed: [['kilometer-per-hour', 10, 250]],
};

/** An amount of a unit, whole or with a half. */
export function measure(...kinds: MeasureKind[]): ValueKind {
  return {
    composite: true,
    draw: (random) => {
      const [unit, low, high] = pick(random, measures[pick(random, kinds)]);
      const amount = between(random, low, high) + (random.integer(3) === 0 ? 0.5 : 0);
      return { key: `${amount} ${unit}`, say: (voice) => voice.measure(amount, unit) };
    },
  };
}

export function day(form: 'full' | 'long' | 'monthYear'): ValueKind {
  return {
    composite: true,
    draw: (random) => {
      const date = drawDay(random);
      return { key: dayKey(date, form === 'monthYear'), say: (voice) => voice.date(date, form) };
    },
  };
}

/** Two forms of one day have one key, so that a day held out is held out in every form. */
export function dayKey({ year, month, day }: CalendarDay, withoutDay = false): string {
  return withoutDay ? `${year}-${month}` : `${year}-${month}-${day}`;
}

const name = (kind: 'region' | 'language' | 'currency' | 'script', codes: string[]): ValueKind => ({
  composite: false,
  draw: (random) => {
    const code = pick(random, codes);
    return { key: code, say: (voice) => voice.name(kind, code) };
  },
});

const listOf = (kind: 'region' | 'language', codes: string[]): ValueKind => ({
  composite: true,
  draw: (random) => {
    const chosen = pickSeveral(random, codes);
    return {
      key: chosen.join(' '),
      say: (voice) => {
        const names = chosen.map((code) => voice.name(kind, code));
        return names.every((item) => item !== undefined) ? voice.list(names) : undefined;
      },
    };
  },
});

/** Everything that can be said in any locale, without a template. */
export const bareKinds = {
  region: name('region', regionCodes),
  language: name('language', languageCodes),
  currency: name('currency', currencyCodes),
  script: name('script', scriptCodes),
  regions: listOf('region', regionCodes),
  languages: listOf('language', languageCodes),
  fullDate: day('full'),
  longDate: day('long'),
  monthYear: day('monthYear'),
  weekday: {
    composite: false,
    draw: (random) => {
      const number = random.integer(7);
      return { key: String(number), say: (voice) => voice.date(dayOfWeek(number), 'weekday') };
    },
  },
  time: {
    composite: true,
    draw: (random) => {
      const { hour, minute } = drawTime(random);
      return { key: `${hour}:${minute}`, say: (voice) => voice.time(hour, minute) };
    },
  },
  relative: {
    composite: true,
    draw: (random) => {
      const { amount, unit } = drawSpan(random);
      const signed = random.integer(2) === 0 ? amount : -amount;
      return { key: `${signed} ${unit}`, say: (voice) => voice.relative(signed, unit) };
    },
  },
  /** Hours and minutes; Intl.DurationFormat, which would say them, is younger than Node 20. */
  duration: {
    composite: true,
    draw: (random) => {
      const [hours, minutes] = [between(random, 2, 12), 5 * between(random, 1, 11)];
      return {
        key: `${hours} h ${minutes}`,
        say: (voice) => voice.list([voice.measure(hours, 'hour'), voice.measure(minutes, 'minute')]),
      };
    },
  },
  /** A time of one unit: `3 weeks`. */
  span: {
    composite: true,
    draw: (random) => {
      const { amount, unit } = drawSpan(random);
      return { key: `${amount} ${unit}`, say: (voice) => voice.measure(amount, unit) };
    },
  },
  money: {
    composite: true,
    draw: (random) => {
      const { amount, currency } = drawPrice(random);
      return { key: `${amount} ${currency}`, say: (voice) => voice.money(amount, currency) };
    },
  },
  percent: {
    composite: true,
    draw: (random) => {
      const amount = between(random, 2, 99);
      return { key: `${amount} %`, say: (voice) => voice.percent(amount) };
    },
  },
  count: {
    composite: true,
    draw: (random) => {
      const amount = random.integer(2) === 0 ? between(random, 2, 99) : 10 * between(random, 10, 9999);
      return { key: `${amount}`, say: (voice) => voice.number(amount) };
    },
  },
  distance: measure('distance'),
  weight: measure('weight'),
  volume: measure('volume'),
  temperature: measure('temperature'),
  speed: measure('speed'),
} satisfies Record<string, ValueKind>;
