/** A port that does nothing but note what it is asked, for walking the tables of flat logics. */
import type { CellPort, TaskLogWrite } from '../../runtime/cell-port.ts';

/** What a turn asked for. */
export interface NotedPort {
  readonly port: CellPort;
  /** One line per request, in order: `send task/1 task.progress`, `start run/1`, `stop run/1`, `timer retry`, `log 3`. */
  readonly asked: string[];
  readonly logs: TaskLogWrite[];
  readonly attachments: Map<string, unknown>;
}

/** Makes one for an actor at this address with this input. */
export function createNotingPort(address: string, input: unknown, nowMs = 1_000): NotedPort {
  const asked: string[] = [];
  const logs: TaskLogWrite[] = [];
  const attachments = new Map<string, unknown>();
  const port: CellPort = {
    address,
    input,
    nowMs: () => nowMs,
    send: (to, event) => void asked.push(`send ${to} ${event.type}`),
    tell: (to, event) => void asked.push(`tell ${to} ${event.type}`),
    startChild: (spec) => void asked.push(`start ${spec.address}`),
    monitor: (to) => {
      asked.push(`monitor ${to}`);
      return `ref ${to}`;
    },
    demonitor: (ref) => void asked.push(`demonitor ${ref}`),
    link: (to) => void asked.push(`link ${to}`),
    unlink: (to) => void asked.push(`unlink ${to}`),
    trapExit: (isOn) => void asked.push(`trap exits ${isOn}`),
    stopChild: (to) => void asked.push(`stop ${to}`),
    setTimer: (id) => void asked.push(`timer ${id}`),
    clearTimer: (id) => void asked.push(`no timer ${id}`),
    effect: ({ key, again }) => void asked.push(`call ${key}${again ? ' again' : ''}`),
    cancelEffect: (key) => void asked.push(`no call ${key}`),
    logTask: (write) => {
      logs.push(write);
      asked.push(`log ${write.progress.seq}`);
    },
    claimKey: ({ key }) => void asked.push(`claim ${key}`),
    define: ({ kind, name, body }) => void asked.push(`${body === null ? 'undefine' : 'define'} ${kind} ${name}`),
    attach: (key, value) => {
      asked.push(`${value === undefined ? 'detach' : 'attach'} ${key}`);
      if (value === undefined) attachments.delete(key);
      else attachments.set(key, value);
    },
    attached: () => attachments,
    afterCommit: (fn) => {
      asked.push('after commit');
      fn();
    },
    reenter: () => undefined,
    fail: () => undefined,
  };
  return { port, asked, logs, attachments };
}

/** Freezes plain data to its depths; what is made by a class is left alone, since it is no part of a state proper. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return value;
  for (const field of Object.values(value)) deepFreeze(field);
  return Object.freeze(value);
}
