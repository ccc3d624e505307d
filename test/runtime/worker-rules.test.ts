/** What a worker has no use for: a mistake where it is said to this worker, a warning where it is said to all nodes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings, type SettingMistake, type SettingsInput } from '../../runtime/settings.ts';
import { SETTING_NAMES, SETTINGS } from '../../runtime/settings-table.ts';
import type { SettingRow } from '../../runtime/setting-row.ts';
import { temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('worker-rules');
afterAll(() => folder.clear());

const JOIN = 'ws://127.0.0.1:7601';
const WHY = 'a node that joins another keeps nothing and takes on no tasks; its owner does';

function outcomeOf(given: Omit<SettingsInput, 'cwd'>) {
  const outcome = loadSettings({ cwd: '/home/ada', ...given });
  const mistakes = outcome.ok ? [] : (outcome.error.details as { mistakes: SettingMistake[] }).mistakes;
  return {
    mistakes: mistakes.map(({ message }) => message),
    warnings: outcome.ok ? outcome.warnings.map(({ message }) => message) : [],
  };
}

function fileOf(content: object): string {
  mkdirSync(folder.path, { recursive: true });
  const file = path.join(folder.path, 'troupe.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe('a flag that a worker has no use for', () => {
  it.each([
    ['data', './d', 'dataDir'],
    ['store', 'memory', 'store'],
    ['tasksInFlightMax', '5', 'tasksInFlightMax'],
    ['selectStrategy', 'fastest', 'selectStrategy'],
    ['meshHost', '127.0.0.2', 'meshHost'],
  ])('is refused: %s', (flag, value, setting) => {
    const { mistakes } = outcomeOf({ flags: { join: JOIN, [flag]: value } });
    expect(mistakes).toEqual([
      expect.stringMatching(new RegExp(`^${setting} \\(flag --.*\\) would have no effect: ${WHY}`)),
    ]);
    expect(outcomeOf({ flags: { [flag]: value } }).mistakes).toEqual([]);
  });

  it('is refused wherever the worker was told to join', () => {
    expect(outcomeOf({ env: { TROUPE_JOIN: JOIN }, flags: { data: './d' } }).mistakes).toHaveLength(1);
  });

  it('is one of all that are about state or tasks, and none that a worker goes by', () => {
    const names = SETTING_NAMES.filter((name) => (SETTINGS[name] as SettingRow<unknown>).ofOwner === true);
    expect(names).toEqual(expect.arrayContaining(['durability', 'checkpointsMax', 'cacheBytesMax', 'moduleRoots']));
    const used = ['agents', 'lab', 'workerThreadsMax', 'drainMs', 'logLevel', 'port', 'host', 'meshLostMs', 'nodeName'];
    expect(names.filter((name) => used.includes(name))).toEqual([]);
  });

  it("is not the folder where the lab's agents write", () => {
    expect(outcomeOf({ flags: { join: JOIN, lab: true, data: './d' } })).toEqual({ mistakes: [], warnings: [] });
  });
});

describe('what is said to an owner and its workers alike', () => {
  it('is a warning at a worker, one for all of it', () => {
    const env = { TROUPE_JOIN: JOIN, TROUPE_DATA_DIR: './d', TROUPE_STORE: 'memory' };
    const [warning, ...others] = outcomeOf({ env }).warnings;
    expect(others).toEqual([]);
    expect(warning).toBe(
      `dataDir (environment TROUPE_DATA_DIR), store (environment TROUPE_STORE) have no effect: ${WHY}.`,
    );
    expect(outcomeOf({ options: { join: JOIN, durability: 'os' } }).warnings).toEqual([
      `durability (option durability) has no effect: ${WHY}.`,
    ]);
  });

  it('may be a file that makes the owner one: a flag makes the other a worker', () => {
    const file = fileOf({ meshPort: 7601, dataDir: './d' });
    expect(outcomeOf({ file }).warnings).toEqual([]);
    const { mistakes, warnings } = outcomeOf({ file, flags: { join: JOIN } });
    expect(mistakes).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/^dataDir \(troupe\.json line 1\), meshPort \(.*\) have no effect/),
    ]);
  });

  it('is not, in one place, both to join and to be joined', () => {
    const file = fileOf({ meshPort: 7601, join: JOIN });
    expect(outcomeOf({ file }).mistakes).toEqual([expect.stringContaining('are both given')]);
    expect(outcomeOf({ flags: { join: JOIN, meshPort: '7601' } }).mistakes).toEqual([
      expect.stringContaining('are both given'),
    ]);
    expect(outcomeOf({ file: fileOf({ join: JOIN }), flags: { meshPort: '7601' } }).mistakes).toHaveLength(1);
  });
});
