import { createApi, Gatherer, limitBodies, readBody, type ApiOptions } from '@cadenza/cli/server';
import { ConfigError, expected, InputError } from '@cadenza/core';
import { z } from 'zod';
import { pharaohPairs, softPairs } from './alignment.js';
import { translatorPage } from './serverPage.js';
import { optionOfAttention, type Hypothesis, type TranslateOptions, type Translation } from './translationOptions.js';
import { checkOptions, type Translator } from './translator.js';

/** Lines that are translated together, and that may wait. */
const limits = { together: 512, waiting: 8192 };
/** Others wait for who asks for long translations. */
const LONGEST = 10_000;
/** Lines of one request, each for every hypothesis that is wanted of it. */
const MAXIMUM_ANSWERS = 100_000;

const texts = z.custom<string | string[]>(
  (value) => typeof value === 'string' || (Array.isArray(value) && value.every((text) => typeof text === 'string')),
  'a text or a list of texts',
);
const alignments = ['hard', 'soft'] as const;

/** What `POST /translate` takes: named as in {@link TranslateOptions}. */
const requestSchema = z.strictObject({
  text: texts,
  beam: z.int().min(1).max(100).optional(),
  nBest: z.int().min(1).max(100).optional(),
  mbr: z.int().min(1).max(100).optional(),
  lengthPenalty: z.number().min(0).optional(),
  coveragePenalty: z.number().min(0).optional(),
  minLength: z.int().min(0).max(LONGEST).optional(),
  maxLength: z.int().min(1).max(LONGEST).optional(),
  noRepeatNgram: z.int().min(0).optional(),
  replaceUnknown: z.boolean().optional(),
  document: z.boolean().default(false),
  alignment: z.enum(alignments).optional(),
  sample: z
    .strictObject({
      temperature: z.number().min(0).optional(),
      topK: z.int().min(1).optional(),
      topP: z.number().gt(0).max(1).optional(),
      seed: z.int().min(0).default(1),
    })
    .optional(),
});
type TranslationRequest = z.output<typeof requestSchema>;

/** One text's translation, as it is answered. */
interface AnsweredHypothesis {
  text: string;
  score: number;
  alignment?: string;
}

/** The HTTP interface of a translator: `POST /translate`. Requests that ask for the same share batches. */
export function translationApi(translator: Translator, options: ApiOptions) {
  const { source, target } = translator.languages;
  const api = createApi({ ...options, about: { source, target, ...options.about } });
  const gatherer = new Gatherer<TranslateOptions & { draws?: number }, string, Translation>(
    (lines, { draws: _, ...asked }, signal) => translator.translate(lines, { ...asked, signal }),
    limits,
  );
  api.get('/', (context) => context.html(translatorPage(source, target)));
  const attends = translator.models.every(({ config }) => config.decoder.score !== 'none');
  let draws = 0;
  api.post('/translate', limitBodies(), async (context) => {
    const request = readBody(context, requestSchema);
    const wanted = [request.text].flat().map((text) => text.split(/\r\n|\r|\n/));
    const asked = translateOptions(request, wanted);
    const looked = attends ? undefined : optionOfAttention(asked);
    if (looked !== undefined) throw new InputError(`Expected a network with attention for ${looked}, got one without`);
    // What is drawn for a line goes by its number in the request: nothing may stand before it.
    const alone = asked.sample && { draws: ++draws };
    const lines = await gatherer.ask(wanted.flat(), { ...asked, ...alone }, context.req.raw.signal);
    const found = lines.values();
    const translations = wanted.map((parts) =>
      answered(
        parts.map(() => found.next().value!),
        request,
      ),
    );
    return context.json({ source, target, translations });
  });
  return api;
}

/** The request as a translator takes it. @throws {InputError} for what does not go together */
function translateOptions(request: TranslationRequest, wanted: readonly string[][]): TranslateOptions {
  const { text: _, document, alignment, sample, beam, nBest, ...rest } = request;
  if (sample && beam !== undefined) throw new InputError(expected('beam', 'absent beside sample', beam));
  checkOptions({ beam, nBest, sample, mbr: rest.mbr });
  const { minLength = 0, maxLength = Infinity } = rest;
  if (minLength > maxLength) throw new ConfigError(expected('minLength', `at most maxLength ${maxLength}`, minLength));
  const [name, times] = rest.mbr === undefined ? ['nBest', nBest ?? 1] : ['mbr', rest.mbr];
  const answers = wanted.reduce((sum, lines) => sum + lines.length, 0) * times;
  if (answers > MAXIMUM_ANSWERS) {
    throw new InputError(`Expected at most ${MAXIMUM_ANSWERS} lines times ${name} in a request, got ${answers}`);
  }
  const where = wanted.findIndex((lines) => lines.length > 1);
  if (where >= 0 && (nBest !== undefined || alignment !== undefined)) {
    const option = nBest !== undefined ? 'nBest' : 'alignment';
    throw new InputError(
      `Expected texts of one line with ${option}, got ${wanted[where].length} lines in text ${where}`,
    );
  }
  const { seed, ...drawing } = sample ?? {};
  return {
    ...{ ...rest, nBest, sentences: document, alignment: alignment !== undefined },
    ...(sample ? { sample: drawing, seed } : { beam }),
  };
}

/** The translation of one text from those of its lines. */
function answered(lines: readonly Translation[], { nBest, alignment }: TranslationRequest) {
  const hypothesisOf = (found: Hypothesis): AnsweredHypothesis => ({
    ...{ text: found.text, score: found.score },
    ...(alignment && { alignment: (alignment === 'soft' ? softPairs : pharaohPairs)(found.alignment ?? []) }),
  });
  const [first] = lines;
  if (lines.length === 1) {
    const hypotheses = first.hypotheses.map(hypothesisOf);
    return { ...hypotheses[0], ...(nBest === undefined ? {} : { hypotheses }) };
  }
  const score = lines.reduce((sum, { hypotheses }) => sum + hypotheses[0].score, 0);
  return { text: lines.map(({ text }) => text).join('\n'), score };
}
