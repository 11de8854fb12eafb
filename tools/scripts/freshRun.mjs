/**
 * Makes room for a new run: a run folder that exists is kept as `NAME.previous`, and what was there before is deleted.
 *
 *     node tools/scripts/freshRun.mjs runs/text-generation
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { workspaceRoot } from './workspace.mjs';

const runs = resolve(workspaceRoot, 'runs');
for (const name of process.argv.slice(2)) {
  const folder = resolve(workspaceRoot, name);
  if (!folder.startsWith(`${runs}/`) && !folder.startsWith(`${runs}\\`)) {
    console.error(`Expected a folder under runs/, got ${name}`);
    process.exit(2);
  }
  if (!existsSync(folder)) continue;
  const previous = `${folder}.previous`;
  // Nothing is deleted before the run has its new place.
  const oldest = `${previous}.previous`;
  if (existsSync(previous)) {
    rmSync(oldest, { recursive: true, force: true }); // of a run of this script that was cut off
    renameSync(previous, oldest);
  }
  renameSync(folder, previous);
  rmSync(oldest, { recursive: true, force: true });
  console.error(`the former run is kept in ${relative(workspaceRoot, previous)}`);
}
