import type { PageAsset } from '@cadenza/cli';

const CSS = `
.explorer .controls { display: flex; flex-wrap: wrap; gap: .6rem 1.5rem; align-items: end; margin-bottom: .6rem; }
.explorer fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem; }
.explorer legend { padding: 0; font-size: .85rem; color: var(--ink-2); margin-bottom: .25rem; }
.explorer .choice input { position: absolute; opacity: 0; }
.explorer .choice span { display: inline-block; padding: .2rem .65rem; border: 1px solid var(--line-2); border-radius: 999px; font-size: .9rem; cursor: pointer; }
.explorer .choice input:checked + span { background: var(--ink); border-color: var(--ink); color: var(--surface); }
.explorer .choice input:focus-visible + span { outline: 2px solid var(--focus); outline-offset: 2px; }
.explorer .unit { display: flex; gap: .6rem; align-items: center; font-size: .9rem; color: var(--ink-2); }
.explorer select, .explorer button { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--line-2); border-radius: 6px; padding: .2rem .5rem; }
.explorer button { cursor: pointer; }
.explorer .unit[aria-disabled='true'] { opacity: .4; }
.explorer .scale { display: flex; align-items: center; gap: .5rem; font-size: .82rem; color: var(--ink-2); margin: 0 0 .6rem; font-variant-numeric: tabular-nums; }
.explorer .bar { width: 10rem; height: .7rem; border-radius: 3px; background: linear-gradient(to right, transparent, rgb(var(--warm) / .85)); border: 1px solid var(--line); }
.explorer .signed .bar { background: linear-gradient(to right, rgb(var(--cool) / .85), transparent, rgb(var(--warm) / .85)); }
.explorer .text { max-height: 32rem; overflow: auto; border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.explorer .coloured > span { cursor: default; }
.explorer .coloured > span.here { outline: 2px solid var(--ink); outline-offset: -1px; }
.explorer .readout { min-height: 3.2em; margin: .5rem 0 0; max-width: none; font-variant-numeric: tabular-nums; color: var(--ink-2); }
.explorer .readout b { color: var(--ink); font-weight: 600; }
.explorer .readout code { background: var(--ground); border-radius: 3px; padding: 0 .25em; color: var(--ink); white-space: pre; }
`;

/**
 * Runs in the page: colours the text by the chosen quantity and unit, keeps the choice in the address so that links lead to
 * it, and tells about the character under the pointer.
 */
