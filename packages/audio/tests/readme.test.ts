import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as audio from '../src/index.js';

test('the example at the beginning of the README does what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\nimport \{([^}]+)\} from '@cadenza\/audio';\n([^]*?)```/.exec(readme)!;
  const results: unknown[] = [];
  const wanted: unknown[] = [];
  const body = example[2].replace(/^(\[.*\]); \/\/ (\[.*\])$/gm, (_, values, comment) => {
    wanted.push(JSON.parse(comment));
    return `results.push(${values});`;
  });
  new Function('library', 'results', `const {${example[1]}} = library;\n${body}`)(audio, results);
  expect(wanted).toHaveLength(2);
  expect(results).toEqual(wanted);
});
