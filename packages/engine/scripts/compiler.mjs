/** Finding and running a C++ compiler. */
import { spawn } from 'node:child_process';

/** Runs a command; rejects with its command line and standard error when it fails. */
export function runCommand(command, argumentList) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argumentList, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${argumentList.join(' ')}\n${errors}`));
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

/** The first C++ compiler that answers: $CXX alone when it is set, else c++, g++, clang++; null when there is none. */
export async function findCompiler() {
  const wanted = process.env.CXX?.trim();
  for (const command of wanted ? [wanted] : ['c++', 'g++', 'clang++']) {
    try {
      const version = (await runCommand(command, ['--version'])).split('\n')[0].trim();
      return { command, version, isClang: /clang/i.test(version) };
    } catch {
      // Not there, or it cannot even tell its version: the next one.
    }
  }
  return null;
}
