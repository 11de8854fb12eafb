import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, Random } from '@cadenza/core';
import { describe, expect, test, vi } from 'vitest';
import { decodeInThread } from '../../src/compressed/decoderThread.js';
import { readOpusStream } from '../../src/compressed/oggOpus.js';
import { decodeAudio, decodeWav, encodeWav, readAudio } from '../../src/index.js';

interface GoldenFile {
  name: string;
  sampleRate: number;
  channels: number;
  bytes: string;
  samples: string[];
}

/** Files that libsndfile wrote and what it reads back from them; tools/golden/compressed_audio.py has made it. */
const golden: { files: GoldenFile[] } = JSON.parse(
  readFileSync(new URL('../golden/compressedAudio.json', import.meta.url), 'utf8'),
);
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const flac = bytesOf(golden.files[0].bytes);
const mp3 = bytesOf(golden.files.find(({ name }) => name === 'MP3')!.bytes);

test.each(golden.files)(
  '$name has the samples that libsndfile reads',
  async ({ name, bytes, sampleRate, channels, samples }) => {
    const isExact = /^FLAC of (8|16) bits$/.test(name);
    const clip = await decodeAudio(bytesOf(bytes));
    expect(clip).toMatchObject({ sampleRate, channels, duration: clip.samples[0].length / sampleRate });
    for (const [channel, text] of samples.entries()) {
      const { buffer, byteOffset, byteLength } = bytesOf(text);
      const wanted = new Int16Array(buffer, byteOffset, byteLength / 2);
      expect(clip.samples[channel].length).toBe(wanted.length);
      // The golden samples are rounded to 16 bits, half a step; lossy decoders differ by less than another half.
      for (const [n, value] of wanted.entries())
        expect(Math.abs(clip.samples[channel][n] - value / 32768)).toBeLessThan(isExact ? 1e-12 : 1 / 32768);
    }
  },
);

const distribution = new URL('../../dist/index.js', import.meta.url);

test.skipIf(!existsSync(fileURLToPath(distribution)))('FLAC is read by a program that Node was given as text', () => {
  const program = `
    const { decodeAudio } = await import(${JSON.stringify(distribution.href)});
    process.stdout.write(String((await decodeAudio(Buffer.from(process.argv[1], 'base64'))).duration));
  `;
  const options = ['--input-type=module', '--eval', program, golden.files[0].bytes];
  const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: '0.09375', stderr: '' });
});

test('WAV is what decodeWav makes of it, with its errors', async () => {
  const wav = encodeWav([Float32Array.of(0.5, 0.25), Float32Array.of(-0.5, 0)], { sampleRate: 8000 });
  expect(await decodeAudio(wav)).toEqual(decodeWav(wav));
  expect((await decodeAudio(wav, { channels: 1 })).samples).toEqual([Float32Array.of(-0.5, 0)]);
  await expect(decodeAudio(wav.subarray(0, 30), { name: 'a.wav' })).rejects.toThrow(
    'Expected a.wav to have a RIFF size',
  );
});

test('channels are mixed or chosen', async () => {
  const two = bytesOf(golden.files.find(({ channels }) => channels === 2)!.bytes);
  const { samples } = await decodeAudio(two);
  const [mixed] = (await decodeAudio(two, { channels: 'mix' })).samples;
  expect(mixed[700]).toBeCloseTo((samples[0][700] + samples[1][700]) / 2, 6);
  expect((await decodeAudio(two, { channels: 1 })).samples).toEqual([samples[1]]);
  await expect(decodeAudio(two, { channels: 2 })).rejects.toThrow(
    'Expected channels to be all, mix or a number from 0 to 1',
  );
});

