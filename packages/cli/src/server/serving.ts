import type { Context } from 'hono';

declare module 'hono' {
  interface ContextVariableMap {
    /** The bytes of the body, behind `limitBodies`. */
    body: Uint8Array;
    /** The writing of an answer that goes on after it has begun. */
    writing: Promise<void> | undefined;
  }
}

/** What a server tells its interface beside each request. */
export interface Serving {
  /** Whether a request may call the server by this name. */
  knowsHost: (name: string) => boolean;
  /** Told of the writing of an answer that has begun. */
  writing: (work: Promise<void>) => void;
}

/** Nothing where an interface is asked without a server. */
export function servingOf(context: Context): Partial<Serving> {
  return (context.env ?? {}) as Partial<Serving>;
}
