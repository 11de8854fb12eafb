import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseAssignments, readJsonObject, resolveConfiguration } from '../src/configuration.js';
import { leafKeys } from '../src/schema.js';
import { merge, type Values } from '../src/values.js';

const schema = z.strictObject({
  seed: z.int().min(0).default(1),
  title: z.string().default(''),
  model: z
    .strictObject({
      cell: z.enum(['lstm', 'gru', 'rnn']).default('lstm'),
      hiddenSize: z.int().positive().default(128),
      dropout: z.strictObject({ input: z.number().min(0).lt(1).default(0) }).prefault({}),
    })
    .prefault({}),
  training: z
    .strictObject({
      learningRate: z.number().positive().default(0.002),
      maxSteps: z.int().positive().nullable().default(null),
    })
    .prefault({}),
  validation: z.strictObject({ input: z.boolean().default(true) }).prefault({}),
});

const failure = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('Expected an error');
};

describe('resolveConfiguration', () => {
  it('lets later layers win, key by key', () => {
    const config = resolveConfiguration(schema, [
      { name: 'preset tiny', values: { model: { hiddenSize: 16, cell: 'gru' } } },
      { name: '--config', values: { model: { hiddenSize: 32 } } },
      { name: '--set', values: { training: { learningRate: 0.1 } } },
    ]);
    expect(config.model).toEqual({ cell: 'gru', hiddenSize: 32, dropout: { input: 0 } });
    expect(config.training).toEqual({ learningRate: 0.1, maxSteps: null });
  });

  it('names the path, the requirement, the value and where it came from', () => {
    expect(
      failure(() => resolveConfiguration(schema, [{ name: '--set', values: { model: { hiddenSize: -3 } } }])),
    ).toBe('Expected model.hiddenSize to be more than 0, got -3 (from --set)');
    expect(
      failure(() => resolveConfiguration(schema, [{ name: 'x.json', values: { model: { hiddenSize: 'big' } } }])),
    ).toBe('Expected model.hiddenSize to be a number, got "big" (from x.json)');
    expect(
      failure(() => resolveConfiguration(schema, [{ name: 'x.json', values: { model: { hiddenSize: 1.5 } } }])),
    ).toBe('Expected model.hiddenSize to be an integer, got 1.5 (from x.json)');
    expect(failure(() => resolveConfiguration(schema, [{ name: 'x.json', values: { model: 3 } }]))).toBe(
      'Expected model to be an object, got 3 (from x.json)',
    );
  });

  it('offers the nearest name for an unknown key and an unknown choice', () => {
    expect(failure(() => resolveConfiguration(schema, [{ name: 'x.json', values: { model: { hidenSize: 3 } } }]))).toBe(
      'Expected a known key, got "model.hidenSize"; did you mean hiddenSize? (from x.json)',
    );
    expect(failure(() => resolveConfiguration(schema, [{ name: 'x.json', values: { model: { cell: 'lstn' } } }]))).toBe(
      'Expected model.cell to be one of lstm, gru, rnn, got "lstn"; did you mean lstm? (from x.json)',
    );
  });
});

describe('parseAssignments', () => {
  it('types values by the schema', () => {
    expect(parseAssignments(['seed=7', 'title=12', 'model.cell=gru', 'training.learningRate=1e-3'], schema)).toEqual({
      seed: 7,
      title: '12',
      model: { cell: 'gru' },
      training: { learningRate: 0.001 },
    });
    expect(parseAssignments(['learningRate=.5', 'maxSteps=null'], schema)).toEqual({
      training: { learningRate: 0.5, maxSteps: null },
    });
  });

  it('takes a unique last name and refuses an ambiguous one', () => {
    expect(parseAssignments(['hiddenSize=3'], schema)).toEqual({ model: { hiddenSize: 3 } });
    expect(failure(() => parseAssignments(['input=1'], schema))).toBe(
      'Expected the key in --set to be unique, got "input", which can be model.dropout.input or validation.input',
    );
  });

  it('refuses an unknown key with the nearest, and what is no assignment', () => {
    expect(failure(() => parseAssignments(['model.hidensize=3'], schema))).toBe(
      'Expected a known key in --set, got "model.hidensize"; did you mean model.hiddenSize?',
    );
    expect(failure(() => parseAssignments(['learningrate=3'], schema))).toContain('did you mean learningRate?');
    expect(failure(() => parseAssignments(['seed'], schema))).toBe('Expected --set to be key=value, got "seed"');
  });

  it('reads back any value it is given for any key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.constantFrom('lstm', 'gru', 'rnn'), (seed, cell) => {
        const values = parseAssignments([`seed=${seed}`, `model.cell=${cell}`], schema);
        const config = resolveConfiguration(schema, [{ name: '--set', values }]);
        expect([config.seed, config.model.cell]).toEqual([seed, cell]);
      }),
    );
  });
});

describe('readJsonObject', () => {
  it('names the file that is missing, a directory, no JSON or no object', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-config-'));
    const file = join(folder, 'x.json');
    expect(failure(() => readJsonObject(file, '--config'))).toBe(
      `Expected --config to be a readable JSON file, got nothing there: ${file}`,
    );
    expect(failure(() => readJsonObject(folder, '--config'))).toContain('got a directory');
    writeFileSync(file, '{"a":');
    expect(failure(() => readJsonObject(file, '--config'))).toContain(file);
    writeFileSync(file, '[1]');
    expect(failure(() => readJsonObject(file, '--config'))).toBe(
      `Expected --config to be one JSON object, got [1]: ${file}`,
    );
    writeFileSync(file, '{"a":1}');
    expect(readJsonObject(file, '--config')).toEqual({ a: 1 });
    writeFileSync(file, '\uFEFF{"a":1}');
    expect(readJsonObject(file, '--config')).toEqual({ a: 1 });
  });
});

describe('merge', () => {
  it('is associative and keeps what the upper layer does not name', () => {
    const values = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.integer()),
    ) as fc.Arbitrary<Values>;
    fc.assert(
      fc.property(values, values, values, (first, second, third) => {
        expect(merge(merge(first, second), third)).toEqual(merge(first, merge(second, third)));
        expect(merge(first, {})).toEqual(first);
      }),
    );
  });
});

describe('leafKeys', () => {
  it('lists every dotted path', () => {
    expect(leafKeys(schema)).toContain('model.dropout.input');
    expect(leafKeys(schema)).toHaveLength(8);
  });
});
