// Signs in and lists the sessions through openapi-fetch, typed by openapi-typescript.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[] };
const [baseUrl, email, password] = process.argv.slice(2);

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl });
  const login = await client.POST("/v1/auth/login", { body: { email, password } });
  if (!login.data) throw new Error(login.error.code);
  const headers = { Authorization: `Bearer ${login.data.access_token}` };
  const page = await client.GET("/v1/sessions", { headers, params: { query: { status: ["completed"], limit: 10 } } });
  if (!page.data) throw new Error(page.error.code);
  const titles: (string | null)[] = page.data.items.map((session) => session.title);
  if (titles.length === 0) throw new Error("the demo has completed sessions");
  console.log(`openapi-fetch: ${page.response.status}, ${titles.join("; ")}`);
}

void main();
