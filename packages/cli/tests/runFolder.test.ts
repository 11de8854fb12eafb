import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { identityOf, isAlive } from '../src/processIdentity.js';
import { checkRunFolder, claimRun, isRun } from '../src/runFolder.js';

const folder = (): string => join(mkdtempSync(join(tmpdir(), 'cadenza-run-')), 'deep', 'run');

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
});

describe('isAlive', () => {
  it('tells a process from a later one with the same number', () => {
    const own = identityOf(process.pid);
    expect(isAlive(own)).toBe(true);
    if (own.started !== undefined) expect(isAlive({ ...own, started: `${own.started}0` })).toBe(false);
  });
});
