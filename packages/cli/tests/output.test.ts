import { spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { createOutput } from '../src/output.js';
import { createProgress, formatCount, formatDuration, plural } from '../src/index.js';
import { formatTable } from '../src/table.js';

function streams() {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  return { stdout, stderr, read: () => [String(stdout.read() ?? ''), String(stderr.read() ?? '')] };
}

describe('createOutput', () => {
  it('keeps results and talk apart', () => {
    const { read, ...options } = streams();
    const output = createOutput(options);
    output.say('reading');
    output.write('result');
    output.object({ a: 1 });
    expect(read()).toEqual(['result', 'reading\n']);
  });

  it('says nothing but warnings under quiet and ends with one line of JSON', () => {
    const { read, ...options } = streams();
    const output = createOutput({ ...options, quiet: true, json: true });
    output.say('reading');
    output.warn('careful');
    output.object({ a: [1, 2] });
    expect(read()).toEqual(['{"a":[1,2]}\n', 'careful\n']);
  });
});

describe.skipIf(!existsSync('/dev/full'))('guardBrokenPipes', () => {
  const program = `import(${JSON.stringify(new URL('../dist/output.js', import.meta.url).href)}).then((cli) => {
    cli.guardBrokenPipes();
    const output = cli.createOutput();
    output.say('working');
    output.write('result');
  });`;
  const full = openSync('/dev/full', 'w');

  it('says in one line that standard output cannot be written', () => {
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], { stdio: ['ignore', full, 'pipe'] });
    expect([status, String(stderr)]).toEqual([
      2,
      'working\nerror: Expected space on the disk, got a full one: standard output\n',
    ]);
  });

  it('goes on without a standard error that cannot be written', () => {
    const { status, stdout } = spawnSync(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', full] });
    expect([status, String(stdout)]).toEqual([0, 'result']);
  });
});

describe('createProgress', () => {
  it('moves a bar in a terminal and puts lines for people above it', () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
    const isTTY = process.stderr.isTTY;
    process.stderr.isTTY = true;
    try {
      const output = createOutput();
      const progress = createProgress(output, { label: 'train', total: 4 });
      progress.update(1, 'loss 2.1');
      output.say('stopping');
      progress.stop();
      output.say('stopped');
    } finally {
      process.stderr.isTTY = isTTY;
      vi.restoreAllMocks();
    }
    const shown = written.join('');
    expect(shown).toContain('25%  1/4  loss 2.1');
    // Above the bar: the bar's line is cleared, wrapping is on for the line, and the bar is drawn again below.
    expect(shown).toMatch(/\r\u001b\[K\u001b\[\?7hstopping\n\u001b\[\?7l\u001b7[^]*25%/);
    expect(shown.endsWith('stopped\n')).toBe(true);
  });

  it('prints plain lines where there is no terminal', () => {
    const { read, ...options } = streams();
    const progress = createProgress(createOutput(options), { label: 'train', total: 4, interval: 0 });
    progress.update(1, 'loss 2.1');
    progress.note('a sample');
    progress.stop();
    expect(read()[1]).toBe('train 25%  1/4  loss 2.1\na sample\n');
  });

  it('counts only, where nobody knows how much there is', () => {
    const { read, ...options } = streams();
    const progress = createProgress(createOutput(options), { label: 'get', total: Infinity, interval: 0 });
    progress.update(120);
    progress.stop();
    expect(read()[1]).toBe('get 120\n');
  });

  it('is silent under quiet', () => {
    const { read, ...options } = streams();
    const progress = createProgress(createOutput({ ...options, quiet: true }), { label: 'x', total: 1, interval: 0 });
    progress.update(1);
    progress.note('a sample');
    progress.stop();
    expect(read()).toEqual(['', '']);
  });
});

describe('formats', () => {
  it('writes durations and counts short', () => {
    expect([5, 95, 3725].map(formatDuration)).toEqual(['0:05', '1:35', '1:02:05']);
    expect([0, 8, 99, 100].map(formatCount)).toEqual(['0', '8', '99', '100']);
    expect([0, 1, 2].map((count) => plural(count, 'line'))).toEqual(['0 lines', '1 line', '2 lines']);
    expect([1.234, 123.4, 20431, 1.5e6, 2e9].map(formatCount)).toEqual(['1.23', '123', '20.4k', '1.5M', '2.0G']);
  });

  it('lays out a table with numbers to the right', () => {
    expect(
      formatTable(
        ['protocol', 'nats'],
        [
          ['stream', '1.4'],
          ['windowed', '11.42'],
        ],
      ),
    ).toBe(['protocol   nats', 'stream      1.4', 'windowed  11.42'].join('\n'));
  });
});
