import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@cadenza/core';
import type { z } from 'zod';
import { parseAssignments, readJsonObject, resolveConfiguration, type Layer } from './configuration.js';
import { suggestion } from './suggest.js';
import { isObject, type Values } from './values.js';

/** The presets of a command: the JSON files of a folder. A preset may hold a smaller budget under `slowBackend`. */
export class Presets {
  constructor(private readonly folder: string) {}

  names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort();
  }

  /** What a preset puts over the defaults; with `reducedBudget` its values for slow backends too, where it has some. */
  layers(preset: string, reducedBudget: boolean): Layer[] {
    const { slowBackend, ...values } = this.read(preset);
    const name = `preset ${preset}`;
    return reducedBudget && isObject(slowBackend)
      ? [
          { name, values },
          { name, values: slowBackend },
        ]
      : [{ name, values }];
  }

  /** True where the preset holds a smaller budget for backends without native kernels. */
  hasSlowBudget(preset: string): boolean {
    return 'slowBackend' in this.read(preset);
  }

  /**
   * The configuration of a command: the schema's defaults, then the preset (or the run that goes on), `between`, the file, the flags
   * and the assignments; each wins over those before.
   */
  resolve<Schema extends z.ZodType>(
    schema: Schema,
    sources: ConfigSources<z.output<Schema>>,
    between: readonly Layer[] = [],
  ): z.output<Schema> {
    const { preset = 'default', file, flags = {}, assignments = [], base, reducedBudget = false } = sources;
    return resolveConfiguration(schema, [
      ...(base === undefined
        ? this.layers(preset, reducedBudget)
        : [{ name: 'the run', values: { ...(base as Values) } }]),
      ...between,
      ...(file === undefined ? [] : [{ name: file, values: readJsonObject(file, '--config') }]),
      { name: 'the command line', values: flags },
      { name: '--set', values: parseAssignments(assignments, schema) },
    ]);
  }

  private read(name: string): Values {
    const known = this.names();
    if (!known.includes(name)) {
      throw new ConfigError(`Expected a known preset, got "${name}"${suggestion(name, known)}`);
    }
    return readJsonObject(join(this.folder, `${name}.json`), `preset ${name}`);
  }
}

/** Where the values of a configuration come from, beside the defaults. */
export interface ConfigSources<Config = Values> {
  preset?: string;
  /** A JSON file. */
  file?: string;
  flags?: Values;
  /** `key=value` pairs. */
  assignments?: readonly string[];
  /** Takes the preset's `slowBackend` values too, where it has some: the same data, a smaller budget. */
  reducedBudget?: boolean;
  /** Stands in for the preset: the configuration of a run that goes on. */
  base?: Config;
}
