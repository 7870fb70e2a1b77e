// A receiver of webhooks in Node.js that does what docs/webhooks.md says: node receiver.mjs PORT SECRET VERIFY.mjs
import { createServer } from "node:http";

const [port, secret, module] = process.argv.slice(2);
const { receive } = await import(module);

createServer(async (request, answer) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const headers = { "Andon-Signature": request.headers["andon-signature"] ?? "" };
  const refused = await receive(new Request("http://receiver/", { method: "POST", headers, body }), secret);
  console.log(JSON.stringify({ status: refused?.status ?? 200, body: body.toString() }));
  answer.writeHead(refused?.status ?? 200, { "Content-Length": 0 }).end();
}).listen(Number(port), "127.0.0.1");