test('a file is what its first bytes say, behind an ID3 tag too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-audio-'));
  try {
    const path = join(folder, 'speech.wav');
    writeFileSync(path, flac);
    expect((await readAudio(path)).sampleRate).toBe(16000);
    const tag = Uint8Array.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 1, 2, ...new Array(130).fill(0)]);
    const tagged = Uint8Array.from([...tag, ...mp3]);
    expect(await decodeAudio(tagged)).toEqual(await decodeAudio(mp3));
    await expect(readAudio(join(folder, 'none.flac'))).rejects.toThrow(
      /^Expected a sound file at .*none.flac, got nothing there$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a],
    'WAV, SPHERE, FLAC, Ogg Vorbis, Ogg Opus or MP3 at byte 0, got 89 50 4e 47 0d 0a (".PNG..")',
  ],
  [[], 'WAV, SPHERE, FLAC, Ogg Vorbis, Ogg Opus or MP3 at byte 0, got the end of the file'],
  [
    [...new TextEncoder().encode(`OggS${'-'.repeat(22)}\x01-Speex   `)],
    'Ogg Vorbis, Ogg Opus or Ogg FLAC at byte 28, got 53 70 65 65 78 20 20 20 ("Speex   ")',
  ],
])('what it is not is refused with its first bytes, number %#', async (bytes, message) => {
  const promise = decodeAudio(Uint8Array.from(bytes), { name: 'x.bin' });
  await expect(promise).rejects.toThrow(`Expected x.bin to have the first bytes of ${message}`);
});

test('a FLAC file that is cut off is refused with what is missing', async () => {
  const cut = decodeAudio(flac.subarray(0, flac.length - 300), { name: 'cut.flac' });
  await expect(cut).rejects.toThrow(/^Expected cut\.flac to have .*, got /);
  await expect(decodeAudio(flac.subarray(0, 42), { name: 'cut.flac' })).rejects.toThrow(
    'Expected cut.flac to have sound',
  );
});

test('tags in front of FLAC and behind it are no part of its sound', async () => {
  const [first, last] = ['ID3\x04', 'TAG'].map((text) => [...new TextEncoder().encode(text)]);
  const ape = new Uint8Array(32);
  ape.set(new TextEncoder().encode('APETAGEX'));
  ape[12] = 32;
  const behind = [...ape, ...last, ...new Uint8Array(125)];
  const tagged = Uint8Array.from([...first, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, ...flac, ...behind]);
  expect(await decodeAudio(tagged)).toEqual(await decodeAudio(flac));
});

