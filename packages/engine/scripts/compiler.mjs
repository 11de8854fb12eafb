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

/**
 * The command and the options that a text such as `ccache g++` means, which may be a path with spaces too, with the first line of
 * what it says to `--version`; null when it does not answer. `further` are options that it must know.
 */
export async function askCompiler(text, further = []) {
  for (const [command, ...options] of [[text], text.split(/\s+/)]) {
    try {
      const version = (await runCommand(command, [...options, ...further, '--version'])).split('\n')[0].trim();
      return { command, options, version };
    } catch {
      // Not there, or it cannot even tell its version.
    }
  }
  return null;
}

/** What $CXX says, alone when it is set; else the usual names. */
export function compilerNames() {
  const wanted = process.env.CXX?.trim();
  return wanted ? [wanted] : ['c++', 'g++', 'clang++'];
}

/** The first of some C++ compilers that answers, null when there is none. */
export async function findCompiler(names = compilerNames()) {
  for (const name of names) {
    const compiler = await askCompiler(name);
    if (compiler !== null) return { ...compiler, isClang: /clang/i.test(compiler.version) };
  }
  return null;
}
