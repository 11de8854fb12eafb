import { CadenzaError } from '@cadenza/core';

/** More is asked of a server than it can keep waiting. */
export class BusyError extends CadenzaError {
  constructor(message: string) {
    super(message, { code: 'BUSY' });
  }
}