test('a FLAC file that ends between two of its frames is refused by the samples that its header counts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-audio-'));
  try {
    const path = join(folder, 'cut.flac');
    const cut = flac.slice();
    new DataView(cut.buffer).setUint32(22, 1596); // a whole frame of 96 samples more than there are
    writeFileSync(path, cut);
    await expect(readAudio(path)).rejects.toThrow(
      `Expected ${path} to have the 1596 samples that its header counts, got 1500`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A FLAC file of silence: frames of 65,535 zeros of 16 bits in 14 bytes each, which its header counts or not. */
function silentFlac(frames: number, counted = 0): Uint8Array {
  const word = (sum: number, byte: number, bits: number, polynomial: number): number => {
    sum ^= byte << (bits - 8);
    for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum >> (bits - 1) ? polynomial + 2 ** bits : 0);
    return sum;
  };
  const sumOf = (bytes: number[], bits: number, polynomial: number): number =>
    bytes.reduce((sum, byte) => word(sum, byte, bits, polynomial), 0);
  const frame = (number: number): number[] => {
    const coded = number < 128 ? [number] : [0xc0 | (number >> 6), 0x80 | (number & 63)];
    const head = [0xff, 0xf8, 0x75, 0x08, ...coded, 0xff, 0xfe]; // 16 kHz, one channel, 16 bits, so many samples less one
    const whole = [...head, sumOf(head, 8, 0x07), 0, 0, 0];
    const sum = sumOf(whole, 16, 0x8005);
    return [...whole, sum >> 8, sum & 255];
  };
  const header = Uint8Array.from([
    ...new TextEncoder().encode('fLaC'),
    0x80,
    0,
    0,
    34,
    ...new Array<number>(34).fill(0),
  ]);
  header.set([0xff, 0xff, 0xff, 0xff], 8);
  new DataView(header.buffer).setUint32(18, (16000 << 12) | (15 << 4));
  new DataView(header.buffer).setUint32(22, counted);
  return Uint8Array.from([...header, ...Array.from({ length: frames }, (_, number) => frame(number)).flat()]);
}

test('FLAC that ends in a frame about as short as its header has all its samples', async () => {
  for (const frames of [1, 2, 3, 140]) {
    expect((await decodeAudio(silentFlac(frames, frames * 65535))).samples[0].length).toBe(frames * 65535);
    expect((await decodeAudio(silentFlac(frames))).samples[0].length).toBe(frames * 65535);
  }
});

describe('a file that unpacks to more than may be', () => {
  const refusal = (got: string): string => `Expected x to have at most 200000 samples in all its channels, got ${got}`;
  const limits = { name: 'x', maximumSamples: 200_000 };

  test('is refused before its decoding where its header counts the samples', async () => {
    const few = silentFlac(0, 2 ** 31 + 1); // a frame would have to come to tell otherwise
    await expect(decodeAudio(few, limits)).rejects.toThrow(refusal('2147483649'));
    await expect(decodeAudio(few, { name: 'x' })).rejects.toThrow('Expected x to have at most 2147483648 samples');
  });

  test('is refused by what has been decoded of it where its header counts nothing, or less', async () => {
    const few = silentFlac(2000); // half a gigabyte, of 28 kB
    expect(few.length).toBeLessThan(30_000);
    await expect(decodeAudio(few, limits)).rejects.toThrow(refusal('more'));
    await expect(decodeAudio(silentFlac(5, 65535), limits)).rejects.toThrow(refusal('more'));
    const head = Uint8Array.from([...new TextEncoder().encode('OpusHead'), 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]);
    const packets = Array.from({ length: 250 }, () => Uint8Array.of(0xf8)); // of 20 ms
    const tags = page([new TextEncoder().encode('OpusTags-')], {});
    const quiet = Buffer.concat([page([head], { flags: 2 }), tags, page(packets, { granule: 1, flags: 4 })]);
    await expect(decodeAudio(quiet, limits)).rejects.toThrow(refusal('more'));
  });

  test.each(golden.files)('is refused, $name too', async ({ bytes, channels, samples }) => {
    const found = (bytesOf(samples[0]).length / 2) * channels;
    const name = 'x';
    const most = await decodeAudio(bytesOf(bytes), { name, maximumSamples: found + 960 }); // a packet may go beyond the end
    expect(most.channels * most.samples[0].length).toBe(found);
    await expect(decodeAudio(bytesOf(bytes), { name, maximumSamples: found - 1 })).rejects.toThrow(
      `Expected x to have at most ${found - 1} samples in all its channels, got `,
    );
  });

  test('is refused where it is WAV, whatever channels are chosen', async () => {
    const wav = encodeWav([new Float32Array(8), new Float32Array(8)], { sampleRate: 8000 });
    expect((await decodeAudio(wav, { channels: 'mix', maximumSamples: 16 })).samples[0].length).toBe(8);
    await expect(decodeAudio(wav, { name: 'x', channels: 'mix', maximumSamples: 15 })).rejects.toThrow(
      'Expected x to have at most 15 samples in all its channels, got 16',
    );
    await expect(decodeAudio(wav, { maximumSamples: 0 })).rejects.toThrow(
      'Expected maximumSamples to be an integer of at least 1, got 0',
    );
  });
});

test('FLAC whose channels become more on the way is refused', async () => {
  const two = Buffer.from(bytesOf(golden.files.find(({ name }) => name === 'FLAC of 24 bits')!.bytes));
  const frames = two.subarray(two.indexOf(Uint8Array.of(0xff, 0xf8)));
  await expect(decodeAudio(Buffer.concat([silentFlac(2), frames]), { name: 'x' })).rejects.toThrow(
    'Expected x to have sound that can be decoded as FLAC, got another rate or number of channels on the way',
  );
});

describe('an MP3', () => {
  const stereo = bytesOf(golden.files.find(({ name }) => name === 'MP3 of two channels')!.bytes);
  /** Where the frames of the mono file begin, the first of which counts the others. */
  const begins = [0, 288, 576, 756, 828, 1008];

  /** The mono file without its first frame: nothing counts the others. */
  const uncounted = mp3.slice(begins[1]);
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
  const id3 = joined(text('TAG'), new Uint8Array(125));

  /** An APE tag of one item, with a header or without. */
  function apeTag(header: boolean): Uint8Array {
    const item = joined(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), text('Title\0x'));
    const [head, foot] = [0xa0000000, header ? 0x80000000 : 0].map((flags) => {
      const block = joined(text('APETAGEX'), new Uint8Array(24));
      const view = new DataView(block.buffer);
      [2000, item.length + 32, 1, flags].forEach((word, index) => view.setUint32(8 + 4 * index, word, true));
      return block;
    });
    return joined(...(header ? [head] : []), item, foot);
  }

  test.each([
    ['the last frame lacks a byte', mp3.subarray(0, 1043), 'an MP3 frame of 36 bytes at byte 1008, got 35 bytes'],
    ['a frame lacks most', mp3.subarray(0, 580), 'an MP3 frame of 180 bytes at byte 576, got 4 bytes'],
    ['a header is not whole', mp3.subarray(0, 578), 'an MP3 frame at byte 576, got 2 bytes'],
    ['the first frame is not whole', mp3.subarray(0, 100), 'an MP3 frame of 288 bytes at byte 0, got 100 bytes'],
    ['it has two channels', stereo.subarray(0, 1500), 'an MP3 frame of 417 bytes at byte 1148, got 352 bytes'],
    ['no frame counts the others', uncounted.subarray(0, 700), 'an MP3 frame of 180 bytes at byte 540, got 160 bytes'],
    ['a tag follows', joined(mp3.subarray(0, 1020), id3), 'an MP3 frame of 36 bytes at byte 1008, got 12 bytes'],
    ['an APE tag follows', joined(mp3.subarray(0, 1020), apeTag(true)), 'an MP3 frame of 36 bytes at byte 1008'],
    ['a tag is in front', joined(text('ID3'), new Uint8Array(7), mp3.subarray(0, 1043)), 'at byte 1018, got 35 bytes'],
  ])('that is cut off is refused with the frame where %s', async (_, bytes, message) => {
    const cut = decodeAudio(bytes, { name: 'cut.mp3' });
    await expect(cut).rejects.toThrow(InputError);
    await expect(cut).rejects.toThrow(/^Expected cut\.mp3 to have [^\n]+ \(truncated\?\)$/);
    await expect(cut).rejects.toThrow(message);
  });

  test('that ends between two of its frames is refused by the frames that the first one counts', async () => {
    await expect(decodeAudio(mp3.subarray(0, begins[4]), { name: 'cut.mp3' })).rejects.toThrow(
      'Expected cut.mp3 to have the 5 MP3 frames that its first one counts (truncated?), got 4',
    );
  });

  /** The file with other counts in its first frame: Xing's flags, frames and bytes, as many as there is room for. */
  function recounted(...words: number[]): Uint8Array {
    const changed = mp3.slice();
    const at = Buffer.from(changed).indexOf('Xing') + 4;
    words.forEach((word, index) => new DataView(changed.buffer).setUint32(at + 4 * index, word));
    return changed;
  }

  /** The frame that counts as Fraunhofer writes it. */
  function fraunhofer(bytes: number, frames: number): Uint8Array {
    const changed = mp3.slice();
    changed.fill(0, 4, begins[1]);
    changed.set(text('VBRI'), 36);
    const view = new DataView(changed.buffer);
    view.setUint32(46, bytes);
    view.setUint32(50, frames);
    return changed;
  }

  test.each([
    ['Xing', mp3],
    ['Xing without a count of frames', recounted(2, 1044)],
    ['Xing with the first among the frames', recounted(3, 6, 1044)],
    ['Fraunhofer', fraunhofer(1044, 5)],
  ])(
    'that lacks no more than its last frame is refused by the bytes that its first one counts: %s',
    async (_, file) => {
      await decodeAudio(file);
      await decodeAudio(joined(file, id3));
      for (const cut of [file.subarray(0, begins[5]), joined(file.subarray(0, begins[5]), id3)]) {
        await expect(decodeAudio(cut, { name: 'cut.mp3' })).rejects.toThrow(
          /^Expected cut\.mp3 to have the (1044 bytes of MP3 frames|6 MP3 frames) that its first one counts \(truncated\?\), got \d+$/,
        );
      }
    },
  );

  test.each([
    ['the bytes with a tag', joined(recounted(3, 6, 1044 + 128), id3)],
    ['the bytes without the first frame', recounted(3, 5, 1044 - 288)],
    ['frames alone', recounted(1, 5)],
    ['nothing', recounted(0)],
  ])('is heard whose first frame counts %s', async (_, file) => {
    expect((await decodeAudio(file)).samples[0].length).toBeGreaterThan(0);
  });

  test.each<[string, Uint8Array]>([
    ['an ID3v1 tag', id3],
    ['an APE tag', apeTag(false)],
    ['an APE tag with a header, and an ID3v1 tag', joined(apeTag(true), id3)],
    ['a part of a tag', id3.subarray(0, 60)],
    ['zeros', new Uint8Array(1000)],
    ['a byte of a header', Uint8Array.of(0xff)],
    ['a text', text('Nothing but words, as of an upload form.\r\n')],
    ['the header of another stream', Uint8Array.of(0xff, 0xfb, 0x90, 0x64, 0, 0)],
  ])('with %s behind its last frame is heard as it is without', async (_, behind) => {
    for (const bytes of [mp3, uncounted]) {
      const { samples } = await decodeAudio(bytes);
      const found = await decodeAudio(joined(bytes, behind));
      expect(found.samples[0].subarray(0, samples[0].length)).toEqual(samples[0]);
    }
  });

  test('with something else between its frames is heard', async () => {
    const damaged = joined(mp3.subarray(0, begins[2]), new Uint8Array(77), mp3.subarray(begins[2]));
    expect((await decodeAudio(damaged)).samples[0].length).toBeGreaterThan(0);
    const cut = decodeAudio(damaged.subarray(0, damaged.length - 1), { name: 'cut.mp3' });
    await expect(cut).rejects.toThrow('an MP3 frame of 36 bytes at byte 1085, got 35 bytes');
  });
});

