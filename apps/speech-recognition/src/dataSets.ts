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

/** The command that fetches them. */
export const commandName = 'cadenza-speech';

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
    use: '',
  },
  {
    name: 'an4',
    title:
      'CMU Census (AN4): 948 recordings to learn from and 130 to test on, 16 kHz: spelled names, numbers, commands',
    licence: 'CMU’s own: any use, with its notice',
    homepage: 'http://www.speech.cs.cmu.edu/databases/an4/',
    files: [
      {
        url: 'https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz',
        path: 'an4_sphere.tar.gz',
        sha256: 'a0525579493735d32b60fb6fa5975dd0eaacde087b0a4eeb7f13b7ef33077b12',
        unpacks: 'an4',
      },
    ],
    use: 'an4',
  },
];
