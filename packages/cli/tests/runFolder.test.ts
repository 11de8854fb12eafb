import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { identityOf, isAlive } from '../src/processIdentity.js';
import { checkRunFolder, claimRun, isRun } from '../src/runFolder.js';

const folder = (): string => join(mkdtempSync(join(tmpdir(), 'cadenza-run-')), 'deep', 'run');

/** What processes of the built package say that take the lock of a folder at the same time, and give it back in the end. */
async function claimAtOnce(run: string, count: number): Promise<string[]> {
  const program = `
    import(${JSON.stringify(new URL('../dist/runLock.js', import.meta.url).href)}).then(({ takeLock }) => {
      console.log('ready');
      process.stdin.once('data', () => {
        let unlock = () => {};
        try { unlock = takeLock(process.argv[1]); console.log('taken'); } catch (error) { console.log(error.message); }
        process.stdin.on('end', unlock);
      });
    });`;
  const children = Array.from({ length: count }, () => spawn(process.execPath, ['-e', program, run]));
  const said = children.map(({ stdout }) => createInterface(stdout)[Symbol.asyncIterator]());
  const lines = async (): Promise<string[]> =>
    Promise.all(said.map(async (lines) => String((await lines.next()).value)));
  expect(await lines()).toEqual(children.map(() => 'ready'));
  for (const { stdin } of children) stdin.write('go');
  const answers = await lines();
  const gone = children.map((child) => new Promise((resolve) => child.on('exit', resolve)));
  for (const { stdin } of children) stdin.end();
  await Promise.all(gone);
  return answers;
}

describe('claimRun', () => {
  it('makes a new folder and gives it back', () => {
    const run = folder();
    const claim = claimRun(run, { resume: false });
    expect(readdirSync(run)).toEqual(['run.lock']);
    claim.release();
    expect(readdirSync(run)).toEqual([]);
  });

  it('removes what it made when the start failed', () => {
    const run = folder();
    claimRun(run, { resume: false }).release({ discard: true });
    expect(existsSync(join(run, '..'))).toBe(false);
  });

  it('empties a folder that was there when the start failed, and never one with a run', () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    const claim = claimRun(run, { resume: false });
    writeFileSync(join(run, 'config.json'), '{}');
    claim.release({ discard: true });
    expect(readdirSync(run)).toEqual([]);
    writeFileSync(join(run, 'config.json'), '{}');
    claimRun(run, { resume: true }).release({ discard: true });
    expect(readdirSync(run)).toEqual(['config.json']);
  });

  it('starts over where a killed start left its first files', () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'vocabulary.json'), '{}');
    expect(() => claimRun(run, { resume: false })).toThrow(/other files/);
    claimRun(run, { resume: false, leftovers: ['vocabulary.json'] }).release();
  });

  it('refuses an existing run without resume and says what to do', () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'config.json'), '{}');
    expect(isRun(run)).toBe(true);
    expect(() => claimRun(run, { resume: false })).toThrow(/existing run: .*add --resume to continue it/);
    expect(readdirSync(run)).toEqual(['config.json']);
    claimRun(run, { resume: true }).release();
  });

  it('refuses to resume where there is no run, and to start among other files', () => {
    const run = folder();
    expect(() => claimRun(run, { resume: true })).toThrow(/got nothing there/);
    mkdirSync(run, { recursive: true });
    expect(() => claimRun(run, { resume: true })).toThrow(/without config.json/);
    writeFileSync(join(run, 'thesis.txt'), 'precious');
    expect(() => claimRun(run, { resume: false })).toThrow(/other files/);
    expect(() => checkRunFolder(join(run, 'thesis.txt'), { resume: false })).toThrow(/got a file/);
    expect(readdirSync(run)).toEqual(['thesis.txt']);
  });

  it('refuses a folder that a living process works in, and takes it over once that is dead', async () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const gone = new Promise((resolve) => child.on('exit', resolve));
    writeFileSync(join(run, 'run.lock'), JSON.stringify(identityOf(child.pid!)));
    expect(() => claimRun(run, { resume: false })).toThrow(InputError);
    expect(() => claimRun(run, { resume: false })).toThrow(new RegExp(`process ${child.pid} on ${hostname()}`));
    child.kill('SIGKILL');
    await gone;
    const claim = claimRun(run, { resume: false });
    expect(JSON.parse(readFileSync(join(run, 'run.lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    claim.release();
  });

  it('refuses a lock of another host with the same process number, and one that is being written', () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    const lock = join(run, 'run.lock');
    writeFileSync(lock, JSON.stringify({ ...identityOf(process.pid), host: 'elsewhere' }));
    expect(() => claimRun(run, { resume: false })).toThrow(`process ${process.pid} on elsewhere`);
    writeFileSync(lock, '{"pid": 1');
    expect(() => claimRun(run, { resume: false })).toThrow('got one that starts');
    utimesSync(lock, 1, 1);
    claimRun(run, { resume: false }).release();
    expect(readdirSync(run)).toEqual([]);
  });

  it('gives the folder to one of several that find it at once, with a dead lock or without', async () => {
    const run = folder();
    mkdirSync(run, { recursive: true });
    for (const lock of [undefined, { ...identityOf(process.pid), pid: 2 ** 22 + 1 }]) {
      if (lock !== undefined) writeFileSync(join(run, 'run.lock'), JSON.stringify(lock));
      const said = await claimAtOnce(run, 4);
      expect(said.filter((line) => line === 'taken')).toHaveLength(1);
      expect(said.filter((line) => line.startsWith('Expected no other training in the run, got'))).toHaveLength(3);
      expect(readdirSync(run)).toEqual([]);
    }
  });

  it('leaves alone what it did not make when a start fails', () => {
    const run = folder();
    const claim = claimRun(run, { resume: false, leftovers: ['vocabulary.json'] });
    for (const name of ['vocabulary.json', 'config.json', 'metrics.jsonl', 'events.out.tfevents.1', 'notes.txt']) {
      writeFileSync(join(run, name), '');
    }
    mkdirSync(join(run, '..', 'sibling'));
    claim.release({ discard: true });
    expect(readdirSync(run)).toEqual(['notes.txt']);
    expect(readdirSync(join(run, '..')).sort()).toEqual(['run', 'sibling']);
  });
});

describe('isAlive', () => {
  it('tells a process from a later one with the same number', () => {
    const own = identityOf(process.pid);
    expect(isAlive(own)).toBe(true);
    if (own.started !== undefined) expect(isAlive({ ...own, started: `${own.started}0` })).toBe(false);
  });
});
