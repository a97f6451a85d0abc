// Starts Swagger UI. A response with an access token (sign-in, refresh, verification) authorizes every operation on the
// page. The page then refreshes the token by itself. A sign-out removes the authorization.
import { showEvents } from "./events.js";
import { references } from "./references.js";
import { readChapters, search } from "./search.js";
import { shortResponses } from "./short-responses.js";
import { SignIn } from "./sign-in.js";

const SCHEME = "AccessToken";
const SIGNS_IN = /\/v1\/auth\/(login|verify|refresh|reopen)$/;
const SIGNS_OUT = /\/v1\/(auth\/logout|auth\/logout-all|me\/close)$/;
const REFRESHES = /\/v1\/auth\/refresh$/;
const STREAMS = /\/v1\/sync\/events$/;

const base = new URL(".", location.href); // the page may be served below a path
const guide = new URL("guide", base).href;
const readSpec = async () => (await fetch(new URL("openapi.json", base))).json();
const [spec, chapters] = await Promise.all([readSpec(), readChapters(guide)]);
spec.servers = [{ url: base.pathname.replace(/\/$/, "") || "/" }];
const { example } = spec.paths["/v1/auth/refresh"].post.requestBody.content["application/json"];
const signIn = new SignIn(base, (token) => {
  if (token === null) ui.authActions.logout([SCHEME]);
  else ui.preauthorizeApiKey(SCHEME, token);
});

// Swagger UI's dialog "Authorize". Its button "Logout" signs the device out. If another token is entered, the page signs
// its own device out and uses that token.
const dialog = {
  logout: (original) => (schemes) => {
    if (signIn.tokens !== null) signIn.end();
    return original(schemes);
  },
  authorize: (original) => (payload) => {
    const { tokens } = signIn;
    if (tokens !== null && payload[SCHEME]?.value !== tokens.access_token) signIn.end();
    return original(payload);
  },
};

const pathOf = (url) => new URL(url, location.href).pathname;

async function prepare(request) {
  const { tokens } = signIn;
  if (tokens !== null && REFRESHES.test(pathOf(request.url))) {
    request.body = request.body?.replace(example.refresh_token, tokens.refresh_token);
  }
  request.headers = await signIn.freshen(request.headers);
  request.userFetch = STREAMS.test(pathOf(request.url)) ? follow : (url, options) => signIn.fetch(url, options);
  return request;
}

async function follow(url, options) {
  const stop = new AbortController();
  const response = await signIn.fetch(url, { ...options, signal: stop.signal });
  return response.ok ? showEvents("follow_changes", response, stop) : response;
}

async function note(response) {
  const path = pathOf(response.url);
  if (response.ok && SIGNS_IN.test(path)) await signIn.keep(JSON.parse(response.text));
  else if (response.ok && SIGNS_OUT.test(path)) signIn.forget();
  return response;
}

const ui = SwaggerUIBundle({
  spec,
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  plugins: [
    references(location.href.split("#")[0]),
    shortResponses(base, spec.components.examples),
    search(spec, chapters, guide),
    { statePlugins: { auth: { wrapActions: dialog } } },
  ],
  layout: "BaseLayout",
  requestInterceptor: prepare,
  responseInterceptor: note,
  onComplete: () => {
    if (signIn.tokens !== null) ui.preauthorizeApiKey(SCHEME, signIn.tokens.access_token);
  },
});
