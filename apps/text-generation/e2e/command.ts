import { commandAt } from '../../../e2e.base.ts';

export * from '../../../e2e.base.ts';

/** Runs the built command as a user would. */
export const cadenzaText = commandAt(new URL('../bin/cadenza-text.js', import.meta.url));
