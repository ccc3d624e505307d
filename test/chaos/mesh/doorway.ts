/**
 * Lets those outside of a network namespace in to a port of its loopback: what comes to a file is passed on to it. Its arguments are
 * the file and the port.
 */
import { connect, createServer } from 'node:net';

const [file = '', port = ''] = process.argv.slice(2);
createServer((outside) => {
  const inside = connect(Number(port), '127.0.0.1');
  for (const [one, other] of [
    [outside, inside],
    [inside, outside],
  ] as const) {
    one.on('error', () => undefined);
    // What was sent before an orderly end is passed on still.
    one.on('close', () => void (one.readableEnded || other.destroy()));
    one.pipe(other);
  }
}).listen(file);
