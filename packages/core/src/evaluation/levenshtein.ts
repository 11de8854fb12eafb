import { tokenIds } from './tokenIds.js';

export type AlignmentOperation = 'hit' | 'substitution' | 'deletion' | 'insertion';

/** One step of an alignment. A deletion has no place in the hypothesis, an insertion none in the reference. */
export interface AlignmentStep {
  operation: AlignmentOperation;
  /** The token of the reference. */
  reference?: string;
  /** The token of the hypothesis. */
  hypothesis?: string;
}

const DELETE = 1;
const INSERT = 2;
const DIAGONAL = 3;

/** Tables of directions with more cells (of a byte each) are computed a second time, block by block, when they are read. */
const BLOCK_CELLS = 2 ** 24;

/**
 * The cheapest way from a reference to a hypothesis by substitutions, deletions and insertions of one token, each costing
 * 1 (Levenshtein 1966), from the first step to the last. Where several are equally cheap: what both have in common at the
 * start, then at the end, are hits; between, read from the end, a deletion goes before all others, and an insertion
 * before a hit or substitution only where the table's cell before it is smaller than the one on the diagonal. These are the
 * ties of RapidFuzz, and so of jiwer, whose counts are therefore the same (its alignments of over a million cells are
 * pieced together and may tie otherwise). Memory grows as the length to the power of 1.5 beyond `blockCells`.
 */
export function alignTokens(
  reference: readonly string[],
  hypothesis: readonly string[],
  blockCells = BLOCK_CELLS,
): AlignmentStep[] {
  const [wanted, got] = tokenIds(reference, hypothesis);
  const shorter = Math.min(wanted.length, got.length);
  let prefix = 0;
  while (prefix < shorter && wanted[prefix] === got[prefix]) prefix++;
  let suffix = 0;
  while (suffix < shorter - prefix && wanted.at(-1 - suffix) === got.at(-1 - suffix)) suffix++;
  const directions = middleDirections(
    wanted.subarray(prefix, wanted.length - suffix),
    got.subarray(prefix, got.length - suffix),
    blockCells,
  );
  const all = [...repeat(DIAGONAL, prefix), ...directions, ...repeat(DIAGONAL, suffix)];
  return describeSteps(all, reference, hypothesis);
}

function describeSteps(
  directions: readonly number[],
  reference: readonly string[],
  hypothesis: readonly string[],
): AlignmentStep[] {
  let column = 0;
  let row = 0;
  return directions.map((direction) => {
    if (direction === DELETE) return { operation: 'deletion', reference: reference[column++] };
    if (direction === INSERT) return { operation: 'insertion', hypothesis: hypothesis[row++] };
    const pair = { reference: reference[column++], hypothesis: hypothesis[row++] };
    return { operation: pair.reference === pair.hypothesis ? 'hit' : 'substitution', ...pair };
  });
}

/** The directions from start to end. The table's columns stand for the reference, its rows for the hypothesis. */
function middleDirections(wanted: Int32Array, got: Int32Array, blockCells: number): number[] {
  const width = wanted.length + 1;
  const height = blockHeight(got.length, width, blockCells);
  const checkpoints = blockStarts(wanted, got, height);
  const table = new Uint8Array(height * width);
  const backwards: number[] = [];
  let column = wanted.length;
  for (let row = got.length; row > 0;) {
    const blockStart = Math.floor((row - 1) / height) * height;
    const costs = checkpoints[blockStart / height].slice();
    for (let next = blockStart; next < row; next++) {
      advance(costs, wanted, got[next], table.subarray((next - blockStart) * width, (next - blockStart + 1) * width));
    }
    while (row > blockStart) {
      const direction = table[(row - 1 - blockStart) * width + column];
      if (direction !== INSERT) column--;
      if (direction !== DELETE) row--;
      backwards.push(direction);
    }
  }
  return [...backwards, ...repeat(DELETE, column)].reverse();
}

/** The costs before each block of rows, of which only one is kept in full. */
function blockStarts(wanted: Int32Array, got: Int32Array, height: number): Int32Array[] {
  const costs = Int32Array.from({ length: wanted.length + 1 }, (_, column) => column);
  const starts = [costs.slice()];
  const blocks = Math.ceil(got.length / height);
  for (let row = 0; starts.length < blocks;) {
    advance(costs, wanted, got[row++]);
    if (row % height === 0) starts.push(costs.slice());
  }
  return starts;
}

/** How many rows a block has: all, or where they are many so few that blocks and checkpoints take alike. */
function blockHeight(rows: number, width: number, cells: number): number {
  return Math.max(1, Math.min(rows, Math.max(Math.floor(cells / width), Math.ceil(2 * Math.sqrt(rows)))));
}

/** Turns one row of costs into the next, in place, and notes the direction from which each cell is reached. */
function advance(costs: Int32Array, wanted: Int32Array, token: number, directions?: Uint8Array): void {
  let diagonal = costs[0]++;
  if (directions) directions[0] = INSERT;
  for (let column = 1; column < costs.length; column++) {
    const above = costs[column];
    const left = costs[column - 1];
    const cost = Math.min(left + 1, above + 1, diagonal + (wanted[column - 1] === token ? 0 : 1));
    if (directions) directions[column] = cost === left + 1 ? DELETE : above < diagonal ? INSERT : DIAGONAL;
    costs[column] = cost;
    diagonal = above;
  }
}

const repeat = (direction: number, times: number): number[] => new Array<number>(times).fill(direction);
