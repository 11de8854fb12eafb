import { MIMEType } from 'node:util';
import { decodeAudio, resample } from '@cadenza/audio';
import {
  createApi,
  Gatherer,
  messageOf,
  Places,
  readBytes,
  readPieces,
  readQuery,
  SharedMemory,
  streamBody,
  type ApiOptions,
  type Context,
  type Holding,
} from '@cadenza/cli/server';
import { InputError } from '@cadenza/core';
import { z } from 'zod';
import { isStreaming } from './config.js';
import type { DecoderOptions } from './decoder.js';
import { checkEndpointing, type EndpointingOptions } from './endpointing.js';
import { transcriptFormats, transcriptWriter, utteranceObject, type RecordingTranscript } from './formats.js';
import { checkHotWords, parseHotWord } from './hotWords.js';
import type { Recognizer } from './recognizer.js';
import { recognizerPage } from './serverPage.js';
import { decodeSound, HIGHEST_RATE, inSteps, MOST_CHANNELS, rawEncodings, type RawFormat } from './soundInput.js';
import type { StreamingRecognizer, StreamUpdate } from './streaming/streamingRecognizer.js';
import { transcribeSamples } from './transcribeRecordings.js';

/** Some hours of speech in files of the usual kinds. */
const MAXIMUM_BYTES = 256 << 20;
/** What bodies and the samples of recordings may take together, unless one is alone. */
const MAXIMUM_HELD = 1 << 30;
/** Streams that are listened to at the same time. */
const MAXIMUM_STREAMS = 64;
/** Parts of a form, each of which takes more than its bytes. */
const MAXIMUM_PARTS = 100;
/** Hours of one recording, whatever few bytes it is packed in. */
const MAXIMUM_HOURS = 12;
/** What it may unpack to in all its channels: so many hours at 16,000 Hz, or two of two channels at 48,000; 2.8 GB. */
const MAXIMUM_SAMPLES = MAXIMUM_HOURS * 3600 * 16_000;
/** Seconds of an utterance, which is kept until it ends. */
const LONGEST_UTTERANCE = 600;
/** Recordings that may wait. */
const WAITING = 256;

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const number = z.coerce.number();
const positive = z.coerce.number().int().min(1);

/** How is searched. */
const searchQuery = {
  beam: positive.max(1000).optional(),
  greedy: flag.optional(),
  nBest: positive.max(100).optional(),
  hotWord: z.preprocess((given) => (given === undefined ? given : [given].flat()), z.array(z.string()).optional()),
  pause: number.optional(),
  maxSeconds: number.max(LONGEST_UTTERANCE).optional(),
};
const transcribeQuery = z.strictObject({
  ...searchQuery,
  format: z.enum(transcriptFormats).default('json'),
  words: flag.optional(),
  name: z.string().default('recording'),
});
const listenQuery = z.strictObject({
  ...searchQuery,
  raw: z.enum(rawEncodings).optional(),
  rate: positive.max(HIGHEST_RATE).optional(),
  channels: positive.max(MOST_CHANNELS).optional(),
});
type SearchQuery = Pick<z.output<typeof transcribeQuery>, keyof typeof searchQuery>;

interface Asked extends DecoderOptions {
  endpointing: EndpointingOptions;
}

const contentTypes = {
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
};

/**
 * The HTTP interface of a recogniser: `POST /transcribe` with a sound file, and `POST /listen` with sound that is answered while it
 * comes. Requests that ask for the same share batches, unless voices are told by the recordings of a batch.
 */
export function speechApi(recognizer: Recognizer, options: ApiOptions) {
  const { run, sampleRate } = recognizer;
  const { task, features } = run.config;
  const api = createApi({
    ...options,
    about: { task, sampleRate, streaming: isStreaming(run.config), ...options.about },
  });
  const together = features.normalization === 'speaker' ? 1 : 32;
  const gatherer = new Gatherer<Asked, { id: string; samples: Float32Array }, RecordingTranscript>(
    (recordings, asked, signal) => transcribeSamples(recognizer, recordings, { ...asked, adapt: false, signal }),
    { together, waiting: WAITING },
  );
  const memory = new SharedMemory(MAXIMUM_HELD);
  api.post('/transcribe', async (context) => {
    const { format, words, name, ...query } = readQuery(context, transcribeQuery);
    checkFormat({ format, words, nBest: query.nBest });
    const asked = askedOf(query, recognizer);
    const holding = memory.open();
    try {
      const samples = await samplesOf(await soundOf(context, holding), sampleRate, holding);
      const [transcript] = await gatherer.ask([{ id: name, samples }], asked, context.req.raw.signal);
      const writer = transcriptWriter(format, { words, hypotheses: query.nBest !== undefined });
      return context.body(writer.recording(transcript), 200, { 'content-type': contentTypes[format] });
    } finally {
      holding.release();
    }
  });
  api.get('/', (context) => context.html(recognizerPage()));
  const streams = new Places(MAXIMUM_STREAMS, 'streams');
  api.post('/listen', (context) => {
    const { raw, rate, channels, ...query } = readQuery(context, listenQuery);
    if (raw === undefined && (rate ?? channels) !== undefined)
      throw new InputError('Expected raw with rate and channels, got none');
    const asked = askedOf(query, recognizer);
    const sound = raw && { encoding: raw, sampleRate: rate ?? sampleRate, channels: channels ?? 1 };
    return listen(context, recognizer, { asked, sound, done: streams.take() });
  });
  return api;
}

