// Request or cancel a report from Node with the npm package `redis`: node node_redis.mjs <report id> [requested|cancelled]
import { randomUUID } from "node:crypto";
import { createClient } from "redis";

const [reportId, what = "cancelled"] = process.argv.slice(2);
const client = await createClient({ url: process.env.ANDON_REDIS_URL }).connect();
const id = randomUUID(); // sent again with the same id, it has no second effect
await client.xAdd("andon:events", "*", {
  name: `report/generation.${what}`,
  data: JSON.stringify({ reportId }),
  id,
  user: JSON.stringify({ id: "node" }),
});
console.log(id);
await client.close();
