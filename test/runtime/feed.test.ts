import { expect, it } from 'vitest';
import { Feed, type FeedItem } from '../../runtime/feed.ts';

const item = (task: string, seq: number): FeedItem => ({
  task,
  events: [],
  progress: { status: 'working', seq, updatedAtMs: 0 },
});

it('A feed tells those who listen to a task of that task alone, those who listen to all of all, until they stop', () => {
  const feed = new Feed();
  const heard: string[] = [];
  const note =
    (who: string) =>
    ({ task, progress }: FeedItem) =>
      void heard.push(`${who} ${task}${progress.seq}`);
  const one = feed.listen('a', note('one'));
  const two = feed.listen('a', note('two'));
  const all = feed.listenAll(note('all'));
  feed.publish(item('a', 1));
  feed.publish(item('b', 1));
  one();
  feed.publish(item('a', 2));
  two();
  two();
  all();
  const again = feed.listen('a', note('again'));
  two();
  feed.publish(item('a', 3));
  again();
  feed.publish(item('a', 4));
  expect(heard).toEqual(['all a1', 'one a1', 'two a1', 'all b1', 'all a2', 'two a2', 'again a3']);
});

it('A feed lets a listener stop itself, or another, while it is told', () => {
  const feed = new Feed();
  const heard: string[] = [];
  const first = feed.listen('a', () => {
    heard.push('first');
    first();
    second();
  });
  const second = feed.listen('a', () => void heard.push('second'));
  feed.listen('a', () => void heard.push('third'));
  feed.publish(item('a', 1));
  feed.publish(item('a', 2));
  expect(heard).toEqual(['first', 'third', 'third']);
});
