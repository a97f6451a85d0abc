// The page's sign-in: keeps its tokens while the tab is open, and refreshes them before they expire.
//
// The tokens are in `sessionStorage`: a reload keeps them, but another tab or a later visit does not have them. Scripts
// from other hosts cannot read them, because the content security policy allows no such scripts. A duplicated tab has a
// copy of the tokens. So tabs send each other their new tokens: a refresh token that is used twice would end the sign-in.
const KEY = "afterglow.sign-in";
const MARGIN = 15_000; // the access token is refreshed this long before it expires, in milliseconds

export class SignIn {
  #base;
  #changed;
  #channel = new BroadcastChannel(KEY);
  #refreshing = null;

  // `base` is the URL of the API. `changed` is called with each new access token, and with null after a sign-out.
  constructor(base, changed) {
    this.#base = base;
    this.#changed = changed;
    this.#channel.onmessage = ({ data }) => {
      if (this.tokens?.refresh_token === data.replaced) this.#store(data.tokens);
    };
  }

  get tokens() {
    return JSON.parse(sessionStorage.getItem(KEY));
  }

  // Store the tokens of a response. If they belong to another device than the former tokens, sign the former device out.
  async keep({ access_token, refresh_token, expires_in }) {
    const before = this.tokens;
    this.#store({ access_token, refresh_token, expires_at: Date.now() + expires_in * 1000 });
    if (before !== null && deviceOf(before) !== deviceOf({ access_token })) await this.#end(before);
  }

  forget() {
    sessionStorage.removeItem(KEY);
    this.#changed(null);
  }

  // Sign the page's device out.
  async end() {
    const { tokens } = this;
    this.forget();
    if (tokens !== null) await this.#end(tokens);
  }

  // Return the headers of a request. If they have the page's access token and it is about to expire, refresh it first.
  async freshen(headers) {
    if (!this.#isOurs(headers) || Date.now() < this.tokens.expires_at - MARGIN) return headers;
    await this.#refresh();
    return this.tokens === null ? headers : this.#withToken(headers);
  }

  // Send a request. If the page's access token is refused, refresh it and send the request again.
  async fetch(url, options) {
    const { tokens } = this;
    const isOurs = this.#isOurs(options.headers);
    const response = await fetch(url, options);
    if (response.status !== 401 || !isOurs) return response;
    const { code } = await response.clone().json();
    if (code !== "not-signed-in") return response;
    if (this.tokens?.access_token === tokens.access_token) await this.#refresh();
    return this.tokens === null ? response : fetch(url, { ...options, headers: this.#withToken(options.headers) });
  }

  #store(tokens) {
    sessionStorage.setItem(KEY, JSON.stringify(tokens));
    this.#changed(tokens.access_token);
  }

  #isOurs(headers) {
    return this.tokens !== null && headers?.Authorization === `Bearer ${this.tokens.access_token}`;
  }

  #withToken(headers) {
    return { ...headers, Authorization: `Bearer ${this.tokens.access_token}` };
  }

  // Refresh the tokens, once for all requests that wait for new ones. Forget the tokens if the device is signed out.
  #refresh() {
    this.#refreshing ??= this.#refreshOnce().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refreshOnce() {
    const replaced = this.tokens.refresh_token;
    const response = await this.#post("v1/auth/refresh", {}, { refresh_token: replaced });
    if (response.ok) {
      await this.keep(await response.json());
      this.#channel.postMessage({ replaced, tokens: this.tokens });
    } else if (response.status === 401) {
      this.forget();
    }
  }

  async #end({ access_token, refresh_token }) {
    const logout = (token) => this.#post("v1/auth/logout", { Authorization: `Bearer ${token}` });
    if ((await logout(access_token)).status !== 401) return;
    const response = await this.#post("v1/auth/refresh", {}, { refresh_token });
    if (response.ok) await logout((await response.json()).access_token);
  }

  #post(path, headers, body) {
    const content = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
    return fetch(new URL(path, this.#base), { method: "POST", headers, ...content });
  }
}

function deviceOf({ access_token }) {
  const claims = access_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(claims)).sid;
}
