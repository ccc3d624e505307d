import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLIENT_MESSAGES } from '../../protocol/client-messages.ts';
import { jsonCodec, msgpackCodec, SUBPROTOCOLS } from '../../protocol/codec.ts';
import { CODES } from '../../protocol/errors.ts';
import { CLIENT_FRAME, NODE_FRAME } from '../../protocol/limits.ts';
import { parseClientMessage } from '../../protocol/messages.ts';
import { NODE_MESSAGES, parseNodeMessage } from '../../protocol/node-messages.ts';
import { TASK_STATUSES } from '../../protocol/tasks.ts';

const docs = readFileSync(path.resolve(import.meta.dirname, '../../docs/protocol.md'), 'utf8');
const examples = Array.from(docs.matchAll(/```json\n(.*?)\n```\n```hex\n(.*?)\n```/gs), ([, json = '', hex = '']) => ({
  json,
  hex: hex.replaceAll(/\s/g, ''),
}));

describe('docs/protocol.md', () => {
  it('has examples, every one with its bytes', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7);
    expect(docs.match(/```json/g)).toHaveLength(examples.length);
  });

  it.each(examples)('shows $json as it is on the wire', ({ json, hex }) => {
    const value = jsonCodec.decode(json);
    expect(Buffer.from(msgpackCodec.encode(value) as Uint8Array).toString('hex')).toBe(hex);
    expect(msgpackCodec.decode(Buffer.from(hex, 'hex'))).toEqual(value);
    expect(jsonCodec.encode(value)).toBe(json);
    if (Array.isArray(value)) return;
    const { type } = value as { readonly type: string };
    const parsed = type in CLIENT_MESSAGES ? parseClientMessage(value) : parseNodeMessage(value);
    expect(parsed).toEqual(value);
  });

  /** The rows of the table under a heading: the types of the first cell, the fields of the second. */
  function rowsUnder(heading: string): ReadonlyMap<string, readonly string[]> {
    const [, chapter = ''] = docs.split(`## ${heading}\n`);
    const [table = ''] = chapter.split('\n## ');
    const codes = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = '']) => code);
    const rows = Array.from(table.matchAll(/^\| (`[^|]*)\|([^|]*)\|/gm), ([, types = '', fields = '']) => ({
      types,
      fields,
    }));
    return new Map(rows.flatMap(({ types, fields }) => codes(types).map((type) => [type, codes(fields)] as const)));
  }

  it.each([
    ['What a client may send', CLIENT_MESSAGES],
    ['What a node sends', NODE_MESSAGES],
  ] as const)('names under "%s" every type with all its fields', (heading, messages) => {
    const rows = rowsUnder(heading);
    expect([...rows.keys()].toSorted()).toEqual(Object.keys(messages).toSorted());
    for (const [type, { shape }] of Object.entries(messages)) {
      const named = (rows.get(type) ?? []).map((field) => field.replace('?', ''));
      const fields = Object.keys(shape).filter((field) => field !== 'type' && field !== 'id');
      expect(
        fields.filter((field) => !named.includes(field)),
        type,
      ).toEqual([]);
    }
  });

  it('names the subprotocols, statuses, close codes and limits', () => {
    const close = Object.values(CODES).flatMap((entry) => ('closeCode' in entry ? [`| ${entry.closeCode} |`] : []));
    const limits = [
      `${CLIENT_FRAME.bytesMax.toLocaleString('en')} bytes`,
      `${CLIENT_FRAME.depthMax} levels`,
      `${NODE_FRAME.depthMax} levels`,
    ];
    for (const words of [...SUBPROTOCOLS, ...TASK_STATUSES, ...close, '| 1013 |', ...limits])
      expect(docs).toContain(words);
  });
});
