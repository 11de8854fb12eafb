import { markup, tryPage } from '@cadenza/cli/server';

/** Shows the text as it arrives; a second click stops it. */
const SCRIPT = String.raw`
let stop;
const { prompt, temperature, most, write } = form.elements;
const settings = () => ({
  prompt: prompt.value,
  temperature: temperature.valueAsNumber || 0,
  length: most.valueAsNumber || 0,
  unknown: 'skip',
  stream: true,
});
const stream = async (signal) => {
  const response = await ask('generate', JSON.stringify(settings()), signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = prompt.value;
  show(text);
  let rest = '';
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const events = (rest + piece.value).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = JSON.parse(event.split('\n').find((line) => line.startsWith('data: ')).slice(6));
      if (data.error !== undefined) throw new Error(data.error);
      if (data.text !== undefined) show((text += data.text));
      else say('seed ' + data.seed);
    }
  }
};
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (stop) { stop.abort(); return; }
  stop = new AbortController();
  write.textContent = 'Stop';
  say('');
  try {
    await stream(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) fail(error.message);
  }
  write.textContent = 'Write';
  stop = undefined;
});
`;

/** The page to try a model that writes in a browser. */
export function writerPage(): string {
  const form = markup`<form id="ask">
<textarea name="prompt" autofocus aria-label="prompt"></textarea>
<div class="controls">
<button name="write">Write</button>
<label>temperature <input type="number" name="temperature" value="0.8" min="0" max="5" step="0.1"></label>
<label>length <input type="number" name="most" value="500" min="1" max="100000"></label>
</div>
</form>`;
  const subtitle = 'Continues what you type; what it never saw is left out.';
  return tryPage({ title: 'Let it write', subtitle, form, script: SCRIPT });
}
