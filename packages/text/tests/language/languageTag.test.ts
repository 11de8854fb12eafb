import { expect, test } from 'vitest';
import { isLanguageTag } from '../../src/index.js';

test.each(['en', 'pt-BR', 'pt_BR', 'zh-Hans-CN', 'und', 'tok'])('%s is a language tag', (tag) => {
  expect(isLanguageTag(tag)).toBe(true);
});

test.each(['', 'e', 'english!', 'en-1', 'abcd', 'en-US-US', 'de-x', 'cs_CZ_1', 'xx yy', undefined, 5])(
  '%s is none',
  (tag) => expect(isLanguageTag(tag)).toBe(false),
);
