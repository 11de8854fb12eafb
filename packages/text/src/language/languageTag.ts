/** Whether a text is a language tag such as `en`, `pt-BR` or `pt_BR`, by its form (BCP 47) and not by any list of languages. */
export function isLanguageTag(tag: unknown): tag is string {
  if (typeof tag !== 'string' || !/^[a-z]{2,8}([-_][a-z0-9]{1,8})*$/i.test(tag)) return false;
  try {
    return Intl.getCanonicalLocales(tag.replaceAll('_', '-')).length === 1;
  } catch {
    return false;
  }
}
