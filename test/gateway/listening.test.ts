import { describe, expect, it } from 'vitest';
import { refusalOfHeaders } from '../../gateway/exposure.ts';
import { startRig } from './rig.ts';

describe('A node that cannot listen', () => {
  it('on a port that is taken says so, with what to do', async () => {
    const first = await startRig();
    const { port } = first.node;
    await expect(startRig({ port })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(`127.0.0.1:${port}.*listens there already`) as string,
      details: { port, reason: 'EADDRINUSE' },
    });
    await first.stop();
  });

  it('on an address that is not of this machine says so', async () => {
    await expect(startRig({ host: '203.0.113.1', behindProxy: 'tls-and-auth' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { reason: 'EADDRNOTAVAIL' },
    });
  });
});

describe('A node on localhost', () => {
  it('is found by that name, for requests and for sockets', async () => {
    const rig = await startRig({ host: 'localhost' });
    const response = await fetch(`http://localhost:${rig.node.port}/healthz`);
    expect(response.status).toBe(200);
    const wire = await rig.open();
    expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await rig.stop();
  });
});

describe('An origin', () => {
  const judge = (origin: string, originsAllowed: readonly string[], host = '127.0.0.1:7600') =>
    refusalOfHeaders({ host, origin }, { host: '127.0.0.1', behindProxy: 'none', originsAllowed });

  it('is let in as a whole: its scheme, its name and its port', () => {
    expect(judge('https://app.example', ['https://app.example/'])).toBeUndefined();
    expect(judge('https://app.example:443', ['https://app.example'])).toBeUndefined();
    for (const origin of [
      'http://app.example',
      'https://app.example:444',
      'https://sub.app.example',
      'https://app.example.org',
    ]) {
      expect(judge(origin, ['https://app.example'])).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('that is none is never let in', () => {
    for (const origin of ['null', 'file://', 'data:text/html,x', '', ' ']) {
      expect(judge(origin, ['file://', 'null', 'data:'])).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('of this node is let in by the name that was asked for', () => {
    expect(judge('http://localhost:7600', [], 'localhost:7600')).toBeUndefined();
    expect(judge('http://localhost:7600', [], '127.0.0.1:7600')).toMatchObject({ code: 'FORBIDDEN' });
    expect(judge('http://[::1]:7600', [], '[::1]:7600')).toBeUndefined();
  });
});

describe('Behind a proxy that checks for itself', () => {
  const settings = { host: '127.0.0.1', behindProxy: 'tls-and-auth', originsAllowed: [] };

  it('the name that clients know is the business of the proxy, the origin of pages is not', () => {
    expect(refusalOfHeaders({ host: 'app.example' }, settings)).toBeUndefined();
    expect(refusalOfHeaders({ host: 'app.example', origin: 'https://app.example' }, settings)).toBeUndefined();
    expect(refusalOfHeaders({ host: 'app.example', origin: 'https://other.example' }, settings)).toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
