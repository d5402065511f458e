#!/usr/bin/env bash
# A mandatory Router of zeromq.js reports an unknown peer only once some peer has connected.
#
# A person would expect, from zeromq.js's documentation of `mandatory` (a send that cannot be routed fails; one
# whose peer's queue is full waits): sending to an identity that is not connected rejects, whoever else is there.
# What happens: before the first peer of any identity, the promise stays pending, as if a queue were full, and
# a second send meanwhile throws EBUSY. The first peer to connect ends it, and so does a sendTimeout (the
# default is none); each time it then rejects with EHOSTUNREACH.
# Seen with zeromq.js 6.8.0 (libzmq 4.3.5) on Linux x86_64, Node 20.20.2, on 2026-11-28.
# Why it matters here: a program in Node that asks in this way whether a client is there waits without a
# deadline until one comes, and what it has to send after that waits too. Set a sendTimeout.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true, "type": "module"}' >package.json
timeout 900 npm install --silent --no-audit --no-fund --ignore-scripts zeromq@6.8.0
cat >look.js <<'JS'
import * as zmq from "zeromq";

/** How a promise ends within 3 s; `pending` if it does not. */
const ending = (promise) => {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, 3000, "pending"); });
  return Promise.race([promise.then(() => "sent", (error) => error.code), late]).finally(() => clearTimeout(timer));
};
/** A call that may throw, as a promise. */
const attempt = async (call) => call();
const router = async (options) => {
  const socket = new zmq.Router({ linger: 0, mandatory: true, ...options });
  await socket.bind("tcp://127.0.0.1:*");
  return socket;
};
const alone = await router();
const patient = await router({ sendTimeout: 500 });
const visited = await router();
const peer = new zmq.Dealer({ linger: 0, routingId: "peer" });
peer.connect(visited.lastEndpoint);
await peer.send("here");
await visited.receive();
const firstPeer = new zmq.Dealer({ linger: 0 });

const waiting = alone.send(["nobody", "x"]);
const seen = {
  "no peer yet": await ending(waiting),
  "a second send meanwhile": await ending(attempt(() => alone.send(["nobody", "y"]))),
  "no peer, sendTimeout": await ending(patient.send(["nobody", "x"])),
  "the same send, after the first peer": await (firstPeer.connect(alone.lastEndpoint), ending(waiting)),
  "another peer": await ending(visited.send(["nobody", "x"])),
};
const expected = {
  "no peer yet": "pending",
  "a second send meanwhile": "EBUSY",
  "no peer, sendTimeout": "EHOSTUNREACH",
  "the same send, after the first peer": "EHOSTUNREACH",
  "another peer": "EHOSTUNREACH",
};
console.log("sending to an unknown identity:", seen);
for (const socket of [alone, patient, visited, peer, firstPeer]) socket.close();
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.error("changed; before:", expected);
  process.exitCode = 1;
}
JS
timeout 60 node look.js
