import { markup, Html } from './html.js';
import { PAGE_CSS } from './style.js';

/** A part of a page under a heading of its own. */
export interface PageSection {
  title?: string;
  /** A sentence on what is to be seen. */
  lead?: string | Html;
  body: Html;
  /** Without a frame of its own, for content that brings one. */
  plain?: boolean;
}

export interface Page {
  title: string;
  subtitle?: string | Html;
  sections: readonly PageSection[];
  footer?: string | Html;
  /** The language of the page's own words; `en` unless told. */
  language?: string;
  /** The page may ask the server that it comes from. */
  asks?: boolean;
}

/**
 * A whole page in one file: it opens from disk, and its own policy forbids every request to a network, but to the page's own server
 * where it `asks`. Styles and scripts that its pieces ask for are in it once each.
 */
export function htmlPage({ title, subtitle, sections, footer, language = 'en', asks = false }: Page): string {
  const content = markup`
<header class="page"><h1>${title}</h1>${subtitle && markup`<p>${subtitle}</p>`}</header>
<main>${sections.map(renderSection)}</main>
${footer && markup`<footer>${footer}</footer>`}`;
  const assets = [...content.assets];
  const css = [PAGE_CSS, ...assets.map((asset) => asset.css ?? '')].join('\n');
  const scripts = assets.flatMap((asset) =>
    asset.js === undefined ? [] : [`<script>\n${closed(asset.js, 'script')}\n</script>\n`],
  );
  return `<!DOCTYPE html>
<html lang="${markup`${language}`.source}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; media-src data:${asks ? "; connect-src 'self'" : ''}">
<title>${markup`${title}`.source}</title>
<style>${closed(css, 'style')}</style>
</head>
<body>${content.source}
${scripts.join('')}</body>
</html>
`;
}

function renderSection({ title, lead, body, plain }: PageSection): Html {
  return markup`
<section${plain && markup` class="plain"`}>
${title !== undefined && markup`<h2>${title}</h2>`}
${lead !== undefined && markup`<p class="lead">${lead}</p>`}
${body}
</section>`;
}

/** A script or style must not hold the tag that would end it. */
function closed(source: string, element: string): string {
  return source.replace(new RegExp(`</(?=${element})`, 'gi'), '<\\/');
}
