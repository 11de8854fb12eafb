import type { DataFile, DataSet } from '@cadenza/cli';

/**
 * The files of Multi30k's task 1 as its repository holds them, by SHA-256 of the compressed bytes. The hashes were
 * taken from copies whose gzip heads keep the original names and times (December 2017), not from a fresh download.
 */
const multi30kFiles: [path: string, bytes: number, sha256: string][] = [
  ['train.en.gz', 568_929, 'd79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f'],
  ['train.de.gz', 637_044, '726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6'],
  ['train.fr.gz', 604_242, '622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c'],
  ['val.en.gz', 21_650, '14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28'],
  ['val.de.gz', 24_681, 'f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a'],
  ['val.fr.gz', 23_001, 'ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9'],
  ['test_2016_flickr.en.gz', 21_077, '611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9'],
  ['test_2016_flickr.de.gz', 22_890, '9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8'],
  ['test_2016_flickr.fr.gz', 22_310, '6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90'],
];

const multi30kFolder = 'https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw';

/** The command that fetches them. */
export const commandName = 'cadenza-translate';

/** The public parallel texts that `cadenza-translate data get` fetches from their own sources. */
export const dataSets: DataSet[] = [
  {
    name: 'multi30k',
    title:
      'Multi30k task 1: 29,000 captions of pictures in English, German and French, 1,014 to validate, 1,000 to test',
    licence: 'for research (see its repository)',
    homepage: 'https://github.com/multi30k/dataset',
    files: multi30kFiles.map(([path, bytes, sha256]): DataFile => ({
      url: `${multi30kFolder}/${path}`,
      path,
      sha256,
      bytes,
    })),
    use: '',
  },
];
