// Writes src/schema.ts: the shapes of what a running Andon's API shows and takes. What may be asked stands in client.ts.
import { writeFile } from "node:fs/promises";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const document = await (await fetch("http://127.0.0.1:8000/api/v1/openapi.json")).json();
const shapes = { ...document, paths: {}, webhooks: {}, components: { schemas: document.components.schemas } };
await writeFile("src/schema.ts", COMMENT_HEADER + astToString(await openapiTS(shapes)));
