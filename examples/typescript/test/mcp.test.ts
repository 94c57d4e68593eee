/** The official client calls tools of the official server, and the gate stands between them. */

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import * as gait from "../gait.js";
import { gatedTool } from "../mcp.js";
import { World } from "./world.js";

/** Returns a client of a server with three tools, and what of them ran. */
async function connect(job: gait.Job) {
  const ran: string[] = [];
  const server = new McpServer({ name: "bank", version: "1.0.0" });
  for (const name of ["read", "pay", "steal"]) {
    gatedTool(server, job, name, { description: name, inputSchema: { amount: z.number() } }, ({ amount }) => {
      ran.push(`${name} ${amount}`);
      if (amount === 13) throw new Error("boom");
      if (amount === 14) return { isError: true, content: [{ type: "text", text: "half of it" }] };
      return { content: [{ type: "text", text: `${name} ${amount}: done` }] };
    });
  }
  const client = new Client({ name: "test", version: "1.0.0" });
  const [a, b] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(a), client.connect(b)]);
  const call = async (name: string, amount: number) => {
    const result: any = await client.callTool({ name, arguments: { amount } });
    return `${result.isError ? "error: " : ""}${result.content[0].text}`;
  };
  return { ran, call };
}

test("the gate stands before the tools of an MCP server", async () => {
  const w = new World();
  w.submit("job_1");
  const { ran, call } = await connect(new gait.Client({ environ: w.env }).job("job_1"));
  assert.equal(await call("read", 1), "read 1: done");
  assert.equal(await call("read", 1), "read 1: done");
  assert.match(await call("steal", 1), /^error: This is not allowed/);
  assert.match(await call("pay", 2), /^error: A person has to approve this first/);
  assert.match(await call("read", 3), /^error: The job is stopped for now/);
  w.approve("job_1");
  assert.equal(await call("pay", 2), "pay 2: done");
  assert.match(await call("read", 13), /^error: boom/);
  assert.match(await call("read", 4), /^error: It may have run already/);
  assert.deepEqual(ran, ["read 1", "read 1", "pay 2", "read 13"]);
});

test("clients whose requests have the same ids have calls of their own", async () => {
  const w = new World();
  w.submit("job_1");
  const job = new gait.Client({ environ: w.env }).job("job_1");
  const alice = await connect(job);
  const bob = await connect(job);
  assert.equal(await alice.call("read", 1), "read 1: done");
  assert.equal(await bob.call("read", 1), "read 1: done");
  assert.equal(await alice.call("read", 2), "read 2: done");
  assert.equal(await bob.call("read", 3), "read 3: done");
  assert.deepEqual([alice.ran, bob.ran], [["read 1", "read 2"], ["read 1", "read 3"]]);
});

test("a tool that says that it has failed is unknown", async () => {
  const w = new World();
  w.submit("job_1");
  const { call } = await connect(new gait.Client({ environ: w.env }).job("job_1"));
  assert.equal(await call("read", 14), "error: half of it");
  assert.equal(w.events("job_1").at(-1).payload.outcome, "unknown");
  assert.match(await call("read", 1), /^error: It may have run already/);
});

test("without gait, no tool of an MCP server runs", async () => {
  const { ran, call } = await connect(new gait.Client({ environ: {}, gait: "/nowhere", root: "/nowhere" }).job("job_1"));
  assert.match(await call("read", 1), /^error: It has not run/);
  assert.deepEqual(ran, []);
});
