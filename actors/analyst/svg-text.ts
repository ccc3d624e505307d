/** Text in charts: cleaned, escaped, measured and cut. */

/** Widths of characters in ems, on the safe side for common fonts; wide scripts take a whole one. */
const CHAR_EMS = 0.58;
const NARROW_EMS = 0.34;
const BROAD_EMS = 0.72;
const NARROW = /[ijlft.,:;'’|!()[\]\s]/;
const BROAD = /[A-HK-Z&@%mw—…]/;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\u{1f300}-\u{1faff}]/u;

/** Text that cannot end or begin markup; control characters and characters that turn the direction of writing are left out. */
export function escapeXml(text: string): string {
  return cleanText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A text on one line without control, format and lone surrogate characters. */
export function cleanText(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\ufffe\uffff]/gu, '');
}

/** About how many pixels a text takes. */
export function textWidth(text: string, size = 12): number {
  let ems = 0;
  for (const char of text) {
    if (NARROW.test(char)) ems += NARROW_EMS;
    else if (BROAD.test(char)) ems += BROAD_EMS;
    else ems += WIDE.test(char) ? 1 : CHAR_EMS;
  }
  return ems * size;
}

/** The text, or as much of its beginning as fits, with an ellipsis. */
export function fitText(text: string, width: number, size = 12): string {
  const clean = cleanText(text);
  if (textWidth(clean, size) <= width) return clean;
  const chars = [...clean];
  while (chars.length > 1 && textWidth(`${chars.join('')}…`, size) > width) chars.pop();
  return `${chars.join('').trimEnd()}…`;
}
