/** Something a page needs once, however many of its pieces ask for it. */
export interface PageAsset {
  css?: string;
  /** Runs after the page's content is there. */
  js?: string;
}

/** Markup that is safe to put into a page as it is, and the assets it needs. Made by {@link markup} only. */
export class Html {
  constructor(
    readonly source: string,
    readonly assets: ReadonlySet<PageAsset> = new Set(),
  ) {}
}

type Value = string | number | Html | null | undefined | false | readonly Value[];

/**
 * A template for markup: every value that is not {@link Html} itself is escaped, lists are joined, and null, undefined and
 * false leave nothing. So text of any kind, whoever wrote it, stays text.
 */
export function markup(strings: TemplateStringsArray, ...values: Value[]): Html {
  const assets = new Set<PageAsset>();
  let source = strings[0];
  values.forEach((value, index) => (source += render(value, assets) + strings[index + 1]));
  return new Html(source, assets);
}

function render(value: Value, assets: Set<PageAsset>): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) {
    for (const asset of value.assets) assets.add(asset);
    return value.source;
  }
  if (typeof value === 'object') return value.map((item) => render(item, assets)).join('');
  return escapeHtml(String(value));
}

/** Markup that asks for an asset. */
export function withAsset(content: Html, asset: PageAsset): Html {
  return new Html(content.source, new Set([...content.assets, asset]));
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Text as it may stand between tags and in quoted attributes. What HTML cannot hold shows as a picture of it (␀, ␇, ␛),
 * half a surrogate pair as U+FFFD.
 */
export function escapeHtml(text: string): string {
  return showControls(text).replace(/[&<>"'`]/g, (character) => ENTITIES[character]);
}

/** Control characters, but for tab and line feed, as something to see. */
export function showControls(text: string): string {
  return text.replace(CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\uFFFD';
  });
}

const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\p{Surrogate}]/gu;

/** Data for a script of the page, which reads it by `JSON.parse(element.textContent)`. No text in it can end the element. */
export function jsonScript(data: unknown, attributes: Html = markup``): Html {
  const json = JSON.stringify(data)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
  return new Html(`<script type="application/json"${attributes.source}>${json}</script>`);
}
