import type { TimedWord } from '@cadenza/core';
import type { TranscriptHypothesis } from './decoder.js';

/** What was heard in a recording. */
export interface Transcript {
  text: string;
  /** With their times, in seconds from the recording's beginning. */
  words: TimedWord[];
  /** Of [0, 1]: the words' geometric mean, or the label's probability. */
  confidence: number;
  /** The best first; more than one where more are asked for. */
  hypotheses: TranscriptHypothesis[];
}

/** A transcript of one utterance of a longer recording or a stream, whose words' times count from that one's beginning. */
export interface UtteranceTranscript extends Transcript {
  /** In seconds from the beginning of the recording or stream. */
  start: number;
  end: number;
}

/** A transcript of its hypotheses, at least one, the best first. */
export function transcriptOf(hypotheses: TranscriptHypothesis[]): Transcript {
  const [{ text, words }] = hypotheses;
  const logs = words.reduce((sum, { confidence }) => sum + Math.log(confidence), 0);
  return { text, words, confidence: words.length === 0 ? 0 : Math.exp(logs / words.length), hypotheses };
}

/** A transcript of some of a recording, as one of the whole. */
export function shiftTranscript({ hypotheses }: Transcript, start: number, end: number): UtteranceTranscript {
  const shifted = hypotheses.map((hypothesis) => ({
    ...hypothesis,
    words: hypothesis.words.map((word) => ({ ...word, start: start + word.start, end: start + word.end })),
  }));
  return { ...transcriptOf(shifted), start, end };
}
