import type { TimedWord } from '@cadenza/core';
import type { UtteranceTranscript } from './transcript.js';

/** Words that are shown together. */
export interface Cue {
  /** In seconds. */
  start: number;
  end: number;
  lines: string[];
}

/** What can be read at once: two lines of 42 characters, for at most seven seconds. */
const LINE = 42;
const LINES = 2;
const LONGEST = 7;
/** What is shown for less than this cannot be read. */
const SHORTEST = 1;
/** Words that are so far apart are not shown together. */
const GAP = 1;

/** The words of an utterance as cues: in lines that can be read, none before it is said. */
export function cuesOf({ words, end: utteranceEnd }: Pick<UtteranceTranscript, 'words' | 'end'>): Cue[] {
  const cues: Cue[] = [];
  let last: TimedWord | undefined;
  for (const word of words) {
    const cue = cues.at(-1);
    const lines = cue && linesWith(cue.lines, word.word);
    if (lines === undefined || word.end - cue!.start > LONGEST || word.start - last!.end >= GAP) {
      cues.push({ start: word.start, end: word.end, lines: [word.word] });
    } else Object.assign(cue!, { lines, end: word.end });
    last = word;
  }
  // A word of CTC may last for a frame only: it is shown until it can be read, if nothing else is to be shown by then.
  cues.forEach((cue, index) => {
    const limit = cues[index + 1]?.start ?? Math.max(cue.end, utteranceEnd);
    cue.end = Math.max(cue.end, Math.min(cue.start + SHORTEST, limit));
  });
  return cues;
}

/** The lines with one more word; undefined where there is no room. */
function linesWith(lines: readonly string[], word: string): string[] | undefined {
  const longer = `${lines[lines.length - 1]} ${word}`;
  if (Array.from(longer).length <= LINE) return [...lines.slice(0, -1), longer];
  return lines.length < LINES ? [...lines, word] : undefined;
}

/** Seconds as `01:02:03,004`. */
export function cueTime(seconds: number, point: ',' | '.'): string {
  const milliseconds = Math.round(seconds * 1000);
  const pad = (value: number, width: number): string => String(Math.floor(value)).padStart(width, '0');
  const clock = [milliseconds / 3_600_000, (milliseconds / 60_000) % 60, (milliseconds / 1000) % 60];
  return `${clock.map((part) => pad(part, 2)).join(':')}${point}${pad(milliseconds % 1000, 3)}`;
}
