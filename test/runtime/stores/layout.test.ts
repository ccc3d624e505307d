import { describe, expect, it } from 'vitest';
import { writeEpoch } from '../../../runtime/stores/layout.ts';
import { RECORD_FORMAT } from '../../../runtime/stores/records.ts';
import type { Epoch } from '../../../runtime/stores/store.ts';
import { bytes, epochOf } from '../../contract/epochs.ts';
import { NOW_MS } from '../../contract/store-medium.ts';
import { begun, finished, went } from '../../contract/task-writes.ts';

/** The rows of an epoch: `+` written, `-` deleted. */
function rowsOf(parts: Partial<Epoch>): string[] {
  const rows: string[] = [];
  writeEpoch(epochOf(parts), {
    put: (key) => void rows.push(`+${key.replaceAll('\0', '·')}`),
    del: (key) => void rows.push(`-${key.replaceAll('\0', '·')}`),
  });
  return rows;
}

const step = (write: ReturnType<typeof went>): string[] => rowsOf({ tasks: [write] });

describe('the rows of an epoch', () => {
  it('are a single one for a task that begins and completes in it', () => {
    expect(rowsOf({ tasks: [finished('a')] })).toEqual(['+t/a']);
  });

  it('have an index row for every other status', () => {
    expect(rowsOf({ tasks: [finished('a', 'failed')] })).toEqual(['+t/a', '+i/failed·a']);
    expect(rowsOf({ tasks: [begun('a', 'working')] })).toEqual(['+t/a', '+i/working·a']);
  });

  it('hold later progress and events beside the first row, and move the index with the status', () => {
    expect(step(went('a', 'submitted', 'working', 3, 2))).toEqual([
      '+u/a',
      '+e/a·000000000005',
      '-i/submitted·a',
      '+i/working·a',
    ]);
    expect(step(went('a', 'input-required', 'completed', 3, 2))).toEqual([
      '+u/a',
      '+e/a·000000000005',
      '-i/input-required·a',
    ]);
    expect(step(went('a', 'working', 'working', 3, 2))).toEqual(['+u/a', '+e/a·000000000005']);
    expect(step({ ...went('a', 'working', 'working', 3, 0) })).toEqual(['+u/a']);
  });

  it('are one for a cell whose place is known, and take the other place away where it is not', () => {
    const cell = (awake: boolean, was?: 'awake' | 'resting' | 'none', head: Uint8Array | null = bytes('x')): string[] =>
      rowsOf({ cells: [{ address: 'agent/a', head, awake, ...(was !== undefined && { was }) }] });
    expect(cell(true, 'none')).toEqual(['+c/agent/a']);
    expect(cell(true, 'awake')).toEqual(['+c/agent/a']);
    expect(cell(true, 'resting')).toEqual(['+c/agent/a', '-r/agent/a']);
    expect(cell(true)).toEqual(['+c/agent/a', '-r/agent/a']);
    expect(cell(false, 'resting')).toEqual(['+r/agent/a']);
    expect(cell(false, 'awake')).toEqual(['+r/agent/a', '-c/agent/a']);
    expect(cell(false)).toEqual(['+r/agent/a', '-c/agent/a']);
    expect(cell(false, undefined, null).toSorted()).toEqual(['-c/agent/a', '-r/agent/a']);
  });

  it('are one for everything else', () => {
    expect(
      rowsOf({
        attachments: [
          { address: 'task/a', key: 'k', value: bytes('v') },
          { address: 'task/a', key: 'l', value: null },
        ],
        keys: [{ principal: 'me', key: 'k', task: 'a', bodyHash: '', expiresAtMs: NOW_MS }],
        definitions: [
          { kind: 'agent', name: 'n', version: '1', body: {} },
          { kind: 'workflow', name: 'n', version: '2', body: null },
        ],
        quarantine: [{ id: 'q', body: 1 }],
      }),
    ).toEqual(['+a/task/a·k', '-a/task/a·l', '+k/me·k', '+d/agent·n·1', '-d/workflow·n·2', '+q/q']);
  });
});

describe('the format', () => {
  it('of a task, byte for byte, is that of its version: change RECORD_FORMAT with it', () => {
    expect(RECORD_FORMAT).toBe(1);
    let row = '';
    writeEpoch(epochOf({ tasks: [finished('01K')] }), {
      put: (_, record) => void (row = Buffer.from(record).toString('hex')),
      del: () => undefined,
    });
    expect(row).toBe(
      [
        '545201010000009397a86c61622e6563686f81a474657874a568656c6c6f81a66c6162656c7381a372756ea36f6e65a5',
        '6c6f63616ccb427a2008d740000095030409c097030ccb3f847ae147ae147b03040181a474657874a568656c6c6f9c0a',
        '0781a473746570a6737465702d31140781a473746570a6737465702d321e0781a473746570a6737465702d33280781a4',
        '73746570a6737465702d34d2852e42',
      ].join(''),
    );
  });
});
