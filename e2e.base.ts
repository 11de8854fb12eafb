import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** The exit code, or the signal that ended the process. */
  code: number | string;
}

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  input?: string | Buffer;
  /** Leaves standard input open, for `onStart` to write to and to close. */
  keepOpen?: boolean;
  cwd?: string;
  env?: Record<string, string>;
  /** Called with the process once it has started. */
  onStart?: (child: ChildProcess) => void;
}

/** Runs one of the built commands as a user would. */
export type Command = (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** The command whose file in `bin/` is at this URL. */
export function commandAt(url: URL): Command {
  const bin = fileURLToPath(url);
  return (args, { input = '', keepOpen = false, cwd, env, onStart } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, ...env } });
      const result = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ ...result, code: code ?? signal! }));
      child.stdin.on('error', () => {}); // the command may end before it has read all
      if (!keepOpen) child.stdin.end(input);
      onStart?.(child);
    });
}

/** The object on the last line of standard output. */
export function lastObject<T = Record<string, unknown>>({ stdout, stderr, code }: CommandResult): T {
  const line = stdout.trimEnd().split('\n').at(-1)!;
  if (!line.startsWith('{') && !line.startsWith('['))
    throw new Error(`Expected JSON, got ${line} (${code}: ${stderr})`);
  return JSON.parse(line) as T;
}

/** A folder that is removed after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-e2e-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until something holds, looking every few milliseconds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