const SCRIPT = String.raw`
(() => {
  const data = JSON.parse(document.getElementById('inspection').textContent);
  const root = document.querySelector('.explorer');
  const form = root.querySelector('form');
  const { layer: layerField, unit: unitField } = form.elements;
  const unitBox = root.querySelector('.unit');
  const spans = [...root.querySelectorAll('.coloured > span')];
  const scale = root.querySelector('.scale');
  const readout = root.querySelector('.readout');
  const gates = new Set(data.gates);
  const full = 6;
  for (const layer of data.layers) {
    for (const quantity of layer.quantities) {
      const bytes = Uint8Array.from(atob(quantity.data), (character) => character.charCodeAt(0));
      quantity.values = gates.has(quantity.name) ? bytes : new Int8Array(bytes.buffer);
    }
  }
  const choice = { quantity: 'surprise', layer: 0, unit: 0 };
  let here = -1;

  const quantityOf = () => data.layers[choice.layer].quantities.find((one) => one.name === choice.quantity);

  /** The number a token has, and what share of the full colour that is. */
  function valueOf(step) {
    if (choice.quantity === 'surprise') {
      const value = data.surprises[step];
      return { value, share: Math.min(1, value / full) };
    }
    const quantity = quantityOf();
    const place = data.layers[choice.layer].units.indexOf(choice.unit);
    const share = quantity.values[place * spans.length + step] / (gates.has(choice.quantity) ? 255 : 127);
    return { value: share * (quantity.scales ? quantity.scales[place] : 1), share };
  }

  function listUnits() {
    const { units } = data.layers[choice.layer];
    unitField.replaceChildren(...units.map((unit) => new Option(unit, unit)));
    if (!units.includes(choice.unit)) choice.unit = units[0] ?? 0;
    unitField.value = choice.unit;
  }

  function paint() {
    const surprise = choice.quantity === 'surprise';
    const signed = !surprise && !gates.has(choice.quantity);
    spans.forEach((span, step) => {
      const { share } = valueOf(step);
      span.style.setProperty('--v', Math.abs(share).toFixed(3));
      span.className = share < 0 ? 'cool' : '';
    });
    const place = data.layers[choice.layer].units.indexOf(choice.unit);
    const most = surprise ? full : quantityOf().scales?.[place] ?? 1;
    const shown = Number(most.toPrecision(3));
    scale.classList.toggle('signed', signed);
    scale.querySelector('.low').textContent = signed ? '−' + shown : '0';
    scale.querySelector('.high').textContent = surprise ? full + ' nats or more' : String(shown);
    unitBox.setAttribute('aria-disabled', surprise);
    for (const field of [layerField, unitField, form.elements.previous, form.elements.next]) field.disabled = surprise;
    tell();
  }

  const shownToken = (token) => token.replace(/\n/g, '↵').replace(/ /g, '␣').replace(/\t/g, '⇥');
  const code = (token) => Object.assign(document.createElement('code'), { textContent: shownToken(token) });
  const bold = (text) => Object.assign(document.createElement('b'), { textContent: text });
  const percent = (probability) => (100 * probability).toFixed(probability < 0.1 ? 1 : 0) + ' %';

  function tell() {
    spans.forEach((span, step) => span.classList.toggle('here', step === here));
    if (here < 0) return readout.replaceChildren('\u00A0');
    const parts = [code(data.tokens[here]), ' '];
    if (choice.quantity !== 'surprise') {
      const { value } = valueOf(here);
      parts.push(data.names[choice.quantity] + ' ', bold(value.toFixed(3).replace('-', '−')), ' · ');
    }
    parts.push('surprise ', bold(data.surprises[here].toFixed(2) + ' nats'), ' (', percent(Math.exp(-data.surprises[here])), ') · expected ');
    data.expected[here].forEach(([token, probability], index) => parts.push(index ? ', ' : '', code(token), ' ' + percent(probability)));
    readout.replaceChildren(...parts);
  }

  /** Takes a choice, corrects what does not exist, and shows it. */
  function choose(next, remember) {
    Object.assign(choice, next);
    if (!data.layers[choice.layer]) choice.layer = 0;
    if (choice.quantity !== 'surprise' && !quantityOf()) choice.quantity = 'surprise';
    listUnits();
    form.elements.quantity.value = choice.quantity;
    layerField.value = choice.layer;
    if (remember) history.replaceState(null, '', '#' + new URLSearchParams(choice));
    paint();
  }

  function fromAddress() {
    const parameters = new URLSearchParams(location.hash.slice(1));
    if (!parameters.has('quantity')) return false;
    choose({ quantity: parameters.get('quantity'), layer: Number(parameters.get('layer')), unit: Number(parameters.get('unit')) }, false);
    return true;
  }

  function turn(direction) {
    const { units } = data.layers[choice.layer];
    const place = units.indexOf(choice.unit) + direction;
    choose({ unit: units[(place + units.length) % units.length] }, true);
  }

  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () =>
    choose({ quantity: form.elements.quantity.value, layer: Number(layerField.value), unit: Number(unitField.value) }, true));
  form.elements.previous.addEventListener('click', () => turn(-1));
  form.elements.next.addEventListener('click', () => turn(1));
  const text = root.querySelector('.text');
  text.addEventListener('pointerover', (event) => {
    const step = spans.indexOf(event.target.closest('.coloured > span'));
    if (step >= 0) { here = step; tell(); }
  });
  text.addEventListener('keydown', (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    here = Math.max(0, Math.min(spans.length - 1, here + move));
    spans[here].scrollIntoView({ block: 'nearest' });
    tell();
  });
  addEventListener('hashchange', () => {
    if (fromAddress()) root.scrollIntoView({ block: 'nearest' });
  });
  if (!fromAddress()) choose({}, false);
})();
`;

/** The style and script of the text that can be coloured by any unit. */
export const INSPECT_ASSET: PageAsset = { css: CSS, js: SCRIPT };
