import { expected } from '@cadenza/core';
import type { z } from 'zod';
import { keysOf, schemaAt } from './schema.js';
import { suggestion } from './suggest.js';
import { valueAt } from './values.js';

type Issue = z.core.$ZodIssue;

/** One line about a value that does not fit its schema, with its path and the nearest known name where a name is wrong. */
export function describeIssue(
  issue: Issue,
  values: unknown,
  schema: z.ZodType,
): { path: PropertyKey[]; message: string } {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0];
    const path = [...issue.path, key];
    const known = keysOf(schemaAt(schema, issue.path));
    return { path, message: `Expected a known key, got "${path.join('.')}"${suggestion(key, known)}` };
  }
  const path = [...issue.path];
  const got = valueAt(values, path);
  const name = path.length === 0 ? 'the configuration' : path.join('.');
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    const near = typeof got === 'string' ? suggestion(got, known).replace(/; known:.*/, '') : '';
    return { path, message: expected(name, oneOf(known), got) + near };
  }
  return { path, message: expected(name, requirement(issue), got) };
}

function requirement(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return (
        { int: 'an integer', object: 'an object', array: 'a list' }[issue.expected as string] ?? `a ${issue.expected}`
      );
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return issue.message.replace(/^Invalid input: expected /, '');
  }
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? names[0] : `one of ${names.join(', ')}`;
}
