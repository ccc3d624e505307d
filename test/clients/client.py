"""A client in another language: Debian's websockets and msgpack, and no code of the project. Prints what it saw as JSON.

    client.py URL
"""

import asyncio
import json
import sys

import msgpack
import websockets


class Connection:
    """One connection, in MessagePack or in JSON."""

    def __init__(self, socket):
        self.socket = socket
        self.binary = socket.subprotocol == "troupe.v1.msgpack"

    @classmethod
    async def open(cls, url, codec):
        protocols = None if codec is None else [f"troupe.v1.{codec}"]
        socket = await websockets.connect(url, subprotocols=protocols, max_size=2**20, compression=None)
        connection = cls(socket)
        return connection, await connection.receive()

    async def send(self, **message):
        await self.socket.send(msgpack.packb(message) if self.binary else json.dumps(message))

    async def receive(self):
        frame = await asyncio.wait_for(self.socket.recv(), 20)
        assert isinstance(frame, bytes) == self.binary, "binary frames for MessagePack, text for JSON"
        return msgpack.unpackb(frame) if self.binary else json.loads(frame)

    async def until(self, type_, into=None):
        """The next frame of a type; those before it are kept in `into`."""
        while True:
            frame = await self.receive()
            if frame["type"] == type_:
                return frame
            if into is not None:
                into.append(frame)


async def simple(url, codec):
    """Submits one task and follows it to its end."""
    connection, hello = await Connection.open(url, codec)
    value = {"text": "grüße", "list": [1, 2.5, None, True], "deep": {"a": {"b": "c"}}}
    await connection.send(type="task.submit", id="one", agent="lab.echo", input=value)
    accepted = await connection.receive()
    events = []
    result = await connection.until("task.result", events)
    await connection.socket.close()
    return {
        "protocol": connection.socket.subprotocol,
        "hello": hello,
        "accepted": accepted,
        "events": events,
        "result": result,
        "same": result["output"] == value,
    }


async def dropped(url):
    """Loses its connection in the middle of a workflow, and goes on from the last line that it has."""
    graph = {
        "steps": [
            {"id": "first", "agent": "lab.echo", "input": 1},
            {"id": "wait", "agent": "lab.delay", "input": {"ms": 700, "value": "${steps.first.output + 1}"}},
            {"id": "last", "agent": "lab.echo", "input": "${steps.wait.output + 1}"},
        ],
        "output": "${steps.last.output}",
    }
    connection, _ = await Connection.open(url, "msgpack")
    await connection.send(type="task.submit", id="two", graph=graph, key="python")
    task = (await connection.until("task.accepted"))["task"]
    before = []
    while not any(frame["kind"] == "step.completed" for frame in before):
        before.append(await connection.until("task.event"))
    connection.socket.transport.abort()

    again, _ = await Connection.open(url, "json")
    await again.send(type="task.watch", id="three", task=task, after=before[-1]["seq"])
    status = await again.receive()
    after = []
    result = await again.until("task.result", after)
    await again.send(type="task.submit", id="four", graph=graph, key="python", watch=False)
    duplicate = await again.receive()
    await again.socket.close()
    return {
        "task": task,
        "before": before,
        "status": status,
        "after": after,
        "result": result,
        "duplicate": duplicate,
    }


async def malformed(url):
    """Sends what is no message, then one that is, on the same connection."""
    answers = {}
    for codec, bad in {"msgpack": b"\xc1\x00", "json": '{"type": '}.items():
        connection, _ = await Connection.open(url, codec)
        await connection.socket.send(bad)
        error = await connection.receive()
        await connection.send(type="task.conjure", id="u")
        unknown = await connection.receive()
        await connection.send(type="ping", id="p")
        answers[codec] = {"error": error, "unknown": unknown, "pong": await connection.receive()}
        await connection.socket.close()
    return answers


async def main(url):
    print(
        json.dumps(
            {
                "msgpack": await simple(url, "msgpack"),
                "json": await simple(url, "json"),
                "none": await simple(url, None),
                "dropped": await dropped(url),
                "malformed": await malformed(url),
            }
        )
    )


asyncio.run(main(sys.argv[1]))
