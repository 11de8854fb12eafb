import { describe, expect, it } from 'vitest';
import { isFast, startChosenBackend, type BackendSelector, type StartedBackend } from '../src/backend.js';
import { createOutput, type Output } from '../src/output.js';

/** An output that gathers its lines. */
function gathering(): { output: Output; lines: string[] } {
  const lines: string[] = [];
  const stderr = { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream;
  return { output: createOutput({ stderr }), lines };
}

/** Starts whatever is wanted, and native for `auto`. */
const select: BackendSelector<StartedBackend> = async (choice, { threads = 4, precision }) => ({
  name: choice === 'auto' ? 'native' : choice,
  threads,
  precision,
});

describe('startChosenBackend', () => {
  it('takes what the command line says, and else the configuration’s precision', async () => {
    const { output } = gathering();
    const start = (options: object) =>
      startChosenBackend(select, { backend: 'auto', ...options }, output, { precision: 'bf16' });
    expect(await start({})).toEqual({ name: 'native', threads: 4, precision: 'bf16' });
    expect(await start({ backend: 'cpu', threads: 1, precision: 'f32' })).toEqual({
      name: 'cpu',
      threads: 1,
      precision: 'f32',
    });
  });

  it('takes what a resumed run was computed with, and warns where that is not to be had', async () => {
    const { output, lines } = gathering();
    const resumed = { backend: 'wasm', threads: 2, precision: 'f32' as const };
    const wishes = { precision: 'f32' as const, resumed };
    expect(await startChosenBackend(select, { backend: 'auto' }, output, wishes)).toMatchObject({ name: 'wasm' });
    expect(lines).toEqual([]);
    await startChosenBackend(select, { backend: 'auto', threads: 3 }, output, wishes);
    expect(lines.join('')).toBe(
      'The run was computed with backend wasm, 2 threads and f32: it goes on, but not bit for bit\n',
    );
  });
});

describe('isFast', () => {
  it('is true of backends with native kernels', () => {
    const backends = ['native', 'tensorflow', 'wasm', 'cpu'].map((name) =>
      isFast({ name, threads: 1, precision: 'f32' }),
    );
    expect(backends).toEqual([true, true, false, false]);
  });
});
