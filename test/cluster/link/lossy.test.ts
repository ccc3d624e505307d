import { describe, expect, it } from 'vitest';
import type { Link } from '../../../cluster/link/link.ts';
import type { MeshEnd } from '../../../cluster/link/mesh-node.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';
import { indoors } from './indoors.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';

const SEEDS = 200;
const MESSAGES = 40;
/** Of 200 ms each, in which connections are cut. */
const ROUGH_MOMENTS = 100;
const MINUTE_MS = 60_000;
const KEPT_MS = 60 * MINUTE_MS;

/** Notes what each link has brought, one after the other, and sends as many by itself. */
function talker(random: () => number, message: (index: number) => MeshMessage) {
  const links: { readonly link: Link; readonly heard: MeshMessage[]; readonly late: (() => void)[] }[] = [];
  const onLink: MeshEnd['onLink'] = (link, setEars) => {
    const heard: MeshMessage[] = [];
    const late: (() => void)[] = [];
    links.push({ link, heard, late });
    setEars({
      onMessage: (one, done) => {
        heard.push(one);
        if (random() < 0.5) done();
        else late.push(done);
      },
      onEnd: () => undefined,
    });
    for (const index of upTo(MESSAGES / 2)) link.send(message(index));
  };
  return { links, onLink };
}

/** One run: both sides send while frames are lost, doubled, late and out of order, and while connections are cut. */
function run(seed: number): { readonly resent: number; readonly sockets: number; readonly trail: string } {
  const rough = indoors({ seed }).world.random;
  const weather = { loss: rough() * 0.3, duplication: rough() * 0.3, delayMaxMs: rough() * 400 };
  const settled = (index: number): MeshMessage => ({
    type: 'call.settled',
    call: 'run/task agent',
    token: `t${index}`,
  });
  // In some runs, one is so long that it takes several frames.
  const isLong = seed % 20 === 0;
  const long = (index: number): MeshMessage => numbered(index, isLong && index === 30 ? 'x'.repeat(1_500_000) : index);
  const owner = talker(rough, settled);
  const worker = talker(rough, long);
  const { world, net } = indoors({
    ...{ seed, weather },
    door: { onLink: owner.onLink, lostMs: KEPT_MS },
    dial: { onLink: worker.onLink, lostMs: KEPT_MS },
  });
  let sent = MESSAGES / 2;
  for (let moment = 0; moment < 4_000; moment++) {
    world.advance(200);
    const [here, there] = [worker.links[0], owner.links.at(-1)];
    if (here !== undefined && there !== undefined && sent < MESSAGES && moment % 3 === 0) {
      here.link.send(long(sent));
      there.link.send(settled(sent));
      sent++;
    }
    for (const { late } of [...owner.links, ...worker.links]) for (const done of late.splice(0)) done();
    if (moment < ROUGH_MOMENTS && world.random() < 0.03) net.cut();
    if (moment < ROUGH_MOMENTS && world.random() < 0.015) net.swallow();
    if (here?.heard.length === MESSAGES && there?.heard.length === MESSAGES && moment > ROUGH_MOMENTS) break;
  }
  const [here, there] = [worker.links[0], owner.links.at(-1)];
  expect(worker.links, `seed ${seed}: one session for the worker`).toHaveLength(1);
  expect(numbersOf(there?.heard ?? []), `seed ${seed}: what the worker sent`).toEqual(upTo(MESSAGES));
  expect(numbersOf(here?.heard ?? []), `seed ${seed}: what the owner sent`).toEqual(upTo(MESSAGES));
  const { resent = 0, sockets = 0 } = here?.link.figures ?? {};
  return { resent, sockets, trail: `${world.monotonicMs()} ${net.frames} ${net.made} ${resent} ${sockets}` };
}

describe('a session over a network that loses, doubles, delays and cuts', () => {
  it(`brings each message once and in order, both ways, for ${SEEDS} seeds`, () => {
    const runs = Array.from({ length: SEEDS }, (_, seed) => run(seed + 1));
    // The runs were rough enough to mean something.
    expect(runs.filter(({ resent }) => resent > 0).length).toBeGreaterThan(SEEDS / 2);
    expect(runs.filter(({ sockets }) => sockets > 1).length).toBeGreaterThan(SEEDS / 2);
  });

  it('goes the same way for the same seed', () => {
    expect(run(7)).toEqual(run(7));
  });
});
