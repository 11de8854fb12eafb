/** What an error may carry besides its message. */
export interface CadenzaErrorOptions {
  /** A stable word for programs, for example `INPUT` or `SHAPE`; the kind's own code when absent. */
  code?: string;
  /** The error that led to this one. */
  cause?: unknown;
}

/** The base of every error Cadenza throws on purpose: one line for a person, one code for a program. */
export class CadenzaError extends Error {
  readonly code: string;

  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? 'CADENZA';
  }
}

/** The data handed in is wrong: a file, a text, a tensor's shape or values. */
export class InputError extends CadenzaError {
  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, { code: 'INPUT', ...options });
  }
}

/** An option is wrong, unknown, or does not go with another one. */
export class ConfigError extends CadenzaError {
  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, { code: 'CONFIG', ...options });
  }
}

/** A saved run cannot be read or does not fit. */
export class CheckpointError extends CadenzaError {
  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, { code: 'CHECKPOINT', ...options });
  }
}

/** Training cannot go on, for example because the loss stays non-finite. */
export class TrainingError extends CadenzaError {
  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, { code: 'TRAINING', ...options });
  }
}

/** A backend is missing or cannot do what is asked. */
export class BackendError extends CadenzaError {
  constructor(message: string, options: CadenzaErrorOptions = {}) {
    super(message, { code: 'BACKEND', ...options });
  }
}

/** The one-line message of a failed check: `Expected hiddenSize to be a positive integer, got -3`. */
export function expected(what: string, requirement: string, got: unknown): string {
  return `Expected ${what} to be ${requirement}, got ${show(got)}`;
}

/** `1 line`, `2 lines`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function';
  if (typeof value === 'object' && value !== null) {
    const named = value.constructor?.name;
    if (named && named !== 'Object') return `a ${named}`;
    return JSON.stringify(value);
  }
  return String(value);
}
