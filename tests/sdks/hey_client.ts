// Creates, lists, changes, pushes and pulls reflections through the client of @hey-api/openapi-ts.
import { client } from "./hey/client.gen";
import { changeReflection, createReflection, listReflections, login, pullChanges, pushChanges } from "./hey/sdk.gen";

declare const process: { argv: string[] };
const [baseUrl, email, password] = process.argv.slice(2);

async function main(): Promise<void> {
  client.setConfig({ baseUrl });
  const tokens = await login({ body: { email, password }, throwOnError: true });
  client.setConfig({ auth: () => tokens.data.access_token });
  const created = await createReflection({ body: { body: "Written through hey-api." }, throwOnError: true });
  const { id, version } = created.data;
  const page = await listReflections({ query: { limit: 10 }, throwOnError: true });
  if (page.data.items[0].id !== id) throw new Error("list");
  const headers = { "If-Match": `"${version}"` };
  const changed = await changeReflection({ path: { id }, headers, body: { title: "Changed" }, throwOnError: true });
  const op = { op: "upsert", collection: "reflections", id, set: { mood: 7 }, base: changed.data.version } as const;
  const pushed = await pushChanges({ body: { ops: [op] }, throwOnError: true });
  const [result] = pushed.data.results;
  if (result.collection !== "reflections" || result.record?.mood !== 7) throw new Error("push");
  let found = false;
  let since = "0";
  for (let more = true; more; ) {
    const pulled = await pullChanges({ query: { since }, throwOnError: true });
    found ||= pulled.data.changes.some((each) => each.id === id && each.version === result.version);
    since = pulled.data.cursor;
    more = pulled.data.has_more;
  }
  if (!found) throw new Error("pull");
  console.log(`@hey-api/openapi-ts: ${id} created, listed, changed, pushed and pulled`);
}

void main();
