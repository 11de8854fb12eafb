import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CheckpointError, EventWriter, MetricsLog, readMetrics, truncateMetrics } from '../../src/index.js';
import { defaultFileSystem } from '../../src/training/fileSystem.js';
import { crc32c } from '../../src/training/tfRecord.js';
import { TrainingLog } from '../../src/training/trainingLog.js';

type Line = [time: number, step: number, content: Record<string, number> | string];
interface Golden {
  first: { lines: Line[]; cut: number; base64: string };
  second: { lines: Line[]; resumedAt: number; base64: string };
}

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/tensorboard.json', import.meta.url), 'utf8'));
let folder: string;

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'cadenza-logs-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function writeEvents(lines: Line[], resumedAt?: number): string {
  let now = lines[0][0];
  const writer = new EventWriter(folder, { resumedAt, now: () => now });
  for (const [time, step, content] of lines) {
    now = time;
    if (typeof content === 'string') writer.text(step, 'sample', content);
    else writer.scalars(step, content);
  }
  writer.close();
  return writer.path;
}

describe('TensorBoard events', () => {
  it("are the bytes that PyPI's tensorboard has read, after a resume too", () => {
    const first = readFileSync(writeEvents(golden.first.lines));
    expect(first.subarray(0, -golden.first.cut).toString('base64')).toBe(golden.first.base64);
    const second = readFileSync(writeEvents(golden.second.lines, golden.second.resumedAt));
    expect(second.toString('base64')).toBe(golden.second.base64);
  });

  it('have the final validation a step later, where a run that goes on begins anew', () => {
    vi.useFakeTimers({ now: 1e12 });
    try {
      const run = join(folder, 'run');
      const log = new TrainingLog(run, 0, true, defaultFileSystem);
      log.write({ step: 6, validation: { loss: 1 }, final: true, time: { seconds: 1 } });
      log.close();
      const name = readdirSync(run).find((file) => file.includes('tfevents'))!;
      const wanted = writeEvents([[1e12, 7, { 'validation/loss': 1 }]]);
      expect(readFileSync(join(run, name))).toEqual(readFileSync(wanted));
    } finally {
      vi.useRealTimers();
    }
  });

  it('of a resumed run go to a file that sorts behind, even within one second', () => {
    const paths = [0, 10, 20].map((resumedAt) => writeEvents([[1700000000000, resumedAt + 1, { loss: 1 }]], resumedAt));
    expect([...paths].sort()).toEqual(paths);
    expect(readdirSync(folder)).toHaveLength(3);
  });
});

describe('TFRecords', () => {
  it('use the CRC-32C of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('metrics.jsonl', () => {
  const path = () => join(folder, 'metrics.jsonl');
  const line = (step: number, more: object = {}) => ({ step, loss: step / 3, time: { seconds: 1 }, ...more });
  const text = (...lines: object[]) => lines.map((each) => `${JSON.stringify(each)}\n`).join('');

  it('has one object per line, and is appended to', () => {
    for (const step of [10, 20]) {
      const log = new MetricsLog(path());
      log.write(line(step));
      log.sync();
      log.close();
    }
    expect(readFileSync(path(), 'utf8')).toBe(text(line(10), line(20)));
    expect(readMetrics(path())).toEqual([line(10), line(20)]);
  });

  it('is cut back to a step, at every possible torn end', () => {
    const whole = text(line(10), line(20), line(20, { sample: 'é\n' }), line(30), line(40));
    const kept = text(line(10), line(20), line(20, { sample: 'é\n' }));
    const bytes = Buffer.from(whole);
    for (let length = 0; length <= bytes.length; length += 3) {
      writeFileSync(path(), bytes.subarray(0, length));
      truncateMetrics(path(), 20);
      const got = readFileSync(path(), 'utf8');
      expect(kept.startsWith(got)).toBe(true);
      if (length >= Buffer.byteLength(kept)) expect(got).toBe(kept);
      else expect(got === '' || got.endsWith('\n')).toBe(true);
    }
  });

  it('loses the final validation when the run goes on', () => {
    writeFileSync(path(), text(line(20), line(25, { validation: { loss: 1 }, final: true })));
    truncateMetrics(path(), 25);
    expect(readMetrics(path())).toEqual([line(20)]);
  });

  it('may be absent', () => {
    truncateMetrics(path(), 10);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that cannot be written is an error of one line', () => {
    expect(() => new MetricsLog(join(folder, 'no', 'metrics.jsonl'))).toThrow(CheckpointError);
    expect(() => new MetricsLog(join(folder, 'no', 'metrics.jsonl'))).toThrow(
      /^Expected to write .*metrics\.jsonl, got ENOENT[^\n]*$/,
    );
  });
});
