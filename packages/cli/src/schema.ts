import { z } from 'zod';

/** Looks through defaults, optionals and the like at the type they wrap. */
function unwrap(schema: z.ZodType): z.ZodType {
  let inner: z.ZodType = schema;
  while ('innerType' in inner.def) inner = inner.def.innerType as z.ZodType;
  return inner;
}

/** The keys of an object schema, empty for any other type. */
export function keysOf(schema: z.ZodType | undefined): string[] {
  const inner = schema && unwrap(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** The schema at a path of keys. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let inner: z.ZodType | undefined = unwrap(schema);
  for (const key of path) {
    if (!(inner instanceof z.ZodObject)) return undefined;
    const next: z.ZodType | undefined = (inner.shape as Record<PropertyKey, z.ZodType | undefined>)[key];
    inner = next && unwrap(next);
  }
  return inner;
}

/** The dotted paths of all values below an object schema. */
export function leafKeys(schema: z.ZodType, prefix = ''): string[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [prefix];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, value]) =>
    leafKeys(value, prefix === '' ? key : `${prefix}.${key}`),
  );
}

/** True when a value typed on the command line is to be taken as text and not read as a number. */
export function wantsText(schema: z.ZodType): boolean {
  const inner = unwrap(schema);
  return inner instanceof z.ZodString || inner instanceof z.ZodEnum;
}
