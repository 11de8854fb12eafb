import { markup, type Html } from './html.js';

export interface Column {
  title: string;
  /** Set to the right, digits under digits. */
  number?: boolean;
}

export interface Table {
  /** What the table shows, for those who cannot see its surroundings. */
  caption?: string;
  columns: readonly Column[];
  rows: readonly (readonly (string | number | Html)[])[];
}

/** A table; the first cell of a row is its heading. */
export function table({ caption, columns, rows }: Table): Html {
  const kind = (index: number): Html | false => columns[index]?.number === true && markup` class="number"`;
  const cell = (content: string | number | Html, index: number): Html =>
    index === 0 ? markup`<th scope="row"${kind(0)}>${content}</th>` : markup`<td${kind(index)}>${content}</td>`;
  return markup`<div class="scroll" tabindex="0"><table>
${caption !== undefined && markup`<caption>${caption}</caption>`}
<thead><tr>${columns.map(({ title }, index) => markup`<th scope="col"${kind(index)}>${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table></div>`;
}

export interface Tile {
  label: string;
  value: string;
  note?: string;
}

/** A row of figures that matter most. */
export function tiles(items: readonly Tile[]): Html {
  const tile = ({ label, value, note }: Tile): Html => markup`<div><dt>${label}</dt>
<dd><div class="value">${value}</div>${note !== undefined && markup`<div class="note">${note}</div>`}</dd></div>`;
  return markup`<dl class="tiles">${items.map(tile)}</dl>`;
}

/** Text as it stands, line ends and all, in the direction of its own script. */
export function verbatim(text: string): Html {
  // HTML drops one line end after the tag.
  return markup`<pre dir="auto">\n${text}</pre>`;
}

/** Things side by side, in rows of two or three, one under the other where the page is narrow. */
export function columns(items: readonly Html[]): Html {
  const most = items.length % 3 === 0 ? 3 : Math.min(2, items.length);
  return markup`<div class="columns" style="--most:${most}">${items.map((item) => markup`<div>${item}</div>`)}</div>`;
}

/** What is there for those who look for it. */
export function folded(summary: string, content: Html): Html {
  return markup`<details>
    <summary>${summary}</summary>
    ${content}
  </details>`;
}
