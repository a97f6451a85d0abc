// Afterglow for TanStack DB (@tanstack/db): collections that keep every record and every edit on the device.
//
//   const afterglow = await openAfterglow({ url, token, refresh, tell, storage })
//   const sessions = createCollection(afterglow.collection('sessions'))
//   sessions.insert({ id: uuid7(), title: 'Evening' })    // at once, also offline
//   await afterglow.sync()                                // or follow(); see `Engine`
//
// TanStack DB keeps collections in memory, `storage` keeps them on the device: `load()` returns `[[key, value], …]`;
// `save([[key, value or undefined], …])` stores or deletes them in one transaction, as IndexedDB or SQLite can.
import { Engine } from './engine.mjs'
import { FIELDS, fieldsOf, split, toShow } from './records.mjs'

export { uuid7 } from './records.mjs'

const SHADOW = 'shadow:', RECORD = 'record:', CURSOR = 'cursor'

/** Open what the storage has; return the engine, with `collection(name)` and `persist(transaction)` for TanStack DB. */
export async function openAfterglow({ storage, ...options }) {
  const values = new Map(await storage.load())
  const shown = new Map()  // collection → how to write its rows, and the ids of those that it shows
  const copy = value => value && structuredClone(value)
  const keysOf = prefix => [...values.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length))

  /** Store changes, and show those of rows in the collections that are in use. Both happen before it returns. */
  const save = changes => {
    for (const [key, value] of changes) value === undefined ? values.delete(key) : values.set(key, value)
    for (const [collection, { begin, write, commit, ids }] of shown) {
      const prefix = `${RECORD}${collection}/`, rows = changes.filter(([key]) => key.startsWith(prefix))
      if (rows.length) begin()
      for (const [key, value] of rows) {
        const id = key.slice(prefix.length)
        if (value) write({ type: ids.has(id) ? 'update' : 'insert', value })
        else if (ids.has(id)) write({ type: 'delete', key: id })
        value ? ids.add(id) : ids.delete(id)
      }
      if (rows.length) commit()
    }
    return storage.save(changes)
  }

  const engine = new Engine({
    collections: Object.keys(FIELDS),
    keys: async () => [...new Set([...keysOf(SHADOW), ...keysOf(RECORD)])],
    shadows: async () => keysOf(SHADOW).map(key => copy(values.get(SHADOW + key))),
    shadow: async key => copy(values.get(SHADOW + key)),
    mine: async key => {
      const row = values.get(RECORD + key)
      return row ? fieldsOf(split(key)[0], row) : null
    },
    cursor: async () => values.get(CURSOR),
    async write(entries, cursor) {
      const changes = entries.map(({ shadow }) => [SHADOW + shadow.key, copy(shadow)])
      for (const entry of entries) {
        const key = RECORD + entry.shadow.key, now = values.get(key), row = toShow(entry, now)
        if (row !== undefined) changes.push([key, row ? { ...now, ...row } : undefined])
      }
      if (cursor !== undefined) changes.push([CURSOR, cursor])
      await save(changes)
    },
  }, options)

  /** Keep the mutations of a transaction on the device. For a transaction of your own, this is its `mutationFn`. */
  const persist = async ({ transaction }) => {
    const keys = transaction.mutations.map(({ collection, key }) => `${collection.id}/${key}`)
    await save(transaction.mutations.map(({ type, changes }, n) => {
      const key = RECORD + keys[n]
      return [key, type === 'delete' ? undefined : { ...values.get(key), ...changes }]
    }))
    for (const key of keys) engine.touched.add(key)
  }

  const sync = name => ({ begin, write, commit, markReady }) => {
    const ids = keysOf(`${RECORD}${name}/`)
    shown.set(name, { begin, write, commit, ids: new Set(ids) })
    begin()
    for (const id of ids) write({ type: 'insert', value: values.get(`${RECORD}${name}/${id}`) })
    commit()
    markReady()
    return () => shown.delete(name)
  }

  const collection = name => ({
    id: name, getKey: row => row.id, sync: { sync: sync(name), rowUpdateMode: 'full' },
    onInsert: persist, onUpdate: persist, onDelete: persist,
  })

  return Object.assign(engine, { collection, persist })
}
