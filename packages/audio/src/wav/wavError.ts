import { InputError } from '@cadenza/core';

/** A file refused with one line: its name, the byte, what was expected and what was found. */
export function wavError(name: string, byte: number, wanted: string, got: string): InputError {
  return new InputError(`Expected ${name} to have ${wanted} at byte ${byte}, got ${got}`, { code: 'WAV' });
}
