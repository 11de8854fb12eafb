import { exitCodeOf, messageOf } from './exitCodes.js';

/** What a command says and to whom: results to standard output, everything for people to standard error. */
export interface Output {
  readonly quiet: boolean;
  readonly json: boolean;
  /** True when people watch standard error in a terminal, so a moving progress bar makes sense. */
  readonly interactive: boolean;
  /** A line for people, silent under `--quiet`. */
  say(line: string): void;
  /** A line for people that is shown even under `--quiet`. */
  warn(line: string): void;
  /** A piece of the result itself, as it is, to standard output. */
  write(text: string): void;
  /** Sends lines for people elsewhere while something moves on standard error, such as a progress bar; back without an argument. */
  divert(to?: (line: string) => void): void;
  /** The one JSON object that ends standard output under `--json`; nothing otherwise. */
  object(value: unknown): void;
}

export interface OutputOptions {
  quiet?: boolean;
  json?: boolean;
  stdout?: NodeJS.WritableStream;
  stderr?: NodeJS.WritableStream & { isTTY?: boolean };
}

/** An output onto the process's own streams, unless others are given. */
export function createOutput(options: OutputOptions = {}): Output {
  const { quiet = false, json = false, stdout = process.stdout, stderr = process.stderr } = options;
  const toStderr = (line: string): void => void stderr.write(`${line}\n`);
  let show = toStderr;
  return {
    quiet,
    json,
    interactive: stderr.isTTY === true && !quiet,
    say: (line) => void (quiet || show(line)),
    warn: (line) => show(line),
    divert: (to = toStderr) => void (show = to),
    write: (text) => void stdout.write(text),
    object: (value) => void (json && stdout.write(`${JSON.stringify(value)}\n`)),
  };
}

let guarded = false;

/**
 * Makes a reader that goes away quiet: `cadenza-text generate | head -1` ends without an error. A closed standard output
 * ends the command, since nobody waits for results, and so does one that cannot be written, such as a file on a full disk, with
 * a line that says so; a standard error that is closed or cannot be written does not, since the work goes on without it.
 */
export function guardBrokenPipes(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(); // with the code of what has failed so far
    process.stderr.write(`error: ${messageOf(error)}: standard output\n`);
    process.exit(exitCodeOf(error));
  });
  process.stderr.on('error', () => {});
}
