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

test('the example of translation does what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\nimport \{([^}]*BucketBatches[^}]*)\} from '@cadenza\/text';\n([^]*?)```/.exec(readme)!;
  const body = example[2].replace(
    /^(english\.detokenize.*); \/\/ (".*")$/m,
    'return { words, subwords, batch, line: $1, wanted: $2 };',
  );
  const { words, subwords, batch, line, wanted } = new Function('library', `const {${example[1]}} = library;\n${body}`)(
    text,
  );
  expect(line).toBe(wanted);
  expect(example[2]).toContain(`'${words[0]}', ...`);
  expect(example[2]).toContain(`[[${subwords[0].map((subword: string) => `'${subword}'`).join(', ')}], ...`);
  expect(batch.ids).toHaveLength(batch.rows * batch.steps);
});
