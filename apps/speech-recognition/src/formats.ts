import type { TimedWord } from '@cadenza/core';
import type { TranscriptHypothesis } from './decoder.js';
import { cuesOf, cueTime, type Cue } from './subtitles.js';
import type { UtteranceTranscript } from './transcript.js';

/** What was heard in one recording: one utterance, or several where it was cut at its silences. */
export interface RecordingTranscript {
  id: string;
  /** How long it is. */
  seconds: number;
  utterances: readonly UtteranceTranscript[];
}

export const transcriptFormats = ['text', 'json', 'srt', 'vtt'] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];

export interface FormatOptions {
  /** text: put the recording's name before each line. */
  named?: boolean;
  /** text: a line for each word, with its time and confidence. */
  words?: boolean;
  /** text: a line for each hypothesis. */
  hypotheses?: boolean;
}

/** Writes transcripts down: of whole recordings, or of a stream's utterances one after another. */
export interface TranscriptWriter {
  /** What a stream begins with. */
  begin(): string;
  /** The next utterance of a stream. */
  utterance(utterance: UtteranceTranscript): string;
  /** A whole recording, by itself. */
  recording(recording: RecordingTranscript): string;
}

/**
 * The writer of a format.
 *
 *     text   a line for each recording, or each utterance of a stream; a tab stands between name and text. With words:
 *            `start, end, confidence, word`; with hypotheses: `number of the utterance, text, score in nats`
 *     json   an object on a line for each recording, or each utterance of a stream
 *     srt    SubRip's subtitles
 *     vtt    WebVTT's (W3C 2019)
 */
export function transcriptWriter(format: TranscriptFormat, options: FormatOptions = {}): TranscriptWriter {
  if (format === 'text') return textWriter(options);
  return format === 'json' ? jsonWriter() : subtitleWriter(format);
}

function textWriter({ named = false, words = false, hypotheses = false }: FormatOptions): TranscriptWriter {
  const lines = (id: string, utterances: readonly UtteranceTranscript[], firstNumber: number): string => {
    const before = named ? [id] : [];
    const rows = hypotheses
      ? utterances.flatMap((utterance, index) => hypothesisRows(utterance.hypotheses, firstNumber + index))
      : words
        ? utterances.flatMap((utterance) => utterance.words.map(wordRow))
        : [[joinTexts(utterances)]];
    return rows.map((row) => `${[...before, ...row].join('\t')}\n`).join('');
  };
  let number = 0;
  return {
    begin: () => '',
    utterance: (utterance) => lines('', [utterance], number++),
    recording: ({ id, utterances }) => lines(id, utterances, 0),
  };
}

function wordRow({ start, end, confidence, word }: TimedWord): string[] {
  return [start.toFixed(2), end.toFixed(2), confidence.toFixed(3), word];
}

function hypothesisRows(hypotheses: readonly TranscriptHypothesis[], number: number): string[][] {
  return hypotheses.map(({ text, acoustic, language }) => [String(number), text, (acoustic + language).toFixed(3)]);
}

/** What was heard in a recording, as one text. */
export function joinTexts(utterances: readonly Pick<UtteranceTranscript, 'text'>[]): string {
  return utterances
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(' ');
}

function jsonWriter(): TranscriptWriter {
  return {
    begin: () => '',
    utterance: (utterance) => `${JSON.stringify(utteranceObject(utterance))}\n`,
    recording({ id, seconds, utterances }) {
      const text = joinTexts(utterances);
      return `${JSON.stringify({ id, seconds: rounded(seconds), text, utterances: utterances.map(utteranceObject) })}\n`;
    },
  };
}

/** An utterance as JSON has it: times in seconds, to milliseconds. */
export function utteranceObject({ start, end, text, confidence, words, hypotheses }: UtteranceTranscript): object {
  return {
    ...{ start: rounded(start), end: rounded(end), text, confidence: rounded(confidence) },
    words: words.map(wordObject),
    ...(hypotheses.length > 1 ? { hypotheses: hypotheses.map(hypothesisObject) } : {}),
  };
}

function hypothesisObject({ text, words, acoustic, language }: TranscriptHypothesis): object {
  const scores = { score: rounded(acoustic + language), acoustic: rounded(acoustic), language: rounded(language) };
  return { text, ...scores, words: words.map(wordObject) };
}

function wordObject({ word, start, end, confidence }: TimedWord): object {
  return { word, start: rounded(start), end: rounded(end), confidence: rounded(confidence) };
}

/** To thousandths: milliseconds. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function subtitleWriter(format: 'srt' | 'vtt'): TranscriptWriter {
  const head = format === 'vtt' ? 'WEBVTT\n\n' : '';
  let number = 0;
  const written = (cue: Cue): string => {
    const lines = cue.lines.map((line) => (format === 'vtt' ? escapeCue(line) : line));
    const times = [cue.start, cue.end].map((time) => cueTime(time, format === 'vtt' ? '.' : ','));
    return `${[++number, times.join(' --> '), ...lines].join('\n')}\n\n`;
  };
  const utterance = (heard: UtteranceTranscript): string => cuesOf(heard).map(written).join('');
  return {
    begin: () => head,
    utterance,
    recording({ utterances }) {
      number = 0;
      return head + utterances.map(utterance).join('');
    },
  };
}

/** WebVTT takes `<` for the beginning of a tag, and `-->` for that of times. */
function escapeCue(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
