/**
 * Tools of an MCP server (@modelcontextprotocol/sdk 1.32) whose every call passes the gate:
 *
 *     const server = new McpServer({ name: "bank", version: "1.0.0" });
 *     gatedTool(server, job, "pay", { inputSchema: { amount: z.number() } }, async ({ amount }) => bank.pay(amount), { target: "bank" });
 *
 * A server of other people's that cannot be changed goes behind gait mcp proxy.
 */

import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult, ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import { randomUUID } from "node:crypto";
import { failureOf, type Job } from "./gait.js";

/** What McpServer.registerTool is told about a tool. */
export type ToolConfig = { title?: string; description?: string; inputSchema: any; outputSchema?: any; annotations?: ToolAnnotations };

/** The result of a tool that says itself that it has failed. */
class Failed extends Error {
  constructor(readonly result: CallToolResult) {
    super("the tool failed");
  }
}

/**
 * Registers a tool that runs only if the gate allows it, once for each request: ids of requests begin anew with each
 * client, and name no call. What it returns is settled as done; if it throws, or returns an error, it is unknown
 * whether it ran.
 */
export function gatedTool(server: McpServer, job: Job, name: string, config: ToolConfig, run: (given: any, extra: any) => CallToolResult | Promise<CallToolResult>, options: { target?: string } = {}) {
  const handler = async (given: any, extra: any): Promise<CallToolResult> => {
    try {
      const runs = async (asked: any) => {
        const result = await run(asked, extra);
        if (result.isError) throw new Failed(result);
        return result;
      };
      return await job.do(name, given, runs, { ...options, callId: `mcp:${randomUUID()}` });
    } catch (error) {
      if (error instanceof Failed) return error.result;
      const failure = failureOf(error);
      if (failure === undefined) throw error; // the tool's own: the server tells its client
      return { isError: true, content: [{ type: "text", text: await job.told(failure).catch(() => `It has not run. (${failure.code})`) }] };
    }
  };
  return server.registerTool(name, config as any, handler as any);
}
