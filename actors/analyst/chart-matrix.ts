/** Charts of tables: correlations between many columns, and how two categories meet. */
import type { RelationFile } from './correlate-schema.ts';
import type { CategoryPair, NumberPair } from './relation-schema.ts';
import { element, INK, svgDocument, textElement } from './svg.ts';
import { cleanText, fitText, textWidth } from './svg-text.ts';
import { writeCoefficient, writeCount, writeShare } from './wording.ts';

/** Columns of one heat map. */
export const MATRIX_COLUMNS_MAX = 16;
const LEVELS_MAX = 12;
const SIZE_MAX = 1_000;
const LABEL_MAX = 190;
/** From orange over white to blue: told apart with any colour vision, and by their lightness from the middle. */
const NEGATIVE = [179, 88, 6] as const;
const POSITIVE = [0, 90, 158] as const;
const HIGH = [0, 90, 158] as const;

/** Spearman's coefficients of all pairs of the columns given, in their order. */
export function drawCorrelations(columns: readonly string[], pairs: readonly NumberPair[]): string {
  const names = columns.slice(0, MATRIX_COLUMNS_MAX);
  const known = new Map(
    pairs.flatMap(
      ({ x, y, spearman }) =>
        [
          [key(x, y), spearman],
          [key(y, x), spearman],
        ] as const,
    ),
  );
  const cells = names.map((row) =>
    names.map((column) => {
      if (row === column) return { fill: '#cbd2d9', label: '1', dark: false };
      const value = known.get(key(row, column));
      if (value === undefined) return { fill: INK.background, label: '–', dark: false };
      return {
        fill: mix(value < 0 ? NEGATIVE : POSITIVE, Math.abs(value)),
        label: writeCoefficient(value),
        dark: Math.abs(value) > 0.55,
      };
    }),
  );
  const more = columns.length > names.length ? ` · first ${names.length} of ${columns.length} numeric columns` : '';
  return drawTable({
    title: 'Correlations between numeric columns',
    subtitle: `Spearman's ρ: blue rises together, orange runs against each other${more}`,
    description: "Heat map of Spearman's rank correlations of all pairs of numeric columns.",
    rows: names,
    columns: names,
    cells,
  });
}

/** For each level of one category, the shares of the levels of the other. */
export function drawCross(pair: CategoryPair, cross: RelationFile['crosses'][number]): string {
  const rows = cross.aLevels.slice(0, LEVELS_MAX);
  const columns = cross.bLevels.slice(0, LEVELS_MAX);
  const cells = rows.map((_, at) => {
    const line = cross.counts[at] ?? [];
    const total = line.reduce((sum, count) => sum + count, 0);
    return columns.map((_level, index) => {
      const share = total === 0 ? 0 : (line[index] ?? 0) / total;
      return {
        fill: mix(HIGH, share),
        label: share === 0 ? '' : writeShare(share).replace(' %', ''),
        dark: share > 0.55,
      };
    });
  });
  const cut =
    cross.aLevels.length > rows.length || cross.bLevels.length > columns.length ? ' · largest levels shown' : '';
  return drawTable({
    title: `${pair.b} by ${pair.a}`,
    subtitle: `Percent of each row · Cramér's V = ${writeCoefficient(pair.cramersV)} · n = ${writeCount(pair.n)}${cut}`,
    description: `Heat map of the shares of ${pair.b} within each level of ${pair.a}.`,
    rows,
    columns,
    cells,
    rowTitle: pair.a,
    columnTitle: pair.b,
  });
}

interface TableCell {
  readonly fill: string;
  readonly label: string;
  readonly dark: boolean;
}

function drawTable(of: {
  readonly title: string;
  readonly subtitle: string;
  readonly description: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly (readonly TableCell[])[];
  readonly rowTitle?: string;
  readonly columnTitle?: string;
}): string {
  const widthOf = (texts: readonly string[]): number =>
    Math.min(LABEL_MAX, Math.max(40, ...texts.map((text) => textWidth(cleanText(text), 12))));
  const rowLabels = widthOf(of.rows);
  const columnLabels = widthOf(of.columns);
  const left = 28 + rowLabels + (of.rowTitle === undefined ? 0 : 24);
  // Labels lean by 45 degrees: they need room above and, at the last column, beside.
  const lean = columnLabels * Math.SQRT1_2;
  const top = 76 + lean + (of.columnTitle === undefined ? 8 : 30);
  const room = SIZE_MAX - left - lean - 20;
  const cellWidth = Math.max(36, Math.min(64, room / of.columns.length));
  const cellHeight = 32;
  const width = Math.max(560, left + cellWidth * of.columns.length + lean + 20);
  const height = top + cellHeight * of.rows.length + 28;
  const body: string[] = [];
  if (of.rowTitle !== undefined) {
    const y = top + (cellHeight * of.rows.length) / 2;
    body.push(
      textElement(24, y, fitText(of.rowTitle, cellHeight * of.rows.length, 12), {
        anchor: 'middle',
        turn: -90,
        weight: 600,
      }),
    );
  }
  if (of.columnTitle !== undefined) {
    body.push(textElement(left, 78, fitText(of.columnTitle, width - left - 20, 12), { weight: 600 }));
  }
  of.columns.forEach((name, at) => {
    const x = left + cellWidth * (at + 0.5);
    body.push(textElement(x, top - 8, fitText(name, LABEL_MAX, 12), { turn: -45 }));
  });
  of.rows.forEach((name, at) => {
    const y = top + cellHeight * at;
    body.push(textElement(left - 8, y + cellHeight / 2 + 4, fitText(name, rowLabels + 4, 12), { anchor: 'end' }));
    (of.cells[at] ?? []).forEach((cell, index) => {
      const x = left + cellWidth * index;
      body.push(element('rect', { x, y, width: cellWidth, height: cellHeight, fill: cell.fill, stroke: '#ffffff' }));
      if (cell.label === '') return;
      const fill = cell.dark ? '#ffffff' : INK.text;
      body.push(
        textElement(x + cellWidth / 2, y + cellHeight / 2 + 4, cell.label, { size: 11, anchor: 'middle', fill }),
      );
    });
  });
  return svgDocument({ width, height, title: of.title, subtitle: of.subtitle, description: of.description, body });
}

function key(a: string, b: string): string {
  return `${a}\u0000${b}`;
}

/** White at 0, the colour at 1. */
function mix(color: readonly [number, number, number], share: number): string {
  const parts = color.map((part) => Math.round(255 + (part - 255) * Math.min(1, Math.max(0, share))));
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
