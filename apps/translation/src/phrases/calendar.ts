/** A unit of time as Intl.RelativeTimeFormat and Intl.NumberFormat both name it. */
export type TimeUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

/** A day of the Gregorian calendar; `month` counts from 1. */
export interface CalendarDay {
  year: number;
  month: number;
  day: number;
}

/** A day that falls on the weekday; 0 is Sunday. */
export function dayOfWeek(number: number): CalendarDay {
  return { year: 2026, month: 3, day: 1 + number };
}

/** The weekday on which a day falls; 0 is Sunday. */
export function weekdayOf({ year, month, day }: CalendarDay): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay();
}
