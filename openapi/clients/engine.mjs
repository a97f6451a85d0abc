// The engine that every adapter shares: it pulls, pushes, and asks the person. shadows.mjs says what it keeps.
import { creation, difference, inOrder, operation, split } from './records.mjs'
import { Refused, batches, requester } from './requests.mjs'
import { completed, isClean, isHeld, learnChange, learnResult } from './shadows.mjs'

/**
 * Syncs a store, with the options that `requester` takes, and `tell({ type: 'question', key, question })`.
 *
 * A store has `collections`, the names of those that the app has; `keys()` of all records and shadows; `shadows()` and
 * `shadow(key)`, as copies; `mine(key, shadow)`, the fields that the library has, or null; `cursor()`; and
 * `write(entries, cursor?)`. In an entry `{ shadow, mine, show }`, `show` is the record for the library, null to remove
 * it, undefined to leave it; what a person changed since `mine` was read must survive (`toShow`). Unless everything is
 * one transaction, records are written before shadows, and the cursor last.
 */
export class Engine {
  touched = new Set()  // the keys of records that may have edits
  #running
  #started = false

  constructor(store, options) {
    this.store = store
    this.tell = options.tell ?? (() => {})
    this.request = requester(options)
  }

  /** Pull, push, and pull what the push changed. Rejects with `Refused`, or with what `fetch` throws offline. */
  sync() {
    return this.#alone(async () => {
      for (const key of this.#started ? [] : await this.store.keys()) if (this.#isOurs(key)) this.touched.add(key)
      this.#started = true
      await this.#pull()
      await this.#push()
      await this.#pull()
    })
  }

  /** Sync now, and after every change that the server announces, until `signal` aborts or the connection ends. */
  async follow(signal) {
    const response = await this.request('GET', '/v1/sync/events', undefined, signal)
    for await (const chunk of response.body) {
      if (new TextDecoder().decode(chunk).includes('data:')) await this.sync()
    }
  }

  /** Return what a person has to look at: `[{ key, outcome, reason, fields, record, error, op }]`. */
  async questions() {
    return (await this.#shadows()).filter(each => each.question).map(({ key, question }) => ({ key, ...question }))
  }

  /** Answer a question: 'theirs' takes the server's record; 'mine' keeps the person's, with what they `merged`. */
  resolve(key, choice, merged = {}) {
    return this.#alone(async () => {
      const { shadow, mine } = await this.#look(key)
      if (!shadow.question) return
      const { record, version, reason, fields } = shadow.question
      let show = null
      if (choice === 'theirs') {
        show = record
        shadow.removed = record ? null : version
      } else if (record && mine) {
        const edits = difference(split(key)[0], shadow.agreed, mine)
        if (reason === 'locked') for (const name of fields) delete edits[name]  // only the clinic can set these
        show = { ...record, ...edits, ...merged }
      } else if (mine) {
        show = { ...mine, ...merged }
        shadow.sent = creation(key, show, { undelete: true })
      }
      this.touched.add(key)
      await this.store.write([{ shadow: Object.assign(shadow, { agreed: record, question: null }), mine, show }])
    })
  }

  /** Run `work` when what runs now has ended: two at once would overwrite each other's shadows. */
  #alone(work) {
    return this.#running = Promise.allSettled([this.#running]).then(work)
  }

  /** Say whether the app has a record's collection; in one that it gave up, every record would look removed. */
  #isOurs(key) {
    return this.store.collections.includes(split(key)[0])
  }

  async #shadows() {
    return (await this.store.shadows()).filter(({ key }) => this.#isOurs(key))
  }

  async #look(key) {
    const shadow = await this.store.shadow(key) ?? { key, agreed: null }
    return { shadow, mine: await this.store.mine(key, shadow) }
  }

  async #pull() {
    const collections = this.store.collections.join(), stored = await this.store.cursor()
    let since = stored?.collections === collections ? stored.since : '0', kept = 0, brought = null
    for (let more = true; more;) {
      const path = `/v1/sync/changes?limit=500&since=${encodeURIComponent(since)}`
      const page = await this.request('GET', path).then(response => response.json()).catch(error => error)
      if (page instanceof Refused && page.status === 410) {
        kept = await this.#startOver(page.problem) || kept
        brought = new Set()
        since = '0'  // the stored cursor stays until the copy is complete: if this is cut short, it begins again
        continue
      }
      if (page instanceof Error) throw page
      const entries = []
      for (const change of page.changes.filter(({ collection }) => this.store.collections.includes(collection))) {
        const { shadow, mine } = await this.#look(`${change.collection}/${change.id}`)
        const show = learnChange(shadow, mine, change, kept)
        brought?.add(shadow.key)
        if (show === undefined) this.touched.add(shadow.key)
        entries.push({ shadow, mine, show })
      }
      since = String(page.cursor)
      more = page.has_more
      for (const { key } of brought && !more ? await this.#shadows() : []) {
        const { shadow, mine } = await this.#look(key)
        if (brought.has(key) || !isClean(shadow, mine)) continue
        entries.push({ shadow: { key, agreed: null }, mine, show: null })
      }
      await this.store.write(entries, brought && more ? undefined : { since, collections })
    }
  }

  async #push() {
    for (let progress = true; progress;) {
      progress = false
      const waiting = []
      for (const key of [...this.touched]) {
        this.touched.delete(key)  // before it is read, so that no edit is missed
        const { shadow, mine } = await this.#look(key), { question } = shadow
        const op = shadow.sent ?? operation(shadow, mine)
        if (op) this.touched.add(key)
        if (op && !isHeld(question, op)) waiting.push({ shadow, op })
        if (!op && question) {  // the person took the edit back
          Object.assign(shadow, { agreed: question.record, question: null })
          await this.store.write([{ shadow, mine, show: question.record }])
        }
      }
      for (const batch of batches(inOrder(waiting))) {
        await this.store.write(batch.map(({ shadow, op }) => ({ shadow: Object.assign(shadow, { sent: op }) })))
        const body = { return: 'minimal', ops: batch.map(({ op }) => op) }
        const response = await this.request('POST', '/v1/sync/push', body)
        const { results } = await response.json(), entries = []
        for (const [n, { shadow, op }] of batch.entries()) {
          const result = completed(shadow, op, results[n]), mine = await this.store.mine(shadow.key, shadow)
          if (result.record_omitted) result.record = await (await this.request('GET', `/v1/${shadow.key}`)).json()
          entries.push({ shadow, mine, show: learnResult(shadow, op, result, mine) })
        }
        await this.store.write(entries)
        for (const { shadow: { key, question } } of entries) {
          if (question && !question.error?.retryable) this.tell({ type: 'question', key, question })
        }
        progress ||= entries.some(({ shadow }) => !shadow.question)
      }
    }
  }

  /** Begin the copy again. After a restore, first push what the backup did not have. Return the version it kept. */
  async #startOver({ reason, resync }) {
    if (reason !== 'restored') return 0
    const kept = Number(resync.kept_through)
    for (const { key } of await this.#shadows()) {
      const { shadow, mine } = await this.#look(key), { agreed } = shadow
      if (shadow.question?.outcome === 'conflict') shadow.question = null  // its version is of an epoch that is gone
      if (agreed?.version > kept) {
        const next = mine ? { lost: { kept, record: agreed } } : { removed: agreed.version }
        Object.assign(shadow, { agreed: null, sent: null, question: null }, next)
      }
      this.touched.add(key)
      await this.store.write([{ shadow }])
    }
    await this.#push()
    return kept
  }
}
