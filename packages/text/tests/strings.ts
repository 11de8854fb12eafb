import fc from 'fast-check';

/** Text of any code points. fast-check's own `binary` unit takes seconds to set up. */
export function unicodeText(options: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> {
  const points = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0x10ffff }).filter((point) => point < 0xd800 || point > 0xdfff),
    fc.constantFrom(0x301, 0xa0, 0x1f642, 0xfeff, 0x212b, 0xfb01, 0x130, 0x1d40a),
  );
  return fc.array(points, options).map((list) => String.fromCodePoint(...list));
}

/** Any string that JavaScript can hold, surrogates without a partner included. */
export const anyString = fc.oneof(
  unicodeText(),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '\r', '\t', "'", '-', '.', '🙂', 'é', '\u0301', '\u00A0') }),
);
