/**
 * Who speaks. A voice of espeak-ng is a dialect of English and a variant, which is the timbre: formants, pitch, kind of
 * glottis. Splits differ by variant, so that the voices of one are unknown to the others in every dialect.
 *
 * Of espeak-ng's variants, whispers, robots and other effects are left out, and so is every one of which an independent
 * recogniser (PocketSphinx 5, choosing among the 22 words) took fewer than 28 of 44 words for what they are. Variants that are nearly
 * the same (those by `klatt`; `f2` and `f5`; `Alex`, `m6` and `grandpa`) stand in one split, or one of them in none.
 */
const DIALECTS = [
  'en-us',
  'en-gb',
  'en-gb-scotland',
  'en-029',
  'en-gb-x-rp',
  'en-gb-x-gbclan',
  'en-gb-x-gbcwmd',
  'en-us-nyc',
];

const VARIANTS = {
  train: [
    ...[
      'm1',
      'm3',
      'm5',
      'm7',
      'm8',
      'f1',
      'f3',
      'max',
      'Mike',
      'ed',
      'paul',
      'rob',
      'steph',
      'belinda',
      'Annie',
      'anika',
    ],
    ...[
      'klatt',
      'klatt3',
      'klatt5',
      'edward2',
      'iven2',
      'Storm',
      'Diogo',
      'Hugo',
      'victor',
      'Nguyen',
      'grandma',
      'Andy',
    ],
    ...['pedro', 'antonio', 'RicishayMax', 'RicishayMax3'],
  ],
  validation: ['f4', 'pablo', 'Gene', 'Denis', 'sandro'],
  test: ['m4', 'f2', 'Alex', 'linda', 'm2', 'f5', 'robert', 'Mario'],
};

export const SPLITS = Object.keys(VARIANTS);

/** In how many dialects each variant speaks. */
const DIALECTS_A_VARIANT = 2;

/** Timbres of so sharp pulses that four bits a sample hold them badly. */
const SHARP = ['klatt', 'klatt3', 'klatt5', 'edward2'];

/** The training part's other timbres, in two dialects each, with manners of their own. */
export function drawDigitVoices(random) {
  const variants = VARIANTS.train.filter((variant) => !SHARP.includes(variant));
  return drawManners(variants, 1, random);
}

/**
 * The voices of a split, each with its own manner: words a minute, pitch (espeak-ng's, 0 to 99), and the size of the
 * speaker, by which everything is stretched: 1.05 sounds like a mouth 5 % smaller.
 */
export function drawVoices(split, random) {
  return drawManners(VARIANTS[split], 0, random);
}

/** Variants, each in dialects from its own on, so many further. */
function drawManners(variants, further, random) {
  return variants.flatMap((variant, index) =>
    Array.from({ length: DIALECTS_A_VARIANT }, (_, turn) => {
      const dialect = DIALECTS[(index + 3 * turn + further) % DIALECTS.length];
      return {
        name: `${dialect}+${variant}`,
        wordsPerMinute: 130 + random.integer(61),
        pitch: 30 + random.integer(41),
        size: 0.94 + 0.12 * random.next(),
      };
    }),
  );
}
