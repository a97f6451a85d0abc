// Requests: what a client does about each answer, and how many operations fit into a push.
const MAX_OPS = 500
const MAX_BYTES = 2 * 2 ** 20
const ENVELOPE = 20  // bytes of a push around its operations
const MAX_WAITS = 5
const encoder = new TextEncoder()

/** The server refused a request; `status` and `problem` say why. Everything that waits to be pushed is kept. */
export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.code}`)
    Object.assign(this, { status, problem })
  }
}

/**
 * Return a function that sends a request and returns the response, or throws `Refused`.
 *
 * - 401: `refresh()` gets another access token and returns whether it could; else `tell({ type: 'sign-in' })`.
 * - 429, 503: waits for the seconds in `Retry-After`, up to five times.
 * - 507: `tell({ type: 'storage-full' })`; edits wait on the device until the person has made room.
 *
 * `token()` returns the access token; `fetch` and `sleep(milliseconds)` can be replaced.
 */
export function requester({ url, token, refresh, tell = () => {}, ...options }) {
  const send = options.fetch ?? ((...all) => fetch(...all))
  const sleep = options.sleep ?? (milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)))
  return async (method, path, body, signal) => {
    for (let waits = 0, refreshed = false; ;) {
      const headers = { Authorization: `Bearer ${await token()}`, 'Content-Type': 'application/json' }
      const response = await send(url + path, { method, headers, body: body && JSON.stringify(body), signal })
      if (response.ok) return response
      const { status } = response, problem = await response.json().catch(() => ({}))
      if (status === 401 && !refreshed && await refresh()) {
        refreshed = true
      } else if ((status === 429 || status === 503) && waits++ < MAX_WAITS) {
        await sleep(1000 * (response.headers.get('Retry-After') ?? 1))
      } else {
        if (status === 401) tell({ type: 'sign-in', problem })
        if (status === 507) tell({ type: 'storage-full', problem })
        throw new Refused(status, problem)
      }
    }
  }
}

/** Yield `{ op }` in pushes of at most 500 operations, and of at most 2 MiB in bytes. */
export function* batches(waiting) {
  let batch = [], size = ENVELOPE
  for (const each of waiting) {
    const bytes = encoder.encode(JSON.stringify(each.op)).length + 1
    if (batch.length && (batch.length === MAX_OPS || size + bytes > MAX_BYTES)) {
      yield batch
      batch = []
      size = ENVELOPE
    }
    batch.push(each)
    size += bytes
  }
  if (batch.length) yield batch
}
