import { formatTable } from '@cadenza/cli';
import type { AlignedPair, AlignmentStep, Confusion } from '@cadenza/core';
import { scoreHeader, scoreRow, scoreTranscripts, type RecognitionResult } from './evaluate.js';

/** A recording as it was measured. */
export interface MeasuredRecording {
  id: string;
  speaker?: string;
  reference: string;
  hypothesis: string;
}

/** The most frequent confusions as a table: what was said, what was heard, how often. */
export function confusionTable(confusions: readonly Confusion[], most = 10): string {
  const rows = confusions
    .slice(0, most)
    .map(({ reference = '', hypothesis = '', count }) => [reference, hypothesis, String(count)]);
  return formatTable(['said', 'heard', 'times'], rows);
}

/**
 * A report in the manner of NIST's sclite: the scores of each speaker, the confusions, and the alignment of each recording that has an
 * error, with what is wrong in capitals and `*` where a word is missing.
 */
export function errorReport(recordings: readonly MeasuredRecording[], result: RecognitionResult): string {
  const blocks = recordings.flatMap((recording, index) => {
    const pair = result.pairs[index];
    return pair.rate === 0 ? [] : [alignmentBlock(recording, pair)];
  });
  const speakers = speakerRows(recordings);
  return [
    formatTable(scoreHeader, [scoreRow('all', result), ...speakers]),
    confusionTable(result.confusions, Infinity),
    ...blocks,
  ].join('\n\n');
}

function speakerRows(recordings: readonly MeasuredRecording[]): string[][] {
  const speakers = new Map<string, MeasuredRecording[]>();
  for (const recording of recordings) {
    if (recording.speaker === undefined) continue;
    speakers.set(recording.speaker, [...(speakers.get(recording.speaker) ?? []), recording]);
  }
  return [...speakers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([speaker, own]) => {
      const scores = scoreTranscripts(
        own.map(({ reference }) => reference),
        own.map(({ hypothesis }) => hypothesis),
      );
      return scoreRow(speaker, scores);
    });
}

const MARKS: Record<AlignmentStep['operation'], string> = { hit: '', substitution: 'S', deletion: 'D', insertion: 'I' };

function alignmentBlock({ id, speaker }: MeasuredRecording, pair: AlignedPair): string {
  const columns = pair.alignment.map(({ operation, reference, hypothesis }) => {
    const wrong = operation !== 'hit';
    const [said, heard] = [reference, hypothesis].map((word) => (wrong ? word?.toUpperCase() : word));
    const width = Math.max(said?.length ?? 0, heard?.length ?? 0);
    const cell = (word: string | undefined): string => (word ?? '*'.repeat(width)).padEnd(width);
    return [cell(said), cell(heard), MARKS[operation].padEnd(width)];
  });
  const line = (row: number): string =>
    columns
      .map((column) => column[row])
      .join(' ')
      .trimEnd();
  const { hits, substitutions, deletions, insertions } = pair;
  return [
    `id: (${id})${speaker === undefined ? '' : ` speaker: ${speaker}`}`,
    `Scores: (#C #S #D #I) ${hits} ${substitutions} ${deletions} ${insertions}`,
    `REF:  ${line(0)}`,
    `HYP:  ${line(1)}`,
    `Eval: ${line(2)}`,
  ].join('\n');
}
