import { CadenzaError, InputError } from '@cadenza/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  addVerb,
  createProgram,
  integerUpTo,
  nonNegativeInteger,
  positiveInteger,
  repeated,
  runProgram,
  type CommonOptions,
} from '../src/command.js';

interface Options extends CommonOptions {
  size?: number;
  tag?: string[];
}

let received: Options | undefined;

async function call(action: () => void | Promise<void>, ...args: string[]) {
  const text = { stdout: '', stderr: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => ((text.stdout += String(chunk)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => ((text.stderr += String(chunk)), true));
  const program = createProgram({ name: 'cadenza-test', description: 'a test', version: '1.2.3' });
  addVerb(program.command('data').helpCommand(false), 'list', 'lists', () => {});
  addVerb<Options>(
    program,
    'train',
    'trains',
    async (options, { output }) => {
      received = options;
      await action();
      output.object({ fine: true });
    },
    (verb) =>
      verb
        .option('--size <n>', 'a size', positiveInteger)
        .option('--width <n>', 'a width', integerUpTo(7))
        .option('--seed <n>', 'a seed', nonNegativeInteger)
        .option('--tag <name>', 'tags', repeated),
  );
  process.exitCode = 0;
  await runProgram(program, args);
  vi.restoreAllMocks();
  return { ...text, code: process.exitCode };
}

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

const nothing = (): void => {};

describe('a command', () => {
  it('hands the common and its own options to the verb', async () => {
    const { stdout, code } = await call(
      nothing,
      'train',
      '--size',
      '3',
      '--width',
      '7',
      '--tag',
      'a',
      '--tag',
      'b',
      '--json',
      '--threads',
      '2',
    );
    expect(received).toMatchObject({ size: 3, width: 7, tag: ['a', 'b'], json: true, threads: 2, backend: 'auto' });
    expect(stdout).toBe('{"fine":true}\n');
    expect(code).toBe(0);
  });

  it.each([
    [['train', '--szie', '3'], /^error: unknown option '--szie' \(Did you mean --size\?\)\n$/],
    [['trian'], /^error: unknown command 'trian' \(Did you mean train\?\)\n$/],
    [['train', '--frobnicate'], /^error: unknown option '--frobnicate'; --help lists the known ones\n$/],
    [['train', '--size', '-3'], /^error: .*Expected a positive integer, got -3\.\n$/],
    [['train', '--width', '8'], /^error: .*Expected a whole number from 1 to 7, got 8\.\n$/],
    [['train', '--seed', '-1'], /^error: .*Expected a whole number of at least 0, got -1\.\n$/],
    [
      ['train', '--seed', '9007199254740992'],
      /^error: .*Expected a whole number from 0 to 9007199254740991, got 9007199254740992\.\n$/,
    ],
    [['train', '--width', '2.5'], /^error: .*Expected a whole number from 1 to 7, got 2\.5\.\n$/],
    [['train', '--backend', 'natve'], /Expected one of auto, native, tensorflow, wasm, cpu; did you mean native\?\n$/],
    [['train', '--size'], /argument missing\n$/],
    [['train', 'extra'], /too many arguments/],
  ])('refuses %j with one line and exit code 2', async (args, message) => {
    const { stdout, stderr, code } = await call(nothing, ...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('prints help and version to standard output with exit code 0', async () => {
    expect(await call(nothing, '--version')).toMatchObject({ stdout: '1.2.3\n', code: 0 });
    expect(await call(nothing, 'train', '--version')).toMatchObject({ stdout: '1.2.3\n', code: 0 });
    const help = await call(nothing, 'train', '--help');
    expect(help.stdout).toContain('--backend <name>');
    expect(help.code).toBe(0);
  });

  it('shows its help as a wrong call when it is called with nothing', async () => {
    const { stdout, stderr, code } = await call(nothing);
    expect(stderr).toContain('Usage: cadenza-test');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('shows the help of a command of verbs that is called without one', async () => {
    const { stdout, stderr, code } = await call(nothing, 'data');
    expect(stderr).toMatch(/^Usage: cadenza-test data [^]*list [^\n]*lists\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('turns errors into one line and an exit code, with the stacks only under --debug', async () => {
    const input = (): void => {
      throw new InputError('Expected a text, got none', { cause: new Error('deep') });
    };
    expect(await call(input, 'train')).toMatchObject({ stderr: 'error: Expected a text, got none\n', code: 2 });
    const work = (): void => {
      throw new CadenzaError('The work\nfailed');
    };
    expect(await call(work, 'train')).toMatchObject({ stderr: 'error: The work failed\n', code: 1 });
    const debug = await call(input, 'train', '--debug');
    expect(debug.stderr).toContain('caused by: Error: deep');
  });

  it('calls a full disk by its name, also below another error', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: '/x' });
    expect(
      await call(() => {
        throw full;
      }, 'train'),
    ).toMatchObject({ stderr: 'error: Expected space on the disk, got a full one: /x\n', code: 2 });
  });

  it('ends with 130 when Ctrl-C stopped the verb', async () => {
    const { code, stderr } = await call(async () => {
      process.emit('SIGINT');
      await Promise.resolve();
    }, 'train');
    expect(code).toBe(130);
    expect(stderr).toBe('Stopping; once more to stop at once\n');
  });

  it('ends with 130 when Ctrl-C ended a wait, and calls what was aborted otherwise an error', async () => {
    const waits = (interrupted: boolean) =>
      call(() => {
        if (interrupted) process.emit('SIGINT');
        throw new DOMException('gone', 'AbortError');
      }, 'train');
    expect(await waits(true)).toMatchObject({ code: 130, stderr: 'Stopping; once more to stop at once\n' });
    expect(await waits(false)).toMatchObject({ code: 1, stderr: 'error: gone\n' });
  });
});
