/** A worker that is killed at the point that KILL_AT names, once: before or after one of its requests to gait. */

import * as fs from "node:fs";
import * as gait from "../gait.js";

/** Leaves a line for the test. */
export const note = (line: string) => fs.appendFileSync("notes", `${line}\n`);

let points = 0;

/** A point at which a worker may be killed. */
function point(): void {
  if (++points !== Number(process.env.KILL_AT) || fs.existsSync("killed")) return;
  fs.writeFileSync("killed", "");
  process.kill(process.pid, "SIGKILL");
  for (;;);
}

for (const name of ["ask", "record", "end"] as const) {
  const plain = gait.Client.prototype[name] as (this: gait.Client, about: any) => Promise<any>;
  gait.Client.prototype[name] = async function (this: gait.Client, about: any) {
    point();
    const answer = await plain.call(this, about);
    point();
    return answer;
  };
}
