// Creates, lists, changes, pushes and pulls reflections through openapi-fetch, typed by openapi-typescript.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[] };
const [baseUrl, email, password] = process.argv.slice(2);

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl });
  const login = await client.POST("/v1/auth/login", { body: { email, password } });
  if (!login.data) throw new Error(login.error.code);
  const headers = { Authorization: `Bearer ${login.data.access_token}` };
  const created = await client.POST("/v1/reflections", { headers, body: { body: "Written through openapi-fetch." } });
  if (!created.data) throw new Error(created.error.code);
  const { id, version } = created.data;
  const page = await client.GET("/v1/reflections", { headers, params: { query: { limit: 10 } } });
  if (page.data?.items[0].id !== id) throw new Error("list");
  const params = { path: { id }, header: { "If-Match": `"${version}"` } };
  const changed = await client.PATCH("/v1/reflections/{id}", { headers, params, body: { title: "Changed" } });
  if (!changed.data) throw new Error(changed.error.code);
  const op = { op: "upsert", collection: "reflections", id, set: { mood: 7 }, base: changed.data.version } as const;
  const pushed = await client.POST("/v1/sync/push", { headers, body: { ops: [op] } });
  if (!pushed.data) throw new Error(pushed.error.code);
  const [result] = pushed.data.results;
  if (result.collection !== "reflections" || result.record?.mood !== 7) throw new Error("push");
  let found = false;
  let since = "0";
  for (let more = true; more; ) {
    const pulled = await client.GET("/v1/sync/changes", { headers, params: { query: { since } } });
    if (!pulled.data) throw new Error(pulled.error.code);
    found ||= pulled.data.changes.some((each) => each.id === id && each.version === result.version);
    since = pulled.data.cursor;
    more = pulled.data.has_more;
  }
  if (!found) throw new Error("pull");
  console.log(`openapi-fetch: ${id} created, listed, changed, pushed and pulled`);
}

void main();
