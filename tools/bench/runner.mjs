/**
 * A measuring process and who asks it. It prints one JSON line about itself when it is ready (its version and settings, or
 * `unsupported` and why), then answers every line `{"seconds": s}` with a line of figures, and ends when its input ends. So the
 * rounds of all of them can alternate while models are built, and settings tried, only once.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { workspaceRoot } from '../scripts/workspace.mjs';

/** @typedef {Record<string, any>} Figures */

/** The asking side. */
export class Runner {
  /** @type {Figures} */
  about = {};
  #errors = '';

  /** @param {string} command @param {string[]} args */
  constructor(command, args) {
    this.process = spawn(command, args, { cwd: workspaceRoot, stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stderr.setEncoding('utf8').on('data', (text) => (this.#errors += text));
    // A process that cannot be started, or is gone when it is asked, shows itself by the end of its output.
    this.process.on('error', (error) => (this.#errors += error.message));
    this.process.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Waits until it is ready.
   *
   * @param {string} command @param {string[]} args
   */
  static async start(command, args) {
    const runner = new Runner(command, args);
    runner.about = await runner.#answer();
    return runner;
  }

  /** @param {number} seconds @returns {Promise<Figures>} */
  measure(seconds) {
    this.process.stdin.write(`${JSON.stringify({ seconds })}\n`);
    return this.#answer();
  }

  stop() {
    this.process.stdin.end();
  }

  async #answer() {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(lastWords(this.#errors));
      // Libraries may print lines of their own.
      if (value.startsWith('{')) return JSON.parse(value);
    }
  }
}

/**
 * Why a process ended, by what it has written to standard error: the last line that names an error (Node's own last line names its version,
 * Python's the error), else the last line.
 *
 * @param {string} written
 */
export function lastWords(written) {
  const lines = written.trim().split('\n');
  return lines.findLast((line) => /^[\w.]*(Error|error)\b/.test(line)) ?? (lines.at(-1) || 'it ended without a word');
}

/**
 * The answering side.
 *
 * @param {Figures} about
 * @param {(seconds: number) => Figures | Promise<Figures>} measure
 */
export async function serve(about, measure) {
  console.log(JSON.stringify(about));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await measure(JSON.parse(line).seconds)));
  }
  process.exit(0);
}
