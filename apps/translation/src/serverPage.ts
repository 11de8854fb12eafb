import { markup, tryPage } from '@cadenza/cli/server';

/** Translates a moment after the last key, and drops an answer that a newer one has overtaken. */
const SCRIPT = String.raw`
let asked = 0;
let timer;
const translate = async () => {
  const text = form.elements.text.value;
  const number = ++asked;
  if (text.trim() === '') { show(''); say(''); return; }
  const started = performance.now();
  try {
    const response = await ask('translate', JSON.stringify({ text, beam: form.elements.beam.valueAsNumber || 1 }));
    const { translations } = await response.json();
    if (number !== asked) return;
    show(translations[0].text);
    say(Math.round(performance.now() - started) + ' ms');
  } catch (error) {
    if (number === asked) fail(error.message);
  }
};
form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(translate, 250); });
form.addEventListener('submit', (event) => { event.preventDefault(); translate(); });
`;

/** The page to try a translator in a browser. */
export function translatorPage(source: string, target: string): string {
  const name = (tag: string): string => new Intl.DisplayNames('en', { type: 'language' }).of(tag) ?? tag;
  const form = markup`<form id="ask">
<textarea name="text" autofocus aria-label="${name(source)}" lang="${source}"></textarea>
<div class="controls">
<label>beam <input type="number" name="beam" value="5" min="1" max="100"></label>
</div>
</form>`;
  return tryPage({
    ...{ title: `${name(source)} to ${name(target)}`, subtitle: 'Translations appear while you type, line by line.' },
    ...{ form, script: SCRIPT },
  });
}
