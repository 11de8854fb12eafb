import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { exitCodeOf, exitCodes, messageOf } from './exitCodes.js';
import { watchInterrupts } from './interrupt.js';
import { createOutput, guardBrokenPipes, type Output } from './output.js';
import { suggestion } from './suggest.js';

/** The options that every verb of every command has. */
export interface CommonOptions {
  backend: 'auto' | 'native' | 'tensorflow' | 'wasm' | 'cpu';
  threads?: number;
  precision?: 'f32' | 'bf16';
  quiet?: boolean;
  json?: boolean;
  debug?: boolean;
}

/** What a verb's action works with beside its options. */
export interface ActionContext {
  output: Output;
  /** Aborted at the first Ctrl-C. */
  signal: AbortSignal;
}

export interface ProgramOptions {
  name: string;
  description: string;
  version: string;
}

/** A command with verbs that throws instead of exiting and prints nothing of its own but help and version. */
export function createProgram({ name, description, version }: ProgramOptions): Command {
  return new Command(name)
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
}

/**
 * Adds a verb with the common options; `action` runs with the options parsed and an output made for them. Once Ctrl-C has aborted its
 * signal, an `AbortError` of what waited for that is the end of the verb and no error.
 */
export function addVerb<Options extends CommonOptions>(
  program: Command,
  name: string,
  description: string,
  action: (options: Options, context: ActionContext, ...operands: string[]) => Promise<void> | void,
  configure: (verb: Command) => void = () => {},
): Command {
  const verb = program.command(name).description(description).helpOption('-h, --help', 'print this help');
  configure(verb);
  addCommonOptions(verb, program.version());
  return verb.action(async (...parsed: unknown[]) => {
    const operands = parsed.slice(0, -2) as string[];
    const options = parsed.at(-2) as Options;
    const output = createOutput(options);
    const interruption = watchInterrupts((line) => output.say(line));
    try {
      await action(options, { output, signal: interruption.signal }, ...operands);
    } catch (error) {
      if (!interruption.signal.aborted || (error as Error).name !== 'AbortError') throw error;
    } finally {
      interruption.release();
    }
    if (interruption.signal.aborted) process.exitCode = exitCodes.interrupted;
  });
}

function addCommonOptions(verb: Command, version = ''): void {
  verb
    .optionsGroup('Common options:')
    .addOption(
      choice('--backend <name>', 'what computes', ['auto', 'native', 'tensorflow', 'wasm', 'cpu']).default('auto'),
    )
    .option('--threads <number>', 'threads to compute with (default: the cores)', positiveInteger)
    .addOption(choice('--precision <name>', 'of products (default: what the run or preset says)', ['f32', 'bf16']))
    .option('-q, --quiet', 'say nothing but results and errors')
    .option('--json', 'end standard output with one JSON object')
    .option('--debug', 'show the stack trace of an error')
    .version(version, '-V, --version', 'print the version');
}

/** Parses the arguments, runs the verb, and turns what it throws into one line and an exit code. */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  guardBrokenPipes();
  try {
    if (args.length === 0) {
      process.stderr.write(program.helpInformation());
      process.exitCode = exitCodes.wrongCall;
      return;
    }
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = reportError(error, { debug: args.includes('--debug') });
  }
}

/** Writes the error's line to standard error (with the stack under `--debug`) and gives its exit code. */
export function reportError(error: unknown, { debug }: { debug: boolean }): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    // A command of verbs called without one: its help, which says which there are, is on standard error already.
    if (error.code === 'commander.help') return exitCodes.wrongCall;
    process.stderr.write(`${commanderMessage(error)}\n`);
    return exitCodes.wrongCall;
  }
  process.stderr.write(`error: ${messageOf(error)}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${debugText(error)}\n`);
  return exitCodeOf(error);
}

function debugText(error: Error): string {
  const stacks: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    stacks.push(cause.stack ?? String(cause));
  return stacks.join('\ncaused by: ');
}

/** Commander's message on one line; where it found no near name for an unknown one, the way to the known ones. */
function commanderMessage(error: CommanderError): string {
  const line = error.message.replace(/\s*\n\s*/g, ' ').trim();
  const unknown = error.code === 'commander.unknownOption' || error.code === 'commander.unknownCommand';
  return unknown && !line.includes('Did you mean') ? `${line}; --help lists the known ones` : line;
}

/** An option that takes one of a few names; the nearest is offered for any other. */
export function choice(flags: string, description: string, names: readonly string[]): Option {
  return new Option(flags, description).choices(names).argParser((name: string) => {
    if (names.includes(name)) return name;
    throw new InvalidArgumentError(
      `Expected one of ${names.join(', ')}${suggestion(name, names).replace(/; known:.*/, '')}`,
    );
  });
}

/** Parses an option's value of at least 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError(`Expected a positive integer, got ${text}.`);
  return value;
}

/** Parses an option's value from 1 to `most`. */
export function integerUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${most}, got ${text}.`);
  };
}

/** Parses how many hypotheses a search follows or gives. */
export const hypothesisCount = integerUpTo(1000);

/** Parses an option's value of at least 0, without a fraction. */
export function nonNegativeInteger(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  // What is greater would silently be another number.
  const range = value > Number.MAX_SAFE_INTEGER ? `from 0 to ${Number.MAX_SAFE_INTEGER}` : 'of at least 0';
  throw new InvalidArgumentError(`Expected a whole number ${range}, got ${text}.`);
}

/** Parses an option's value, which may have a fraction. */
export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError(`Expected a number, got ${text}.`);
  return value;
}

/** Gathers a repeatable option's values in order. */
export function repeated(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
