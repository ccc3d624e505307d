/**
 * The few SVG elements that charts are made of. All text goes through `escapeXml`; there are no scripts, no styles from
 * outside, and a solid background, so that a chart reads the same on light and dark pages.
 */

import { escapeXml, fitText } from './svg-text.ts';

/** Okabe and Ito's colours, which people with any colour vision can tell apart, and greys with enough contrast on white. */
export const INK = {
  background: '#ffffff',
  text: '#1f2933',
  quiet: '#52606d',
  grid: '#e4e7eb',
  axis: '#9aa5b1',
  blue: '#0072b2',
  paleBlue: '#a6cee3',
  vermillion: '#d55e00',
} as const;

const FONT = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";
/** How a text stands. Sizes in pixels; `turn` in degrees around its own point. */
export interface TextStyle {
  readonly size?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly fill?: string;
  readonly weight?: 600;
  readonly turn?: number;
}

/** An element; attributes with numbers are cut to hundredths. `content` must be escaped already. */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    return ` ${key}="${typeof value === 'number' ? String(Math.round(value * 100) / 100) : escapeXml(value)}"`;
  });
  return content === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${content}</${name}>`;
}

/** A line of text, escaped here. */
export function textElement(x: number, y: number, text: string, style: TextStyle = {}): string {
  const attributes: Record<string, string | number> = {
    x,
    y,
    'font-size': style.size ?? 12,
    fill: style.fill ?? INK.text,
  };
  if (style.anchor !== undefined && style.anchor !== 'start') attributes['text-anchor'] = style.anchor;
  if (style.weight !== undefined) attributes['font-weight'] = style.weight;
  if (style.turn !== undefined)
    attributes.transform = `rotate(${style.turn} ${Math.round(x * 100) / 100} ${Math.round(y * 100) / 100})`;
  return element('text', attributes, escapeXml(text));
}

/** A whole chart: title and subtitle above, `body` below. `description` is for people who listen. */
export function svgDocument(of: {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly subtitle: string;
  readonly description: string;
  readonly body: readonly string[];
}): string {
  const { width, height } = of;
  const parts = [
    `<title>${escapeXml(of.title)}</title><desc>${escapeXml(of.description)}</desc>`,
    element('rect', { x: 0, y: 0, width, height, fill: INK.background }),
    textElement(24, 32, fitText(of.title, width - 48, 18), { size: 18, weight: 600 }),
    textElement(24, 52, fitText(of.subtitle, width - 48, 12), { fill: INK.quiet }),
    ...of.body,
  ];
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'font-family': FONT,
  };
  return `${element('svg', attributes, `\n${parts.filter((part) => part !== '').join('\n')}\n`)}\n`;
}
