#!/usr/bin/env python3
"""A client in another language: JSON over a WebSocket, with nothing of Troupe's.

  npm start -- --agents examples/shout.ts
  python3 examples/client.py

The second command prints the numbered events of a task, drops its connection in the middle on purpose, connects again, and
prints the rest and the output {"text": "HI"}. Every event comes once. It needs the package `websockets`
(apt install python3-websockets, or pip install websockets). TROUPE_URL names a node elsewhere.
"""

import asyncio
import json
import os

import websockets

URL = os.environ.get("TROUPE_URL", "http://127.0.0.1:7600").replace("http", "ws", 1) + "/ws"


def connect():
    return websockets.connect(URL, subprotocols=["troupe.v1.json"], compression=None, max_size=2**20)


async def say(socket, **message):
    await socket.send(json.dumps(message))


async def main():
    async with connect() as socket:
        await say(socket, type="task.submit", id="1", agent="shout", input={"text": "hi"}, watch="events")
        task, seen = None, 0
        while seen < 2:
            message = json.loads(await socket.recv())
            if message["type"] == "error":
                raise SystemExit(message["message"])
            if message["type"] == "task.accepted":
                task = message["task"]
            if message["type"] == "task.event":
                seen = message["seq"]
                print(seen, message["kind"])

    print("connection dropped; the task goes on")

    async with connect() as socket:
        await say(socket, type="task.watch", id="2", task=task, after=seen)
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "task.event":
                print(message["seq"], message["kind"])
            if message["type"] == "task.result":
                print(message["seq"], message["status"], json.dumps(message.get("output", message.get("error"))))
                return


asyncio.run(main())