test.each(['FLAC', 'MP3', 'Ogg Vorbis', 'Ogg Opus'])('a Buffer of %s is decoded, and left as it is', async (kind) => {
  const bytes = bytesOf(golden.files.find(({ name }) => name.startsWith(kind))!.bytes);
  const own = Buffer.from(Uint8Array.from(bytes).buffer); // not of the pool, so that it could be detached
  expect(await decodeAudio(own)).toEqual(await decodeAudio(bytes));
  expect(own.equals(bytes)).toBe(true);
  expect(await decodeAudio(Buffer.from(bytes).subarray(0, bytes.length))).toEqual(await decodeAudio(bytes));
});

test('what cannot be sent to the decoder is a failure that leaves no timer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const stream = { packets: [], gain: () => {} };
    const answer = await decodeInThread({ codec: 'opus', stream: stream as never, maximumSamples: 1 });
    expect(answer.failure).toMatch(/could not be cloned/);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('an Ogg file that is cut off or damaged is refused with the page', async () => {
  const ogg = bytesOf(golden.files.find(({ name }) => name === 'Ogg Vorbis')!.bytes);
  const cut = decodeAudio(ogg.subarray(0, ogg.length - 1), { name: 'cut.ogg' });
  await expect(cut).rejects.toThrow(
    /^Expected cut\.ogg to have an Ogg page of \d+ bytes at byte \d+, got \d+ \(truncated\?\)$/,
  );
  await expect(decodeAudio(ogg.subarray(0, 58), { name: 'cut.ogg' })).rejects.toThrow(
    'another Ogg page at byte 58, got the end',
  );
  const damaged = ogg.slice();
  damaged[ogg.length - 5] ^= 1;
  await expect(decodeAudio(damaged, { name: 'x.ogg' })).rejects.toThrow(
    'Expected x.ogg to have an Ogg page with the checksum',
  );
});

/** Cuts, changed bytes, and parts that stand in another place. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  const at = () => Math.floor(random.next() * bytes.length);
  const kind = Math.floor(random.next() * 3);
  if (kind === 0) return changed.subarray(0, 4 + at());
  for (let n = 0; n < 1 + 20 * random.next(); n++) changed[at()] = 256 * random.next();
  if (kind === 1) changed.copyWithin(at(), at(), at());
  return changed;
}

test('600 mutated files give sound or one line each, and none disturbs the next', { timeout: 120_000 }, async () => {
  const random = new Random(8);
  let refused = 0;
  for (let round = 0; round < 600; round++) {
    const bytes = mutate(bytesOf(golden.files[round % golden.files.length].bytes), random);
    try {
      const clip = await decodeAudio(bytes, { name: 'x' });
      expect(clip.samples.every((channel) => channel.length === clip.samples[0].length)).toBe(true);
    } catch (error) {
      expect(error, `round ${round}`).toBeInstanceOf(InputError);
      expect((error as Error).message).toMatch(/^Expected [^\n]+, got [^\n]+$/);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(600);
  expect((await decodeAudio(flac)).samples[0].length).toBe(1500);
});

const opus = bytesOf(golden.files.at(-1)!.bytes);

/** The checksum of an Ogg page whose own is 0 (RFC 3533), a bit at a time. */
function checksum(page: Uint8Array): number {
  let sum = 0;
  for (const byte of page) {
    sum ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum & 0x80000000 ? 0x04c11db7 : 0);
  }
  return sum >>> 0;
}

