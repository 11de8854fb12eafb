import { ConfigError, expected } from '@cadenza/core';
import type { CalendarDay, TimeUnit } from './calendar.js';

/** The ways in which a {@link Voice} writes a day. */
const dateForms = {
  full: { dateStyle: 'full' },
  long: { dateStyle: 'long' },
  monthYear: { month: 'long', year: 'numeric' },
  weekday: { weekday: 'long' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

export type DateForm = keyof typeof dateForms;
type NameKind = 'region' | 'language' | 'currency' | 'script';

/**
 * What one locale calls things: names, dates, amounts and lists in the words of CLDR, by Node's own Intl. Every result
 * is in NFC and its spaces of any width are plain ones.
 */
export class Voice {
  readonly locale: string;
  /** The locale's language without region and script: `pt` of `pt-BR`. */
  readonly language: string;
  private readonly formatters = new Map<string, unknown>();

  /** @throws ConfigError when Intl has no data of the locale; `option` is the option's name in the message */
  constructor(locale: string, option = 'locale') {
    this.locale = knownLocale(locale, option);
    this.language = new Intl.Locale(this.locale).language;
  }

  /** The name of a code; undefined when the locale has none for it. */
  name(kind: NameKind, code: string): string | undefined {
    const names = this.keep(
      `name ${kind}`,
      () => new Intl.DisplayNames([this.locale], { type: kind, fallback: 'none' }),
    );
    const name = names.of(code);
    return name === undefined ? undefined : plain(name);
  }

  date({ year, month, day }: CalendarDay, form: DateForm): string {
    const format = this.keep(
      `date ${form}`,
      () => new Intl.DateTimeFormat(this.locale, { ...dateForms[form], timeZone: 'UTC', calendar: 'gregory' }),
    );
    return plain(format.format(Date.UTC(year, month - 1, day)));
  }

  time(hour: number, minute: number): string {
    const format = this.keep(
      'time',
      () => new Intl.DateTimeFormat(this.locale, { timeStyle: 'short', timeZone: 'UTC', calendar: 'gregory' }),
    );
    return plain(format.format(Date.UTC(2026, 0, 5, hour, minute)));
  }

  /** `in 3 days`, `3 days ago`: always with the number, since words such as `next year` need an article in places. */
  relative(amount: number, unit: TimeUnit): string {
    const format = this.keep('relative', () => new Intl.RelativeTimeFormat(this.locale, { numeric: 'always' }));
    return plain(format.format(amount, unit));
  }

  /** `12 kilometers`: the amount and the unit's whole name. */
  measure(amount: number, unit: string): string {
    return this.number(amount, { style: 'unit', unit, unitDisplay: 'long' });
  }

  money(amount: number, currency: string): string {
    return this.number(amount, { style: 'currency', currency });
  }

  percent(amount: number): string {
    return this.number(amount / 100, { style: 'percent' });
  }

  number(amount: number, options: Intl.NumberFormatOptions = {}): string {
    const format = this.keep(`number ${JSON.stringify(options)}`, () => new Intl.NumberFormat(this.locale, options));
    return plain(format.format(amount));
  }

  /** `Germany, France and Italy`, with the comma and the `and` of the locale. */
  list(items: string[]): string {
    return plain(this.keep('list', () => new Intl.ListFormat(this.locale, { type: 'conjunction' })).format(items));
  }

  private keep<T>(key: string, make: () => T): T {
    if (!this.formatters.has(key)) this.formatters.set(key, make());
    return this.formatters.get(key) as T;
  }
}

function knownLocale(locale: string, option: string): string {
  const requirement = "a locale that this Node's Intl has data of, such as en, pt or de-CH";
  try {
    const [canonical] = Intl.getCanonicalLocales(locale);
    if (canonical !== undefined && Intl.DisplayNames.supportedLocalesOf([canonical]).length > 0) return canonical;
  } catch (cause) {
    throw new ConfigError(expected(option, requirement, locale), { cause });
  }
  throw new ConfigError(expected(option, requirement, locale));
}

/** Narrow and no-break spaces become plain ones; marks of direction, which are not written by people, are dropped. */
function plain(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u200e\u200f\u061c]/g, '')
    .replace(/\p{Zs}/gu, ' ');
}
