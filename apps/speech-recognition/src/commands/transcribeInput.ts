import { addAbortSignal } from 'node:stream';
import type { ActionContext, Output } from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import { transcriptWriter } from '../formats.js';
import type { Recognizer } from '../recognizer.js';
import { decodeSound, inSteps, type RawFormat } from '../soundInput.js';
import type { StreamingRecognizer, StreamUpdate } from '../streaming/streamingRecognizer.js';
import { Tally } from './tally.js';
import type { RecognitionOptions, TranscribeFlags } from './transcribeOptions.js';

export interface InputRequest {
  flags: TranscribeFlags;
  options: RecognitionOptions;
  raw?: RawFormat;
}

/**
 * Transcribes standard input utterance by utterance as it comes; of a model that can, what it hears so far is shown on standard
 * error. Where the sound breaks off, what came before is transcribed, and then the error is thrown.
 */
export async function transcribeInput(
  recognizer: Recognizer,
  { flags, options, raw }: InputRequest,
  { output, signal }: ActionContext,
): Promise<void> {
  const tally = new Tally();
  const writer = transcriptWriter(flags.format, { words: flags.words, hypotheses: flags.nBest !== undefined });
  const partials = new Partials(output);
  const show = ({ finished, partial }: StreamUpdate): void => {
    for (const utterance of finished) {
      partials.clear();
      output.write(writer.utterance(utterance));
      tally.count(utterance);
    }
    if (partial) partials.show(partial.text);
  };
  let stream: StreamingRecognizer | undefined;
  let broken: InputError | undefined;
  output.write(writer.begin());
  try {
    const input = addAbortSignal(signal, process.stdin);
    for await (const { samples, sampleRate } of decodeSound(input, 'standard input', raw)) {
      const opened = (stream ??= openStream(recognizer, sampleRate, options, output));
      for (const step of inSteps(samples, sampleRate)) {
        if (!signal.aborted) show(await tally.time(() => opened.push(step)));
      }
      tally.audioSeconds = opened.seconds;
    }
  } catch (error) {
    if (error instanceof InputError) broken = error;
    else if (!signal.aborted) throw error;
  }
  const opened = stream;
  if (opened !== undefined) show({ finished: await tally.time(() => opened.end()) });
  partials.clear();
  tally[broken === undefined ? 'recordings' : 'failed']++;
  output.say(tally.summary());
  output.object({ ...tally.object(), run: recognizer.run.directory, step: recognizer.run.step });
  if (broken !== undefined) throw broken;
}

function openStream(
  recognizer: Recognizer,
  sampleRate: number,
  options: RecognitionOptions,
  output: Output,
): StreamingRecognizer {
  if (sampleRate !== recognizer.sampleRate) {
    output.say(`${sampleRate} Hz becomes ${recognizer.sampleRate} Hz: standard input`);
  }
  return recognizer.hear({ ...options, sampleRate });
}

/** Shows what is heard so far: over and over on one line of a terminal, elsewhere a line for each change. */
class Partials {
  private shown = '';

  constructor(private readonly output: Output) {}

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    if (!this.output.interactive) this.output.say(`... ${text}`);
    else
      process.stderr.write(
        `\r\u001b[K... ${Array.from(text)
          .slice(5 - (process.stderr.columns ?? 80))
          .join('')}`,
      );
  }

  clear(): void {
    if (this.shown !== '' && this.output.interactive) process.stderr.write('\r\u001b[K');
    this.shown = '';
  }
}
