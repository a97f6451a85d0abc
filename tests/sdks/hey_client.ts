// Signs in and lists the sessions through the client of @hey-api/openapi-ts.
import { client } from "./hey/client.gen";
import { listSessions, login } from "./hey/sdk.gen";

declare const process: { argv: string[] };
const [baseUrl, email, password] = process.argv.slice(2);

async function main(): Promise<void> {
  client.setConfig({ baseUrl });
  const tokens = await login({ body: { email, password }, throwOnError: true });
  client.setConfig({ auth: () => tokens.data.access_token });
  const page = await listSessions({ query: { status: ["completed"], limit: 10 }, throwOnError: true });
  const titles: (string | null)[] = page.data.items.map((session) => session.title);
  if (titles.length === 0) throw new Error("the demo has completed sessions");
  console.log(`@hey-api/openapi-ts: ${page.response.status}, ${titles.join("; ")}`);
}

void main();
