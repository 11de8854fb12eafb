import type { Metrics } from './trainingTypes.js';

/** What JSON can hold, so that a checkpoint keeps it exactly. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Metrics as JSON gives them back: null stands for NaN, which it cannot hold. */
export function metricsOf(saved: Record<string, number | null>): Metrics {
  return Object.fromEntries(Object.entries(saved).map(([name, value]) => [name, value ?? NaN]));
}
