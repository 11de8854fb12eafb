import {
  colouredText,
  htmlPage,
  jsonScript,
  lineChart,
  markup,
  table,
  tiles,
  withAsset,
  type Html,
  type PageSection,
} from '@cadenza/cli';
import type { Inspection } from './inspect.js';
import type { FoundUnit } from './inspectUnits.js';
import { GATES, packLayers, type PackedLayer } from './inspectData.js';
import { INSPECT_ASSET } from './inspectScript.js';

export interface InspectPage {
  title?: string;
  subtitle?: string;
  /** How much of the units' data the page may carry; 1.7 million bytes unless told. */
  maximumBytes?: number;
  footer?: string;
}

/** What readers call the quantities of the three cells. */
const QUANTITY_NAMES: Record<string, string> = {
  i: 'input gate',
  f: 'forget gate',
  g: 'candidate',
  o: 'output gate',
  c: 'cell state',
  h: 'hidden state',
  z: 'update gate',
  r: 'reset gate',
  n: 'candidate',
};

/** The order of the choices: the memory first, then what goes out, then the gates. */
const QUANTITY_ORDER = ['c', 'h', 'i', 'f', 'g', 'o', 'z', 'r', 'n'];

/** The page of {@link inspectModel}: a text to colour by any unit, units worth looking at, and how far gradients reach. */
export function renderInspectPage(inspection: Inspection, options: InspectPage = {}): string {
  const { title = 'Inside the model', subtitle, maximumBytes = 1_700_000, footer } = options;
  const packed = packLayers(inspection, maximumBytes);
  const { cell, layers, hiddenSize, parameters } = inspection.model;
  const nats = inspection.surprises.reduce((sum, surprise) => sum + surprise, 0) / inspection.tokens.length;
  const count = (value: number): string => value.toLocaleString('en');
  const size = `${cell.toUpperCase()}, ${count(layers)} layer${layers === 1 ? '' : 's'} of ${count(hiddenSize)} units, ${count(parameters)} parameters`;
  const sections: PageSection[] = [
    {
      plain: true,
      body: tiles([
        { label: 'Tokens shown', value: count(inspection.tokens.length) },
        { label: 'Mean surprise', value: nats.toFixed(3), note: `nats a token; ${(nats / Math.LN2).toFixed(3)} bits` },
        {
          label: 'Units that follow something',
          value: count(countUnits(inspection)),
          note: `of ${count(inspection.layers.reduce((sum, layer) => sum + layer.size, 0))}`,
        },
      ]),
    },
    {
      title: 'The text as the network sees it',
      lead: 'Each character is coloured by what the chosen unit did when it had read it, or by how surprised the network was to see it. Point at a character, or step through the text with the arrow keys.',
      body: explorer(inspection, packed),
    },
    { title: 'Units that follow something', ...unitList(inspection) },
    { title: 'How far back a prediction reaches', ...gradientCharts(inspection) },
  ];
  return htmlPage({ title, subtitle: subtitle === undefined ? size : `${subtitle} · ${size}`, sections, footer });
}

/** How many different units follow something; one may follow several things. */
export function countUnits({ units }: Inspection): number {
  return new Set(units.map(({ layer, unit }) => `${layer} ${unit}`)).size;
}

