import { htmlPage, markup, table, withAsset, type Html, type PageAsset, type PageSection } from '@cadenza/cli';
import type { AttentionMap, Certainty, Inspection } from './inspect.js';

/** Squares whose strength is the weight, in colours that suit light and dark. */
const HEAT_MAP: PageAsset = {
  css: `
.heat { border-collapse: separate; border-spacing: 1px; font-family: var(--mono); font-size: .82rem; }
.heat th, .heat td { border: 0; padding: 0; }
.heat thead th { height: 7.5rem; vertical-align: bottom; font-weight: 400; }
.heat thead span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 7.5rem; overflow: hidden; }
.heat tbody th { position: sticky; left: 0; z-index: 1; background: var(--surface); font-weight: 400; text-align: right; padding-right: .5rem; white-space: nowrap; }
.heat td { width: 1.35rem; min-width: 1.35rem; height: 1.35rem; background: rgb(var(--warm) / var(--v, 0)); outline: 1px solid var(--line); }
.heat thead td { position: sticky; left: 0; z-index: 1; outline: 0; background: var(--surface); }
.heat td.probability { outline: 0; width: auto; padding-left: .6rem; background: none; color: var(--ink-3); }
.heat thead th.probability { padding-left: .6rem; color: var(--ink-3); }
`,
};

/** The page of an inspection: attention maps, then the sentences that the model is most and least certain of. */
export function renderInspectPage(
  { maps, certain, uncertain, sentences, languages }: Inspection,
  { title, subtitle }: { title: string; subtitle: string },
): string {
  const sections: PageSection[] = maps.map((map) => ({
    title: map.source,
    lead: markup`→ ${map.translation}`,
    body: map.weights.length > 0 ? heatMap(map) : markup`<p>This model has no attention.</p>`,
  }));
  const explained =
    `Of ${sentences.toLocaleString('en')} sentences from ${languages.source} to ${languages.target}, by the mean of ` +
    '-log p over the subwords of the model’s own translation, in nats.';
  if (certain.length > 0) {
    sections.push({ title: 'The most certain', lead: explained, body: certaintyTable(certain) });
    sections.push({ title: 'The least certain', lead: explained, body: certaintyTable(uncertain) });
  }
  const lead: PageSection = {
    plain: true,
    body: markup`<p class="lead">A row is a step of the decoder, a column a subword it can attend to; the fuller the square, the
      more of its attention the step gave it. At the end of each row stands the probability of the subword that was written.</p>`,
  };
  return htmlPage({ title, subtitle, sections: [lead, ...sections] });
}

/** Attention as a table of squares: target subwords downwards, source subwords to the right. */
export function heatMap({ sourceTokens, targetTokens, weights, probabilities }: AttentionMap): Html {
  const width = sourceTokens.length;
  const heading = sourceTokens.map((token) => markup`<th scope="col"><span>${token}</span></th>`);
  const rows = targetTokens.map((token, row) => {
    const cells = sourceTokens.map((source, column) => {
      const weight = weights[row * width + column];
      const note = `${token} ← ${source}: ${weight.toFixed(3)}`;
      return markup`<td style="--v:${weight.toFixed(3)}" title="${note}"></td>`;
    });
    return markup`<tr><th scope="row">${token}</th>${cells}<td class="probability">${probabilities[row].toFixed(2)}</td></tr>\n`;
  });
  const content = markup`<div class="scroll" tabindex="0"><table class="heat">
<thead><tr><td></td>${heading}<th scope="col" class="probability"><span>probability</span></th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
  return withAsset(content, HEAT_MAP);
}

function certaintyTable(rows: readonly Certainty[]): Html {
  return table({
    columns: [{ title: 'source' }, { title: 'translation' }, { title: 'reference' }, { title: 'nats', number: true }],
    rows: rows.map(({ source, translation, reference, nats }) => [source, translation, reference, nats.toFixed(3)]),
  });
}
