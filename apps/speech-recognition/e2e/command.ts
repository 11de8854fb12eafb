import { commandAt } from '../../../e2e.base.ts';

export * from '../../../e2e.base.ts';

/** Runs the built command as a user would. */
export const cadenzaSpeech = commandAt(new URL('../bin/cadenza-speech.js', import.meta.url));