function explorer(inspection: Inspection, packed: readonly PackedLayer[]): Html {
  const { tokens, surprises, expected } = inspection;
  const names = QUANTITY_ORDER.filter((name) =>
    packed.some(({ quantities }) => quantities.some((one) => one.name === name)),
  );
  const choices = [['surprise', 'surprise'], ...names.map((name) => [name, QUANTITY_NAMES[name]])];
  const data = {
    tokens,
    surprises: Array.from(surprises, (surprise) => Number(surprise.toFixed(3))),
    expected: expected.map((row) => row.map(({ token, probability }) => [token, Number(probability.toFixed(3))])),
    layers: packed,
    gates: [...GATES],
    names: Object.fromEntries(choices),
  };
  const text = colouredText(tokens.map((token, step) => ({ text: token, value: surprises[step] / SURPRISE_SCALE })));
  const left = packed.reduce((sum, { size, units }) => sum + size - units.length, 0);
  const content = markup`<div class="explorer">
<form class="controls" aria-label="What colours the text">
<fieldset><legend>Colour by</legend>${choices.map(
    ([value, name]) =>
      markup`<label class="choice"><input type="radio" name="quantity" value="${value}"><span>${name}</span></label>`,
  )}</fieldset>
<div class="unit"><label>Layer <select name="layer">${packed.map(
    (_, layer) => markup`<option value="${layer}">${layer + 1}</option>`,
  )}</select></label>
<label>Unit <select name="unit"></select></label>
<button type="button" name="previous" aria-label="previous unit">←</button><button type="button" name="next" aria-label="next unit">→</button></div>
</form>
<p class="scale" aria-hidden="true"><span class="low"></span><span class="bar"></span><span class="high"></span></p>
<div class="text" tabindex="0" role="application" aria-label="The text; arrow keys step through it" aria-describedby="readout">${text}</div>
<p id="readout" class="readout" role="status"> </p>
${left > 0 && markup`<p class="lead">To stay small, this page carries the units below and those that move most; ${left.toLocaleString('en')} others are left out.</p>`}
${jsonScript(data, markup` id="inspection"`)}
</div>`;
  return withAsset(content, INSPECT_ASSET);
}

/** Nats at which the colour of surprise is full. */
const SURPRISE_SCALE = 6;

function unitList({ units, corpusTokens, memory }: Inspection): { lead: string; body: Html } {
  const tokens = corpusTokens.toLocaleString('en');
  const name = QUANTITY_NAMES[memory];
  if (units.length === 0) {
    return {
      lead: `In ${tokens} tokens no unit’s ${name} was found to follow one of the features that were looked for.`,
      body: markup``,
    };
  }
  const link = ({ layer, unit }: FoundUnit): Html =>
    markup`<a href="#quantity=${memory}&amp;layer=${layer}&amp;unit=${unit}">layer ${layer + 1}, unit ${unit}</a>`;
  const signed = ({ correlation }: FoundUnit): string => correlation.toFixed(2).replace('-', '−');
  // The list is sorted by correlation, so each feature's best unit comes first.
  const rows = [...new Set(units.map(({ feature }) => feature))].map((feature) => {
    const [best, ...others] = units.filter((one) => one.feature === feature);
    const also = others.map((one, index) => markup`${index > 0 && ', '}${link(one)} (${signed(one)})`);
    return [feature, link(best), signed(best), best.auc === null ? '' : best.auc.toFixed(3), markup`${also}`];
  });
  return {
    lead: `Found by the correlation of the ${name} with each feature on the first three fifths of ${tokens} tokens; the numbers are from the other two fifths. AUC: how often the unit tells a place with the feature from one without, 0.5 by chance.`,
    body: table({
      columns: [
        ...[{ title: 'feature' }, { title: 'unit' }, { title: 'correlation', number: true }],
        ...[{ title: 'AUC', number: true }, { title: 'also' }],
      ],
      rows,
    }),
  };
}

function gradientCharts({ gradient, model }: Inspection): { lead: string; body: Html } {
  const { distances, layers, places } = gradient;
  if (distances.length === 0) return { lead: 'The text is too short to measure it.', body: markup`` };
  const chart = (title: string, pick: (layer: (typeof layers)[number]) => number[] | null): Html => {
    const series = layers.map((layer, index) => ({
      name: `layer ${index + 1}`,
      colour: (index % 4) + 1,
      points: (pick(layer) ?? []).map((norm, place): [number, number] => [distances[place], norm]),
      dots: true,
    }));
    return lineChart({
      title,
      xLabel: 'steps back',
      yLabel: 'norm',
      xLog: true,
      yLog: true,
      height: 240,
      group: 'steps back',
      series,
    });
  };
  const hidden = chart('∂ loss / ∂ hidden state', ({ hidden: norms }) => norms);
  const cell = layers[0].cell ? chart('∂ loss / ∂ cell state', ({ cell: norms }) => norms) : null;
  return {
    lead: `The norm of the gradient of one prediction with respect to a layer’s state so many steps before, a mean over ${places} places. Where the curve falls steeply, what was read that long ago no longer matters to the ${model.cell.toUpperCase()}. Both axes are logarithmic.`,
    body: cell ? markup`<div class="columns" style="--most:2"><div>${hidden}</div><div>${cell}</div></div>` : hidden,
  };
}
