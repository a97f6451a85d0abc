// Creates, lists, changes, pushes and pulls reflections through the client of orval.
import { changeReflection, createReflection, listReflections, login, pullChanges, pushChanges } from "./orval";

declare const process: { argv: string[] };
const [baseUrl, email, password] = process.argv.slice(2);
const send = globalThis.fetch;
let headers: Record<string, string> = {};
globalThis.fetch = (path, options) =>
  send(`${baseUrl}${path}`, { ...options, headers: { ...headers, ...(options?.headers as Record<string, string>) } });

async function main(): Promise<void> {
  const tokens = await login({ email, password });
  if (tokens.status !== 200) throw new Error(tokens.data.code);
  headers = { Authorization: `Bearer ${tokens.data.access_token}` };
  const created = await createReflection({ body: "Written through orval." });
  if (created.status !== 201) throw new Error(`create: ${created.status}`);
  const { id, version } = created.data;
  const page = await listReflections({ limit: 10 });
  if (page.status !== 200 || page.data.items[0].id !== id) throw new Error(`list: ${page.status}`);
  const changed = await changeReflection(id, { title: "Changed" }, { headers: { "If-Match": `"${version}"` } });
  if (changed.status !== 200) throw new Error(changed.data.code);
  const op = { op: "upsert", collection: "reflections", id, set: { mood: 7 }, base: changed.data.version } as const;
  const pushed = await pushChanges({ ops: [op] });
  if (pushed.status !== 200) throw new Error(pushed.data.code);
  const [result] = pushed.data.results;
  if (result.collection !== "reflections" || result.record?.mood !== 7) throw new Error("push");
  let found = false;
  let since = "0";
  for (let more = true; more; ) {
    const pulled = await pullChanges({ since });
    if (pulled.status !== 200) throw new Error(pulled.data.code);
    found ||= pulled.data.changes.some((each) => each.id === id && each.version === result.version);
    since = pulled.data.cursor;
    more = pulled.data.has_more;
  }
  if (!found) throw new Error("pull");
  console.log(`orval: ${id} created, listed, changed, pushed and pulled`);
}

void main();
