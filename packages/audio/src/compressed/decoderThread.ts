import { Worker } from 'node:worker_threads';

export type Codec = 'flac' | 'vorbis' | 'mp3';

export interface DecodedAudio {
  channelData: Float32Array[];
  sampleRate: number;
  /** What the decoder complained of on the way. */
  errors: string[];
}

type Answer = (DecodedAudio & { failure?: undefined }) | { failure: string };

/** Decoding takes some 10 ms a megabyte: what takes a thousand times that hangs. */
const LEAST_SECONDS = 10;
const SECONDS_PER_MEGABYTE = 10;

let worker: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Decodes in the worker thread, one file after another; it is started by the first and keeps no program running. */
export function decodeInThread(codec: Codec, bytes: Uint8Array): Promise<Answer> {
  const answer = last.then(() => ask(codec, bytes));
  last = answer.catch(() => undefined);
  return answer;
}

function ask(codec: Codec, bytes: Uint8Array): Promise<Answer> {
  worker ??= new Worker(new URL('../../workers/decode.mjs', import.meta.url), { stderr: true, stdout: true });
  const thread = worker;
  thread.ref();
  return new Promise((resolve) => {
    const seconds = Math.ceil(LEAST_SECONDS + (bytes.length / 1e6) * SECONDS_PER_MEGABYTE);
    const fail = (failure: string) => {
      finish({ failure });
      worker = undefined;
      void thread.terminate();
    };
    const failed = (error: Error) => fail(error.message);
    const ended = () => fail('the decoder ended');
    const timer = setTimeout(() => fail(`no end after ${seconds} s`), 1000 * seconds);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      thread.off('message', finish).off('error', failed).off('exit', ended);
      thread.unref();
      resolve(answer);
    };
    thread.on('message', finish).on('error', failed).on('exit', ended);
    // A copy, since the bytes may be part of something larger or in use.
    const copy = bytes.slice();
    thread.postMessage({ codec, bytes: copy }, [copy.buffer]);
  });
}
