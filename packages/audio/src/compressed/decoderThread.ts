import { Worker } from 'node:worker_threads';
import type { OpusStream } from './oggOpus.js';

export type Codec = 'flac' | 'vorbis' | 'opus' | 'mp3';

/** What a decoder gets: a file (the first of two channels that are equal stands for both where it is `mono`), or, for Opus, the packets in it. */
export type Encoded = { maximumSamples: number } & (
  { codec: Exclude<Codec, 'opus'>; bytes: Uint8Array; mono: boolean } | { codec: 'opus'; stream: OpusStream }
);

export interface DecodedAudio {
  channelData: Float32Array[];
  sampleRate: number;
  /** What the decoder complained of on the way. */
  errors: string[];
}

/** The sound, that there is more of it than may be, or what went wrong. */
type Answer =
  | (DecodedAudio & { excess?: undefined; failure?: undefined })
  | { excess: true; failure?: undefined }
  | { failure: string };

/** For the thread to start and its decoder to be there, a fifth of a second where nothing else runs. */
const SECONDS_TO_START = 120;
/** Decoding takes some 10 ms a megabyte: what takes a thousand times that hangs. */
const LEAST_SECONDS = 10;
const SECONDS_PER_MEGABYTE = 10;

let worker: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Decodes in the worker thread, one file after another; it is started by the first and keeps no program running. */
export function decodeInThread(encoded: Encoded): Promise<Answer> {
  const answer = last.then(() => ask(encoded));
  last = answer.catch(() => undefined);
  return answer;
}

function ask(encoded: Encoded): Promise<Answer> {
  // Without the options of the program, some of which (--input-type, --eval) no thread of a file can have.
  worker ??= new Worker(new URL('../../workers/decode.mjs', import.meta.url), {
    ...{ execArgv: [], stderr: true, stdout: true },
  });
  const thread = worker;
  thread.ref();
  return new Promise((resolve) => {
    const parts = encoded.codec === 'opus' ? encoded.stream.packets : [encoded.bytes];
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const seconds = Math.ceil(LEAST_SECONDS + (size / 1e6) * SECONDS_PER_MEGABYTE);
    const fail = (failure: string) => {
      finish({ failure });
      worker = undefined;
      void thread.terminate();
    };
    const failed = (error: Error) => fail(error.message);
    const ended = () => fail('the decoder ended');
    let timer = setTimeout(() => fail(`no start within ${SECONDS_TO_START} s`), 1000 * SECONDS_TO_START);
    const hear = (message: Answer | { ready: true }) => {
      if (!('ready' in message)) return finish(message);
      clearTimeout(timer);
      timer = setTimeout(() => fail(`no end after ${seconds} s`), 1000 * seconds);
    };
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      thread.off('message', hear).off('error', failed).off('exit', ended);
      thread.unref();
      resolve(answer);
    };
    thread.on('message', hear).on('error', failed).on('exit', ended);
    try {
      // Copied, since the bytes may be in use; but not what they are a part of. A Buffer's slice() would be no copy.
      if (encoded.codec === 'opus') {
        const packets = parts.map((packet) => new Uint8Array(packet));
        thread.postMessage({ ...encoded, stream: { ...encoded.stream, packets } });
      } else {
        const copy = new Uint8Array(encoded.bytes);
        thread.postMessage({ ...encoded, bytes: copy }, [copy.buffer]);
      }
    } catch (error) {
      finish({ failure: (error as Error).message });
    }
  });
}
