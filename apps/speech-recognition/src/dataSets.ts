import { readFileSync } from 'node:fs';
import type { DataFile, DataSet } from '@cadenza/cli';

const speakers = ['george', 'jackson', 'nicolas', 'yweweler'];
const fsddFolder = 'https://raw.githubusercontent.com/Jakobovski/free-spoken-digit-dataset/master/recordings';

/** Fifty recordings of each digit by each of four speakers, with the sizes and hashes that `data/fsdd.json` lists in this order. */
function fsddFiles(): DataFile[] {
  const list = readFileSync(new URL('../data/fsdd.json', import.meta.url), 'utf8');
  const { bytes, sha256 } = JSON.parse(list) as { bytes: number[]; sha256: string[] };
  return bytes.map((size, place) => {
    const path = `${Math.floor(place / 50) % 10}_${speakers[Math.floor(place / 500)]}_${place % 50}.wav`;
    return { url: `${fsddFolder}/${path}`, path, sha256: sha256[place], bytes: size };
  });
}

/** The public recordings that `cadenza-speech data get` fetches from their own sources. */
export const dataSets: DataSet[] = [
  {
    name: 'fsdd',
    title:
      'Free Spoken Digit Dataset: 2,000 recordings, 8 kHz, of four speakers; index 0 to 4 of each digit is the test part',
    licence: 'CC BY-SA 4.0',
    homepage: 'https://github.com/Jakobovski/free-spoken-digit-dataset',
    get files() {
      return fsddFiles(); // thousands of lines, which only `data` wants
    },
    use: '--preset fsdd',
  },
];
