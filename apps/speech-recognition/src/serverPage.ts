import { markup, tryPage } from '@cadenza/cli/server';

/** Sends a file, or what the microphone hears between two clicks, as a WAV file. */
const SCRIPT = String.raw`
let recording;
const { file, record } = form.elements;
const transcribe = async (sound) => {
  const started = performance.now();
  show('');
  say('listening');
  try {
    const { text, seconds, utterances } = await (await ask('transcribe', sound)).json();
    show(text === '' ? '(nothing)' : text);
    const words = utterances.flatMap((utterance) => utterance.words);
    const times = words.map(({ word, start, confidence }) => start.toFixed(2) + ' s ' + word + ' ' + Math.round(100 * confidence) + ' %');
    say(seconds.toFixed(1) + ' s of sound in ' + Math.round(performance.now() - started) + ' ms. ' + times.join(', '));
  } catch (error) {
    say('');
    fail(error.message);
  }
};
const wavOf = (pieces, rate) => {
  const samples = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const ascii = (at, text) => [...text].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  ascii(0, 'RIFF'); view.setUint32(4, 36 + 2 * samples, true); ascii(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  ascii(36, 'data'); view.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const piece of pieces) {
    for (const sample of piece) { view.setInt16(at, 32767 * Math.max(-1, Math.min(1, sample)), true); at += 2; }
  }
  return view.buffer;
};
const startRecording = async () => {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const context = new AudioContext();
  const node = context.createScriptProcessor(4096, 1, 1);
  const pieces = [];
  node.onaudioprocess = (event) => pieces.push(event.inputBuffer.getChannelData(0).slice());
  context.createMediaStreamSource(microphone).connect(node).connect(context.destination);
  return async () => {
    for (const track of microphone.getTracks()) track.stop();
    await context.close();
    return wavOf(pieces, context.sampleRate);
  };
};
file.addEventListener('change', () => file.files.length > 0 && transcribe(file.files[0]));
record.addEventListener('click', async () => {
  try {
    if (recording === undefined) {
      recording = await startRecording();
      record.textContent = 'Stop';
      say('recording');
      return;
    }
    const finish = recording;
    recording = undefined;
    record.textContent = 'Record';
    await transcribe(await finish());
  } catch (error) {
    fail(error.message);
  }
});
form.addEventListener('submit', (event) => event.preventDefault());
`;

/** The page to try a recogniser in a browser. */
export function recognizerPage(): string {
  const form = markup`<form id="ask">
<div class="controls">
<button type="button" name="record">Record</button>
<label>or a sound file <input type="file" name="file" accept="audio/*,.sph,.flac,.opus"></label>
</div>
</form>`;
  const subtitle = 'Write down what is said into the microphone or in a file.';
  return tryPage({ title: 'Let it listen', subtitle, form, script: SCRIPT });
}
