import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { TopicIndex } from '../../../actors/topics/topic-index.ts';
import { isTopic, isTopicPattern, matchesTopic } from '../../../protocol/topics.ts';

/** pattern → topics that it takes in, and topics that it does not. */
const MATRIX: Readonly<Record<string, readonly [takes: readonly string[], leaves: readonly string[]]>> = {
  orders: [['orders'], ['order', 'orders.eu', 'Orders']],
  'orders.eu': [['orders.eu'], ['orders', 'orders.us', 'orders.eu.created']],
  '*': [['orders', 'x'], ['orders.eu']],
  '*.created': [
    ['orders.created', 'x.created'],
    ['created', 'orders.eu.created', 'orders.deleted'],
  ],
  'orders.*.created': [['orders.eu.created'], ['orders.created', 'orders.eu.us.created', 'orders.eu.deleted']],
  '*.*': [['a.b'], ['a', 'a.b.c']],
  '#': [['a', 'a.b', 'a.b.c'], []],
  'orders.#': [
    ['orders', 'orders.eu', 'orders.eu.created'],
    ['order', 'ordersx.eu'],
  ],
  'orders.*.#': [['orders.eu', 'orders.eu.created'], ['orders']],
  '*.eu.#': [
    ['orders.eu', 'x.eu.y.z'],
    ['eu', 'orders.us.eu'],
  ],
};

describe('A pattern of topics', () => {
  const cases = Object.entries(MATRIX).flatMap(([pattern, [takes, leaves]]) => [
    ...takes.map((topic) => [pattern, 'takes in', topic, true] as const),
    ...leaves.map((topic) => [pattern, 'leaves out', topic, false] as const),
  ]);

  it.each(cases)('%s %s %s', (pattern, _how, topic, isTaken) => {
    expect([isTopicPattern(pattern), isTopic(topic)]).toEqual([true, true]);
    expect(matchesTopic(pattern, topic)).toBe(isTaken);
    const index = new TopicIndex<string>();
    index.add(pattern, 'it');
    expect([...index.match(topic)]).toEqual(isTaken ? ['it'] : []);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', '#.a', 'a.#.b', 'a.b#', 'a*', 'ä', 'a b'])('is not %j', (text) => {
    expect(isTopicPattern(text)).toBe(false);
  });
});

const segment = fc.constantFrom('a', 'b', 'c');
const topics = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('.'));
const patterns = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .filter(([segments, isOpen]) => isOpen || segments.length > 0)
  .map(([segments, isOpen]) => [...segments, ...(isOpen ? ['#'] : [])].join('.'));

describe('An index of topics', () => {
  it('finds exactly those whose patterns take a topic in, also after others have gone', () => {
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 12 }), fc.array(fc.nat(11)), topics, (all, removed, topic) => {
        const index = new TopicIndex<number>();
        all.forEach((pattern, at) => index.add(pattern, at));
        const gone = new Set(removed.filter((at) => at < all.length));
        for (const at of gone) index.remove(all[at] as string, at);
        const expected = all.flatMap((pattern, at) => (!gone.has(at) && matchesTopic(pattern, topic) ? [at] : []));
        expect([...index.match(topic)].toSorted((a, b) => a - b)).toEqual(expected);
      }),
    );
  });

  it('names one that stands under several patterns once', () => {
    const index = new TopicIndex<string>();
    for (const pattern of ['a.*', 'a.b', '#']) index.add(pattern, 'it');
    expect([...index.match('a.b')]).toEqual(['it']);
    index.remove('a.b', 'it');
    expect([...index.match('a.b')]).toEqual(['it']);
    index.remove('never there', 'it');
  });
});
