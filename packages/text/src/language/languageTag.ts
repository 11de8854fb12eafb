/** Whether a text has the form of a language tag such as `en`, `pt-BR` or `pt_BR`: letters, then letters and digits. */
export function hasTagForm(tag: unknown): tag is string {
  return typeof tag === 'string' && /^[a-z]{2,8}([-_][a-z0-9]{1,8})*$/i.test(tag);
}

/** Whether a text is a language tag that JavaScript's `Intl` takes, whose locales have no extended languages such as `zh-yue`. */
export function isLanguageTag(tag: unknown): tag is string {
  if (!hasTagForm(tag)) return false;
  try {
    return Intl.getCanonicalLocales(tag.replaceAll('_', '-')).length === 1;
  } catch {
    return false;
  }
}
