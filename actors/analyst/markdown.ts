/** Markdown that says what data says, and nothing that data could make it do: no markup, links, images or HTML from values. */
import { cleanText } from './svg-text.ts';

/** Text for a paragraph, list item, heading or table cell. Longer than `max` characters is cut. */
export function escapeMarkdown(text: string, max = 2_000): string {
  const clean = cleanText(text).trim();
  const cut = [...clean].length > max ? `${[...clean].slice(0, max - 1).join('')}…` : clean;
  return (
    cut
      .replace(/[\\`*[\]|~$]/g, (mark) => `\\${mark}`)
      // Inside of a word an underscore means nothing; at its edge it would.
      .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
      // A sign of smaller or an ampersand alone is harmless, and reads better as it is.
      .replace(/&(?=#?\w+;)/g, '&amp;')
      .replace(/<(?=\S)/g, '&lt;')
      // Addresses would become links by themselves.
      .replace(/:(?=\/\/)/g, '&#58;')
      .replace(/\b(www)\./gi, '$1&#46;')
      .replaceAll('@', '&#64;')
      // What would make a list, a heading or a rule of the line.
      .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2')
      .replace(/^([#+=>-])/, '\\$1')
  );
}

/** A table. Cells must be escaped already; columns of figures are set to the right. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  figures: readonly number[] = [],
): string[] {
  const rule = header.map((_, index) => (figures.includes(index) ? '---:' : '---'));
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** An image in the report's own folder. */
export function markdownImage(description: string, path: string): string {
  return `![${escapeMarkdown(description)}](${path})`;
}

/** A name for a file out of any text: small letters, digits and hyphens, at most 40; `x` where nothing is left. */
export function fileSlug(text: string): string {
  const plain = text.normalize('NFKD').toLowerCase();
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return slug.slice(0, 40).replace(/-+$/, '') || 'x';
}
