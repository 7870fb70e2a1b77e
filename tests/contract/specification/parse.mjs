// Parses the AsyncAPI document as its readers do, and says what it finds wrong.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { diagnostics } = await new Parser().parse(await readFile("asyncapi.json", "utf8"));
const errors = diagnostics.filter(({ severity }) => severity === 0);
for (const { path, message } of errors) console.log(path.join("."), message);
process.exit(errors.length ? 1 : 0);
