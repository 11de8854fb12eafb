import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';

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

/** Trains into a run folder, with further arguments and as a process that may be killed. */
export type Train = (run: string, more?: string[], command?: CommandOptions) => Promise<CommandResult>;

/** Everything that a run leaves and the clock has no part in. */
export function remainsOf(run: string): Record<string, unknown> {
  const metrics = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const latest = join(run, 'checkpoints', readFileSync(join(run, 'checkpoints/latest'), 'utf8').trim());
  return {
    metrics: metrics.map((line) => JSON.stringify({ ...JSON.parse(line), time: undefined })),
    weights: readFileSync(join(latest, 'weights.safetensors')).toString('base64'),
    optimizer: readFileSync(join(latest, 'optimizer.safetensors')).toString('base64'),
  };
}

export interface KillOptions {
  folder: string;
  train: Train;
  /** Of a whole run. */
  steps: number;
  kills: number;
  /** Up to how many milliseconds after its start a process is killed, of those that a whole run takes; as many when absent. */
  within?: (duration: number) => number;
  remains?: (run: string) => Record<string, unknown>;
}

/** Expects a run that is killed at random moments, and resumed each time, to end as an uninterrupted one does, bit for bit. */
export async function expectKillsToChangeNothing(options: KillOptions): Promise<void> {
  const { folder, train, steps, kills, within = (duration) => duration, remains = remainsOf } = options;
  const whole = join(folder, 'whole');
  const started = Date.now();
  expect(lastObject(await train(whole))).toMatchObject({ steps });
  const duration = Date.now() - started;
  const expected = remains(whole);
  const resumeIfThere = (run: string): string[] => (existsSync(join(run, 'config.json')) ? ['--resume'] : []);

  // A run that comes to its end in between is compared, and another one begun, until so many kills have hit.
  let runs = 1;
  for (let hits = 0; hits < kills;) {
    const killed = join(folder, `killed-${runs}`);
    const result = await train(killed, resumeIfThere(killed), {
      // From the very start of the process to well into its training.
      onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), Math.random() * within(duration)),
    });
    if (result.code === 'SIGKILL') {
      hits++;
      continue;
    }
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(remains(killed)).toEqual(expected);
    runs++;
  }
  const killed = join(folder, `killed-${runs}`);
  expect(lastObject(await train(killed, resumeIfThere(killed)))).toMatchObject({ steps });
  expect(remains(killed)).toEqual(expected);
}

/** Expects Ctrl-C to save and to stop with exit code 130, and the run to go on from there. */
export async function expectInterruptToSave({ folder, train }: Pick<KillOptions, 'folder' | 'train'>): Promise<void> {
  const run = join(folder, 'interrupted');
  const result = await train(run, ['--max-steps', '100000'], {
    onStart: (child) => void until(() => existsSync(join(run, 'checkpoints/latest'))).then(() => child.kill('SIGINT')),
  });
  expect(result.code).toBe(130);
  const { steps: reached, stopped } = lastObject<{ steps: number; stopped: string }>(result);
  expect(stopped).toBe('aborted');
  expect(readFileSync(join(run, 'checkpoints/latest'), 'utf8').trim()).toBe(`step-${reached}`);
  const resumed = await train(run, ['--resume', '--max-steps', String(reached + 5)]);
  expect(lastObject(resumed)).toMatchObject({ steps: reached + 5 });
}

/** Runs `serve` with these arguments while `ask` talks to it at the URL, and ends it by Ctrl-C. */
export async function whileServing(
  command: Command,
  args: readonly string[],
  ask: (url: string) => Promise<void>,
): Promise<CommandResult> {
  let failure: unknown;
  const result = await command(['serve', '--port', '0', '--json', ...args], {
    onStart: (child) => {
      let said = '';
      child.stderr!.on('data', (text: string) => (said += text));
      const listening = until(() => child.exitCode !== null || said.includes('; Ctrl-C stops'));
      void listening
        .then(() => ask(/listening at (\S+);/.exec(said)![1]))
        .catch((error: unknown) => (failure = error))
        .finally(() => child.kill('SIGINT'));
    },
  });
  if (failure !== undefined) throw failure;
  return result;
}
