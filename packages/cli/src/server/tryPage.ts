import { markup, withAsset, type Html } from '../html/html.js';
import { htmlPage } from '../html/page.js';

export interface TryPage {
  title: string;
  subtitle: string;
  /** What is typed or chosen, and where the answer appears: `form#ask` and `#answer`. */
  form: Html;
  /** Runs in the page, after what {@link SHARED} defines. */
  script: string;
}

const CSS = `
#ask { display: grid; gap: .8rem; }
#ask textarea { width: 100%; min-height: 7rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line-2); border-radius: 8px; padding: .6rem .8rem; resize: vertical; }
#ask .controls { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: center; color: var(--ink-2); font-size: .9rem; }
#ask button { font: inherit; color: var(--surface); background: var(--ink); border: 0; border-radius: 8px; padding: .35rem 1rem; cursor: pointer; }
#ask input[type=number] { width: 5.5rem; font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line-2); border-radius: 6px; padding: .15rem .4rem; }
#answer { min-height: 7rem; margin-top: 1rem; border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
#answer.wrong { color: var(--bad); }
#said { color: var(--ink-3); font-size: .85rem; min-height: 1.4em; margin: .4rem 0 0; }
`;

/** `show(text)`, `fail(text)` and `say(text)` write the answer, an error and a remark; `ask` gives an answer or throws its error. */
const SHARED = String.raw`
const form = document.getElementById('ask');
const answer = document.getElementById('answer');
const show = (text) => { answer.classList.remove('wrong'); answer.textContent = text; };
const fail = (text) => { answer.classList.add('wrong'); answer.textContent = text; };
const say = (text) => { document.getElementById('said').textContent = text; };
const ask = async (path, body, signal) => {
  const response = await fetch(path, { method: 'POST', body, signal });
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
};
`;

/** A page to try a model in a browser, for `GET /` of its server; it asks nothing but that server. */
export function tryPage({ title, subtitle, form, script }: TryPage): string {
  const body = withAsset(markup`${form}<div id="answer" aria-live="polite"></div><p id="said"></p>`, {
    css: CSS,
    js: `{${SHARED}${script}}`,
  });
  return htmlPage({ title, subtitle, sections: [{ body }], asks: true });
}
