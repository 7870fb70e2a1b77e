import { Andon, AndonProblem } from "@andon/client";

/**
 * What the page's own server does, as Next.js' route handlers have it (`app/api/reports/route.ts` exports
 * `POST = create`, `app/api/reports/[id]/token/route.ts` `POST = token`, and so on). The key stays here; a page gets a token for one report, in the name of who is logged in.
 */
const andon = new Andon({ url: process.env["ANDON_URL"]!, token: process.env["ANDON_KEY"]! });

type Context = { params: Promise<{ id: string }> };

export async function create(request: Request): Promise<Response> {
  const { title } = (await request.json()) as { title: string };
  return Response.json(await andon.reports.create({ title, datasetId: process.env["DATASET_ID"]! }), { status: 201 });
}

export async function token(_request: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  const user = { id: "ada" }; // from your own session; refuse here who may not see this report
  return Response.json(await andon.reports.createToken(id, { scopes: ["read", "cancel"], ttl: 900, user }));
}

export async function generate(_request: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  try {
    return Response.json(await andon.reports.generate(id, { wait: 5 }), { status: 202 });
  } catch (refused) {
    if (!(refused instanceof AndonProblem)) throw refused;
    return Response.json({ detail: refused.message }, { status: refused.status || 502 });
  }
}
