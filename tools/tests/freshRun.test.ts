import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { workspaceRoot } from '../scripts/workspace.mjs';

const name = `runs/fresh-run-test-${process.pid}`;
const folder = join(workspaceRoot, name);
const freshRun = (...args: string[]) =>
  spawnSync(process.execPath, [join(workspaceRoot, 'tools/scripts/freshRun.mjs'), ...args], { encoding: 'utf8' });

describe('freshRun', () => {
  afterEach(() => {
    for (const made of [folder, `${folder}.previous`]) rmSync(made, { recursive: true, force: true });
  });

  it('keeps the former run aside and deletes the one before it', () => {
    for (const step of ['1', '2']) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'step'), step);
      expect(freshRun(name).status).toBe(0);
      expect(existsSync(folder)).toBe(false);
      expect(readFileSync(join(`${folder}.previous`, 'step'), 'utf8')).toBe(step);
    }
  });

  it('does nothing where there is no former run', () => {
    expect(freshRun(name)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('moves nothing that is not a run', () => {
    for (const other of ['packages', 'runs', 'runs/../packages', '/']) {
      const { status, stderr } = freshRun(other);
      expect(status).toBe(2);
      expect(stderr).toBe(`Expected a folder under runs/, got ${other}\n`);
    }
    expect(existsSync(join(workspaceRoot, 'packages', 'core'))).toBe(true);
  });
});
