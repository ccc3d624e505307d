import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentAddress, formatAddress, parseAddress, taskAddress } from '../../protocol/addresses.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { isActorKey, isLabelKey, isMessageId, isStepId, isTaskId } from '../../protocol/ids.ts';
import { formatReference, isEventName, isName, isVersion, parseReference } from '../../protocol/names.ts';
import { isTopic, isTopicPattern } from '../../protocol/topics.ts';
import { createWorld } from '../../runtime/world.ts';
import { character } from './values.ts';

/** A check, what it takes and what it refuses. */
type Matrix = readonly (readonly [
  check: (value: unknown) => boolean,
  good: readonly unknown[],
  bad: readonly unknown[],
])[];

const matrix: Matrix = [
  [
    isTaskId,
    ['01JD9Z6W3Q8X5T7R2K4M6N8P0V', '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', createWorld().id()],
    [
      '',
      '01JD9Z6W3Q8X5T7R2K4M6N8P0',
      '01JD9Z6W3Q8X5T7R2K4M6N8P0VV',
      '81JD9Z6W3Q8X5T7R2K4M6N8P0V',
      '01jd9z6w3q8x5t7r2k4m6n8p0v',
      '01JD9Z6W3Q8X5T7R2K4M6N8P0I',
      '01JD9Z6W3Q8X5T7R2K4M6N8P0V\n',
      7,
      null,
    ],
  ],
  [isMessageId, ['1', 'x'.repeat(128), ' ', '💥'], ['', 'x'.repeat(129), 5, null, undefined, {}]],
  [
    isActorKey,
    ['user-42', 'a/b c', 'ключ', 'x'.repeat(128)],
    ['', 'x'.repeat(129), 'a\nb', 'a\u0000', '\ud800', 'a\u0085', 3],
  ],
  [
    isStepId,
    ['find', 'step-1', 'a_b', 'A'.repeat(64)],
    ['', '1st', '_a', 'a.b', 'a b', 'A'.repeat(65), '__proto__', 'constructor', 'toString', 4],
  ],
  [
    isLabelKey,
    ['team', 'app.kubernetes.io/name', '1', 'x'.repeat(64)],
    ['', '-a', 'a b', 'a=b', '__proto__', 'valueOf', 'x'.repeat(65), 1],
  ],
  [
    isName,
    ['lab.echo', 'shout', 'analyse-dataset', 'a.1', 'data_x.y', 'a'.repeat(128)],
    ['', '1a', '.a', 'a.', 'a..b', 'a b', 'a@1', 'a/b', 'é', 'a'.repeat(129), 'constructor', 'lab.echo\n', null],
  ],
  [
    isVersion,
    ['1.0.0', '0.0.0', '1.2.3-beta.1', '1.2.3-0a', '1.0.0+build.7', '1.0.0-a+b'],
    ['', '1', '1.0', '01.0.0', '1.0.0-', '1.0.0-01', 'v1.0.0', '1.0.0+', '1.0.0\n', `1.0.0-${'a'.repeat(64)}`, 1],
  ],
  [
    isEventName,
    ['add', 'user.approved', 'APPROVE', 'mit Leerzeichen'],
    ['', 'xstate.done.actor.0.x', 'xstate.', 'a\tb', '\udc00', 'x'.repeat(129), 1],
  ],
  [
    isTopic,
    ['orders', 'orders.eu.created', 'a-b_1'],
    ['', '.', 'a..b', 'a.*', '#', 'a b', 'x'.repeat(257), Array(17).fill('a').join('.'), 1],
  ],
  [
    isTopicPattern,
    ['orders', '*', '#', 'orders.*.created', 'orders.#', '*.*.#'],
    ['', 'orders.#.x', '#.a', 'a*', '**', 'a..#', Array(17).fill('*').join('.'), 1],
  ],
];

describe.each(matrix)('%o', (check, good, bad) => {
  it.each(good)('takes %j', (value) => {
    expect(check(value)).toBe(true);
  });
  it.each(bad)('refuses %j', (value) => {
    expect(check(value)).toBe(false);
  });
});

describe('references', () => {
  it('are a name, or a name and a version', () => {
    expect(parseReference('lab.echo')).toEqual({ name: 'lab.echo' });
    expect(parseReference('lab.echo@1.2.3-rc.1')).toEqual({ name: 'lab.echo', version: '1.2.3-rc.1' });
    for (const text of ['', '@1.0.0', 'a@', 'a@1', 'a@1.0.0@1.0.0', 'a b@1.0.0'])
      expect(parseReference(text), text).toBeUndefined();
    for (const text of ['lab.echo', 'lab.echo@1.2.3'])
      expect(formatReference(parseReference(text) ?? { name: '' })).toBe(text);
  });
});

describe('addresses', () => {
  it('look as they are written in logs', () => {
    expect(taskAddress('01JD9Z6W3Q8X5T7R2K4M6N8P0V')).toBe('task/01JD9Z6W3Q8X5T7R2K4M6N8P0V');
    expect(agentAddress('researcher', 'user-42')).toBe('agent/researcher/user-42');
    expect(agentAddress('lab.counter', 'a/b!')).toBe('agent/lab.counter/a%2Fb%21');
  });

  it('come back as they were, in plain ASCII, whatever their parts', () => {
    const part = fc.string({ unit: character, minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const address = formatAddress('agent', ...parts);
        expect(address).toMatch(/^[\x21-\x7e]+$/);
        expect(parseAddress(address)).toEqual({ kind: 'agent', parts });
      }),
    );
  });

  it('are written in one way only', () => {
    const wrong = [
      '',
      'task',
      'task/',
      '/a',
      'Task/a',
      'task/a/',
      'task//a',
      'task/%61',
      'task/a%2fb',
      'task/%',
      'task/%ff',
      'task/a b',
      `task/${'a'.repeat(1024)}`,
    ];
    for (const text of wrong) expect(parseAddress(text), text).toBeUndefined();
  });

  it('are not made of nothing, of broken text or without end', () => {
    const wrong: readonly (() => string)[] = [
      () => formatAddress('task'),
      () => formatAddress('task', ''),
      () => formatAddress('task', '\ud800'),
      () => formatAddress('a/b', 'c'),
      () => formatAddress('task', 'a'.repeat(1_020)),
    ];
    for (const make of wrong) expect(make).toThrow(OperatingError);
  });
});
