import type { DataSet } from '@cadenza/cli';

/** The public recordings that `cadenza-speech data get` fetches from their own sources. */
export const dataSets: DataSet[] = [];
