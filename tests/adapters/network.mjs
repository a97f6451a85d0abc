// The network between an adapter and the server: it notes every push, and fails as a check says.

export class Network {
  pushes = []  // the operations of each push that was sent
  pauses = []  // the milliseconds that the adapter waited
  rewrite = null  // changes what a pull answers
  #plans = []

  /** Let the next request to a path fail, `after` the server's work or `instead`; `meanwhile` runs in between. */
  plan(path, plan) {
    this.#plans.push({ path, ...plan })
  }

  lose(path = '/v1/sync/push') {
    this.plan(path, { after: () => { throw new TypeError('fetch failed') } })
  }

  refuse(path, status, problem, headers = {}) {
    const body = typeof problem === 'string' ? { code: problem } : problem
    this.plan(path, { instead: () => Response.json(body, { status, headers }) })
  }

  fetch = async (url, options) => {
    const index = this.#plans.findIndex(({ path }) => url.includes(path))
    const [plan = {}] = index < 0 ? [] : this.#plans.splice(index, 1)
    if (url.endsWith('/push')) this.pushes.push({ bytes: Buffer.byteLength(options.body), ...JSON.parse(options.body) })
    if (plan.instead) return plan.instead()
    const response = await fetch(url, options)
    await plan.meanwhile?.()
    plan.after?.()
    return this.rewrite && url.includes('/changes') ? Response.json(this.rewrite(await response.json())) : response
  }

  sleep = async milliseconds => { this.pauses.push(milliseconds) }

  /** Return every operation that was sent on a record. */
  ops(id) {
    return this.pushes.flatMap(({ ops }) => ops).filter(op => op.id === id)
  }
}
