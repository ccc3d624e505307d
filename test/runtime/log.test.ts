import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogOptions, LogOutput } from '../../runtime/log.ts';
import { createLog } from '../../runtime/log.ts';
import { createWorld } from '../../runtime/world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-log-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

class Screen extends Writable implements LogOutput {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: BufferEncoding, callback: () => void): void {
    this.text += chunk;
    callback();
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

const world = { ...createWorld(), nowMs: () => Date.UTC(2026, 0, 1) };

function open(options: Partial<LogOptions> = {}) {
  const screen = new Screen();
  return { screen, log: createLog({ world, level: 'info', format: 'json', output: screen, ...options }) };
}

describe('the log', () => {
  it('takes lines at once, before winston is there, and writes them in order', async () => {
    const { log, screen } = open();
    for (let index = 0; index < 10; index += 1) log.info(`line ${index}`, { index });
    expect(screen.text).toBe('');
    await log.ready();
    log.warn('after');
    await log.close();
    expect(screen.lines.map((line) => line['message'])).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `line ${index}`),
      'after',
    ]);
    expect(screen.lines[3]).toEqual({ time: '2026-01-01T00:00:00.000Z', level: 'info', message: 'line 3', index: 3 });
  });

  it.each([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
    ['trace', ['error', 'warn', 'info', 'debug', 'trace']],
  ] as const)('at level %s writes %j', async (level, written) => {
    const { log, screen } = open({ level });
    for (const each of ['error', 'warn', 'info', 'debug', 'trace'] as const) {
      log[each]('x');
      expect(log.enabled(each)).toBe((written as readonly string[]).includes(each));
    }
    await log.close();
    expect(screen.lines.map((line) => line['level'])).toEqual(written);
  });

  it('carries the fields of its children in every line, the nearest first', async () => {
    const { log, screen } = open();
    const task = log.child({ task: '01J', trace: 'abc' });
    const actor = task.child({ actor: 'agent/shout', trace: 'def' });
    actor.info('x', { step: 'one' });
    task.info('y', { trace: 'own' });
    await log.close();
    expect(screen.lines[0]).toMatchObject({ task: '01J', actor: 'agent/shout', trace: 'def', step: 'one' });
    expect(screen.lines[1]).toMatchObject({ task: '01J', trace: 'own' });
  });

  it('shows the state of a thing when it was logged, not when it was written', async () => {
    const { log, screen } = open();
    const thing = { state: 'before' };
    log.info('x', { thing });
    thing.state = 'after';
    await log.close();
    expect(screen.lines[0]).toMatchObject({ thing: { state: 'before' } });
  });

  it('bounds what waits, and says how much was dropped', async () => {
    const { log, screen } = open();
    for (let index = 0; index < 1500; index += 1) log.info(`line ${index}`);
    await log.ready();
    log.info('later');
    await log.close();
    log.info('too late');
    expect(log.figures()).toEqual({ taken: 1001, dropped: 501, lost: 0 });
    expect(screen.lines).toHaveLength(1002);
    expect(screen.lines.find((line) => line['dropped'] !== undefined)).toMatchObject({
      level: 'warn',
      message: 'lines of the log were dropped',
      dropped: 500,
    });
  });

  it('drops lines rather than memory when its reader is slow', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => {} }) as Writable & LogOutput;
    const log = createLog({
      world: { ...world, after: (_delayMs, fn) => (queueMicrotask(fn), () => {}) },
      level: 'info',
      format: 'json',
      output: stuck,
    });
    await log.ready();
    const long = 'x'.repeat(4000);
    for (let index = 0; index < 4000; index += 1) log.info(long);
    expect(stuck.writableLength).toBeLessThan(9 * 1024 * 1024);
    expect(log.figures().dropped).toBeGreaterThan(1000);
    await log.close();
  });

  it('lives on when its reader goes away', async () => {
    const { log, screen } = open();
    await log.ready();
    screen.destroy(new Error('EPIPE'));
    log.info('x');
    await log.close();
    expect(log.figures().taken).toBe(1);
  });

  it('never throws, whatever is logged', async () => {
    const { log, screen } = open();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    log.info('odd', proxy);
    log.info(undefined as unknown as string, null as unknown as undefined);
    log.info({
      toString: () => {
        throw new Error('no');
      },
    } as unknown as string);
    await log.close();
    expect(screen.lines).toHaveLength(3);
  });
});

