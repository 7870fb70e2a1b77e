// Request or cancel a report with Inngest's own npm package: node inngest_client.mjs <report id> [requested|cancelled]
// INNGEST_BASE_URL is Andon's URL; INNGEST_EVENT_KEY is an API key of Andon's, or any text while keys are off.
import { Inngest } from "inngest";

const [reportId, what = "cancelled"] = process.argv.slice(2);
const inngest = new Inngest({ id: "reports", isDev: false });
const { ids } = await inngest.send({ name: `report/generation.${what}`, data: { reportId } });
console.log(ids[0]);
