import type { TimedWord } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { transcriptWriter, type RecordingTranscript } from '../src/formats.js';
import { cuesOf, cueTime } from '../src/subtitles.js';
import { shiftTranscript, transcriptOf, type UtteranceTranscript } from '../src/transcript.js';

/** Words of half a second, one after another. */
function said(text: string, start: number, ...others: string[]): UtteranceTranscript {
  const words = (line: string): TimedWord[] =>
    line
      .split(' ')
      .filter((word) => word !== '')
      .map((word, index) => ({ word, start: 0.1 + index * 0.5, end: 0.6 + index * 0.5, confidence: 0.5 }));
  const hypotheses = [text, ...others].map((line, index) => ({
    ...{ text: line, words: words(line), acoustic: -1.25 - index, language: -0.5 },
  }));
  return shiftTranscript(transcriptOf(hypotheses), start, start + 0.7 + 0.5 * (text.split(' ').length - 1));
}

const recording: RecordingTranscript = {
  id: 'talks/a.wav',
  seconds: 4.0004,
  utterances: [said('go on', 0), said('', 2), said('<stop> & wait', 2.5)],
};

describe('transcriptWriter', () => {
  it('writes a recording as a line of text, behind its name where there are several', () => {
    expect(transcriptWriter('text').recording(recording)).toBe('go on <stop> & wait\n');
    expect(transcriptWriter('text', { named: true }).recording(recording)).toBe('talks/a.wav\tgo on <stop> & wait\n');
    expect(transcriptWriter('text').recording({ ...recording, utterances: [] })).toBe('\n');
  });

  it('writes a line for each word, and for each hypothesis of each utterance', () => {
    expect(transcriptWriter('text', { words: true }).recording({ ...recording, utterances: [said('go on', 10)] })).toBe(
      '10.10\t10.60\t0.500\tgo\n10.60\t11.10\t0.500\ton\n',
    );
    const best = transcriptWriter('text', { hypotheses: true, named: true });
    expect(best.recording({ ...recording, utterances: [said('go', 0, 'no'), said('on', 2)] })).toBe(
      'talks/a.wav\t0\tgo\t-1.750\ntalks/a.wav\t0\tno\t-2.750\ntalks/a.wav\t1\ton\t-1.750\n',
    );
  });

  it('writes JSON with times in milliseconds', () => {
    const written = JSON.parse(transcriptWriter('json').recording(recording)) as Record<string, unknown>;
    expect(written).toMatchObject({ id: 'talks/a.wav', seconds: 4, text: 'go on <stop> & wait' });
    expect((written.utterances as unknown[])[0]).toEqual({
      ...{ start: 0, end: 1.2, text: 'go on', confidence: 0.5 },
      words: [
        { word: 'go', start: 0.1, end: 0.6, confidence: 0.5 },
        { word: 'on', start: 0.6, end: 1.1, confidence: 0.5 },
      ],
    });
    const [first] = (
      JSON.parse(transcriptWriter('json').recording({ ...recording, utterances: [said('go', 1, 'no')] })) as {
        utterances: { hypotheses: unknown[] }[];
      }
    ).utterances;
    expect(first.hypotheses[1]).toMatchObject({ text: 'no', score: -2.75, acoustic: -2.25, language: -0.5 });
  });

  it('writes subtitles, numbered for each recording anew, with what WebVTT would misread escaped', () => {
    const srt = transcriptWriter('srt');
    const wanted = '1\n00:00:00,100 --> 00:00:01,100\ngo on\n\n2\n00:00:02,600 --> 00:00:04,100\n<stop> & wait\n\n';
    expect(srt.recording(recording)).toBe(wanted);
    expect(srt.recording(recording)).toBe(wanted);
    expect(srt.recording({ ...recording, utterances: [] })).toBe('');
    const vtt = transcriptWriter('vtt').recording(recording);
    expect(vtt).toContain('WEBVTT\n\n1\n00:00:00.100 --> 00:00:01.100\ngo on\n\n');
    expect(vtt).toContain('\n&lt;stop&gt; &amp; wait\n');
  });

  it('writes a stream utterance by utterance', () => {
    const vtt = transcriptWriter('vtt');
    const stream = [vtt.begin(), ...recording.utterances.map((utterance) => vtt.utterance(utterance))];
    expect(stream.join('')).toBe(transcriptWriter('vtt').recording(recording));
    const json = transcriptWriter('json');
    expect(json.begin()).toBe('');
    expect(JSON.parse(json.utterance(said('on', 90_000)))).toMatchObject({
      start: 90_000,
      words: [{ start: 90_000.1 }],
    });
    const best = transcriptWriter('text', { hypotheses: true });
    expect([best.utterance(said('go', 0)), best.utterance(said('on', 1))]).toEqual([
      '0\tgo\t-1.750\n',
      '1\ton\t-1.750\n',
    ]);
  });
});

describe('cuesOf', () => {
  it('makes cues of two lines of 42 characters and seven seconds, in the order of the words, losing none', () => {
    const words = Array.from({ length: 60 }, (_, index) => 'w'.repeat(1 + (index % 13)));
    const cues = cuesOf(said(words.join(' '), 3));
    expect(cues.flatMap(({ lines }) => lines.join(' ').split(' '))).toEqual(words);
    for (const [index, { start, end, lines }] of cues.entries()) {
      expect(lines.length).toBeLessThanOrEqual(2);
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(42);
      expect(end - start).toBeLessThanOrEqual(7.001);
      if (index > 0) expect(start).toBeGreaterThanOrEqual(cues[index - 1].end - 1e-9);
    }
  });

  it('parts words that are far apart, and shows a short one until it can be read or the next comes', () => {
    const word = (text: string, start: number) => ({ word: text, start, end: start + 0.03, confidence: 1 });
    const words = [word('a', 1), word('b', 1.5), word('c', 2.6), word('d', 9)];
    expect(cuesOf({ words, end: 9.5 })).toEqual([
      { start: 1, end: 2, lines: ['a b'] },
      { start: 2.6, end: 3.6, lines: ['c'] },
      { start: 9, end: 9.5, lines: ['d'] },
    ]);
  });

  it('keeps a word whole that is longer than a line', () => {
    const word = 'x'.repeat(60);
    expect(cuesOf(said(`${word} y`, 0))[0].lines).toEqual([word, 'y']);
  });
});

describe('cueTime', () => {
  it('counts hours beyond a day, and carries rounded milliseconds', () => {
    expect(cueTime(86_400 + 3661.0004, '.')).toBe('25:01:01.000');
    expect(cueTime(59.9996, ',')).toBe('00:01:00,000');
    expect(cueTime(0.0015, ',')).toBe('00:00:00,002');
  });
});