/** A page of one stream whose packets are each shorter than 255 bytes. */
function page(packets: Uint8Array[], { granule = 0, serial = 1, flags = 0 }): Uint8Array {
  const bytes = new Uint8Array(27 + packets.length + packets.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('OggS'));
  view.setUint8(5, flags);
  view.setBigInt64(6, BigInt(granule), true);
  view.setUint32(14, serial, true);
  view.setUint8(26, packets.length);
  bytes.set(
    packets.map(({ length }) => length),
    27,
  );
  bytes.set(Buffer.concat(packets), 27 + packets.length);
  view.setUint32(22, checksum(bytes), true);
  return bytes;
}

/** The golden Opus stream, of three pages, written in more pages and with another header. */
function rewritten({ gain = 0, begin = 0, serial = 1, channels = 1 } = {}): Uint8Array {
  const head = opus.slice(28, 28 + 19);
  new DataView(head.buffer).setInt16(16, gain, true);
  head[9] = channels;
  const tags = new TextEncoder().encode('OpusTags-');
  const at = Buffer.from(opus).lastIndexOf('OggS');
  const [count] = opus.subarray(at + 26);
  let start = at + 27 + count;
  const packets = Array.from(opus.subarray(at + 27, start), (length) => opus.subarray(start, (start += length)));
  expect(Math.max(...packets.map(({ length }) => length))).toBeLessThan(255);
  const end = new DataView(opus.buffer, opus.byteOffset + at).getUint32(6, true);
  // Packets of 20 ms are 960 granules each.
  return Buffer.concat([
    page([head], { flags: 2 }),
    page([tags], {}),
    page(packets.slice(0, 2), { granule: begin + 2 * 960 }),
    page(packets.slice(2), { granule: begin + end, serial, flags: 4 }),
  ]);
}