/** @throws {InputError} for what a format cannot tell */
function checkFormat({
  format,
  words,
  nBest,
}: Pick<z.output<typeof transcribeQuery>, 'format' | 'words' | 'nBest'>): void {
  if (words && format !== 'text')
    throw new InputError(`Expected format text with words (json has them always), got ${format}`);
  if (nBest !== undefined && (words || format === 'srt' || format === 'vtt')) {
    throw new InputError(
      `Expected format json, or text without words, with nBest, got ${format}${words ? ' and words' : ''}`,
    );
  }
}

/** The parameters as a recogniser takes them. @throws {InputError} for what does not go together */
function askedOf(query: SearchQuery, { run: { config, symbols } }: Recognizer): Asked {
  const { beam, greedy, nBest, pause, maxSeconds } = query;
  const classifies = config.task === 'classify';
  const where = classifies ? 'a model of labels, which has no search' : 'greedy decoding, which follows one path';
  const idle = classifies ? (['beam', 'greedy', 'hotWord'] as const) : (['beam', 'nBest', 'hotWord'] as const);
  const isGreedy = (greedy ?? config.decoding.method === 'greedy') || classifies;
  for (const name of idle) {
    if (isGreedy && query[name] !== undefined) throw new InputError(`Expected no ${name} with ${where}, got it`);
  }
  const hotWords = query.hotWord?.map(parseHotWord);
  if (hotWords !== undefined) checkHotWords(hotWords, symbols);
  const endpointing = { maximumUtterance: maxSeconds, pause };
  checkEndpointing(endpointing, config.features.sampleRate, { maximumUtterance: 'maxSeconds', pause: 'pause' });
  const method = greedy === undefined ? undefined : greedy ? 'greedy' : 'beam';
  return { beam, nBest, method, hotWords, endpointing };
}

/** The bytes of a sound file: the body, or the `file` of a form. */
async function soundOf(context: Context, holding: Holding): Promise<Uint8Array> {
  const type = context.req.header('content-type') ?? '';
  const bytes = await readBytes(context, { maximumBytes: MAXIMUM_BYTES, holding });
  if (!/^multipart\/form-data[ \t]*(;|$)/i.test(type)) return bytes;
  checkParts(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), type);
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData().catch((cause: unknown) => {
    throw new InputError('Expected the body to be a form as its content-type says, got other bytes', { cause });
  });
  const file = form.get('file');
  if (file instanceof File) return new Uint8Array(await file.arrayBuffer());
  throw new InputError('Expected the form to have one sound file as `file`, got none');
}

function checkParts(form: Buffer, type: string): void {
  const boundary = new MIMEType(type).params.get('boundary');
  if (!boundary) return; // which is told of next
  let parts = 0;
  for (let at = form.indexOf(boundary); at >= 0; at = form.indexOf(boundary, at + 1)) {
    if (++parts > MAXIMUM_PARTS) throw new InputError(`Expected a form of at most ${MAXIMUM_PARTS} parts, got more`);
  }
}

/** What the sound has at a rate, which is held instead of its bytes. */
async function samplesOf(bytes: Uint8Array, rate: number, holding: Holding): Promise<Float32Array> {
  const wanted = { name: 'the body', channels: 'mix', maximumSamples: MAXIMUM_SAMPLES } as const;
  const { samples, sampleRate } = await decodeAudio(bytes, wanted);
  const hours = samples[0].length / sampleRate / 3600;
  if (hours > MAXIMUM_HOURS)
    throw new InputError(`Expected a recording of at most ${MAXIMUM_HOURS} hours, got ${hours.toFixed(1)}`);
  holding.hold(Math.ceil((samples[0].length * rate) / sampleRate) * Float32Array.BYTES_PER_ELEMENT);
  return resample(samples[0], { from: sampleRate, to: rate });
}

interface Listening {
  asked: Asked;
  /** What the samples are, where they have no header. */
  sound?: RawFormat;
  done: () => void;
}

/**
 * Answers a stream with a JSON object a line, while it comes: `{"partial": ...}` for what is heard so far of an utterance, where the
 * model can say; `{"utterance": ...}` once a pause or the end of the sound has ended it; last `{"end": {"seconds"}}`, or `{"error": "..."}`.
 */
function listen(context: Context, recognizer: Recognizer, { asked, sound, done }: Listening): Response {
  context.header('content-type', 'application/x-ndjson');
  return streamBody(context, async (answer) => {
    const tell = async (value: object): Promise<unknown> => answer.write(`${JSON.stringify(value)}\n`);
    const tellAll = async ({ finished, partial }: StreamUpdate): Promise<void> => {
      for (const utterance of finished) await tell({ utterance: utteranceObject(utterance) });
      if (partial) await tell({ partial: utteranceObject(partial) });
    };
    let stream: StreamingRecognizer | undefined;
    try {
      let broken: InputError | undefined;
      try {
        for await (const { samples, sampleRate } of decodeSound(readPieces(context), 'the body', sound, 'raw')) {
          const opened = (stream ??= recognizer.hear({ ...asked, sampleRate }));
          for (const step of inSteps(samples, sampleRate)) {
            if (answer.aborted) return;
            await tellAll(await opened.push(step));
          }
        }
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        broken = error; // what came before is transcribed all the same
      }
      const seconds = stream?.seconds ?? 0; // none once it has ended
      if (stream) await tellAll({ finished: await stream.end() });
      await tell(broken ? { error: messageOf(broken) } : { end: { seconds } });
    } catch (error) {
      await tell({ error: messageOf(error) });
    } finally {
      await stream?.dispose();
      done();
    }
  });
}
