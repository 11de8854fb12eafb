/**
 * `npm start`: builds what is missing, then trains and uses every pipeline on its embedded data.
 *
 * A pipeline takes part by declaring an Nx target `demo` of shell commands in its package.json; the same target runs
 * alone as `npx nx run NAME:demo`. Its run folder is runs/NAME.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { projects, run, scriptEnvironment, workspaceRoot } from './workspace.mjs';

const started = performance.now();
if (!(await buildAll())) process.exit(1);

/** @type {string[]} */
const done = [];
for (const { name, manifest } of projects()) {
  /** @type {string[] | undefined} */
  const commands = manifest.nx?.targets?.demo?.options?.commands;
  if (!commands) continue;
  console.log(`\n=== ${name}: ${manifest.description ?? ''}`);
  for (const command of commands) {
    const typed = command.startsWith('node ') ? command : `npx ${command}`;
    console.log(`\n$ ${typed}`);
    const code = await run(command, [], { shell: true, env: scriptEnvironment() });
    if (code !== 0) {
      console.error(`\n${name}: this command ended with exit code ${code}: ${typed}`);
      process.exit(code);
    }
  }
  const report = join('runs', name, 'report.html');
  if (existsSync(join(workspaceRoot, report))) console.log(`\n${name}: the report is ${report}`);
  done.push(name);
}

const minutes = ((performance.now() - started) / 60_000).toFixed(1);
console.log(`\ntrained and used in ${minutes} min: ${done.join(', ')}`);
