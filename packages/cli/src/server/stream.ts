import type { Context } from 'hono';
import { stream, streamSSE, type SSEStreamingApi } from 'hono/streaming';
import type { StreamingApi } from 'hono/utils/stream';

declare module 'hono' {
  interface ContextVariableMap {
    /** The writing of an answer that goes on after it has begun. */
    writing: Promise<void> | undefined;
  }
}

/** Answers with what is written, while it is written. */
export function streamBody(context: Context, write: (answer: StreamingApi) => Promise<void>): Response {
  return stream(context, noting(context, write));
}

/** Answers with server-sent events, while they are sent. */
export function streamEvents(context: Context, write: (answer: SSEStreamingApi) => Promise<void>): Response {
  return streamSSE(context, noting(context, write));
}

/** Writes, and lets know until when. */
function noting<Answer>(context: Context, write: (answer: Answer) => Promise<void>): typeof write {
  return (answer) => {
    const writing = write(answer);
    const ended = (): void => {};
    context.set('writing', writing.then(ended, ended));
    return writing;
  };
}
