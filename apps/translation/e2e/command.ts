import { commandAt } from '../../../e2e.base.ts';

export * from '../../../e2e.base.ts';

/** Runs the built command as a user would. */
export const cadenzaTranslate = commandAt(new URL('../bin/cadenza-translate.js', import.meta.url));
