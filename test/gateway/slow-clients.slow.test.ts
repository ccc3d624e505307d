import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HTTP_LIMITS } from '../../gateway/http-limits.ts';
import { type Rig, startRig } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

interface Fate {
  readonly seen: string;
  readonly afterMs: number;
}

/** Opens a connection, says `first`, then `drip` again and again; resolves when the node has had enough. */
async function lingerer(first: string, drip = ''): Promise<Fate> {
  const from = performance.now();
  const socket = connect(rig.node.port, rig.node.host);
  let seen = '';
  socket.on('error', () => {});
  socket.on('data', (data) => (seen += data.toString()));
  if (first !== '') socket.write(first);
  const dripping = setInterval(() => drip !== '' && socket.write(drip), 200);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  return { seen, afterMs: performance.now() - from };
}

describe('Clients that take their time', () => {
  it('to say what they want are cut, hundreds of them, while others are served', async () => {
    const head = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n';
    const lingerers = Array.from({ length: 300 }, (_, n) =>
      n % 3 === 0 ? lingerer('') : lingerer(head, n % 3 === 1 ? '' : 'X-A: b\r\n'),
    );
    const all = Promise.all(lingerers);
    let isOver = false;
    void all.then(() => (isOver = true));
    const latenciesMs: number[] = [];
    while (!isOver) {
      const from = performance.now();
      expect((await rig.get('/healthz')).status).toBe(200);
      latenciesMs.push(performance.now() - from);
    }
    for (const { seen, afterMs } of await all) {
      expect(seen).toMatch(/^HTTP\/1\.1 408 /);
      expect(seen).toContain('"code":"TIMEOUT"');
      expect(afterMs).toBeLessThan(HTTP_LIMITS.headersMaxMs + 2 * HTTP_LIMITS.lookMs);
    }
    expect(latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)]).toBeLessThan(500);
  });
});
