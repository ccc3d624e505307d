/**
 * How a goal is said, and what is found in one: `analyse the data in {path}` is words with slots between them. A goal says the same
 * where all words are there in that order; what stands between them is in the slots. Time is linear in the goal, whatever it holds.
 */
import type { PlanTemplate, SlotKind } from '../../protocol/plan-template.ts';

/** Values of slots, by name. */
export type Slots = Readonly<Record<string, unknown>>;

type Part = { readonly words: string } | { readonly slot: string };

const URL_WORD = /^https?:\/\/[^\s"'<>]+$/;
const NUMBER_WORD = /^-?\d+(?:\.\d+)?$/;
/** A file has an extension or a folder. */
const PATH_WORD = /^(?:[\w@%+=:.~-]*\/)*[\w@%+=:.~-]*[\w~-]\.[A-Za-z0-9]{1,8}$|^[\w@%+=:.~-]*\/[\w@%+=:./~-]*$/;
const QUOTED = /"([^"]+)"|'([^']+)'|\u201c([^\u201d]+)\u201d|`([^`]+)`/g;
const EDGES = /^[\s,.;:!?()]+|[\s,;:!?()]+$/g;
const LAST_DOT = /\.+$/;

/** The slots that a goal fills when it is said like one of the phrases; undefined where it is said otherwise. */
export function slotsOfPhrase(goal: string, phrase: string, template: PlanTemplate): Slots | undefined {
  const parts = partsOf(phrase);
  const text = goal.replace(/\s+/g, ' ').trim();
  const lower = text.toLowerCase();
  const slots: Record<string, unknown> = {};
  let at = 0;
  for (const [index, part] of parts.entries()) {
    if ('words' in part) {
      const found = lower.indexOf(part.words, at);
      if (found === -1 || (index === 0 && found !== 0)) return undefined;
      at = found + part.words.length;
      continue;
    }
    const next = parts[index + 1];
    const end = next !== undefined && 'words' in next ? lower.indexOf(next.words, at) : text.length;
    if (end === -1) return undefined;
    const value = valueOf(text.slice(at, end), template.slots?.[part.slot]?.kind ?? 'text', true);
    if (value === undefined) return undefined;
    slots[part.slot] = value;
    at = end;
  }
  const rest = lower.slice(at).replace(EDGES, '').replace(LAST_DOT, '');
  return rest === '' ? slots : undefined;
}

/** What the words of a goal hold for the slots of a template, by what each slot takes. Quoted words are for text. */
export function slotsInWords(goal: string, template: PlanTemplate): Slots {
  const slots: Record<string, unknown> = {};
  const taken = new Set<string>();
  for (const [name, { kind }] of Object.entries(template.slots ?? {})) {
    for (const word of candidates(goal, kind)) {
      const value = taken.has(word) ? undefined : valueOf(word, kind, false);
      if (value === undefined) continue;
      taken.add(word);
      slots[name] = value;
      break;
    }
  }
  return slots;
}

/** The goal without what only fills slots: names of files, addresses, numbers, quoted words. What is left says what is wanted. */
export function plainWords(goal: string): string {
  const words = goal.replace(QUOTED, ' ').split(/\s+/);
  return words.filter((word) => SLOT_LIKE.every((kind) => valueOf(word, kind, false) === undefined)).join(' ');
}

const SLOT_LIKE = ['path', 'url', 'number'] as const;

function candidates(goal: string, kind: SlotKind): readonly string[] {
  const quoted = [...goal.matchAll(QUOTED)].map((match) => match.slice(1).find((text) => text !== undefined) ?? '');
  if (kind === 'text' || kind === 'list') return quoted;
  const words = (kind === 'path' ? goal.replace(QUOTED, ' ') : goal)
    .split(/\s+/)
    .map((word) => word.replace(EDGES, '').replace(/^["'`]|["'`]$/g, ''));
  return [...quoted, ...words, ...words.map((word) => word.replace(LAST_DOT, ''))];
}

function valueOf(text: string, kind: SlotKind, isWhole: boolean): unknown {
  const said = text.replace(EDGES, '');
  const bare = unquoted(said);
  const plain = kind === 'text' && !isWhole ? bare : bare.replace(LAST_DOT, '');
  if (plain === '') return undefined;
  if (kind === 'text') return plain;
  if (kind === 'list') return listOf(plain);
  if (kind === 'number') return NUMBER_WORD.test(plain) ? Number(plain) : undefined;
  if (kind === 'url') return URL_WORD.test(plain) && URL.canParse(plain) ? plain : undefined;
  // Where the phrase says that a file stands here, it may have any name; with blanks in it, it stands in quotes, as in a shell.
  if (isWhole) return bare !== said || !/\s/.test(plain) ? plain : undefined;
  return PATH_WORD.test(plain.replace(/ /g, '_')) ? plain : undefined;
}

function listOf(text: string): readonly string[] {
  return text
    .split(/,|\band\b|;/)
    .map((word) => unquoted(word.trim()))
    .filter((word) => word !== '');
}

function unquoted(text: string): string {
  const match = /^["'`\u201c](.*)["'`\u201d]$/s.exec(text);
  return match?.[1] ?? text;
}

function partsOf(phrase: string): readonly Part[] {
  const parts: Part[] = [];
  for (const piece of phrase.split(/(\{[A-Za-z][A-Za-z0-9_]{0,63}\})/)) {
    const slot = /^\{(.+)\}$/.exec(piece)?.[1];
    const words = piece.replace(/\s+/g, ' ').trim().toLowerCase();
    if (slot !== undefined) parts.push({ slot });
    else if (words !== '') parts.push({ words });
  }
  return parts;
}
