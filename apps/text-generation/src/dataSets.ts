import type { DataSet } from '@cadenza/cli';

/** The command that fetches them. */
export const commandName = 'cadenza-text';

/** The public texts that `cadenza-text data get` fetches from their own sources. */
export const dataSets: DataSet[] = [
  {
    name: 'tinyshakespeare',
    title: 'Tiny Shakespeare: 1,115,394 characters of plays, the usual text to compare character models on',
    licence: 'public domain',
    homepage: 'https://github.com/karpathy/char-rnn',
    files: [
      {
        url: 'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt',
        path: 'input.txt',
        sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
        bytes: 1_115_394,
      },
    ],
    use: 'input.txt',
  },
];
