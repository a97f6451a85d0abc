// Afterglow for RxDB (rxdb): your collections, kept in sync.
//
//   await database.addCollections({ sessions: { schema }, …, ...AFTERGLOW })
//   const afterglow = openAfterglow(database, { url, token, refresh, tell })
//   await database.sessions.insert({ id: uuid7(), title: 'Evening' })
//   await afterglow.sync()      // or follow(); see `Engine`
//
// A collection has the name of the server's, or is given in `collections: { 'action-items': database.actions }`. Its
// schema has the primary key `id`, any of the fields, and `version`, `created_at`, `updated_at` if the app shows them.
//
// RxDB's own replication is not used: it takes each document that a push handler does not return as pushed, ends a pull
// at a page that is shorter than its batch, and forgets what was agreed on while a rejected edit is repaired. Of
// several tabs only one may sync: call `await database.waitForLeadership()` first.
import { Engine } from './engine.mjs'
import { FIELDS, fieldsOf, split, toShow } from './records.mjs'

export { uuid7 } from './records.mjs'

const CURSOR = 'cursor'

/** The collection in which the engine keeps its own state. */
export const AFTERGLOW = {
  afterglow: {
    schema: {
      version: 0, primaryKey: 'key', type: 'object', required: ['key', 'value'],
      properties: { key: { type: 'string', maxLength: 100 }, value: { type: 'string' } },
    },
  },
}

/** Return the engine of a database that has the collection `AFTERGLOW`. */
export function openAfterglow(database, { collections = {}, ...options }) {
  const state = database.afterglow
  const own = Object.fromEntries(Object.keys(FIELDS).map(name => [name, collections[name] ?? database[name]])
    .filter(([, collection]) => collection))
  const propertiesOf = ({ schema }) => Object.keys(schema.jsonSchema.properties).filter(each => !each.startsWith('_'))
  const documentOf = async key => {
    const [name, id] = split(key)
    return await own[name]?.findOne(id).exec() ?? null
  }
  const get = async key => {
    const found = await state.findOne(key).exec()
    return found ? JSON.parse(found.value) : undefined
  }
  const put = values => state.bulkUpsert(values.map(([key, value]) => ({ key, value: JSON.stringify(value) })))

  /** Put a record into its collection; a concurrent edit of the person's stays on top. */
  async function show(entry) {
    const [name, id] = split(entry.shadow.key)
    if (!own[name] || entry.show === undefined) return
    const chosen = record => Object.fromEntries(propertiesOf(own[name])
      .filter(each => record[each] !== undefined).map(each => [each, record[each]]))
    const document = await documentOf(entry.shadow.key)
    if (document) {
      await document.incrementalModify(now => {
        const record = now._deleted ? undefined : toShow(entry, now)
        if (record === undefined) return now
        return record ? { ...now, ...chosen(record) } : { ...now, _deleted: true }
      })
    } else {
      const record = toShow(entry, null)
      if (record) await own[name].insert({ ...chosen(record), id })
    }
  }

  const engine = new Engine({
    collections: Object.keys(own),
    async keys() {
      const keys = (await state.find().exec()).map(({ key }) => key).filter(key => key !== CURSOR)
      for (const [name, collection] of Object.entries(own)) {
        for (const { primary } of await collection.find().exec()) keys.push(`${name}/${primary}`)
      }
      return [...new Set(keys)]
    },
    async shadows() {
      return (await state.find().exec()).filter(({ key }) => key !== CURSOR).map(({ value }) => JSON.parse(value))
    },
    shadow: get,
    async mine(key) {
      const document = await documentOf(key)
      return document && fieldsOf(split(key)[0], document.toJSON())
    },
    cursor: () => get(CURSOR),
    async write(entries, cursor) {
      for (const entry of entries) await show(entry)
      if (entries.length) await put(entries.map(({ shadow }) => [shadow.key, shadow]))
      if (cursor !== undefined) await put([[CURSOR, cursor]])
    },
  }, options)

  for (const [name, collection] of Object.entries(own)) {
    collection.$.subscribe(({ documentId }) => engine.touched.add(`${name}/${documentId}`))
  }
  return engine
}
