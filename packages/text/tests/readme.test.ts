import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as text from '../src/index.js';

test('the example at the beginning of the README does what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\nimport \{([^}]+)\} from '@cadenza\/text';\n([^]*?)```/.exec(readme)!;
  const results: unknown[] = [];
  const checks: string[] = [];
  const body = example[2].replace(/^(tokenizer\.decode.*); \/\/ ('.*')$/gm, (_, call, wanted) => {
    checks.push(wanted);
    return `results.push(${call});`;
  });
  new Function(
    'library',
    'results',
    `const {${example[1]}} = library;\n${body}; results.push(first, validation.length)`,
  )(text, results);
  expect(checks).toHaveLength(2);
  expect(results).toEqual([...checks.map((check) => check.slice(1, -1)), true, 86]);
});
