import { readFileSync } from 'node:fs';
import { ConfigError, expected } from '@cadenza/core';
import type { z } from 'zod';
import { describeIssue } from './configurationErrors.js';
import { leafKeys, schemaAt, wantsText } from './schema.js';
import { suggestion } from './suggest.js';
import { isObject, merge, nest, valueAt, type Values } from './values.js';

/** One source of configuration values; later ones win. `name` says in errors where a value came from. */
export interface Layer {
  name: string;
  values: Values;
}

/**
 * Merges the layers (defaults are in the schema; preset, file, flags and `--set` come in that order) and checks the
 * result. The first problem is thrown as one line with its path, what was expected, what was got and from where.
 */
export function resolveConfiguration<Schema extends z.ZodType>(
  schema: Schema,
  layers: readonly Layer[],
): z.output<Schema> {
  let merged: Values = {};
  for (const layer of layers) merged = merge(merged, layer.values);
  const result = schema.safeParse(merged);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const described = describeIssue(issue, merged, schema);
  const source = layers.findLast((layer) => valueAt(layer.values, described.path) !== undefined);
  throw new ConfigError(source === undefined ? described.message : `${described.message} (from ${source.name})`);
}

/** Reads `key=value` pairs as typed, nested values: `training.batchSize=64`; the last name alone will do where it is unique. */
export function parseAssignments(pairs: readonly string[], schema: z.ZodType): Values {
  const keys = leafKeys(schema);
  let values: Values = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new ConfigError(expected('--set', 'key=value', pair));
    const path = findKey(pair.slice(0, at).trim(), keys).split('.');
    values = merge(values, nest(path, parseValue(pair.slice(at + 1), schemaAt(schema, path))));
  }
  return values;
}

/** The full path of a key given in full or by a unique last part. */
function findKey(key: string, keys: readonly string[]): string {
  if (keys.includes(key)) return key;
  const matching = keys.filter((known) => known.endsWith(`.${key}`));
  if (matching.length === 1) return matching[0];
  if (matching.length > 1) {
    throw new ConfigError(
      `Expected the key in --set to be unique, got "${key}", which can be ${matching.join(' or ')}`,
    );
  }
  const names = key.includes('.') ? keys : [...keys, ...keys.map((known) => known.slice(known.lastIndexOf('.') + 1))];
  throw new ConfigError(`Expected a known key in --set, got "${key}"${suggestion(key, [...new Set(names)])}`);
}

function parseValue(text: string, schema: z.ZodType | undefined): unknown {
  if (schema !== undefined && wantsText(schema)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const number = Number(text);
    return text.trim() !== '' && Number.isFinite(number) ? number : text;
  }
}

/** Reads a JSON file that must hold one object; errors name the file. */
export function readJsonObject(path: string, what: string): Values {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const got = code === 'EISDIR' ? 'a directory' : code === 'ENOENT' ? 'nothing there' : String(code);
    throw new ConfigError(`Expected ${what} to be a readable JSON file, got ${got}: ${path}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, '')); // editors of Windows write a byte order mark
  } catch (cause) {
    throw new ConfigError(`Expected ${what} to be JSON, got ${(cause as Error).message}: ${path}`, { cause });
  }
  if (!isObject(value)) throw new ConfigError(`${expected(what, 'one JSON object', value)}: ${path}`);
  return value;
}
