import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../examples/main.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cadenza-example-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe('The command of the examples', () => {
  it('prints the table and writes the picture', async () => {
    const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const out = join(folder, 'nested/page.html');
    await main(['gradientFlow', '--out', out]);
    expect(printed.mock.calls[0][0]).toContain('LSTM, forget bias 5');
    expect(readFileSync(out, 'utf8')).toContain('<title>Gradients that vanish and explode</title>');
  });

  it('offers the nearest example for one it does not know, and says how it is used', async () => {
    await expect(main(['longmemory'])).rejects.toThrow('did you mean longMemory?');
    await expect(main([])).rejects.toThrow('Usage:');
  });
});