test('Opus begins where its first page says, and is as loud as its header says', async () => {
  const { samples } = await decodeAudio(opus);
  expect(await decodeAudio(rewritten())).toEqual(await decodeAudio(opus));
  expect((await decodeAudio(rewritten({ begin: 48000 }))).samples).toEqual(samples);
  const louder = await decodeAudio(rewritten({ gain: 6 * 256 }));
  expect(louder.samples[0][700] / samples[0][700]).toBeCloseTo(10 ** (6 / 20), 5);
});

test.each([
  [rewritten({ serial: 2 }), 'one Ogg stream, got 2'],
  [rewritten({ channels: 3 }), 'one or two channels with mapping family 0, got 3'],
  [rewritten({ channels: 0 }), 'a channel, got 0'],
  [page([new TextEncoder().encode('OpusHead')], { flags: 6 }), 'an Opus header, tags and sound, got 1 packets'],
])('an Opus stream that cannot be is refused, number %#', async (bytes, message) => {
  await expect(decodeAudio(bytes, { name: 'x.opus' })).rejects.toThrow(`Expected x.opus to have ${message}`);
});

test('an Opus stream may have more pages than a call may have arguments', () => {
  const body = Uint8Array.of(0xf8); // a packet of 20 ms
  const one = { serial: 1, lacing: Uint8Array.of(1), last: false };
  const head = Uint8Array.from([...new TextEncoder().encode('OpusHead'), 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]);
  const sound = Array.from({ length: 130_000 }, (_, index) => ({ ...one, granule: 960 * (index + 1), body }));
  const start = { ...one, granule: 0, lacing: Uint8Array.of(head.length), body: head };
  const stream = readOpusStream([start, { ...one, granule: 0, body }, ...sound], 'x.opus');
  expect([stream.packets.length, stream.length]).toEqual([130_000, 130_000 * 960]);
});
