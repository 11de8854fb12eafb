import { dayOfWeek, weekdayOf, type CalendarDay } from './calendar.js';
import { countryArticles } from './countries.js';
import {
  grammars,
  type CountryRelation,
  type Grammar,
  type LanguageRelation,
  type SentenceLanguage,
} from './grammar.js';
import { Voice } from './voice.js';

/** One of the five languages speaking: a locale's words with the grammar of its language. */
export class SentenceVoice extends Voice {
  readonly sentenceLanguage: SentenceLanguage;
  private readonly grammar: Grammar;

  constructor(locale: string, language: SentenceLanguage) {
    super(locale);
    this.sentenceLanguage = language;
    this.grammar = grammars[language];
  }

  country(code: string, relation: CountryRelation): string {
    const article = countryArticles(code)[this.sentenceLanguage];
    return this.grammar.country(this.name('region', code) ?? code, article, relation);
  }

  languageIn(code: string, relation: LanguageRelation): string {
    return this.grammar.language(this.name('language', code) ?? code, relation);
  }

  fullDate(day: CalendarDay, use: 'on' | 'is'): string {
    const [full, weekday, long] = (['full', 'weekday', 'long'] as const).map((form) => this.date(day, form));
    return this.grammar.fullDate({ full, weekday, long, weekdayNumber: weekdayOf(day) }, use);
  }

  onDay(day: CalendarDay): string {
    return this.grammar.onDay(this.date(day, 'long'));
  }

  weekday(number: number, use: 'on' | 'every'): string {
    const name = this.date(dayOfWeek(number), 'weekday');
    return use === 'on' ? this.grammar.onWeekday(name, number) : this.grammar.everyWeekday(name, number);
  }

  inMonth(day: CalendarDay): string {
    return this.grammar.inMonth(this.date(day, 'monthYear'));
  }

  at(hour: number, minute: number): string {
    return this.grammar.at(this.time(hour, minute));
  }
}
