import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { type Envelope, Mailbox } from '../../runtime/mailbox.ts';

const mail = (name: string, bytes = 1): Envelope => ({ kind: 'event', event: { type: name }, deliveries: 0, bytes });
const nameOf = (envelope: Envelope | undefined): string | undefined =>
  envelope?.kind === 'event' ? envelope.event.type : undefined;

describe('A mailbox', () => {
  it('gives what the actor is owed before what others sent, each in the order it came', () => {
    const box = new Mailbox();
    box.offer(mail('u1'));
    box.push(mail('c1'));
    box.offer(mail('u2'));
    box.push(mail('c2'));
    expect(box.size).toBe(4);
    expect([1, 2, 3, 4, 5].map(() => nameOf(box.take()))).toEqual(['c1', 'c2', 'u1', 'u2', undefined]);
  });

  it('bounds the user lane in bytes, to the byte, and has room again for what was taken', () => {
    const box = new Mailbox();
    expect(box.offer(mail('a', LIMITS.mailboxBytesMax - 1))).toBe(true);
    expect(box.offer(mail('b', 2))).toBe(false);
    expect(box.offer(mail('c', 1))).toBe(true);
    expect(box.offer(mail('d', 1))).toBe(false);
    expect(box.size).toBe(2);
    box.take();
    expect(box.offer(mail('e', LIMITS.mailboxBytesMax - 1))).toBe(true);
  });

  it('bounds the user lane in messages, and never refuses what the actor is owed', () => {
    const box = new Mailbox();
    for (let n = 0; n < LIMITS.mailboxMessagesMax; n++) expect(box.offer(mail(''))).toBe(true);
    expect(box.offer(mail('over'))).toBe(false);
    for (let n = 0; n < 100; n++) box.push(mail('owed'));
    expect(box.size).toBe(LIMITS.mailboxMessagesMax + 100);
  });

  it('behaves like two plain lists, whatever is done to it in whatever order', () => {
    const step = fc.constantFrom('push', 'offer', 'take', 'back', 'remove');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const box = new Mailbox();
        const control: string[] = [];
        const user: string[] = [];
        steps.forEach((what, index) => {
          const name = `m${index}`;
          if (what === 'push') {
            box.push(mail(name));
            control.push(name);
          } else if (what === 'offer') {
            box.offer(mail(name));
            user.push(name);
          } else if (what === 'back') {
            box.putBack(mail(name));
            control.unshift(name);
          } else if (what === 'remove') {
            // Whichever is in the middle, of all that wait.
            const { control: owed, user: sent } = box.waiting();
            const all = [...owed, ...sent];
            const one = all[all.length >> 1];
            expect(one === undefined || box.remove(one)).toBe(true);
            expect(one !== undefined && box.remove(one)).toBe(false);
            const at = all.length >> 1;
            if (at < control.length) control.splice(at, 1);
            else user.splice(at - control.length, 1);
          } else expect(nameOf(box.take())).toBe(control.shift() ?? user.shift());
          const waiting = box.waiting();
          expect(nameOf(box.next)).toBe(control[0] ?? user[0]);
          expect([waiting.control.map(nameOf), waiting.user.map(nameOf)]).toEqual([control, user]);
          expect(box.size).toBe(control.length + user.length);
        });
      }),
    );
  });
});
