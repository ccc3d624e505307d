/** A node on the memory store with its doors open, and a plain HTTP client for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Node, startNode, type StartOptions } from '../../node.ts';
import { Wire } from '../support/wire.ts';

/** What came back over HTTP. `json` is undefined where the body is no JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A node and how to reach it. */
export interface Rig {
  readonly node: Node;
  readonly url: string;
  readonly socketUrl: string;
  open(codec?: 'troupe.v1.msgpack' | 'troupe.v1.json'): Promise<Wire>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Strings and buffers are sent as they are, all else as JSON. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Submits over HTTP and gives the task's id. */
  submit(body: object): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startRig(options: StartOptions = {}): Promise<Rig> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'troupe-gateway-'));
  const node = await startNode({
    port: 0,
    store: 'memory',
    lab: true,
    logLevel: 'error',
    dataDir,
    drainMs: 0,
    ...options,
  });
  const { url } = node;
  const socketUrl = `${url.replace('http', 'ws')}/ws`;
  const wires: Wire[] = [];
  const send: Rig['send'] = async (method, at, body, headers = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(url + at, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    let json: Answer['json'] = {};
    if (text !== '' && /json/.test(response.headers.get('content-type') ?? ''))
      json = JSON.parse(text) as Answer['json'];
    return { status: response.status, headers: response.headers, text, json };
  };
  return {
    node,
    url,
    socketUrl,
    send,
    open: async (codec) => {
      const wire = await Wire.open(socketUrl, codec);
      wires.push(wire);
      return wire;
    },
    get: (at, headers) => send('GET', at, undefined, headers),
    submit: async (body) => {
      const { status, json, text } = await send('POST', '/api/v1/tasks', body);
      if (status !== 202) throw new TypeError(`${status} ${text}`);
      return String(json['task']);
    },
    stop: async () => {
      for (const wire of wires) wire.drop();
      await node.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Whether numbers count up by one from `first`. */
export function countUp(numbers: readonly (number | undefined)[], first = 1): boolean {
  return numbers.every((number, index) => number === first + index);
}
