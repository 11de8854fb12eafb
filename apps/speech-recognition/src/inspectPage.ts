import { htmlPage, markup, table, withAsset, type Html, type PageAsset, type PageSection } from '@cadenza/cli';
import type { TimedWord } from '@cadenza/core';
import type { HeatTrack, RecordingView } from './inspect.js';

const TRACKS: PageAsset = {
  css: `
.tracks { display: grid; grid-template-columns: max-content 1fr; gap: .5rem .75rem; align-items: stretch; margin: .75rem 0; }
.tracks > .name { color: var(--ink-2); font-size: .82rem; align-self: center; text-align: right; }
.tracks .lane { position: relative; min-width: 0; }
.tracks canvas { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--line); }
.tracks svg { display: block; width: 100%; height: 5rem; border: 1px solid var(--line); }
.tracks svg path { fill: var(--series-1); }
.tracks .labels { position: absolute; inset: 0 auto 0 0; display: flex; flex-direction: column-reverse; font: .68rem/1 var(--mono); color: var(--ink); background: color-mix(in srgb, var(--surface) 72%, transparent); pointer-events: none; }
.tracks .labels span { flex: 1; display: flex; align-items: center; padding: 0 .25rem; }
.tracks .words { position: relative; height: 1.7rem; }
.tracks .words span { position: absolute; top: 0; bottom: 0; overflow: hidden; border-left: 2px solid rgb(var(--warm)); background: rgb(var(--warm) / calc(.12 + .4 * var(--sure))); padding: .15rem .3rem; font-size: .8rem; white-space: nowrap; }
.tracks .words.said span { border-left-color: rgb(var(--cool)); background: rgb(var(--cool) / .2); }
.tracks .now { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--bad); opacity: 0; pointer-events: none; }
.recording audio { width: 100%; margin-top: .5rem; }
`,
  js: String.raw`
for (const canvas of document.querySelectorAll('canvas[data-values]')) {
  const { rows, columns, values } = canvas.dataset;
  const bytes = Uint8Array.from(atob(values), (character) => character.charCodeAt(0));
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext('2d');
  const image = context.createImageData(Number(columns), Number(rows));
  const [red, green, blue] = getComputedStyle(canvas).getPropertyValue('--cool').trim().split(' ').map(Number);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = 4 * ((rows - 1 - row) * columns + column);
      image.data.set([red, green, blue, bytes[row * columns + column]], at);
    }
  }
  context.putImageData(image, 0, 0);
}
for (const recording of document.querySelectorAll('.recording')) {
  const audio = recording.querySelector('audio');
  if (!audio) continue;
  const seconds = Number(recording.dataset.seconds);
  const lines = [...recording.querySelectorAll('.now')];
  const draw = () => {
    for (const line of lines) {
      line.style.left = 100 * audio.currentTime / seconds + '%';
      line.style.opacity = audio.currentTime > 0 ? 1 : 0;
    }
    if (!audio.paused) requestAnimationFrame(draw);
  };
  for (const event of ['play', 'seeked', 'timeupdate']) audio.addEventListener(event, draw);
  for (const lane of recording.querySelectorAll('.lane')) {
    lane.addEventListener('click', ({ clientX }) => {
      const { left, width } = lane.getBoundingClientRect();
      audio.currentTime = seconds * (clientX - left) / width;
    });
  }
}
`,
};

/** The page of an inspection: what the model hears in some recordings, and by what. */
export function renderInspectPage(
  views: readonly RecordingView[],
  { title, subtitle }: { title: string; subtitle: string },
): string {
  const lead: PageSection = {
    plain: true,
    body: markup`<p class="lead">From top to bottom: the sound, the features of its frames (each row by its own range, the first at the
      bottom), the probability of each symbol that is ever likely, the words that were heard, the fuller the surer, and the words that
      were said, where the model would put them. A click moves the sound there.</p>`,
  };
  const sections = views.map((view): PageSection => ({
    title: view.id,
    lead: view.reference === undefined ? undefined : markup`said: ${view.reference.text}`,
    body: recordingView(view),
  }));
  return htmlPage({ title, subtitle, sections: [lead, ...sections] });
}

function recordingView({ seconds, wav, envelope, features, posteriors, heard, reference }: RecordingView): Html {
  const lanes = [
    envelope.length > 0 && lane('sound', waveform(envelope)),
    features.columns > 0 && lane('features', heat(features, 7)),
    posteriors !== undefined &&
      posteriors.columns > 0 &&
      lane('symbols', heat(posteriors, Math.min(22, 1.1 * posteriors.rows))),
    lane('heard', wordBlocks(heard.words, seconds, 'heard')),
    reference !== undefined && reference.words.length > 0 && lane('said', wordBlocks(reference.words, seconds, 'said')),
  ];
  const sound = wav && Buffer.from(wav).toString('base64');
  const content = markup`<div class="recording" data-seconds="${seconds}">
<div class="tracks">${lanes}</div>
${sound !== undefined && markup`<audio controls preload="metadata" src="data:audio/wav;base64,${sound}"></audio>`}
${hypotheses(heard.hypotheses)}</div>`;
  return withAsset(content, TRACKS);
}

function lane(name: string, content: Html): Html {
  return markup`<div class="name">${name}</div><div class="lane">${content}<div class="now"></div></div>\n`;
}

function waveform(envelope: readonly [number, number][]): Html {
  const peak = envelope.reduce((most, [lowest, highest]) => Math.max(most, -lowest, highest), 1e-6);
  const y = (value: number): string => (50 - (48 * value) / peak).toFixed(1);
  const above = envelope.map(([, highest], x) => `${x},${y(highest)}`);
  const below = envelope.map(([lowest], x) => `${x},${y(lowest)}`).reverse();
  return markup`<svg viewBox="0 0 ${envelope.length} 100" preserveAspectRatio="none" role="img" aria-label="waveform"><path d="M${[...above, ...below].join('L')}Z"/></svg>`;
}

function heat({ rows, columns, values, labels }: HeatTrack, height: number): Html {
  const data = Buffer.from(values).toString('base64');
  const names =
    labels.length > 0 && markup`<div class="labels">${labels.map((label) => markup`<span>${label}</span>`)}</div>`;
  return markup`<canvas data-rows="${rows}" data-columns="${columns}" data-values="${data}" style="height:${height.toFixed(1)}rem"></canvas>${names}`;
}

function wordBlocks(words: readonly TimedWord[], seconds: number, kind: 'heard' | 'said'): Html {
  const blocks = words.map(({ word, start, end, confidence }) => {
    const percent = (time: number): string => ((100 * time) / seconds).toFixed(2);
    const note = `${word}: ${start.toFixed(2)} to ${end.toFixed(2)} s, ${(100 * confidence).toFixed(0)} %`;
    const style = `left:${percent(start)}%;width:${percent(Math.max(end - start, 0.02))}%;--sure:${confidence.toFixed(3)}`;
    return markup`<span style="${style}" title="${note}">${word}</span>`;
  });
  return markup`<div class="words ${kind}">${blocks}</div>`;
}

const nats = (value: number): string => (Math.abs(value) < 0.005 ? '0.00' : value.toFixed(2));

function hypotheses(found: RecordingView['heard']['hypotheses']): Html {
  return table({
    columns: [{ title: 'heard' }, { title: 'sound, nats', number: true }, { title: 'language, nats', number: true }],
    rows: found.map(({ text, acoustic, language }) => [text === '' ? 'nothing' : text, nats(acoustic), nats(language)]),
  });
}
