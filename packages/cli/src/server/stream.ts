import type { Context } from 'hono';
import { stream, streamSSE, type SSEStreamingApi } from 'hono/streaming';
import type { StreamingApi } from 'hono/utils/stream';
import type {} from './serving.js'; // what a context holds

/** Answers with what is written, while it is written. */
export function streamBody(context: Context, write: (answer: StreamingApi) => Promise<void>): Response {
  return stream(context, noting(context, write));
}

/** Answers with server-sent events, while they are sent. */
export function streamEvents(context: Context, write: (answer: SSEStreamingApi) => Promise<void>): Response {
  return streamSSE(context, noting(context, write));
}

/** How long a client may leave unread what has been written for it. */
const UNREAD_SECONDS = 300;

/** Writes, and lets know until when. Nobody is written for who reads nothing. */
function noting<Answer extends StreamingApi>(
  context: Context,
  write: (answer: Answer) => Promise<void>,
): (answer: Answer) => Promise<void> {
  return (answer) => {
    const send = answer.write.bind(answer);
    answer.write = async (text) => {
      const unread = setTimeout(() => answer.abort(), 1000 * UNREAD_SECONDS);
      return send(text).finally(() => clearTimeout(unread));
    };
    const writing = write(answer);
    const ended = (): void => {};
    context.set('writing', writing.then(ended, ended));
    return writing;
  };
}
