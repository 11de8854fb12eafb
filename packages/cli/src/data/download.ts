import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CadenzaError, InputError } from '@cadenza/core';

export interface DownloadOptions {
  sha256: string;
  /** Called with the bytes that are there and, once known, the whole. */
  onProgress?: (done: number, total: number | undefined) => void;
  signal?: AbortSignal;
  /** How often a connection that breaks is taken up again. */
  retries?: number;
  /** Milliseconds before the first retry; doubled each time. */
  retryDelay?: number;
}

/** The server's answer cannot lead to the file, however often it is asked. */
class AnswerError extends CadenzaError {}

/**
 * Fetches one file and checks its SHA-256. What arrives goes to `path.part` and is kept when the connection breaks, so
 * that the next attempt, also in another process, asks only for the rest (`Range`, RFC 9110 section 14). The file takes
 * its name only after the check. Returns false when it was already there and right.
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<boolean> {
  const { sha256, signal, retries = 3, retryDelay = 500 } = options;
  if (existsSync(path)) {
    const got = await sha256Of(path);
    if (got === sha256) return false;
    throw new InputError(`Expected ${path} to have SHA-256 ${sha256}, got ${got}; delete it to fetch it again`);
  }
  const part = `${path}.part`;
  for (let attempt = 0; ; attempt++) {
    try {
      await fetchRest(url, part, options);
      break;
    } catch (error) {
      if (signal?.aborted || error instanceof AnswerError || attempt >= retries) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryDelay * 2 ** attempt));
    }
  }
  const got = await sha256Of(part);
  if (got !== sha256) {
    rmSync(part);
    throw new AnswerError(`Expected SHA-256 ${sha256}, got ${got} from ${url}; what was fetched is deleted`);
  }
  renameSync(part, path);
  return true;
}

async function fetchRest(url: string, part: string, { onProgress, signal }: DownloadOptions): Promise<void> {
  const have = existsSync(part) ? statSync(part).size : 0;
  const response = await fetch(url, { signal, headers: have > 0 ? { range: `bytes=${have}-` } : {} });
  if (response.status === 416) {
    // Nothing after what we have: it is whole, or not this file; the check tells.
    await response.body?.cancel();
    return;
  }
  if (!response.ok || response.body === null) {
    const problem = `Expected ${url} to answer 200, got ${response.status} ${response.statusText}`.trim();
    throw response.status >= 500 ? new Error(problem) : new AnswerError(problem);
  }
  const continues = response.status === 206;
  const length = Number(response.headers.get('content-length') ?? NaN);
  let done = continues ? have : 0;
  const total = Number.isFinite(length) && !response.headers.has('content-encoding') ? done + length : undefined;
  mkdirSync(dirname(part), { recursive: true });
  const file = await open(part, continues ? 'a' : 'w');
  try {
    for await (const chunk of response.body) {
      await file.write(chunk as Uint8Array);
      done += (chunk as Uint8Array).length;
      onProgress?.(done, total);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (total !== undefined && done < total) throw new Error(`Expected ${total} bytes from ${url}, got ${done}`);
}

/** The SHA-256 of a file's content as hexadecimal digits. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
