import { amountTemplates } from './amounts.js';
import { eventTemplates } from './events.js';
import { languageTemplates } from './languages.js';
import { peopleTemplates } from './people.js';
import type { Template } from './template.js';

export type { Template } from './template.js';

/** Every sentence, in all five languages. */
export const templates: Template[] = [...peopleTemplates, ...languageTemplates, ...eventTemplates, ...amountTemplates];