describe('the look of the log', () => {
  it.each([
    ['auto', true, undefined, 'painted'],
    ['auto', false, undefined, 'json'],
    ['auto', true, true, 'plain'],
    ['pretty', false, undefined, 'plain'],
    ['json', true, undefined, 'json'],
  ] as const)('with format %s, terminal %s, NO_COLOR %s is %s', async (format, isTTY, noColor, look) => {
    const screen = new Screen(isTTY);
    const log = createLog({
      world,
      level: 'info',
      format,
      output: screen,
      ...(noColor === undefined ? {} : { noColor }),
    });
    log.info('hello', { a: 1 });
    await log.close();
    const looks = {
      json: '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"hello","a":1}\n',
      plain: '00:00:00.000 INFO  hello a=1\n',
    };
    if (look === 'painted') expect(screen.text).toContain('\u001b[32mINFO');
    else expect(screen.text).toBe(looks[look]);
  });
});

describe('the log file', () => {
  it('has every line as JSON, over rotations, and is whole when the log is closed', async () => {
    const path = join(folder, 'logs/node.log');
    const { log, screen } = open({ format: 'pretty', file: { path, bytesMax: 4096, filesMax: 500 } });
    for (let index = 0; index < 900; index += 1) log.info('line', { index });
    await log.ready();
    for (let index = 900; index < 2000; index += 1) log.info('line', { index });
    await log.close();
    const lines = readdirSync(join(folder, 'logs')).flatMap((name) =>
      readFileSync(join(folder, 'logs', name), 'utf8')
        .split('\n')
        .slice(0, -1),
    );
    const seen = lines.map((line) => (JSON.parse(line) as { index: number }).index).sort((a, b) => a - b);
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, index) => index));
    expect(screen.text.split('\n')).toHaveLength(2001);
  });

  it('that cannot be written leaves the other output alone, which says so', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    const { log, screen } = open({ file: { path: join(folder, 'a-file/node.log'), bytesMax: 4096, filesMax: 3 } });
    await log.ready();
    log.info('one');
    await log.close();
    const messages = screen.lines.map((line) => line['message']);
    expect(messages).toContain('one');
    expect(messages).toContain('the log file cannot be written; its lines are lost until it can');
    expect(log.figures().lost).toBeGreaterThan(0);
  });

  it.skipIf(!existsSync('/dev/full'))('says even of its very last line that it was lost', async () => {
    const { log, screen } = open({ file: { path: '/dev/full', bytesMax: 4096, filesMax: 3 } });
    await log.ready();
    log.info('last words');
    await log.close();
    expect(screen.lines.map((line) => line['reason'])).toEqual([undefined, expect.stringContaining('ENOSPC')]);
    expect(log.figures()).toMatchObject({ lost: 2 });
  });

  it('can be the only output', async () => {
    const path = join(folder, 'node.log');
    const log = createLog({
      world,
      level: 'info',
      format: 'auto',
      output: null,
      file: { path, bytesMax: 4096, filesMax: 3 },
    });
    log.info('alone');
    await log.close();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ message: 'alone' });
  });
});

describe('secrets', () => {
  it('are in no output, however they were logged', async () => {
    const canary = 'kanarie-8842-zzyzx';
    const path = join(folder, 'node.log');
    for (const format of ['json', 'pretty'] as const) {
      const { log, screen } = open({
        level: 'trace',
        format,
        secrets: [canary],
        file: { path, bytesMax: 1e6, filesMax: 3 },
      });
      const child = log.child({ note: canary, authorization: `Bearer ${canary}` });
      for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) {
        child[level](`said ${canary}`, {
          error: new Error(canary, { cause: { headers: { cookie: canary }, list: [canary] } }),
          [canary]: canary,
          url: `https://x:${canary}@h/?k=${canary}`,
        });
      }
      await log.close();
      const outputs = screen.text + readFileSync(path, 'utf8');
      expect(outputs).toContain('[redacted]');
      expect(outputs).not.toContain('kanarie');
      expect(outputs).not.toContain('zzyzx');
    }
  });
});
