/** Finding and running a C++ compiler. */
import { spawn } from 'node:child_process';

/** Runs a command; rejects with its command line and what it printed when it fails. */
export function runCommand(command, argumentList, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argumentList, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${argumentList.join(' ')}${signal ? `: ${signal}` : ''}\n${output}${errors}`));
    });
  });
}

/** Runs the tasks, at most `limit` at a time; the first failure wins, after those already running have ended. */
export async function runAll(tasks, limit) {
  const queue = [...tasks];
  let failure = null;
  const worker = async () => {
    while (failure === null && queue.length > 0) {
      try {
        await queue.shift()();
      } catch (error) {
        failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure !== null) throw failure;
}

/** The first of some C++ compilers that answers, null when there is none; $CXX alone when that is set and none are named. */
export async function findCompiler(names) {
  const wanted = process.env.CXX?.trim();
  for (const command of names ?? (wanted ? [wanted] : ['c++', 'g++', 'clang++'])) {
    try {
      const version = (await runCommand(command, ['--version'])).split('\n')[0].trim();
      return { command, version, isClang: /clang/i.test(version) };
    } catch {
      // Not there, or it cannot even tell its version: the next one.
    }
  }
  return null;
}
